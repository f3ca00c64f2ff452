//! What an application answers to CORS preflights on its origin's behalf
//! (Access docs, "CORS"), in Cloudflare's JSON shape. What contradicts itself
//! does not become a value.

use serde::{Deserialize, Serialize};

/// What may be asked for across origins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "CorsHeaders", into = "CorsHeaders")]
pub struct Cors {
    /// As browsers write them: `https://example.com`.
    pub origins: Allowed,
    /// In upper case.
    pub methods: Allowed,
    /// In lower case.
    pub headers: Allowed,
    pub credentials: bool,
    /// Seconds for which an answer may be kept; −1: not at all.
    pub max_age: Option<i32>,
    /// Given back as it was written: what manages it compares.
    written: CorsHeaders,
}

/// Some of a kind, or all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    All,
    These(Vec<String>),
}

impl Allowed {
    #[must_use]
    pub fn holds(&self, one: &str) -> bool {
        match self {
            Self::All => true,
            Self::These(these) => these.iter().any(|this| this == one),
        }
    }

    fn of(all: bool, these: Option<Vec<String>>) -> Self {
        if all { Self::All } else { Self::These(these.unwrap_or_default()) }
    }
}

/// Why CORS settings are none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCors {
    #[error("say either {all} or {these}, not both")]
    Both { all: &'static str, these: &'static str },
    #[error("say which are allowed: {all} = true, or {these}")]
    Neither { all: &'static str, these: &'static str },
    #[error("credentials cannot be allowed to all origins; name them in allowed_origins")]
    CredentialsForAll,
    #[error("\"{0}\" is no origin; write it like https://example.com, without a path")]
    Origin(String),
    #[error("\"{0}\" is no method that can be allowed; there are {METHODS}")]
    Method(String),
    #[error("\"{0}\" is no name of a header")]
    Header(String),
    #[error("max_age is between -1 and 86400 seconds, not {0}")]
    MaxAge(i64),
}

const METHODS: &str = "GET POST HEAD PUT DELETE CONNECT OPTIONS TRACE PATCH";
const LONGEST_MAX_AGE: i64 = 86_400;

/// The shape of the API and of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CorsHeaders {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    allow_all_headers: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    allow_all_methods: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    allow_all_origins: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    allow_credentials: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    allowed_headers: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    allowed_methods: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    allowed_origins: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_age: Option<i64>,
}

impl TryFrom<CorsHeaders> for Cors {
    type Error = InvalidCors;

    fn try_from(written: CorsHeaders) -> Result<Self, InvalidCors> {
        let is_on = |flag: Option<bool>| flag.unwrap_or_default();
        let each = |list: &Option<Vec<String>>, read: fn(&str) -> Result<String, InvalidCors>| {
            list.as_ref().map(|list| list.iter().map(|one| read(one)).collect::<Result<Vec<_>, _>>()).transpose()
        };
        let origins = needed(
            is_on(written.allow_all_origins),
            each(&written.allowed_origins, one_origin)?,
            ("allow_all_origins", "allowed_origins"),
        )?;
        let methods = needed(
            is_on(written.allow_all_methods),
            each(&written.allowed_methods, one_method)?,
            ("allow_all_methods", "allowed_methods"),
        )?;
        let headers = each(&written.allowed_headers, one_header)?.filter(|headers| !headers.is_empty());
        if is_on(written.allow_all_headers) && headers.is_some() {
            return Err(InvalidCors::Both { all: "allow_all_headers", these: "allowed_headers" });
        }
        // Any page could then act as whoever visits it.
        if is_on(written.allow_credentials) && origins.holds("*") {
            return Err(InvalidCors::CredentialsForAll);
        }
        let max_age = written.max_age.map(|age| match i32::try_from(age) {
            Ok(seconds) if (-1..=LONGEST_MAX_AGE).contains(&age) => Ok(seconds),
            _ => Err(InvalidCors::MaxAge(age)),
        });
        Ok(Self {
            // `*` in the list says the same as the flag.
            origins: if origins.holds("*") { Allowed::All } else { origins },
            methods,
            headers: Allowed::of(is_on(written.allow_all_headers), headers),
            credentials: is_on(written.allow_credentials),
            max_age: max_age.transpose()?,
            written,
        })
    }
}

impl From<Cors> for CorsHeaders {
    fn from(cors: Cors) -> Self {
        cors.written
    }
}

/// Exactly one of the flag and the list.
fn needed(
    all: bool,
    these: Option<Vec<String>>,
    (all_key, these_key): (&'static str, &'static str),
) -> Result<Allowed, InvalidCors> {
    let these = these.filter(|these| !these.is_empty());
    match (all, these) {
        (true, Some(_)) => Err(InvalidCors::Both { all: all_key, these: these_key }),
        (false, None) => Err(InvalidCors::Neither { all: all_key, these: these_key }),
        (all, these) => Ok(Allowed::of(all, these)),
    }
}

fn one_origin(text: &str) -> Result<String, InvalidCors> {
    if text == "*" {
        return Ok(text.to_owned());
    }
    let invalid = || InvalidCors::Origin(text.to_owned());
    let url = url::Url::parse(text).map_err(|_| invalid())?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let named = url.username().is_empty() && url.password().is_none() && !text.ends_with('/');
    let origin = url.origin();
    if bare && named && origin.is_tuple() { Ok(origin.ascii_serialization()) } else { Err(invalid()) }
}

fn one_method(text: &str) -> Result<String, InvalidCors> {
    let method = text.to_ascii_uppercase();
    let known = METHODS.split(' ').any(|known| known == method);
    known.then_some(method).ok_or_else(|| InvalidCors::Method(text.to_owned()))
}

fn one_header(text: &str) -> Result<String, InvalidCors> {
    let name = super::FieldName::try_from(text.to_owned()).map_err(|_| InvalidCors::Header(text.to_owned()))?;
    Ok(name.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(json: Value) -> Result<Cors, String> {
        serde_json::from_value(json).map_err(|error| error.to_string())
    }

    #[test]
    fn cors_settings_come_out_as_they_went_in() {
        let written = json!({
            "allow_all_headers": false, "allow_credentials": true,
            "allowed_headers": ["x-token"], "allowed_methods": ["GET", "PATCH"],
            "allowed_origins": ["https://a.test", "https://b.test:8443"], "max_age": -1,
        });
        let cors = read(written.clone()).unwrap();
        assert_eq!(serde_json::to_value(cors).unwrap(), written);
        let all =
            read(json!({"allow_all_origins": true, "allow_all_methods": true, "allow_all_headers": true})).unwrap();
        assert_eq!((all.origins, all.methods, all.headers), (Allowed::All, Allowed::All, Allowed::All));
    }

    #[test]
    fn cors_settings_that_contradict_themselves_are_none() {
        for (change, words) in [
            (json!({"allow_all_origins": true}), "not both"),
            (json!({"allow_all_methods": true}), "not both"),
            (json!({"allow_all_headers": true, "allowed_headers": ["x"]}), "not both"),
            (json!({"allowed_origins": null}), "say which"),
            (json!({"allowed_methods": []}), "say which"),
            (json!({"allowed_origins": ["*"], "allow_credentials": true}), "credentials"),
            (json!({"allowed_origins": null, "allow_all_origins": true, "allow_credentials": true}), "credentials"),
            (json!({"allowed_origins": ["a.test"]}), "no origin"),
            (json!({"allowed_origins": ["https://a.test/path"]}), "no origin"),
            (json!({"allowed_origins": ["https://a.test/"]}), "no origin"),
            (json!({"allowed_origins": ["null"]}), "no origin"),
            (json!({"allowed_methods": ["FETCH"]}), "no method"),
            (json!({"allowed_headers": ["x y"]}), "no name"),
            (json!({"max_age": 86_401}), "max_age"),
            (json!({"max_age": -2}), "max_age"),
            (json!({"allow_origins": ["*"]}), "unknown field"),
        ] {
            let mut written = json!({"allowed_origins": ["https://a.test"], "allowed_methods": ["GET"]});
            written.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            let error = read(written).expect_err(&change.to_string());
            assert!(error.contains(words), "{change}: {error}");
        }
    }
}
