//! The provider from outside: what browsers and clients send, honest or not.

use axum::Router;
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use doorward_model::idp::IdpKind;
use doorward_model::secret::Secret;
use doorward_model::time::Lifetime;
use http::{Request, StatusCode};
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use serde_json::{Value, json};
use url::Url;

use super::client::Client;
use super::grants::challenge_of;
use super::*;
use crate::testing::{Answer, CLIENT_SECRET, ISSUER, START, World, ask};

const CALLBACK: &str = "http://acme.localhost:8787/cdn-cgi/access/callback";
const VERIFIER: &str = "a-verifier-of-forty-three-characters-or-more-x";

/// The parameters of an honest authorization request, with some of them otherwise.
fn authorization(changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let challenge = challenge_of(VERIFIER);
    let usual = [
        ("response_type", "code"),
        ("client_id", "doorward"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid email profile groups"),
        ("state", "st/ate&1"),
        ("nonce", "once"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    changed(&usual, changes)
}

/// An empty value takes a parameter away; a new name is added.
fn changed(usual: &[(&str, &str)], changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = usual
        .iter()
        .filter(|(name, _)| !changes.iter().any(|(other, _)| other == name))
        .chain(changes.iter().filter(|(_, value)| !value.is_empty()))
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    all.sort();
    all
}

fn encoded(pairs: &[(String, String)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

async fn get(site: &Router, path: &str) -> Answer {
    ask(site.clone(), Request::get(format!("{IDP_PATH}{path}")).body(Body::empty()).unwrap()).await
}

async fn authorize(site: &Router, changes: &[(&str, &str)]) -> Answer {
    get(site, &format!("/authorize?{}", encoded(&authorization(changes)))).await
}

async fn post(site: &Router, path: &str, headers: &[(&str, &str)], form: &[(String, String)]) -> Answer {
    let mut request =
        Request::post(format!("{IDP_PATH}{path}")).header("content-type", "application/x-www-form-urlencoded");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    ask(site.clone(), request.body(Body::from(encoded(form))).unwrap()).await
}

async fn pick(site: &Router, changes: &[(&str, &str)]) -> Answer {
    post(site, "/authorize", &[], &authorization(changes)).await
}

fn answered(answer: &Answer, name: &str) -> String {
    let url = Url::parse(answer.header("location")).unwrap_or_else(|_| panic!("no redirect: {}", answer.body));
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

async fn code(site: &Router, changes: &[(&str, &str)]) -> String {
    let changes = [&[("email", "alice@example.com")], changes].concat();
    answered(&pick(site, &changes).await, "code")
}

async fn redeem(site: &Router, code: &str, changes: &[(&str, &str)]) -> Answer {
    let usual = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
        ("client_id", "doorward"),
        ("client_secret", CLIENT_SECRET),
    ];
    post(site, "/token", &[], &changed(&usual, changes)).await
}

async fn userinfo(site: &Router, token: &str) -> Answer {
    let request = Request::get(format!("{IDP_PATH}/userinfo")).header("authorization", format!("Bearer {token}"));
    ask(site.clone(), request.body(Body::empty()).unwrap()).await
}

fn payload(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

mod misuse;

#[tokio::test]
async fn discovery_names_this_very_provider_and_only_what_it_does() {
    let world = World::new().await;
    let found = get(&world.provider(), "/.well-known/openid-configuration").await.json();
    assert_eq!(found["issuer"], format!("{ISSUER}{IDP_PATH}"));
    for endpoint in ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"] {
        assert!(text(&found[endpoint]).starts_with(text(&found["issuer"])), "{endpoint}");
    }
    assert_eq!(found["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(found["response_types_supported"], json!(["code"]));
}

#[tokio::test]
async fn somebody_picked_from_the_list_gets_an_id_token_that_the_published_key_verifies() {
    let world = World::new().await;
    let site = world.provider();
    let picked = pick(&site, &[("email", "alice@example.com")]).await;
    assert_eq!(answered(&picked, "state"), "st/ate&1");
    assert_eq!(answered(&picked, "iss"), format!("{ISSUER}{IDP_PATH}"));
    let tokens = redeem(&site, &answered(&picked, "code"), &[]).await;
    assert_eq!((tokens.status, tokens.header("cache-control")), (StatusCode::OK, "no-store"));
    let tokens = tokens.json();
    let id_token = text(&tokens["id_token"]);
    let claims = payload(id_token);
    for (name, wanted) in [
        ("iss", json!(format!("{ISSUER}{IDP_PATH}"))),
        ("aud", json!("doorward")),
        ("nonce", json!("once")),
        ("email", json!("alice@example.com")),
        ("email_verified", json!(true)),
        ("name", json!("Alice")),
        ("groups", json!(["admins"])),
        ("amr", json!(["pwd"])),
        ("department", json!("Sales")),
        ("country", json!("DE")),
        ("auth_time", json!(START.secs())),
        ("iat", json!(START.secs())),
    ] {
        assert_eq!(claims[name], wanted, "{name}");
    }
    let info = userinfo(&site, text(&tokens["access_token"])).await.json();
    assert_eq!((&info["sub"], &info["email"]), (&claims["sub"], &claims["email"]));

    let key = &get(&site, "/jwks").await.json()["keys"][0];
    let (signed, signature) = id_token.rsplit_once('.').unwrap();
    let header: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(signed.split_once('.').unwrap().0).unwrap()).unwrap();
    assert_eq!((&header["alg"], &header["kid"]), (&json!("ES256"), &key["kid"]));
    let coordinate = |name: &str| URL_SAFE_NO_PAD.decode(text(&key[name])).unwrap();
    let point = [vec![4], coordinate("x"), coordinate("y")].concat();
    let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    VerifyingKey::from_sec1_bytes(&point).unwrap().verify(signed.as_bytes(), &signature).unwrap();
}

#[tokio::test]
async fn the_page_lists_the_people_and_carries_the_request_along() {
    let world = World::new().await;
    let page = authorize(&world.provider(), &[]).await;
    assert_eq!(page.status, StatusCode::OK);
    for wanted in ["alice@example.com", "bob@example.com", "st/ate", "name=\"redirect_uri\"", "name=\"code_challenge\""]
    {
        assert!(page.body.contains(wanted), "{wanted}");
    }
    let policy = page.header("content-security-policy");
    assert!(policy.ends_with("form-action 'self' http: https:"), "a sign-in may end anywhere: {policy}");
    assert_eq!(page.header("cache-control"), "no-store");
}

#[tokio::test]
async fn somebody_typed_in_is_believed_and_their_claims_are_copied_from_now_on() {
    let world = World::new().await;
    let site = world.provider();
    let typed = [("email", "zoe@example.com"), ("name", "Zoe"), ("groups", "a, b"), ("claims", "{\"level\":7}")];
    let code = answered(&pick(&site, &typed).await, "code");
    let claims = payload(text(&redeem(&site, &code, &[]).await.json()["id_token"]));
    assert_eq!(
        (&claims["email"], &claims["groups"], &claims["level"]),
        (&json!("zoe@example.com"), &json!(["a", "b"]), &json!(7))
    );
    let catalog = world.emulator.catalog.load();
    let IdpKind::Oidc(entry) = &catalog.idps().next().unwrap().kind;
    assert_eq!(entry.claims, ["department", "level"]);
}

#[tokio::test]
async fn where_somebody_signs_in_from_is_no_matter_of_their_other_claims() {
    let world = World::new().await;
    let zoe = json!({ "country": "PT", "claims": { "country": "Portugal" } });
    world.control("PUT", "/users/zoe@example.com", zoe).await;
    let site = world.provider();
    let code = answered(&pick(&site, &[("email", "zoe@example.com")]).await, "code");
    assert_eq!(payload(text(&redeem(&site, &code, &[]).await.json()["id_token"]))["country"], "PT");
}

#[tokio::test]
async fn a_mistake_in_the_form_is_named_and_nothing_typed_is_lost() {
    let world = World::new().await;
    let typed = [("email", "zoe@example.com"), ("name", "Zoe"), ("groups", "a,b"), ("claims", "{oops")];
    let page = pick(&world.provider(), &typed).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    for kept in ["zoe@example.com", "Zoe", "a,b", "{oops", "This is not JSON"] {
        assert!(page.body.contains(kept), "{kept}");
    }
    let gone = pick(&world.provider(), &[("email", "nobody@example.com")]).await;
    assert_eq!(gone.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_hint_at_somebody_listed_needs_no_page_and_any_other_hint_does() {
    let world = World::new().await;
    let site = world.provider();
    let hinted = authorize(&site, &[("login_hint", "alice@example.com")]).await;
    assert!(!answered(&hinted, "code").is_empty());
    let stranger = authorize(&site, &[("login_hint", "mallory@example.com")]).await;
    assert_eq!(stranger.status, StatusCode::OK);
    let again = authorize(&site, &[("login_hint", "alice@example.com"), ("prompt", "login")]).await;
    assert_eq!(again.status, StatusCode::OK);
    let silent = authorize(&site, &[("prompt", "none")]).await;
    assert_eq!(answered(&silent, "error"), "login_required");
    assert_eq!(answered(&silent, "state"), "st/ate&1");
}
