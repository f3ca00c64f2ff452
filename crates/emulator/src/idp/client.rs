//! Who may ask the provider: registered clients, each with a secret and the
//! addresses its people may be sent back to.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_model::secret::{Secret, SecretDigest};
use doorward_model::site::Team;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::params::Params;

/// The gateway itself, as a client of its own provider.
pub(crate) const GATEWAY_CLIENT_ID: &str = "doorward";

/// A registered client.
pub(crate) struct Client {
    pub(super) id: String,
    /// What people are told they sign in to.
    pub(super) name: String,
    pub(super) secret: SecretDigest,
    pub(super) redirect_uris: Vec<String>,
}

impl Client {
    /// `teams` are the names of one team.
    pub(crate) fn gateway(teams: &[&Team], secret: &Secret) -> Self {
        Self {
            id: GATEWAY_CLIENT_ID.into(),
            name: teams.first().map(|team| team.name.clone()).unwrap_or_default(),
            secret: secret.digest(),
            redirect_uris: teams.iter().map(|team| team.callback()).collect(),
        }
    }

    /// Exactly one of the registered addresses, byte for byte (RFC 9700 §4.1.3).
    pub(super) fn may_return_to(&self, uri: &str) -> bool {
        self.redirect_uris.iter().any(|known| known == uri)
    }
}

/// Why the caller of the token endpoint is not a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotAClient {
    /// Two ways to authenticate at once (RFC 6749 §2.3).
    Twice,
    Refused,
}

/// The client that calls, by `client_secret_basic` or `client_secret_post`.
pub(super) fn authenticated<'a>(
    clients: &'a [Client],
    headers: &HeaderMap,
    form: &Params,
) -> Result<&'a Client, NotAClient> {
    let posted = form.value("client_secret");
    let (id, secret) = match (headers.get(AUTHORIZATION), posted) {
        (Some(_), Some(_)) => return Err(NotAClient::Twice),
        (Some(value), None) => basic(value.to_str().unwrap_or_default()).ok_or(NotAClient::Refused)?,
        (None, Some(secret)) => {
            (form.value("client_id").unwrap_or_default().to_owned(), Secret::new(secret.to_owned()))
        }
        (None, None) => return Err(NotAClient::Refused),
    };
    if form.value("client_id").is_some_and(|named| named != id) {
        return Err(NotAClient::Refused);
    }
    let client = clients.iter().find(|client| client.id == id).ok_or(NotAClient::Refused)?;
    if client.secret == secret.digest() { Ok(client) } else { Err(NotAClient::Refused) }
}

/// Both halves are form-encoded inside the base64 (RFC 6749 §2.3.1).
fn basic(value: &str) -> Option<(String, Secret)> {
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = pair.split_once(':')?;
    Some((form_decoded(id), Secret::new(form_decoded(secret))))
}

fn form_decoded(text: &str) -> String {
    // A lone value is a form with one name and no value; a `=` or `&` in it is always escaped.
    let whole = url::form_urlencoded::parse(text.as_bytes()).next();
    whole.map(|(name, _)| name.into_owned()).unwrap_or_default()
}
