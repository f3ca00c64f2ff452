//! Attack catalogue, groups I, J and L at the identity provider's side: one lie
//! each, and the sign-in is refused, leaves nothing behind and tells no detail.

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
async fn j_01_an_address_that_the_provider_does_not_vouch_for_is_nobodys() {
    let here = here(r#"include = [{ email = { email = "root@corp.test" } }]"#).await;
    for flag in [json!(false), json!("false"), json!(0), json!(1), json!("yes"), json!([true]), json!(null)] {
        here.provider.script().claims = json!({ "email": "root@corp.test", "email_verified": flag });
        here.assert_refused(&format!("email_verified {flag}")).await;
    }
    here.provider.script().claims = json!({ "email": "root@corp.test" });
    assert!(here.admitted().await.is_some());
}

#[tokio::test]
async fn j_02_a_claim_that_is_no_address_is_nobody() {
    let here = here(ANYBODY_OF_CORP).await;
    for email in [
        json!("mallory@evil.test@corp.test"),
        json!("\"x@corp.test\"@evil.test"),
        json!("a@corp.test\u{0}"),
        json!("a@corp.test\n"),
        json!("@corp.test"),
        json!("corp.test"),
        json!(" a@corp.test"),
        json!("a@corp.test,b@corp.test"),
        json!(["a@corp.test"]),
        json!({ "0": "a@corp.test" }),
        json!(7),
        json!(""),
    ] {
        here.provider.script().claims = json!({ "email": email });
        here.assert_refused(&email.to_string()).await;
    }
}

#[tokio::test]
async fn j_03_a_domain_is_the_whole_of_what_follows_the_at() {
    let here = here(ANYBODY_OF_CORP).await;
    let alice = here.admitted().await.expect("an honest sign-in");
    for email in ["x@notcorp.test", "x@corp.test.evil.test", "x@sub.corp.test", "corp.test@evil.test"] {
        here.provider.script().claims = json!({ "email": email, "sub": email });
        let (_, reply) = here.sign_in().await;
        assert!(reply.body.contains("That account does not have access"), "{email}: {} {}", reply.status, reply.body);
        here.origin.assert_untouched(email);
    }
    here.provider.script().claims = json!({ "email": "Alice@CORP.test" });
    let again = here.admitted().await.expect("the same address in other letters");
    assert_eq!((&again["email"], &again["sub"]), (&alice["email"], &alice["sub"]), "one record for one person");
}

const ADMINS: &str =
    r#"include = [{ oidc = { identity_provider_id = "Lying", claim_name = "groups", claim_value = "admins" } }]"#;

#[tokio::test]
async fn j_06_one_group_is_one_exact_text() {
    let here = here(ADMINS).await;
    let many: Vec<String> = (0..10_000).map(|number| format!("g{number}")).collect();
    for (groups, inside) in [
        (json!("admins"), true),
        (json!(["x", "admins"]), true),
        (json!("admins,x"), false),
        (json!(["xadmins", "adminsx"]), false),
        (json!(["Admins", "ADMINS"]), false),
        (json!([["admins"]]), false),
        (json!({ "admins": true }), false),
        (json!(many), false),
        (json!(null), false),
    ] {
        here.provider.script().claims = json!({ "groups": groups });
        assert_eq!(here.admitted().await.is_some(), inside, "{:.60}", groups.to_string());
    }
}

#[tokio::test]
async fn j_07_groups_that_are_elsewhere_are_not_fetched_and_match_nothing() {
    let here = here(ADMINS).await;
    here.provider.script().claims = json!({
        "groups": null,
        "hasgroups": true,
        "_claim_names": { "groups": "src1" },
        "_claim_sources": { "src1": { "endpoint": format!("{}/groups", here.provider.issuer()) } },
    });
    assert!(here.admitted().await.is_none());
    assert_eq!(here.provider.asked("/groups"), 0, "the address is the token's word");
    here.gateway.logs("overage").await;
}

#[tokio::test]
async fn j_12_what_one_provider_said_about_somebody_is_not_said_by_another() {
    let (a, b, origin) = (Lying::start().await, Lying::start().await, Origin::start().await);
    let admins = ADMINS.replace("Lying", "A");
    let policies = format!("policies = [{{ name = \"Admins\", decision = \"allow\", {admins} }}]");
    let tables = [
        route(APP, &origin.url()),
        a.config("A"),
        b.config("B"),
        app("App", APP, &format!("allowed_idps = [\"A\", \"B\"]\n{policies}")),
    ];
    let gateway = Gateway::serve(&Config::bare().and(&tables.concat())).await;
    for provider in [&a, &b] {
        provider.script().claims = json!({ "groups": ["admins"] });
    }
    let with = async |browser: &mut Client, provider: &Lying| {
        let page = browser.open(&gateway.at(APP, "/")).await;
        let links = crate::support::html::links(&page.body);
        for link in links.iter().filter(|link| link.contains("idp=")) {
            let mut tab = browser.clone();
            let reply = tab.get(page.url.join(link).unwrap().as_str()).await;
            if reply.location().as_str().starts_with(&provider.issuer()) {
                *browser = tab;
                return browser.follow(reply).await;
            }
        }
        panic!("no link leads to the provider: {links:?}");
    };
    let mut browser = Client::new(&gateway);
    assert_eq!(with(&mut browser, &a).await.body, "ok");
    // The same address from the other provider, in the same browser and in a new one.
    assert_eq!(browser.get(&gateway.at(APP, "/cdn-cgi/access/logout")).await.status, 200);
    origin.forget();
    for mut browser in [browser, Client::new(&gateway)] {
        let reply = with(&mut browser, &b).await;
        assert!(reply.body.contains("That account does not have access"), "{} {}", reply.status, reply.body);
        origin.assert_untouched("groups of another provider");
    }
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
