//! Who can prove an identity: identity providers, service tokens, and the
//! people of the built-in provider.

use doorward_model::email::Email;
use doorward_model::id::{IdpId, ServiceTokenId};
use doorward_model::secret::Secret;
use doorward_model::service_token::ClientId;
use doorward_model::time::{Lifetime, Timestamp};
use serde_json::{Map, Value};
use url::Url;

use super::super::document::{At, Table};
use super::objects::{names, uuid};
use super::{naming, secret, web_url};

/// `[[identity_provider]]`
pub(in crate::config) struct RawIdp {
    pub(in crate::config) line: usize,
    pub(in crate::config) name: Option<At<String>>,
    pub(in crate::config) id: Option<At<IdpId>>,
    /// Whether there is a `config` of a type we know to look into, and no issuer that could not be read.
    pub(in crate::config) has_config: bool,
    pub(in crate::config) client_id: Option<At<String>>,
    pub(in crate::config) client_secret: Option<At<Secret>>,
    /// As written: issuers are compared as text (OpenID Connect Discovery §4.3).
    pub(in crate::config) issuer: Option<At<String>>,
    pub(in crate::config) auth_url: Option<At<Url>>,
    pub(in crate::config) token_url: Option<At<Url>>,
    pub(in crate::config) certs_url: Option<At<Url>>,
    pub(in crate::config) scopes: Vec<At<String>>,
    pub(in crate::config) claims: Vec<At<String>>,
    pub(in crate::config) email_claim_name: Option<At<String>>,
    pub(in crate::config) pkce_enabled: bool,
    pub(in crate::config) trust_unverified_email: bool,
}

impl RawIdp {
    pub(super) fn read(table: Table<'_>) -> Self {
        let oidc = table.needed_as("type", |text| match text {
            "oidc" => Ok(()),
            other => Err(format!("identity providers of type \"{other}\" cannot be used yet; write oidc")),
        });
        let config = table.table("config");
        if config.is_none() && oidc.is_some() {
            table.findings().error(table.line, "[[identity_provider]] has no config; add client_id and client_secret");
        }
        let config = config.filter(|_| oidc.is_some());
        let mut idp = Self {
            line: table.line,
            name: table.needed("name"),
            id: table.read("id", uuid),
            has_config: config.is_some(),
            client_id: None,
            client_secret: None,
            issuer: table.read("issuer", issuer),
            auth_url: None,
            token_url: None,
            certs_url: None,
            scopes: Vec::new(),
            claims: Vec::new(),
            email_claim_name: None,
            pkce_enabled: true,
            trust_unverified_email: table.flag("trust_unverified_email").is_some_and(|at| at.value),
        };
        // What is wrong with the issuer was said; that it is missing would be another thing.
        idp.has_config &= idp.issuer.is_some() || !table.has("issuer");
        if let Some(config) = config {
            idp.read_config(config);
        }
        table.close();
        idp
    }

    fn read_config(&mut self, config: Table<'_>) {
        self.client_id = config.needed("client_id");
        self.client_secret = config.needed_as("client_secret", secret);
        self.issuer = self.issuer.take().or(config.read("issuer", issuer));
        self.auth_url = config.read("auth_url", web_url);
        self.token_url = config.read("token_url", web_url);
        self.certs_url = config.read("certs_url", web_url);
        self.scopes = names(&config, "scopes");
        self.claims = names(&config, "claims");
        self.email_claim_name = config.text("email_claim_name");
        self.pkce_enabled = config.flag("pkce_enabled").is_none_or(|at| at.value);
        self.trust_unverified_email |= config.flag("trust_unverified_email").is_some_and(|at| at.value);
        config.close();
    }
}

/// `[[service_token]]`
pub(in crate::config) struct RawServiceToken {
    pub(in crate::config) name: Option<At<String>>,
    pub(in crate::config) id: Option<At<ServiceTokenId>>,
    pub(in crate::config) client_id: Option<At<ClientId>>,
    pub(in crate::config) client_secret: Option<At<Secret>>,
    pub(in crate::config) previous_client_secret: Option<At<Secret>>,
    pub(in crate::config) previous_client_secret_expires_at: Option<At<Timestamp>>,
    /// `None` is `"forever"`.
    pub(in crate::config) duration: Option<At<Option<Lifetime>>>,
    pub(in crate::config) created_at: Option<At<Timestamp>>,
    pub(in crate::config) expires_at: Option<At<Timestamp>>,
    pub(in crate::config) enabled: bool,
}

impl RawServiceToken {
    pub(super) fn read(table: Table<'_>) -> Self {
        let token = Self {
            name: table.needed("name"),
            id: table.read("id", uuid),
            client_id: table.read("client_id", |text| naming(text, ClientId::try_from(text.to_owned()))),
            client_secret: table.needed_as("client_secret", secret),
            previous_client_secret: table.read("previous_client_secret", secret),
            previous_client_secret_expires_at: table.read("previous_client_secret_expires_at", moment),
            duration: table.read("duration", |text| match text {
                "forever" => Ok(None),
                text => text.parse().map(Some),
            }),
            created_at: table.read("created_at", moment),
            expires_at: table.read("expires_at", moment),
            enabled: table.flag("enabled").is_none_or(|at| at.value),
        };
        table.close();
        token
    }
}

/// `[[user]]`
pub(in crate::config) struct RawUser {
    pub(in crate::config) line: usize,
    pub(in crate::config) email: Option<At<Email>>,
    pub(in crate::config) name: Option<String>,
    pub(in crate::config) groups: Vec<String>,
    pub(in crate::config) claims: Map<String, Value>,
    pub(in crate::config) amr: Vec<String>,
    pub(in crate::config) country: Option<String>,
}

impl RawUser {
    pub(super) fn read(table: Table<'_>) -> Self {
        let texts = |key| names(&table, key).into_iter().map(|at| at.value).collect();
        let user = Self {
            line: table.line,
            email: table.needed_as("email", |text| text.parse().map_err(|error| format!("\"{text}\" is {error}"))),
            name: table.text("name").map(|at| at.value),
            groups: texts("groups"),
            claims: table.json_object("claims").unwrap_or_default(),
            amr: texts("amr"),
            country: table.read("country", country).map(|at| at.value),
        };
        table.close();
        user
    }
}

fn issuer(text: &str) -> Result<String, String> {
    web_url(text)?;
    match text.strip_suffix("/.well-known/openid-configuration") {
        Some(issuer) => Err(format!("\"{text}\" is where its metadata is; write the issuer alone: \"{issuer}\"")),
        None => Ok(text.to_owned()),
    }
}

fn moment(text: &str) -> Result<Timestamp, String> {
    Timestamp::from_rfc3339(text)
        .ok_or_else(|| format!("\"{text}\" is not a moment; write it like 2027-01-31T00:00:00Z"))
}

/// ISO 3166-1 alpha-2, in upper case.
pub(crate) fn country(text: &str) -> Result<String, String> {
    let valid = text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic());
    if valid {
        Ok(text.to_ascii_uppercase())
    } else {
        Err(format!("\"{text}\" is not a country; write two letters, as in DE"))
    }
}
