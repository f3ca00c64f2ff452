//! Attack catalogue, groups I, J and L at the identity provider's side: one lie
//! each, and the sign-in is refused, leaves nothing behind and tells no detail.

mod claims;

use serde_json::{Value, json};

use crate::support::client::{Client, Reply};
use crate::support::config::{APP, Config, app, route};
use crate::support::gateway::Gateway;
use crate::support::lying::{Answer, Lying};
use crate::support::origin::Origin;
use crate::support::raw::Raw;
use crate::support::token;

/// A gateway whose application `App` takes people of one lying provider alone.
struct Here {
    provider: Lying,
    origin: Origin,
    gateway: Gateway,
}

const ANYBODY_OF_CORP: &str = r#"include = [{ email_domain = { domain = "corp.test" } }]"#;

/// Lines of an app that goes straight to this provider.
fn lines(provider: &str, rule: &str) -> String {
    format!(
        "allowed_idps = [\"{provider}\"]\nauto_redirect_to_identity = true\n\
         policies = [{{ name = \"Corp\", decision = \"allow\", {rule} }}]"
    )
}

async fn here(rule: &str) -> Here {
    let (provider, origin) = (Lying::start().await, Origin::start().await);
    let tables = route(APP, &origin.url()) + &provider.config("Lying") + &app("App", APP, &lines("Lying", rule));
    let gateway = Gateway::serve(&Config::bare().and(&tables)).await;
    Here { provider, origin, gateway }
}

impl Here {
    /// Signs in with a browser of its own, to what comes of it.
    async fn sign_in(&self) -> (Client, Reply) {
        self.origin.forget();
        let mut browser = Client::new(&self.gateway);
        let reply = browser.open(&self.gateway.at(APP, "/")).await;
        (browser, reply)
    }

    async fn assert_refused(&self, what: &str) {
        let (browser, reply) = self.sign_in().await;
        assert_eq!(reply.status, 400, "{what}: {}", reply.body);
        let generic = ["openidconnect", "hyper", "127.0.0.1", "panicked", "invalid type"];
        let told = generic.iter().find(|detail| reply.body.contains(**detail));
        assert_eq!(told, None, "{what}: the page tells nothing of the inside");
        let left = browser.given.iter().filter(|(_, cookie)| cookie.name == "CF_Authorization" && !cookie.removes());
        assert_eq!(left.count(), 0, "{what} leaves no session");
        self.origin.assert_untouched(what);
    }

    /// Who gets in.
    async fn admitted(&self) -> Option<Value> {
        let (_, reply) = self.sign_in().await;
        (reply.status == 200 && reply.body == "ok").then(|| token::claims(self.origin.last().assertion().unwrap()))
    }
}

#[tokio::test]
async fn i_04_an_id_token_of_another_sign_in_proves_nobody() {
    let here = here(ANYBODY_OF_CORP).await;
    assert_eq!(here.admitted().await.expect("an honest sign-in")["email"], "alice@corp.test");
    let older = token::claims(&here.provider.script().id_token)["nonce"].clone();
    for nonce in [json!(null), json!("other"), json!(""), older, json!(7)] {
        here.provider.script().claims = json!({ "nonce": nonce });
        here.assert_refused(&format!("the nonce {nonce}")).await;
    }
}

#[tokio::test]
async fn i_06_an_answer_that_belongs_to_another_provider_spends_no_code() {
    let (a, b, origin) = (Lying::start().await, Lying::start().await, Origin::start().await);
    let tables = [
        route(APP, &origin.url()),
        a.config("A"),
        b.config("B"),
        app("App", APP, &lines("A", ANYBODY_OF_CORP)),
        route("b.localhost", &origin.url()),
        app("Other", "b.localhost", &lines("B", ANYBODY_OF_CORP)),
    ];
    let gateway = Gateway::serve(&Config::bare().and(&tables.concat())).await;
    // The one that was asked says that it is the other.
    a.script().callback = format!("&iss={}", b.issuer());
    let reply = Client::new(&gateway).open(&gateway.at(APP, "/")).await;
    assert_eq!(reply.status, 400, "{}", reply.body);
    assert_eq!((a.asked("/token"), b.asked("/token")), (0, 0), "the code was given to nobody");
    // A state that belongs to one provider never spends a code at the other.
    a.script().callback = String::new();
    assert_eq!(Client::new(&gateway).open(&gateway.at(APP, "/")).await.status, 200);
    assert_eq!((a.asked("/token"), b.asked("/token")), (1, 0));
    // Promised and not kept (RFC 9207): the metadata is read once, so the other provider promises.
    b.script().metadata = json!({ "authorization_response_iss_parameter_supported": true });
    assert_eq!(Client::new(&gateway).open(&gateway.at("b.localhost", "/")).await.status, 400);
    assert_eq!(b.asked("/token"), 0, "the code was given to nobody");
    b.script().callback = format!("&iss={}", b.issuer());
    assert_eq!(Client::new(&gateway).open(&gateway.at("b.localhost", "/")).await.status, 200);
}

#[tokio::test]
async fn i_08_an_id_token_that_lies_proves_nobody() {
    let here = here(ANYBODY_OF_CORP).await;
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let issuer = here.provider.issuer();
    for lie in [
        json!({ "iss": "http://127.0.0.1:1" }),
        json!({ "iss": format!("{issuer}/") }),
        json!({ "iss": null }),
        json!({ "aud": "other" }),
        json!({ "aud": ["doorward", "other"] }),
        json!({ "aud": ["doorward", "other"], "azp": "other" }),
        json!({ "azp": "other" }),
        json!({ "aud": [] }),
        json!({ "aud": null }),
        json!({ "exp": now - 1 }),
        json!({ "exp": null }),
        json!({ "exp": "never" }),
        json!({ "iat": now + 3600 }),
        json!({ "iat": null }),
        json!({ "sub": null }),
        json!({ "sub": "" }),
        json!({ "sub": 7 }),
        json!({ "at_hash": "AAAA" }),
    ] {
        here.provider.script().claims = lie.clone();
        here.assert_refused(&lie.to_string()).await;
    }
    here.provider.script().claims = json!({ "aud": ["doorward", "other"], "azp": "doorward" });
    assert!(here.admitted().await.is_some(), "for us among others is for us");
    here.provider.script().claims = Value::Null;
    for header in
        [json!({ "alg": "HS256" }), json!({ "alg": "none" }), json!({ "alg": "rs256" }), json!({ "alg": null })]
    {
        here.provider.script().header = header.clone();
        here.assert_refused(&header.to_string()).await;
    }
    here.provider.script().header = Value::Null;
    here.provider.script().forges = true;
    here.assert_refused("a signature of another key").await;
}

#[tokio::test]
async fn i_08_userinfo_that_lies_proves_nobody() {
    let here = here(ANYBODY_OF_CORP).await;
    // Without an address in the ID token, userinfo is asked.
    here.provider.script().claims = json!({ "email": null, "email_verified": null });
    let type_json = "application/json";
    let honest = json!({ "sub": "s1", "email": "alice@corp.test", "email_verified": true, "groups": [] }).to_string();
    let lies: [Answer; 8] = [
        (200, type_json, honest.replace("s1", "s2")),
        (200, type_json, honest.replace("\"sub\"", "\"bus\"")),
        (200, type_json, "[]".into()),
        (200, type_json, format!("[{honest}]")),
        (500, type_json, honest.clone()),
        (200, "text/html", "<p>alice@corp.test</p>".into()),
        (200, type_json, format!("{}{honest}", " ".repeat(10 * 1024 * 1024))),
        (302, type_json, honest.clone()),
    ];
    for lie in lies {
        let what = format!("{} {} {:.60}", lie.0, lie.1, lie.2);
        here.provider.script().userinfo = Some(lie);
        here.assert_refused(&what).await;
    }
    here.provider.script().userinfo = Some((200, type_json, honest));
    assert_eq!(here.admitted().await.expect("an honest answer")["email"], "alice@corp.test");
}

/// Gateways with a provider for each of these changes; whether each provider's people get in.
async fn with_each(change: impl Fn(&Lying, usize), count: usize) -> Vec<(Lying, Reply)> {
    let origin = Origin::start().await;
    let mut tables = String::new();
    let mut providers = Vec::new();
    for number in 0..count {
        let provider = Lying::start().await;
        change(&provider, number);
        let host = format!("a{number}.localhost");
        tables += &route(&host, &origin.url());
        tables += &provider.config(&format!("P{number}"));
        tables += &app(&format!("App {number}"), &host, &lines(&format!("P{number}"), ANYBODY_OF_CORP));
        providers.push(provider);
    }
    let gateway = Gateway::serve(&Config::bare().and(&tables)).await;
    let visits = providers.into_iter().enumerate().map(|(number, provider)| {
        let (mut browser, url) = (Client::new(&gateway), gateway.at(&format!("a{number}.localhost"), "/"));
        async move {
            let reply = browser.open(&url).await;
            // Once more: what failed is not asked for again at once (L-02).
            let mut again = browser.clone();
            let second = again.open(&url).await;
            assert!(reply.status == 200 || second.status != 200, "provider {number} is refused again");
            (provider, reply)
        }
    });
    futures_util::future::join_all(visits).await
}

#[tokio::test]
async fn i_08_metadata_of_another_issuer_is_not_believed() {
    let lies = |issuer: String| {
        [
            json!({ "issuer": format!("{issuer}/") }),
            json!({ "issuer": "http://localhost:1" }),
            json!({ "issuer": null }),
            json!({ "token_endpoint": null }),
            json!({ "jwks_uri": "file:///etc/passwd" }),
            json!({ "jwks_uri": "http://169.254.169.254/" }),
        ]
    };
    let visited = with_each(
        |lying, number| {
            let lie = lies(lying.issuer())[number].clone();
            lying.script().metadata = lie;
        },
        6,
    );
    for (provider, reply) in visited.await {
        let lie = provider.script().metadata.to_string();
        assert!(matches!(reply.status, 400 | 502), "{lie}: {} {}", reply.status, reply.body);
        assert_eq!(provider.asked("/.well-known/openid-configuration"), 1, "{lie}: after a failure there is a pause");
        assert_eq!(provider.asked("/authorize") + provider.asked("/token"), 0, "{lie}: nobody is sent there");
    }
}

#[tokio::test]
async fn l_02_a_key_set_that_is_broken_opens_nothing_and_is_not_asked_for_again_at_once() {
    let type_json = "application/json";
    let keys = |keys: Value| Some((200, type_json, json!({ "keys": keys }).to_string()));
    let stranger = || Lying::strangers_jwk("one");
    let with = |member: &str, value: Value| {
        let mut jwk = Lying::jwk();
        jwk[member] = value;
        jwk
    };
    let lies: Vec<Option<Answer>> = vec![
        keys(json!([])),
        Some((500, type_json, json!({ "keys": [Lying::jwk()] }).to_string())),
        Some((200, "text/html", "<html>".into())),
        Some((200, type_json, " ".repeat(10 * 1024 * 1024))),
        None,
        keys(json!([stranger()])),
        keys(json!([with("kty", json!("oct"))])),
        keys(json!([{ "kty": "oct", "kid": "one", "alg": "HS256", "k": "c2VjcmV0" }])),
        keys(json!([{ "kty": "EC", "kid": "one", "crv": "P-256", "x": "AA", "y": "AA" }])),
        keys(json!([with("n", json!("AQAB"))])),
        keys(json!([with("use", json!("enc"))])),
    ];
    let count = lies.len();
    for (provider, reply) in with_each(|lying, number| lying.script().keys = Some(lies[number].clone()), count).await {
        let lie = format!("{:.200?}", provider.script().keys);
        assert!(matches!(reply.status, 400 | 502), "{lie}: {} {}", reply.status, reply.body);
        assert!(provider.asked("/jwks") <= 2, "{lie}: {} fetches", provider.asked("/jwks"));
    }
}

#[tokio::test]
async fn l_02_a_bad_key_does_not_spoil_the_good_one_beside_it() {
    let keys: [Value; 5] = [
        json!([{ "kty": "unheard-of", "kid": "x" }, Lying::jwk()]),
        json!([Lying::jwk(), { "kty": "EC", "kid": "e", "crv": "P-256", "x": "AA", "y": "AA" }]),
        json!([{ "kty": "oct", "kid": "o", "k": "c2VjcmV0" }, Lying::jwk()]),
        json!([Lying::strangers_jwk("other"), Lying::jwk()]),
        json!([7, Lying::jwk()]),
    ];
    let visited = with_each(
        |lying, number| {
            let text = json!({ "keys": keys[number] }).to_string();
            lying.script().keys = Some(Some((200, "application/json", text)));
        },
        keys.len(),
    );
    for (provider, reply) in visited.await {
        assert_eq!(reply.status, 200, "{:?}: {}", provider.script().keys, reply.body);
    }
}

#[tokio::test]
async fn l_02_the_last_good_keys_serve_while_a_provider_is_broken() {
    let here = here(ANYBODY_OF_CORP).await;
    assert!(here.admitted().await.is_some());
    here.provider.script().keys = Some(Some((500, "text/plain", String::new())));
    here.provider.script().metadata = json!({ "issuer": "http://127.0.0.1:1" });
    assert!(here.admitted().await.is_some(), "what was fetched a moment ago is good for minutes");
}

#[tokio::test]
async fn l_01_tokens_of_unknown_keys_fetch_keys_once_and_nobody_else_notices() {
    let here = here(ANYBODY_OF_CORP).await;
    let (mut alice, reply) = here.sign_in().await;
    assert_eq!(reply.status, 200);
    let honest = here.provider.asked("/jwks");
    here.provider.script().forges = true;
    for number in 0..20 {
        here.provider.script().header = json!({ "kid": format!("unknown {number}") });
        here.assert_refused("an unknown key").await;
    }
    assert_eq!(here.provider.asked("/jwks"), honest + 1, "one look for new keys in half a minute");
    here.provider.script().forges = false;
    here.provider.script().header = Value::Null;
    assert!(here.admitted().await.is_some(), "the known keys are still known");

    // The same storm at the application: our own tokens name keys of ours, nobody is asked.
    let before = here.provider.script().asked.clone();
    let cookie = alice.jar.value(APP, "CF_Authorization").unwrap().to_owned();
    let mut mallory = Raw::connect(here.gateway.public()).await;
    for number in 0..1000 {
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": format!("{number:064x}") });
        let forged = token::with_header(&cookie, &header);
        mallory.send(format!("GET / HTTP/1.1\r\nHost: {APP}\r\nCookie: CF_Authorization={forged}\r\n\r\n")).await;
        assert_eq!(mallory.reply().await.map(|reply| reply.status()), Some(302));
        if number % 100 == 0 {
            assert_eq!(alice.get(&here.gateway.at(APP, "/")).await.status, 200);
        }
    }
    assert_eq!(here.provider.script().asked, before, "nobody was asked about keys");
}

#[tokio::test]
async fn k_12_a_providers_id_token_is_no_token_of_ours() {
    let here = here(ANYBODY_OF_CORP).await;
    let (alice, _) = here.sign_in().await;
    let id_token = here.provider.script().id_token.clone();
    let ours = alice.jar.value(APP, "CF_Authorization").unwrap().to_owned();
    // As it is; and with the claims of ours, under our kid, signed with the provider's key.
    let posing = Lying::signed(&token::header(&ours), &token::claims(&ours));
    let logout = Lying::signed(
        &json!({ "alg": "RS256", "kid": "one", "typ": "logout+jwt" }),
        &json!({ "iss": here.provider.issuer(), "aud": "doorward", "events": {}, "sub": "s1" }),
    );
    for worthless in [id_token, posing, logout] {
        here.origin.forget();
        for host in [APP.to_owned(), here.gateway.team_host()] {
            let mut mallory = Client::holding(&here.gateway, &host, &worthless);
            let reply = mallory.get(&here.gateway.at(APP, "/")).await;
            assert!(reply.sends_to_sign_in(), "{worthless} on {host}: {}", reply.status);
        }
        here.origin.assert_untouched("a token of a provider");
    }
}
