//! What the tests of this crate share: one emulator with a store of its own,
//! and requests to its sites without a network.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use doorward_model::app::App;
use doorward_model::catalog::{self, Catalog};
use doorward_model::id::{AccountId, AppId, Aud, ServiceTokenId};
use doorward_model::live::LiveCatalog;
use doorward_model::secret::Secret;
use doorward_model::service_token::{ClientId, ServiceToken};
use doorward_model::site::Team;
use doorward_model::time::{Clock, Lifetime, Timestamp};
use doorward_signer::{Keyring, Signer, SigningKey};
use doorward_store::{Seal, Store};
use http::{HeaderMap, Request, StatusCode};
use serde_json::{Map, Value, json};
use tower::ServiceExt as _;

use crate::{Emulator, IDP_PATH, Parts, Person};

pub(crate) const ISSUER: &str = "http://acme.localhost:8787";
pub(crate) const START: Timestamp = Timestamp::from_secs(1_800_000_000);
pub(crate) const CLIENT_SECRET: &str = "the gateway's own/secret+";
pub(crate) const SERVICE: &str = "0123456789abcdef0123456789abcdef.access";

/// RSA keys are slow to make; one serves all tests.
static KEY: LazyLock<Arc<SigningKey>> =
    LazyLock::new(|| Arc::new(SigningKey::generate("acme.cloudflareaccess.com", START)));

/// An emulator at a standing clock, with Alice and Bob, the applications
/// `Wiki` at wiki.localhost and `Previews` at *.preview.test, and one service token.
pub(crate) struct World {
    pub(crate) emulator: Arc<Emulator>,
    pub(crate) rotations: Arc<AtomicUsize>,
    _folder: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with_clock(Clock::movable()).await
    }

    pub(crate) async fn with_clock(clock: Clock) -> Self {
        let _ = clock.set(START) && clock.freeze(true);
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/store.db", folder.path().display());
        let store = Store::connect(&url, Seal::for_emulator(), Duration::from_secs(1)).await.unwrap();
        store.migrate().await.unwrap();
        let rotations = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&rotations);
        let people = vec![alice(), Person::known_by("bob@example.com".parse().unwrap())];
        let emulator = Emulator::new(Parts {
            clock,
            catalog: LiveCatalog::new(catalog(&people)),
            signer: Arc::new(Signer::new(Keyring::new(KEY.clone(), vec![]))),
            store,
            issuers: vec![ISSUER.into(), "https://acme.cloudflareaccess.com".into()],
            other_name: None,
            people,
            client_secret: Secret::new(CLIENT_SECRET.into()),
            rotate: Arc::new(move |drop_previous| {
                counted.fetch_add(if drop_previous { 100 } else { 1 }, Ordering::SeqCst);
                Box::pin(std::future::ready(Ok(())))
            }),
            admin_url: "http://127.0.0.1:18788".into(),
            beside: None,
        });
        Self { emulator, rotations, _folder: folder }
    }

    pub(crate) fn provider(&self) -> Router {
        Router::new().nest(IDP_PATH, self.emulator.idp_router(&self.emulator.catalog))
    }

    pub(crate) fn app(&self, name: &str) -> Arc<App> {
        self.emulator.catalog.load().apps().find(|app| app.name == name).unwrap().clone()
    }

    /// A call to the control API with a JSON body.
    pub(crate) async fn control(&self, method: &str, path: &str, body: Value) -> Answer {
        self.control_raw(method, path, &body.to_string()).await
    }

    pub(crate) async fn control_raw(&self, method: &str, path: &str, body: &str) -> Answer {
        let request = Request::builder().method(method).uri(format!("/emulator/v1{path}"));
        ask(self.emulator.control_router(), request.body(Body::from(body.to_owned())).unwrap()).await
    }
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) async fn ask(site: Router, request: Request<Body>) -> Answer {
    let (parts, body) = site.oneshot(request).await.unwrap().into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() }
}

fn alice() -> Person {
    Person {
        name: Some("Alice".into()),
        groups: vec!["admins".into()],
        claims: Map::from_iter([("department".to_owned(), json!("Sales"))]),
        country: Some("DE".into()),
        ..Person::known_by("alice@example.com".parse().unwrap())
    }
}

fn catalog(people: &[Person]) -> Catalog {
    let account = AccountId::derived("acme");
    let team = Team {
        name: "acme".into(),
        domain: "acme.cloudflareaccess.com".into(),
        url: ISSUER.into(),
        host: "acme.localhost:8787".parse().unwrap(),
        session_duration: Lifetime::from_hours(24),
        account: account.clone(),
    };
    let app = |name: &str, domain: &str| -> App {
        let id = AppId::derived(&account, name);
        let aud = Aud::of_app(&account, id);
        let written = json!({
            "id": id, "aud": aud, "name": name, "domains": [domain], "session_duration": "8h", "policies": [],
        });
        serde_json::from_value(written).unwrap()
    };
    let service = ServiceToken {
        id: ServiceTokenId::derived(&account, "ci"),
        name: "ci".into(),
        client_id: ClientId::try_from(SERVICE.to_owned()).unwrap(),
        client_secret: Secret::new("s".into()).digest(),
        previous: None,
        enabled: true,
        expires_at: None,
    };
    let provider = Emulator::provider(&team, &Secret::new(CLIENT_SECRET.into()), crate::claim_names(people));
    let parts = catalog::Parts {
        apps: vec![app("Wiki", "wiki.localhost"), app("Previews", "*.preview.test")],
        groups: vec![],
        idps: vec![provider],
        service_tokens: vec![service],
        routes: vec![],
        team,
    };
    Catalog::new(parts, 1)
}
