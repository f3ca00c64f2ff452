//! The login door with a store and keys of its own, and browsers that visit it
//! as if through the edge.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use axum::body::Body;
use doorward_model::app::App;
use doorward_model::arrival::Arrival;
use doorward_model::catalog::{Catalog, Parts as CatalogParts};
use doorward_model::host::Host;
use doorward_model::id::{AccountId, AppId, Aud, IdpId, PolicyId, RayId};
use doorward_model::idp::{IdentityProvider, IdpKind, OidcEndpoints, OidcProvider};
use doorward_model::live::LiveCatalog;
use doorward_model::policy::{Decision, Policy};
use doorward_model::secret::{Secret, sha256_hex};
use doorward_model::site::Team;
use doorward_model::time::{Clock, Lifetime, Timestamp};
use doorward_signer::claims::{self, Challenge};
use doorward_signer::{Keyring, Signer, SigningKey};
use doorward_store::{Seal, Store};
use http::header::{COOKIE, LOCATION, SET_COOKIE};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::json;
use tower::ServiceExt as _;
use url::Url;

use super::provider::{CLIENT, Provider, SECRET};
use crate::{Login, Outbound, OutboundOptions, Parts};

pub(super) const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
pub(super) const TEAM: &str = "http://acme.localhost:8787";
pub(super) const WIKI: &str = "http://wiki.localhost:8787";
pub(super) const NOTES: &str = "http://notes.localhost:8787";

static KEY: LazyLock<Arc<SigningKey>> = LazyLock::new(|| Arc::new(SigningKey::generate("acme.test", NOW)));

pub(super) struct Gateway {
    login: Arc<Login>,
    pub(super) catalog: LiveCatalog,
    pub(super) store: Store,
    pub(super) signer: Arc<Signer>,
    pub(super) provider: Provider,
    account: AccountId,
    _folder: tempfile::TempDir,
}

impl Gateway {
    pub(super) async fn start() -> Self {
        Self::with(false).await
    }

    /// In emulator mode; its provider is the built-in one.
    pub(super) async fn emulating() -> Self {
        let gateway = Self::with(true).await;
        let built_in = IdpId::built_in(&gateway.account);
        gateway.reconfigure(|parts| parts.idps[0].id = built_in);
        gateway
    }

    async fn with(emulator: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("login.db").display());
        let store = Store::connect(&url, Seal::for_emulator(), std::time::Duration::from_secs(5)).await.unwrap();
        store.migrate().await.unwrap();
        store.refresh_revocations().await.unwrap();
        let clock = Clock::movable();
        assert!(clock.freeze(true) && clock.set(NOW));
        let provider = Provider::start().await;
        let account = AccountId::derived("acme");
        let signer = Arc::new(Signer::new(Keyring::new(KEY.clone(), vec![])));
        let catalog = LiveCatalog::new(Catalog::new(parts(&account, &provider), 1));
        let login = Login::new(Parts {
            clock,
            catalog: catalog.clone(),
            signer: signer.clone(),
            store: store.clone(),
            outbound: Outbound::new(OutboundOptions::default()),
            issuers: vec![TEAM.into()],
            emulator,
            rule_trees: Arc::new(doorward_policy::RuleTrees::new(20)),
            post: None,
            registry: &mut prometheus_client::registry::Registry::default(),
        });
        Self { login, catalog, store, signer, provider, account, _folder: folder }
    }

    /// Changes the configuration, as a reload does.
    pub(super) fn reconfigure(&self, change: impl FnOnce(&mut CatalogParts)) {
        let mut parts = parts(&self.account, &self.provider);
        change(&mut parts);
        self.catalog.replace(Catalog::new(parts, 2));
    }

    pub(super) fn aud(&self, name: &str) -> Aud {
        Aud::of_app(&self.account, AppId::derived(&self.account, name))
    }

    /// Where the edge sends a browser to sign in, with the cookie it sets.
    pub(super) fn challenge(&self, browser: &mut Browser, name: &str, place: &str) -> String {
        self.challenge_on(browser, name, "8787", place)
    }

    /// The same for a host on this port.
    pub(super) fn challenge_on(&self, browser: &mut Browser, name: &str, port: &str, place: &str) -> String {
        let app_session = format!("n{}", &sha256_hex(&format!("{}{name}{place}", browser.name))[..16]);
        browser.set(&format!("{name}.localhost"), "CF_AppSession", &app_session);
        let aud = self.aud(name);
        let meta = claims::meta(
            &Challenge {
                aud: &aud,
                hostname: &format!("{name}.localhost:{port}"),
                redirect_url: place,
                app_session_hash: &sha256_hex(&app_session),
                service_token_status: false,
                auth_status: "NONE",
                certificate: &doorward_model::certificate::Presented::Nothing,
                country: None,
            },
            NOW.secs(),
        );
        let meta = self.signer.load().sign(&meta);
        let place: String = url::form_urlencoded::byte_serialize(place.as_bytes()).collect();
        format!("{TEAM}/cdn-cgi/access/login/{name}.localhost:{port}?kid={aud}&meta={meta}&redirect_url={place}")
    }

    /// From the challenge to the return from the provider, without following it.
    pub(super) async fn at_callback(&self, browser: &mut Browser, name: &str, place: &str) -> String {
        let challenge = self.challenge(browser, name, place);
        self.chosen(browser, &challenge).await
    }

    /// Chooses the provider on the sign-in page; gives the provider's answer.
    pub(super) async fn chosen(&self, browser: &mut Browser, challenge: &str) -> String {
        let idp = self.catalog.load().idps().next().unwrap().id;
        let to_provider = browser.get(self, &format!("{challenge}&idp={idp}")).await;
        let asked = Url::parse(&to_provider.location()).unwrap();
        let parameter = |name: &str| asked.query_pairs().find(|(found, _)| found == name).unwrap().1.into_owned();
        self.provider.script().nonce = parameter("nonce");
        format!("{TEAM}/cdn-cgi/access/callback?code=c&state={}", parameter("state"))
    }

    /// The whole way; the last answer is the one of `/authorized`.
    pub(super) async fn sign_in(&self, browser: &mut Browser, name: &str, place: &str) -> Answer {
        let callback = self.at_callback(browser, name, place).await;
        let handed = browser.get(self, &callback).await;
        browser.get(self, &handed.location()).await
    }
}

fn parts(account: &AccountId, provider: &Provider) -> CatalogParts {
    CatalogParts {
        team: Team {
            account: account.clone(),
            name: "acme".into(),
            domain: "acme.cloudflareaccess.com".into(),
            url: TEAM.into(),
            host: "acme.localhost:8787".parse().unwrap(),
            session_duration: Lifetime::from_hours(24),
        },
        apps: vec![app(account, "wiki", Lifetime::from_hours(8)), app(account, "notes", Lifetime::from_hours(8))],
        groups: vec![],
        idps: vec![idp(account, provider)],
        service_tokens: vec![],
        routes: vec![],
    }
}

fn idp(account: &AccountId, provider: &Provider) -> IdentityProvider {
    IdentityProvider {
        id: IdpId::derived(account, "Test"),
        name: "Test".into(),
        kind: IdpKind::Oidc(OidcProvider {
            client_id: CLIENT.into(),
            client_secret: Secret::new(SECRET.into()),
            endpoints: OidcEndpoints::Discovered { issuer: provider.issuer.clone() },
            scopes: vec!["openid".into(), "email".into()],
            claims: vec!["groups".into()],
            email_claim_name: None,
            pkce_enabled: true,
            trust_unverified_email: false,
        }),
    }
}

fn app(account: &AccountId, name: &str, session_duration: Lifetime) -> App {
    let staff = Policy {
        id: PolicyId::derived(account, name),
        name: "Staff".into(),
        decision: Decision::Allow,
        precedence: 1,
        include: vec![serde_json::from_value(json!({"email_domain": {"domain": "corp.test"}})).unwrap()],
        require: vec![],
        exclude: vec![],
        session_duration: None,
        purpose: None,
    };
    let domains = vec![format!("{name}.localhost").parse().unwrap()];
    App { session_duration, ..App::new(account, name, domains, vec![staff]) }
}

/// A browser: cookies by host, no redirects followed.
#[derive(Clone, Default)]
pub(super) struct Browser {
    name: &'static str,
    jar: BTreeMap<(String, String), String>,
    pub(super) headers: HeaderMap,
    /// Seconds that have passed for this browser.
    pub(super) later: i64,
    /// Where the edge says it is.
    pub(super) country: Option<&'static str>,
}

impl Browser {
    pub(super) fn named(name: &'static str) -> Self {
        Self { name, ..Self::default() }
    }

    pub(super) fn set(&mut self, host: &str, name: &str, value: &str) {
        self.jar.insert((host.into(), name.into()), value.into());
    }

    pub(super) fn cookie(&self, host: &str, name: &str) -> Option<&str> {
        self.jar.get(&(host.into(), name.into())).map(String::as_str)
    }

    /// Cookies of sign-ins under way.
    pub(super) fn pending(&self) -> usize {
        self.jar.keys().filter(|(_, name)| name.starts_with("CF_Login_")).count()
    }

    pub(super) async fn get(&mut self, gateway: &Gateway, url: &str) -> Answer {
        self.request(gateway, Method::GET, url).await
    }

    pub(super) async fn request(&mut self, gateway: &Gateway, method: Method, url: &str) -> Answer {
        let url = Url::parse(url).unwrap();
        let host: Host = url[url::Position::BeforeHost..url::Position::AfterPort].parse().unwrap();
        let catalog = gateway.catalog.snapshot();
        let arrival = Arrival {
            now: NOW.plus(Lifetime::from_secs(self.later)),
            ray: RayId::random(),
            client_ip: [127, 0, 0, 1].into(),
            country: self.country.map(str::to_owned),
            certificate: doorward_model::certificate::Presented::Nothing,
            https: url.scheme() == "https",
            app: catalog.app_at(&host, &url.path().parse().unwrap()).cloned(),
            host: host.clone(),
        };
        let pairs: Vec<String> = self
            .jar
            .iter()
            .filter(|((at, _), _)| at == host.name())
            .map(|((_, name), value)| format!("{name}={value}"))
            .collect();
        let mut request = Request::builder().method(method).uri(&url[url::Position::BeforePath..]).extension(arrival);
        request.headers_mut().unwrap().extend(self.headers.clone());
        let request = request.header(COOKIE, pairs.join("; ")).body(Body::empty()).unwrap();
        let team = host.name() == catalog.team().host.name();
        let router = if team { gateway.login.team_router() } else { gateway.login.app_router() };
        let (head, body) = router.oneshot(request).await.unwrap().into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        let answer = Answer { status: head.status, headers: head.headers, body };
        for cookie in answer.set_cookies() {
            let (name, rest) = cookie.split_once('=').unwrap();
            let key = (host.name().to_owned(), name.to_owned());
            if cookie.contains("Max-Age=0;") || cookie.ends_with("Max-Age=0") {
                self.jar.remove(&key);
            } else {
                self.jar.insert(key, rest.split(';').next().unwrap().to_owned());
            }
        }
        answer
    }
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Answer {
    #[track_caller]
    pub(super) fn location(&self) -> String {
        assert_eq!(self.status, StatusCode::FOUND, "{}", self.body);
        self.headers[LOCATION].to_str().unwrap().to_owned()
    }

    pub(super) fn set_cookies(&self) -> Vec<String> {
        self.headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    #[track_caller]
    pub(super) fn set_cookie(&self, name: &str) -> String {
        let found = self.set_cookies().into_iter().find(|cookie| cookie.starts_with(&format!("{name}=")));
        found.unwrap_or_else(|| panic!("{name} is not set: {:?}", self.set_cookies()))
    }
}
