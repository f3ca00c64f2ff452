//! The fields an object may have, and the shape of each. What is not in the
//! list is not kept: read-only fields that a caller sends back, and whatever
//! nobody knows (P-06).

use doorward_model::time::Lifetime;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use url::Url;

use super::refusal::Refusal;
use super::written::Written;

/// One field.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    acted_on: bool,
}

/// What a field holds.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    Text,
    /// Text that says something.
    Name,
    Flag,
    Number,
    Texts,
    Duration,
    /// How long somebody stays signed in.
    Session,
    /// Where a browser may be sent.
    WebUrl,
    /// What a page over https may show.
    HttpsUrl,
    Object,
    /// A list that is looked into elsewhere.
    List,
}

/// A field that does something here.
pub(super) const fn field(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, acted_on: true }
}

/// A field that is kept and given back, and no more.
pub(super) const fn kept(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, acted_on: false }
}

/// Longer than any life that is meant.
const LONGEST: Lifetime = Lifetime::from_days(3660);
/// What Access lets a session last, and what no token outlives.
const LONGEST_SESSION: Lifetime = Lifetime::from_days(31);
/// Longer than any name that is meant.
const LONGEST_NAME: usize = 350;

/// What was written, in the fields that there are.
pub(super) fn shaped(written: &Written, fields: &[Field]) -> Result<Map<String, Value>, Refusal> {
    let mut shaped = Map::new();
    for field in fields {
        let Some(value) = written.fields.get(field.name) else { continue };
        check(field, value).map_err(|detail| Refusal::invalid(format!("/{}", field.name), detail))?;
        shaped.insert(field.name.to_owned(), value.clone());
    }
    Ok(shaped)
}

/// What of it is only kept, in words.
pub(super) fn notes(shaped: &Map<String, Value>, fields: &[Field]) -> Vec<String> {
    let kept = fields.iter().filter(|field| !field.acted_on && shaped.get(field.name).is_some_and(says_something));
    kept.map(|field| format!("{} is kept, but this version does not act on it", field.name)).collect()
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::String(text) => !text.is_empty(),
        _ => true,
    }
}

/// A field that has to be there.
pub(super) fn needed(shaped: &Map<String, Value>, name: &str) -> Result<(), Refusal> {
    match shaped.contains_key(name) {
        true => Ok(()),
        false => Err(Refusal::invalid(format!("/{name}"), format!("{name} is a required field"))),
    }
}

/// The document that the fields make.
pub(super) fn document<D: DeserializeOwned>(fields: Map<String, Value>) -> Result<D, Refusal> {
    serde_json::from_value(Value::Object(fields)).map_err(|error| Refusal::invalid("", error))
}

fn check(field: &Field, value: &Value) -> Result<(), String> {
    let name = field.name;
    let text = || value.as_str().ok_or_else(|| format!("{name} must be a string"));
    match field.shape {
        Shape::Text => text().map(|_| ()),
        Shape::Name => match text()? {
            text if text.trim().is_empty() => Err(format!("{name} is a required field")),
            // Logs have a line for each name, and databases no place for a NUL.
            text if text.contains(char::is_control) => Err(format!("{name} holds a control character")),
            text if text.chars().count() > LONGEST_NAME => {
                Err(format!("{name} is longer than {LONGEST_NAME} characters"))
            }
            _ => Ok(()),
        },
        Shape::Flag => value.as_bool().map(|_| ()).ok_or_else(|| format!("{name} must be true or false")),
        Shape::Number => value.as_u64().map(|_| ()).ok_or_else(|| format!("{name} must be a whole number")),
        Shape::Texts => {
            let texts = value.as_array().is_some_and(|items| items.iter().all(Value::is_string));
            if texts { Ok(()) } else { Err(format!("{name} must be a list of strings")) }
        }
        Shape::Duration => duration(name, text()?).map(|_| ()),
        Shape::Session => match duration(name, text()?)? {
            life if life > LONGEST_SESSION => Err(format!("{name} is longer than a month")),
            _ => Ok(()),
        },
        Shape::WebUrl => web_url(name, text()?).map(|_| ()),
        Shape::HttpsUrl => https_url(name, text()?),
        Shape::Object => {
            if value.is_object() {
                Ok(())
            } else {
                Err(format!("{name} must be an object"))
            }
        }
        Shape::List => {
            if value.is_array() {
                Ok(())
            } else {
                Err(format!("{name} must be a list"))
            }
        }
    }
}

pub(super) fn duration(name: &str, text: &str) -> Result<Lifetime, String> {
    let duration: Lifetime = text.parse().map_err(|error| format!("{name}: {error}"))?;
    match duration > LONGEST {
        true => Err(format!("{name}: {text} is longer than ten years")),
        false => Ok(duration),
    }
}

/// What a page over https may show.
pub(super) fn https_url(name: &str, text: &str) -> Result<(), String> {
    match web_url(name, text)?.scheme() {
        "https" => Ok(()),
        _ => Err(format!("{name} must be an https:// URL")),
    }
}

/// An absolute URL that a browser opens and no script hides in (P-10).
pub(super) fn web_url(name: &str, text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some());
    let url = url.ok_or_else(|| format!("{name} must be an http:// or https:// URL"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("{name} must not hold a user name or password"));
    }
    Ok(url)
}
