//! The return from an identity provider, as anybody can call it.

use std::sync::LazyLock;
use std::time::Duration;

use axum::body::Body;
use doorward_login::{Login, Outbound, OutboundOptions, Parts};
use doorward_model::arrival::Arrival;
use doorward_model::id::RayId;
use doorward_model::live::LiveCatalog;
use doorward_model::time::{Clock, Timestamp};
use doorward_signer::{Keyring, Signer, SigningKey};
use doorward_store::{Seal, Store};
use http::header::{COOKIE, LOCATION, SET_COOKIE};
use http::{HeaderValue, Request, Response, StatusCode};
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

use crate::world::CATALOG;

struct Door {
    runtime: Runtime,
    router: axum::Router,
    store: Store,
    _folder: tempfile::TempDir,
}

static DOOR: LazyLock<Door> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("fuzz.db").display());
    let store = runtime.block_on(async {
        let store = Store::connect(&url, Seal::for_emulator(), Duration::from_secs(5)).await.expect("a store");
        store.migrate().await.expect("it is new");
        store.refresh_revocations().await.expect("it answers");
        store
    });
    let key = SigningKey::generate("acme.cloudflareaccess.com", Timestamp::from_secs(0));
    let login = Login::new(Parts {
        clock: Clock::movable(),
        catalog: LiveCatalog::new(CATALOG.clone()),
        signer: std::sync::Arc::new(Signer::new(Keyring::new(std::sync::Arc::new(key), vec![]))),
        store: store.clone(),
        outbound: Outbound::new(OutboundOptions::default()),
        issuers: vec![CATALOG.team().issuer().to_owned()],
        emulator: true,
        rule_trees: std::sync::Arc::new(doorward_policy::RuleTrees::new(20)),
        post: None,
        registry: &mut prometheus_client::registry::Registry::default(),
    });
    Door { runtime, router: login.team_router(), store, _folder: folder }
});

/// The query on the first line, cookies on the second; what stands on a third
/// is sealed as our own state would be. Nobody gets a session out of it.
pub(crate) fn callback(input: &[u8]) {
    let mut lines = input.splitn(3, |byte| *byte == b'\n');
    let query = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let cookies = HeaderValue::from_bytes(lines.next().unwrap_or_default()).ok();
    let sealed = lines.next().map(|state| DOOR.store.sealer().seal("login-state", state));
    let query = sealed.map_or(query.clone(), |state| format!("{query}&state={state}"));
    let Ok(uri) = format!("/cdn-cgi/access/callback?{query}").parse::<http::Uri>() else { return };
    let mut request = Request::get(uri).body(Body::empty()).expect("a request");
    request.extensions_mut().insert(Arrival {
        now: Timestamp::from_secs(1_800_000_000),
        ray: RayId::random(),
        client_ip: doorward_edge::fuzzing::STRANGER,
        country: None,
        certificate: doorward_model::certificate::Presented::Nothing,
        https: false,
        host: CATALOG.team().host.clone(),
        app: None,
    });
    if let Some(cookies) = cookies {
        request.headers_mut().insert(COOKIE, cookies);
    }
    let answer = DOOR.runtime.block_on(DOOR.router.clone().oneshot(request)).unwrap_or_else(|never| match never {});
    judge(&answer, &query);
}

fn judge(answer: &Response<Body>, query: &str) {
    let refusal = matches!(answer.status(), StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::URI_TOO_LONG);
    assert!(refusal, "{query:?}: {}", answer.status());
    assert!(answer.headers().get(LOCATION).is_none(), "{query:?} leads somewhere");
    for cookie in answer.headers().get_all(SET_COOKIE) {
        let text = cookie.to_str().expect("ASCII");
        assert!(!text.starts_with("CF_Authorization=") || text.starts_with("CF_Authorization=;"), "{query:?}: {text}");
    }
}
