//! Objects in the JSON shape of Cloudflare's API: what the store keeps, what
//! the management API takes and gives back. A document keeps every field it
//! was written with, also those that mean nothing to this version, and knows
//! how to become the noun that decides.

mod api_token;
mod app;
mod certificate;
mod custom_page;
mod group;
mod identity_provider;
mod key_configuration;
mod list;
mod organization;
mod policy;
mod purpose;
mod route;
mod service_token;
mod ssh_ca;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::secret::Secret;
use crate::time::Timestamp;

pub use self::api_token::{ApiTokenDocument, ApiTokenExtension, Scope};
pub use self::app::{AppDocument, AppExtension, AppPolicy, Destination, PolicyLink, link};
pub use self::certificate::{CertificateDocument, CertificateExtension};
pub use self::custom_page::CustomPageDocument;
pub use self::group::GroupDocument;
pub use self::identity_provider::{IdentityProviderConfig, IdentityProviderDocument, IdentityProviderExtension};
pub use self::key_configuration::{KEY_CONFIGURATION, KeyConfigurationDocument};
pub use self::list::{ListDocument, ListItem};
pub use self::organization::{ORGANIZATION, OrganizationDocument};
pub use self::policy::PolicyDocument;
pub use self::purpose::InvalidPurpose;
pub use self::route::{RouteDocument, RouteId};
pub use self::service_token::{PreviousSecret, ServiceTokenDocument, ServiceTokenExtension};
pub use self::ssh_ca::SshCaDocument;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    App,
    /// A reusable policy; an application's own ones are part of its document.
    Policy,
    Group,
    IdentityProvider,
    ServiceToken,
    /// Which origin serves a host: an object that Access does not have.
    Route,
    /// Who may call the management API.
    ApiToken,
    /// A word that applications are found by; its name is its id.
    Tag,
    /// Addresses or networks that rules refer to.
    List,
    /// A root of client certificates.
    Certificate,
    CustomPage,
    /// What the team decides for all its applications; there is one.
    Organization,
    /// An application's certificate authority for SSH; it has the application's id.
    SshCa,
    /// How long signing keys sign; there is one.
    KeyConfiguration,
}

impl Kind {
    pub const ALL: [Self; 14] = [
        Self::App,
        Self::Policy,
        Self::Group,
        Self::IdentityProvider,
        Self::ServiceToken,
        Self::Route,
        Self::ApiToken,
        Self::Tag,
        Self::List,
        Self::Certificate,
        Self::CustomPage,
        Self::Organization,
        Self::SshCa,
        Self::KeyConfiguration,
    ];

    /// The word under which the store keeps it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Policy => "policy",
            Self::Group => "group",
            Self::IdentityProvider => "identity_provider",
            Self::ServiceToken => "service_token",
            Self::Route => "route",
            Self::ApiToken => "api_token",
            Self::Tag => "tag",
            Self::List => "list",
            Self::Certificate => "certificate",
            Self::CustomPage => "custom_page",
            Self::Organization => "organization",
            Self::SshCa => "ssh_ca",
            Self::KeyConfiguration => "key_configuration",
        }
    }

    /// `None`: a kind that a newer version has.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.as_str().replace('_', " "))
    }
}

/// Names one object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub kind: Kind,
    /// A UUID, or whatever the kind has in its place: a name, an address.
    pub id: Arc<str>,
}

impl Key {
    #[must_use]
    pub fn new(kind: Kind, id: impl std::fmt::Display) -> Self {
        Self { kind, id: id.to_string().into() }
    }
}

/// Who may change an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The configuration file declares it; everywhere else it can only be read.
    File,
    /// The management API made it; files leave it alone.
    Api,
}

impl Owner {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Api => "api",
        }
    }

    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        [Self::File, Self::Api].into_iter().find(|owner| owner.as_str() == text)
    }
}

/// What an object says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The object as the API shows it. It never holds a secret.
    pub document: Box<str>,
    /// What it has beyond Access, and digests: JSON of our own, never shown as it is.
    pub extension: Box<str>,
    /// What the object needs in clear to do its work; sealed wherever it is kept.
    pub secret: Option<Secret>,
}

impl Content {
    /// The same documents always give the same text.
    ///
    /// # Panics
    /// Never: documents have text keys only.
    #[must_use]
    pub fn new(document: &impl Serialize, extension: &impl Serialize, secret: Option<Secret>) -> Self {
        let json = |part: Result<String, serde_json::Error>| part.expect("a document has text keys only").into();
        Self {
            document: json(serde_json::to_string(document)),
            extension: json(serde_json::to_string(extension)),
            secret,
        }
    }
}

/// The extension of kinds that have nothing beyond Access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct NoExtension {}

/// One object as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    pub key: Key,
    pub owner: Owner,
    pub content: Content,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Object {
    /// The document as what it stands for.
    ///
    /// # Errors
    /// When this version cannot read it.
    pub fn document<D: DeserializeOwned>(&self) -> Result<D, Unreadable> {
        serde_json::from_str(&self.content.document).map_err(|error| self.unreadable(error))
    }

    /// The same for what it has beyond Access.
    ///
    /// # Errors
    /// When this version cannot read it.
    pub fn extension<D: DeserializeOwned>(&self) -> Result<D, Unreadable> {
        serde_json::from_str(&self.content.extension).map_err(|error| self.unreadable(error))
    }

    /// The error that says why this object cannot be used.
    pub fn unreadable(&self, why: impl std::fmt::Display) -> Unreadable {
        Unreadable { key: self.key.clone(), why: why.to_string() }
    }
}

/// An object that this version cannot read. Nothing is guessed in its place:
/// an application left out would leave its paths to another one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {} {} cannot be read ({why}); mend or remove it with the version that wrote it", key.kind, key.id)]
pub struct Unreadable {
    pub key: Key,
    pub why: String,
}
