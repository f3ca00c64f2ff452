//! The transfer of a sign-in from a browser to a command line: the browser
//! comes to `/cdn-cgi/access/cli` on an application's host with a public key,
//! the command line polls for what is sealed for that key on a host of its own.
//!
//! Whoever holds the private key alone can read it; it is handed out once. The
//! person is asked before, unless the application says `skip_interstitial`.

mod approval;
mod parked;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use crypto_box::aead::Aead as _;
use crypto_box::{PublicKey, SalsaBox, SecretKey};
use doorward_model::app::App;
use doorward_model::arrival::Arrival;
use doorward_model::id::{Aud, IdentityNonce};
use doorward_model::purpose::Entry;
use doorward_model::secret::random_bytes;
use doorward_model::session::Session;
use doorward_model::time::Lifetime;
use doorward_pages::{ERROR_TITLE, Notice, SIGN_IN_TITLE};
use doorward_policy::{Facts, decide};
use doorward_signer::claims;
use doorward_store::StoreError;
use http::header::{HeaderName, USER_AGENT};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::json;

use self::approval::Question;
pub(crate) use self::parked::Parked;
use crate::demo::{self, Visit};
use crate::{Emulator, Site};

/// Where a browser brings the public key of a command line.
pub const CLI_PATH: &str = "/cdn-cgi/access/cli";

const SERVICE_KEY: HeaderName = HeaderName::from_static("service-public-key");
/// How long a poll is held. Clients other than cloudflared give up after 30 s or less.
const HOLD: Duration = Duration::from_secs(25);
/// cloudflared polls ten times without a pause, and gives up on one after 60 s.
const LONG_HOLD: Duration = Duration::from_secs(55);

/// What is behind the edge at [`CLI_PATH`]: who comes here may enter.
pub(crate) fn cli_router(site: Site) -> Router {
    Router::new().route(CLI_PATH, get(bring)).with_state(site)
}

/// The host that command lines poll.
pub(crate) fn transfer_router(emulator: Arc<Emulator>) -> Router {
    Router::new().route("/transfer/{key}", get(pick_up)).with_state(emulator)
}

#[derive(Deserialize)]
struct Wish {
    token: Option<String>,
    aud: Option<String>,
    /// The person's yes.
    approved: Option<String>,
    /// Their no.
    denied: Option<String>,
    /// Whether the window closes itself in the end.
    close_interstitial: Option<String>,
}

/// Seals the tokens of whoever came for the key that they brought.
async fn bring(State(site): State<Site>, Query(wish): Query<Wish>, request: Request) -> Response {
    let nonce = Visit::of(&request, &site.emulator).and_then(|visit| visit.session());
    let arrival = request.extensions().get::<Arrival>().cloned();
    let assertion = request.headers().get(demo::ASSERTION).and_then(|token| token.to_str().ok()).map(str::to_owned);
    drop(request);
    if wish.denied.is_some() {
        return page(StatusCode::OK, SIGN_IN_TITLE, "The command line was not signed in", "You can close this window.");
    }
    match site.brought(&wish, nonce, arrival, assertion).await {
        Ok(Brought::Asks(question)) => question,
        Ok(Brought::Sealed(key, parked)) => {
            site.emulator.parked.leave(key, parked);
            let text = "The command line that sent you here is signed in now. You can close this window.";
            let closes = wish.close_interstitial.as_deref() == Some("true");
            let heading = "You are signed in";
            demo::html(StatusCode::OK, &Notice { title: SIGN_IN_TITLE, heading, text, closes, ..Notice::default() })
        }
        Err((status, text)) => page(status, ERROR_TITLE, "The command line was not signed in", text),
    }
}

/// Gives what was brought for this key, waiting for it for a while.
async fn pick_up(State(emulator): State<Arc<Emulator>>, Path(key): Path<String>, headers: HeaderMap) -> Response {
    let is_cloudflared = headers.get(USER_AGENT).is_some_and(|agent| agent.as_bytes().starts_with(b"cloudflared/"));
    let hold = if is_cloudflared { LONG_HOLD } else { HOLD };
    let found = match public_key(&key) {
        Some(key) => emulator.parked.within(&key, hold).await,
        None => None,
    };
    match found {
        Some(transfer) => {
            let mut response = Response::new(Body::from(transfer.body));
            response.headers_mut().insert(SERVICE_KEY, transfer.service_key);
            response
        }
        // Whoever waits takes this for "not yet".
        None => (StatusCode::NOT_FOUND, axum::Json(json!({ "message": "no token yet" }))).into_response(),
    }
}

/// What waits to be picked up.
#[derive(Clone)]
pub(crate) struct Transfer {
    body: String,
    service_key: HeaderValue,
}

type Refused = (StatusCode, &'static str);

/// What comes of a browser at [`CLI_PATH`].
enum Brought {
    /// The person has to say yes.
    Asks(Response),
    /// For this key.
    Sealed([u8; 32], Transfer),
}

impl Site {
    /// `nonce` names the sign-in behind the token that the edge vouches for.
    async fn brought(
        &self,
        wish: &Wish,
        nonce: Option<IdentityNonce>,
        arrival: Option<Arrival>,
        assertion: Option<String>,
    ) -> Result<Brought, Refused> {
        let key = wish.token.as_deref().and_then(public_key);
        let key =
            key.ok_or((StatusCode::BAD_REQUEST, "The address names no public key. Run the command once more."))?;
        let session = self.session(nonce).await?;
        let arrival = arrival.ok_or((StatusCode::BAD_REQUEST, "This is not served here."))?;
        let catalog = self.catalog.snapshot();
        let asked = wish.aud.clone().and_then(|aud| Aud::try_from(aud).ok());
        let app = asked.and_then(|aud| catalog.app_by_aud(&aud)).or(arrival.app.as_ref()).cloned();
        let app = app.filter(|app| app.domains.iter().any(|domain| domain.host.matches(arrival.host.name())));
        let app = app.ok_or((StatusCode::NOT_FOUND, "No application of this host has that audience tag."))?;
        let entry = self.entry(assertion, &session, &app).await?;
        let facts = Facts {
            identity: Some(&session.identity),
            entry: entry.as_ref(),
            certificate: arrival.certificate.valid().map(|own| own.common_name.as_str()),
            country: arrival.country.as_deref(),
            ..Facts::of_nobody(arrival.client_ip)
        };
        let permit = decide(&app, &catalog, &facts)
            .map_err(|_| (StatusCode::FORBIDDEN, "That account does not have access to this application."))?;
        let question = Question { key, app: &app, session: &session, wish };
        if !app.skip_interstitial && !question.is_approved(&self.emulator) {
            return Ok(Brought::Asks(question.page(&self.emulator, &catalog, &arrival)));
        }
        let tokens = self.tokens(&session, &app, permit.session_duration(), entry).await?;
        Ok(Brought::Sealed(key, seal(&key, &tokens)))
    }

    /// What was given in the browser, where the application asks for something:
    /// the command line enters by the same words.
    async fn entry(&self, token: Option<String>, session: &Session, app: &App) -> Result<Option<Entry>, Refused> {
        let Some(token) = token.filter(|_| app.asks_purpose()) else { return Ok(None) };
        let entry = self.emulator.store.entry(&token).await.map_err(|error| unavailable(&error))?;
        Ok(entry.filter(|entry| entry.holds(&session.nonce, app.id, self.emulator.clock.now())))
    }

    async fn session(&self, nonce: Option<IdentityNonce>) -> Result<Session, Refused> {
        let nobody = (StatusCode::FORBIDDEN, "Only a person who signed in can bring a sign-in to a command line.");
        let nonce = nonce.ok_or(nobody)?;
        match self.emulator.store.session(&nonce).await {
            Ok(session) => session.ok_or(nobody),
            Err(error) => Err(unavailable(&error)),
        }
    }

    async fn tokens(
        &self,
        session: &Session,
        app: &App,
        asked: Lifetime,
        entry: Option<Entry>,
    ) -> Result<String, Refused> {
        let (emulator, catalog) = (&self.emulator, self.catalog.snapshot());
        let (now, team) = (emulator.clock.now(), catalog.team());
        let (nonce, user) = (Some(&session.nonce), Some(&session.identity.user_uuid));
        let iat = |aud: &Aud| emulator.store.revocations().earliest_iat(nonce, user, aud, now);
        let ring = emulator.signer.load();
        let left = entry.as_ref().and_then(|entry| entry.approved_until).map(|until| until.since(now));
        let asked = left.map_or(asked, |left| left.min(asked));
        let minted = ring.mint_app(session, app, &catalog, iat(&app.aud), asked);
        if let Some(entry) = entry {
            let kept = emulator.store.keep_entry(&minted.token, &entry, minted.expires).await;
            kept.map_err(|error| unavailable(&error))?;
        }
        let aud = Aud::of_team(&team.account);
        let exp = session.expires_at.secs();
        let org = claims::org(&session.identity, &session.nonce, &aud, team.issuer(), iat(&aud), exp);
        Ok(json!({ "app_token": minted.token, "org_token": ring.sign(&org) }).to_string())
    }
}

fn unavailable(error: &StoreError) -> Refused {
    tracing::error!(%error, "a sign-in could not be brought to a command line");
    (StatusCode::SERVICE_UNAVAILABLE, "The store does not answer. Try once more in a moment.")
}

/// NaCl's box, with a key of its own for each transfer: a nonce, then the sealed text.
fn seal(key: &[u8; 32], plain: &str) -> Transfer {
    let service = SecretKey::from(random_bytes::<32>());
    let nonce = random_bytes::<24>();
    let sealed = SalsaBox::new(&PublicKey::from(*key), &service).encrypt(&nonce.into(), plain.as_bytes());
    let mut body = nonce.to_vec();
    body.extend(sealed.expect("a text of this length can be sealed"));
    let service_key = URL_SAFE.encode(service.public_key().as_bytes());
    Transfer {
        body: STANDARD.encode(body),
        service_key: HeaderValue::try_from(service_key).expect("base64 is a header value"),
    }
}

/// A public key as it stands in addresses, with its padding or without.
fn public_key(text: &str) -> Option<[u8; 32]> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?.try_into().ok()
}

fn page(status: StatusCode, title: &str, heading: &str, text: &str) -> Response {
    demo::html(status, &Notice { title, heading, text, ..Notice::default() })
}
