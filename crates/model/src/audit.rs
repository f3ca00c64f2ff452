//! The audit log of what is configured: who changed what, what it was before,
//! what it became, and what came of it. Secrets are never in it.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::document::{AppExtension, IdentityProviderExtension, Key, Kind, Object};
use crate::secret::random_hex;
use crate::time::Timestamp;

/// Who changes something, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    pub by: Interface,
    /// Of the token, or of the account where it has none.
    pub id: String,
    /// The name of the token, or of the file.
    pub name: String,
    /// Where the call came from.
    pub ip: Option<IpAddr>,
    /// The word for what is done, where it says more than that an object changed.
    pub deed: Option<String>,
}

/// Through what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interface {
    Api,
    /// The configuration file, when it is put in force.
    File,
    CommandLine,
}

impl Interface {
    const ALL: [Self; 3] = [Self::Api, Self::File, Self::CommandLine];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "API",
            Self::File => "configuration file",
            Self::CommandLine => "command line",
        }
    }

    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|interface| interface.as_str() == text)
    }
}

impl Author {
    /// Whoever wrote the configuration file.
    #[must_use]
    pub fn file(name: &str) -> Self {
        Self { by: Interface::File, id: String::new(), name: name.to_owned(), ip: None, deed: None }
    }

    /// Whoever can run commands on this machine.
    #[must_use]
    pub fn command_line() -> Self {
        let name = "doorward api-token".to_owned();
        Self { by: Interface::CommandLine, id: String::new(), name, ip: None, deed: None }
    }
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// 32 hex characters.
    pub id: String,
    pub at: Timestamp,
    pub author: Author,
    /// `create`, `update`, `delete`, or the author's word.
    pub action: String,
    pub done: bool,
    /// What it was done to: the word for its kind, and its id.
    pub resource: (String, String),
    /// The document as it was, secrets masked.
    pub before: Option<Value>,
    /// The document as it became.
    pub after: Option<Value>,
    /// What else there is to say: an object.
    pub more: Value,
}

impl AuditEntry {
    /// An object becomes what it is `after`; either may be nothing.
    #[must_use]
    pub fn of_change(
        author: &Author,
        key: &Key,
        before: Option<&Object>,
        after: Option<&Object>,
        at: Timestamp,
    ) -> Self {
        let word = match (before, after) {
            (None, _) => "create",
            (Some(_), Some(_)) => "update",
            (Some(_), None) => "delete",
        };
        // The word of a call is for what is there; what it makes or removes on the way is called so.
        let deed = author.deed.as_deref().filter(|_| word == "update");
        let more = secret_told(before, after).map_or_else(|| json!({}), |told| json!({ "secret": told }));
        Self {
            before: before.map(shown),
            after: after.map(shown),
            more,
            ..Self::of_deed(author, deed.unwrap_or(word), (key.kind.as_str(), &key.id), at)
        }
    }

    /// Something is done that changes no object.
    #[must_use]
    pub fn of_deed(author: &Author, action: &str, (kind, id): (&str, &str), at: Timestamp) -> Self {
        Self {
            id: random_hex::<16>(),
            at,
            author: author.clone(),
            action: action.to_owned(),
            done: true,
            resource: (kind.to_owned(), id.to_owned()),
            before: None,
            after: None,
            more: json!({}),
        }
    }

    /// The same as something that was refused, and why.
    #[must_use]
    pub fn refused(self, why: &str) -> Self {
        Self { done: false, more: json!({ "refused": why }), ..self }
    }
}

/// What stands for a secret.
pub const MASK: &str = "********";
/// Fields of documents that hold one, wherever they stand.
const SECRETS: [&str; 6] = ["client_secret", "secret", "password", "token", "private_key", "api_token"];

/// A document with nothing in it that opens anything.
fn shown(object: &Object) -> Value {
    let mut document = serde_json::from_str(&object.content.document).unwrap_or_default();
    mask(&mut document);
    document
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if SECRETS.contains(&name.as_str()) => MASK.clone_into(text),
                    other => mask(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        _ => {}
    }
}

/// What became of the secret that is kept beside the document.
fn secret_told(before: Option<&Object>, after: Option<&Object>) -> Option<&'static str> {
    let kept = |object: &&Object| {
        let content = &object.content;
        let digest = match object.key.kind {
            Kind::ServiceToken | Kind::ApiToken => Some(content.extension.to_string()),
            Kind::App => object.extension::<AppExtension>().ok().and_then(|extension| extension.saas_client_secret),
            Kind::IdentityProvider => {
                object.extension::<IdentityProviderExtension>().ok().and_then(|extension| extension.scim_secret)
            }
            _ => None,
        };
        let secret = content.secret.as_ref().map(|secret| secret.digest().to_hex());
        (digest.is_some() || secret.is_some()).then_some((digest, secret))
    };
    match (before.as_ref().and_then(kept), after.as_ref().and_then(kept)) {
        (None, Some(_)) => Some("set"),
        (Some(_), None) => Some("removed"),
        (one, other) if one != other => Some("changed"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Content, NoExtension, Owner};
    use crate::secret::Secret;

    fn object(document: &Value, secret: &str) -> Object {
        let content = Content::new(document, &NoExtension {}, Some(Secret::new(secret.to_owned())));
        let (key, at) = (Key::new(Kind::IdentityProvider, "1"), Timestamp::from_secs(1));
        Object { key, owner: Owner::Api, content, created_at: at, updated_at: at }
    }

    fn entry(before: Option<&Object>, after: Option<&Object>, deed: Option<&str>) -> AuditEntry {
        let author = Author { deed: deed.map(str::to_owned), ..Author::file("doorward.toml") };
        AuditEntry::of_change(&author, &Key::new(Kind::IdentityProvider, "1"), before, after, Timestamp::from_secs(2))
    }

    #[test]
    fn no_secret_gets_into_an_entry_wherever_it_stands() {
        let document = json!({ "name": "Provider", "config": { "client_secret": "hunter2", "client_id": "door" },
            "scim_config": { "authentication": [{ "password": "hunter2", "user": "u" }], "token": "hunter2" },
            "service_token": { "token_id": "7" } });
        let made = entry(None, Some(&object(&document, "hunter2")), None);
        assert!(!format!("{made:?}").contains("hunter2"), "{made:?}");
        let after = made.after.unwrap();
        assert_eq!(after["config"], json!({ "client_secret": MASK, "client_id": "door" }));
        assert_eq!(after["service_token"]["token_id"], "7", "an id is none");
        assert_eq!((made.action.as_str(), &made.more), ("create", &json!({ "secret": "set" })));
    }

    #[test]
    fn an_entry_says_what_happened_in_the_callers_word_for_what_was_there() {
        let (one, other) = (object(&json!({ "name": "a" }), "1"), object(&json!({ "name": "a" }), "2"));
        let rotated = entry(Some(&one), Some(&other), Some("rotate"));
        assert_eq!((rotated.action.as_str(), &rotated.more), ("rotate", &json!({ "secret": "changed" })));
        assert_eq!(rotated.before, rotated.after);
        let same = entry(Some(&one), Some(&one), None);
        assert_eq!((same.action.as_str(), &same.more), ("update", &json!({})));
        assert_eq!(entry(None, Some(&one), Some("make_reusable")).action, "create");
        let removed = entry(Some(&one), None, None);
        assert_eq!(
            (removed.action.as_str(), removed.after, &removed.more),
            ("delete", None, &json!({ "secret": "removed" }))
        );
    }
}
