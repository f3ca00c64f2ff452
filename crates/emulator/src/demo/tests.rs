//! The demonstration as the edge calls it, with and without proof.

use std::sync::atomic::Ordering;

use axum::body::Body;
use doorward_model::id::IdentityNonce;
use doorward_model::time::Lifetime;
use http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::testing::{Answer, World, ask};

const HOST: (&str, &str) = ("host", "wiki.localhost:8787");
const OWN_ORIGIN: (&str, &str) = ("origin", "http://wiki.localhost:8787");

impl World {
    async fn minted(&self, app: &str) -> String {
        let order = json!({ "app": app, "email": "alice@example.com" });
        self.control("POST", "/tokens", order).await.json()["token"].as_str().unwrap().to_owned()
    }

    async fn visit(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        ask(self.emulator.demo_router(&self.emulator.catalog), request.body(Body::empty()).unwrap()).await
    }
}

fn session(token: &str) -> IdentityNonce {
    use base64::Engine as _;
    let part = token.split('.').nth(1).unwrap();
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    IdentityNonce::from_text(claims["identity_nonce"].as_str().unwrap())
}

#[tokio::test]
async fn a_visitor_sees_who_they_are_and_what_the_token_says() {
    let world = World::new().await;
    let token = world.minted("wiki.localhost").await;
    let page = world.visit("GET", "/", &[HOST, ("cf-access-jwt-assertion", &token), ("x-shown", "yes")]).await;
    assert_eq!(page.status, StatusCode::OK);
    for wanted in [
        "Alice",
        "alice@example.com",
        "Built-in people",
        "admins",
        "identity_nonce",
        "x-shown",
        "/cdn-cgi/access/logout",
        "/rotate",
    ] {
        assert!(page.body.contains(wanted), "{wanted}");
    }
    let orders = page.body.matches("doorward token --admin http://127.0.0.1:18788 --app wiki.localhost").count();
    assert_eq!(orders, 2, "every command finds this emulator, on whatever port it listens: {}", page.body);
    assert!(!page.body.contains(&token), "a screenshot of the page must not be a credential");
    assert_eq!(page.header("cache-control"), "no-store");
    assert!(page.header("content-security-policy").contains("default-src 'none'"));
}

#[tokio::test]
async fn a_program_gets_the_same_as_json() {
    let world = World::new().await;
    let token = world.minted("wiki.localhost").await;
    let assertion = ("cf-access-jwt-assertion", token.as_str());
    let by_accept = world.visit("GET", "/", &[HOST, assertion, ("accept", "application/json")]).await.json();
    let by_path = world.visit("GET", "/api/me", &[HOST, assertion]).await.json();
    for data in [&by_accept, &by_path] {
        assert_eq!(data["verified"], true);
        assert_eq!(data["claims"]["email"], "alice@example.com");
        assert_eq!(data["headers"]["cf-access-jwt-assertion"], token);
    }
    let browser = ("accept", "text/html,application/xhtml+xml,application/json;q=0.9");
    assert!(world.visit("GET", "/", &[HOST, assertion, browser]).await.body.starts_with("<!"));
}

#[tokio::test]
async fn what_does_not_verify_is_nobody() {
    let world = World::new().await;
    let good = world.minted("wiki.localhost").await;
    let other_app = world.minted("pr-1.preview.test").await;
    let tampered = format!("{}AAAA", &good[..good.len() - 4]);
    for headers in [
        &[HOST][..],
        &[HOST, ("cf-access-jwt-assertion", &other_app)],
        &[HOST, ("cf-access-jwt-assertion", &tampered)],
        &[HOST, ("cf-access-jwt-assertion", &good), ("cf-access-jwt-assertion", &other_app)],
        &[HOST, ("cf-access-authenticated-user-email", "alice@example.com")],
        &[("host", "elsewhere.test"), ("cf-access-jwt-assertion", &good)],
    ] {
        let data = world.visit("GET", "/api/me", headers).await.json();
        assert_eq!((&data["verified"], &data["claims"]), (&json!(false), &json!({})), "{headers:?}");
    }
    assert!(world.emulator.clock.advance(Lifetime::from_hours(9)));
    let late = world.visit("GET", "/api/me", &[HOST, ("cf-access-jwt-assertion", &good)]).await.json();
    assert_eq!(late["verified"], false);
}

#[tokio::test]
async fn expiring_ends_the_visitors_own_session() {
    let world = World::new().await;
    let (token, other) = (world.minted("wiki.localhost").await, world.minted("wiki.localhost").await);
    let headers = [HOST, OWN_ORIGIN, ("cf-access-jwt-assertion", token.as_str())];
    let answer = world.visit("POST", "/expire", &headers).await;
    assert_eq!(answer.status, StatusCode::OK, "a redirect would lead the form to the sign-in, where it may not go");
    assert!(answer.body.contains("Your session has ended") && answer.body.contains("href=\"/\""), "{}", answer.body);
    let store = &world.emulator.store;
    assert!(store.session(&session(&token)).await.unwrap().is_none());
    assert!(store.session(&session(&other)).await.unwrap().is_some());
}

#[tokio::test]
async fn rotating_asks_for_it_once_and_says_so() {
    let world = World::new().await;
    let token = world.minted("wiki.localhost").await;
    let headers = [HOST, ("sec-fetch-site", "same-origin"), ("cf-access-jwt-assertion", token.as_str())];
    let answer = world.visit("POST", "/rotate", &headers).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/?done=rotated"));
    assert_eq!(world.rotations.load(Ordering::SeqCst), 1);
    assert!(world.visit("GET", "/?done=rotated", &headers).await.body.contains("The keys were rotated"));
}

#[tokio::test]
async fn a_button_pressed_too_late_leads_back_to_the_page_after_the_sign_in() {
    let world = World::new().await;
    let token = world.minted("wiki.localhost").await;
    let headers = [HOST, ("cf-access-jwt-assertion", token.as_str())];
    let page = world.visit("GET", "/", &headers).await;
    assert!(page.header("content-security-policy").ends_with("form-action 'self' http: https:"));
    for path in ["/expire", "/rotate"] {
        let answer = world.visit("GET", path, &headers).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/"), "{path}");
    }
    assert!(world.emulator.store.session(&session(&token)).await.unwrap().is_some());
    assert_eq!(world.rotations.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_form_of_another_site_changes_nothing() {
    let world = World::new().await;
    let token = world.minted("wiki.localhost").await;
    let assertion = ("cf-access-jwt-assertion", token.as_str());
    for path in ["/expire", "/rotate"] {
        for foreign in [
            &[("origin", "https://evil.com")][..],
            &[("origin", "null")],
            &[("origin", "http://wiki.localhost:9999")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site"), OWN_ORIGIN],
        ] {
            let answer = world.visit("POST", path, &[&[HOST, assertion], foreign].concat()).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {foreign:?}");
        }
        let nobody = world.visit("POST", path, &[HOST, OWN_ORIGIN]).await;
        assert_eq!(nobody.status, StatusCode::FORBIDDEN, "{path} without a token");
    }
    assert_eq!(world.rotations.load(Ordering::SeqCst), 0);
    assert!(world.emulator.store.session(&session(&token)).await.unwrap().is_some());
}

#[tokio::test]
async fn other_addresses_have_nothing_to_show() {
    let world = World::new().await;
    assert_eq!(world.visit("GET", "/favicon.ico", &[HOST]).await.status, StatusCode::NOT_FOUND);
}
