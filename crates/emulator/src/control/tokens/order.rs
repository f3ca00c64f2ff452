//! What token a call asks for, and the claims it wants otherwise than usual.

use std::sync::Arc;

use doorward_model::catalog::Catalog;
use doorward_model::email::Email;
use doorward_model::service_token::ServiceToken;
use doorward_model::site::Team;
use doorward_model::time::Lifetime;
use doorward_signer::claims;
use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use crate::control::refusal::Refusal;

/// The last second of the year 9999.
const LATEST: i64 = 253_402_300_799;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::control) struct Order {
    pub(super) app: Option<String>,
    email: Option<Email>,
    kind: Option<Kind>,
    /// Name or client id; may be left out where there is one only.
    service_token: Option<String>,
    pub(super) ttl: Option<Lifetime>,
    #[serde(default)]
    claims: Map<String, Value>,
    pub(super) aud_shape: Option<AudShape>,
    issuer: Option<String>,
    /// A fault of tokens, by its name: the token is wrong in this way.
    pub(super) defect: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    App,
    Service,
    Org,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AudShape {
    Array,
    String,
}

impl From<AudShape> for claims::AudShape {
    fn from(shape: AudShape) -> Self {
        match shape {
            AudShape::Array => Self::Array,
            AudShape::String => Self::String,
        }
    }
}

impl Order {
    pub(super) fn kind(&self) -> Kind {
        let usual = if self.service_token.is_some() { Kind::Service } else { Kind::App };
        self.kind.unwrap_or(usual)
    }

    /// A field that would be ignored is a mistake.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        let kind = self.kind();
        if kind == Kind::Service && self.email.is_some() {
            return Err(Refusal::unusable("a service token has no email").hint("leave out email, or ask for kind app"));
        }
        if kind != Kind::Service && self.service_token.is_some() {
            return Err(Refusal::unusable("only kind service has a service_token"));
        }
        if kind == Kind::Org && self.app.is_some() {
            return Err(
                Refusal::unusable("an org token is for no application").hint("leave out app, or ask for kind app")
            );
        }
        let is_url =
            |text: &String| Url::parse(text).is_ok_and(|url| url.has_host() && url.scheme().starts_with("http"));
        if !self.issuer.as_ref().is_none_or(is_url) {
            return Err(
                Refusal::unusable("issuer is not a URL").hint("write it like https://acme.cloudflareaccess.com")
            );
        }
        Ok(())
    }

    pub(super) fn app(&self) -> Result<&str, Refusal> {
        let missing =
            || Refusal::unusable("missing field `app`").hint("name the application's host, like wiki.example.com");
        self.app.as_deref().ok_or_else(missing)
    }

    pub(super) fn email(&self) -> Result<&Email, Refusal> {
        let missing =
            || Refusal::unusable("missing field `email`").hint("say whose token it is, or ask for kind service");
        self.email.as_ref().ok_or_else(missing)
    }

    pub(super) fn issuer<'a>(&'a self, team: &'a Team) -> &'a str {
        self.issuer.as_deref().unwrap_or_else(|| team.issuer())
    }

    pub(super) fn service(&self, catalog: &Catalog) -> Result<Arc<ServiceToken>, Refusal> {
        let mut names: Vec<&str> = catalog.service_tokens().map(|token| token.name.as_str()).collect();
        names.sort_unstable();
        let hint =
            if names.is_empty() { "none is configured".into() } else { format!("there are {}", names.join(", ")) };
        match &self.service_token {
            Some(wanted) => catalog
                .service_tokens()
                .find(|token| token.name == *wanted || token.client_id.as_str() == wanted)
                .cloned()
                .ok_or_else(|| Refusal::not_found(&format!("there is no service token \"{wanted}\"")).hint(&hint)),
            None if names.len() == 1 => Ok(catalog.service_tokens().next().cloned().expect("one was counted")),
            None => Err(Refusal::unusable("missing field `service_token`").hint(&hint)),
        }
    }

    /// Puts the claims that were asked for over the usual ones. A claim that
    /// validators read keeps its type, and the kind of token stays what it is.
    pub(super) fn lay_over(self, claims: &mut Map<String, Value>) -> Result<(), Refusal> {
        for (name, value) in self.claims {
            check_type(&name, &value)?;
            match (claims.get_mut(&name), value) {
                (Some(Value::Object(custom)), Value::Object(more)) if name == "custom" => custom.extend(more),
                (_, value) => {
                    claims.insert(name, value);
                }
            }
        }
        Ok(())
    }
}

fn check_type(name: &str, value: &Value) -> Result<(), Refusal> {
    let (fits, wanted) = match name {
        "type" => return Err(Refusal::unusable("claims.type cannot be set").hint("kind says which token it is")),
        "exp" | "iat" | "nbf" => (
            value.as_i64().is_some_and(|seconds| (0..=LATEST).contains(&seconds)),
            "seconds since 1970, a whole number",
        ),
        "aud" => (is_text_or_texts(value), "a text or a list of texts"),
        "custom" => (value.is_object(), "an object"),
        "sub" | "email" | "iss" | "country" | "identity_nonce" | "common_name" => (value.is_string(), "a text"),
        _ => (true, ""),
    };
    if fits { Ok(()) } else { Err(Refusal::unusable(&format!("claims.{name} must be {wanted}"))) }
}

fn is_text_or_texts(value: &Value) -> bool {
    value.is_string() || value.as_array().is_some_and(|list| list.iter().all(Value::is_string))
}
