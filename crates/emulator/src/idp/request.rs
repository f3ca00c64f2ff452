//! Reading an authorization request (RFC 6749 §4.1.1, OpenID Connect Core
//! §3.1.2.1): what it asks for, or how it is refused.

use url::Url;

use super::client::Client;
use super::params::Params;

/// The parameters that the people page carries along, and no others.
const CARRIED: [&str; 11] = [
    "response_type",
    "response_mode",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "login_hint",
];

/// A request that may be answered.
pub(super) struct AuthorizationRequest<'a> {
    pub(super) client: &'a Client,
    pub(super) back: Back,
    pub(super) scopes: Vec<String>,
    pub(super) nonce: Option<String>,
    pub(super) challenge: Option<String>,
    pub(super) prompt: Prompt,
    pub(super) login_hint: Option<String>,
    /// Its own parameters, to be sent once more with the person.
    pub(super) carried: Vec<(&'static str, String)>,
}

/// Whether a page may or must be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prompt {
    AsNeeded,
    Always,
    Never,
}

/// Where the browser goes with the answer.
#[derive(Clone, Debug)]
pub(super) struct Back {
    pub(super) redirect_uri: String,
    state: Option<String>,
    issuer: String,
}

impl Back {
    pub(super) fn with_code(&self, code: &str) -> String {
        self.with(&[("code", code)])
    }

    fn with(&self, answer: &[(&str, &str)]) -> String {
        let mut url = Url::parse(&self.redirect_uri).expect("registered redirect URIs are URLs");
        url.query_pairs_mut()
            .extend_pairs(answer)
            .extend_pairs(self.state.iter().map(|state| ("state", state)))
            // RFC 9207: the client sees that no other provider answered.
            .append_pair("iss", &self.issuer);
        url.into()
    }
}

/// A request that is refused.
#[derive(Debug)]
pub(super) enum Refused {
    /// It names no client we know or an address that is not the client's:
    /// nothing may be sent there, so the browser is told here.
    Here(&'static str),
    /// The client is told (RFC 6749 §4.1.2.1).
    There(Box<Back>, &'static str, String),
}

impl Refused {
    /// The `Location` for the client's errors.
    pub(super) fn location(back: &Back, code: &str, description: &str) -> String {
        back.with(&[("error", code), ("error_description", description)])
    }
}

impl<'a> AuthorizationRequest<'a> {
    pub(super) fn read(params: &Params, clients: &'a [Client], issuer: &str) -> Result<Self, Refused> {
        if params.repeated().is_err() {
            return Err(Refused::Here("A parameter of this sign-in was sent twice."));
        }
        let id = params.value("client_id").unwrap_or_default();
        let client = clients.iter().find(|client| client.id == id);
        let client =
            client.ok_or(Refused::Here("This sign-in comes from an application that is not registered here."))?;
        let redirect_uri = params.value("redirect_uri").filter(|uri| client.may_return_to(uri));
        let redirect_uri = redirect_uri.ok_or(Refused::Here(
            "This sign-in would lead to an address that is not registered for its application.",
        ))?;
        let back = Back {
            redirect_uri: redirect_uri.to_owned(),
            state: params.value("state").map(str::to_owned),
            issuer: issuer.to_owned(),
        };
        let refused = |code, why: &str| Refused::There(Box::new(back.clone()), code, why.to_owned());
        unsupported(params).map_err(|(code, why)| refused(code, why))?;
        let scopes: Vec<String> = params.value("scope").unwrap_or_default().split(' ').map(str::to_owned).collect();
        if !scopes.iter().any(|scope| scope == "openid") {
            return Err(refused("invalid_scope", "scope must contain openid"));
        }
        Ok(Self {
            client,
            scopes,
            nonce: params.value("nonce").map(str::to_owned),
            challenge: challenge(params).map_err(|why| refused("invalid_request", why))?,
            prompt: prompt(params).map_err(|why| refused("invalid_request", why))?,
            login_hint: params.value("login_hint").map(str::to_owned),
            carried: CARRIED.iter().filter_map(|&name| Some((name, params.value(name)?.to_owned()))).collect(),
            back,
        })
    }
}

/// What this provider does not do, in the words of the specifications.
fn unsupported(params: &Params) -> Result<(), (&'static str, &'static str)> {
    match params.value("response_type") {
        Some("code") => {}
        None => return Err(("invalid_request", "response_type is missing; it must be code")),
        Some(_) => return Err(("unsupported_response_type", "response_type must be code")),
    }
    if params.value("response_mode").is_some_and(|mode| mode != "query") {
        return Err(("invalid_request", "response_mode must be query"));
    }
    if params.value("request").is_some() {
        return Err(("request_not_supported", "request objects are not supported"));
    }
    if params.value("request_uri").is_some() {
        return Err(("request_uri_not_supported", "request objects are not supported"));
    }
    Ok(())
}

/// `plain`, which is also what no method means, proves nothing (RFC 9700 §2.1.1).
fn challenge(params: &Params) -> Result<Option<String>, &'static str> {
    match (params.value("code_challenge"), params.value("code_challenge_method")) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err("code_challenge is missing"),
        (Some(_), None | Some("plain")) => Err("code_challenge_method must be S256; plain is not supported"),
        (Some(challenge), Some("S256")) if is_digest(challenge) => Ok(Some(challenge.to_owned())),
        (Some(_), Some("S256")) => Err("code_challenge must be the base64url form of a SHA-256 digest"),
        (Some(_), Some(_)) => Err("code_challenge_method must be S256"),
    }
}

fn is_digest(challenge: &str) -> bool {
    challenge.len() == 43 && challenge.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn prompt(params: &Params) -> Result<Prompt, &'static str> {
    let mut values = params.value("prompt").unwrap_or_default().split_ascii_whitespace().peekable();
    if params.value("prompt") == Some("none") {
        return Ok(Prompt::Never);
    }
    let mut prompt = Prompt::AsNeeded;
    if values.peek().is_some() {
        prompt = Prompt::Always;
    }
    match values.find(|value| !matches!(*value, "login" | "select_account" | "consent")) {
        Some("none") => Err("prompt=none cannot be combined with other values"),
        Some(_) => Err("prompt must be none, login, select_account or consent"),
        None => Ok(prompt),
    }
}
