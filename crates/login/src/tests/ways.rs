//! Where a sign-in and a sign-out may lead, and what is handed over on the way.

use doorward_model::cookie::AUTHORIZATION;
use doorward_model::time::{Lifetime, Timestamp};
use http::{Method, StatusCode};
use serde_json::Value;
use url::Url;

use super::WIKI_HOST;
use super::gateway::{Browser, Gateway, NOTES, NOW, TEAM, WIKI};

#[tokio::test]
async fn h_07_a_hand_over_is_for_one_browser_one_host_and_one_time() {
    let gateway = Gateway::start().await;
    let mut alice = Browser::named("alice");
    let callback = gateway.at_callback(&mut alice, "wiki", "/").await;
    let handed = alice.get(&gateway, &callback).await.location();
    assert_eq!(alice.get(&gateway, &handed).await.status, StatusCode::FOUND);
    assert_eq!(alice.get(&gateway, &handed).await.status, StatusCode::BAD_REQUEST, "twice");

    let sso = alice_again(&gateway, &mut alice).await;
    let mut mallory = Browser::named("mallory");
    let _ = gateway.challenge(&mut mallory, "wiki", "/");
    assert_eq!(mallory.get(&gateway, &sso).await.status, StatusCode::BAD_REQUEST, "another browser");

    let sso = alice_again(&gateway, &mut alice).await;
    let elsewhere = sso.replace(WIKI, NOTES);
    let refused = alice.get(&gateway, &elsewhere).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "another application");
    assert!(refused.body.contains("Invalid login session"));

    let sso = alice_again(&gateway, &mut alice).await;
    alice.later = 61;
    assert_eq!(alice.get(&gateway, &sso).await.status, StatusCode::BAD_REQUEST, "too late");
}

async fn alice_again(gateway: &Gateway, alice: &mut Browser) -> String {
    let challenge = gateway.challenge(alice, "wiki", "/");
    alice.get(gateway, &challenge).await.location()
}

#[tokio::test]
async fn a_second_application_needs_no_provider_and_head_is_answered_like_get() {
    let gateway = Gateway::start().await;
    let mut alice = Browser::named("alice");
    let _ = gateway.sign_in(&mut alice, "wiki", "/").await;
    let challenge = gateway.challenge(&mut alice, "notes", "/n");
    let handed = alice.request(&gateway, Method::HEAD, &challenge).await.location();
    let back = alice.request(&gateway, Method::HEAD, &handed).await;
    assert_eq!(back.location(), format!("{NOTES}/n"));
    assert!(back.set_cookie(AUTHORIZATION).contains("Expires="));
    assert_eq!(gateway.provider.script().exchanges.len(), 1);
}

#[tokio::test]
async fn without_meta_the_hand_over_sets_no_cookie() {
    let gateway = Gateway::start().await;
    let mut alice = Browser::named("alice");
    let _ = gateway.sign_in(&mut alice, "wiki", "/").await;
    let plain = format!("{TEAM}/cdn-cgi/access/login/notes.localhost?kid={}&redirect_url=%2Fn", gateway.aud("notes"));
    let handed = alice.get(&gateway, &plain).await.location();
    let back = alice.get(&gateway, &handed).await;
    assert_eq!(back.location(), format!("{NOTES}/n"));
    assert!(back.set_cookies().is_empty());
}

#[tokio::test]
async fn an_unknown_application_is_not_found() {
    let gateway = Gateway::start().await;
    let mut alice = Browser::named("alice");
    let (wiki, notes) = (gateway.aud("wiki"), gateway.aud("notes"));
    for path in [
        format!("wiki.localhost?kid={notes}&redirect_url=%2F"),
        format!("evil.test?kid={wiki}&redirect_url=%2F"),
        format!("wiki.localhost@evil.test?kid={wiki}"),
        "wiki.localhost?redirect_url=%2F".into(),
        "wiki.localhost?kid=x".into(),
    ] {
        let refused = alice.get(&gateway, &format!("{TEAM}/cdn-cgi/access/login/{path}")).await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND, "{path}");
        assert!(refused.body.contains("Unable to find your Access application!"), "{path}");
    }
}

#[tokio::test]
async fn h_01_h_02_a_sign_in_leads_nowhere_but_to_the_application() {
    let gateway = Gateway::start().await;
    let mut alice = Browser::named("alice");
    let _ = gateway.sign_in(&mut alice, "wiki", "/").await;
    for place in ["//evil.test", "https://evil.test", "/\\evil.test", "/%09/evil.test", "https:evil.test"] {
        let challenge = gateway.challenge(&mut alice, "wiki", place);
        let handed = alice.get(&gateway, &challenge).await.location();
        let landed = alice.get(&gateway, &handed).await.location();
        assert_eq!(Url::parse(&landed).unwrap().host_str(), Some(WIKI_HOST), "{place}");
    }
    let kid = gateway.aud("wiki");
    let port = format!("{TEAM}/cdn-cgi/access/login/wiki.localhost:9999?kid={kid}&redirect_url=%2F");
    assert!(alice.get(&gateway, &port).await.location().starts_with(&format!("{WIKI}/")), "another port is dropped");
}

#[tokio::test]
async fn h_02_a_port_that_somebody_made_the_edge_name_is_kept_behind_an_emulators_proxy_alone() {
    for (gateway, port) in [(Gateway::start().await, "8787"), (Gateway::emulating().await, "9999")] {
        let mut alice = Browser::named("alice");
        let _ = gateway.sign_in(&mut alice, "wiki", "/").await;
        let challenge = gateway.challenge_on(&mut alice, "wiki", "9999", "/");
        let handed = alice.get(&gateway, &challenge).await.location();
        assert!(handed.starts_with(&format!("{WIKI}/")), "its ports are its own, emulator or not: {handed}");
        let encrypted = challenge.replacen("http://", "https://", 1);
        let handed = alice.get(&gateway, &encrypted).await.location();
        assert!(handed.starts_with(&format!("https://wiki.localhost:{port}/")), "{handed}");
    }
}

#[tokio::test]
async fn h_02_return_to_after_sign_out_leads_to_our_own_applications_only() {
    let gateway = Gateway::start().await;
    let mut alice = Browser::named("alice");
    for (wanted, expected) in [
        ("/wiki", Some(format!("{TEAM}/wiki?__cf_access_message=logged_out"))),
        ("http://wiki.localhost:8787/a?b=c", Some(format!("{WIKI}/a?b=c&__cf_access_message=logged_out"))),
        ("https://wiki.localhost:8787/", None),
        ("http://wiki.localhost:9999/", None),
        ("http://evil.test:8787/", None),
        ("http://wiki.localhost:8787@evil.test/", None),
        ("http://user@wiki.localhost:8787/", None),
        ("http://wiki.localhost:8787\\@evil.test/", None),
        ("javascript:alert(1)", None),
        ("//evil.test/", Some(format!("{TEAM}/?__cf_access_message=logged_out"))),
    ] {
        let query: String = url::form_urlencoded::byte_serialize(wanted.as_bytes()).collect();
        let answer = alice.get(&gateway, &format!("{TEAM}/cdn-cgi/access/logout?returnTo={query}")).await;
        match expected {
            Some(location) => assert_eq!(answer.location(), location, "{wanted}"),
            None => assert_eq!(answer.status, StatusCode::OK, "{wanted}"),
        }
    }
}

#[tokio::test]
async fn certs_are_for_everybody_on_every_host() {
    let gateway = Gateway::start().await;
    for base in [TEAM, WIKI] {
        let certs = Browser::named("validator").get(&gateway, &format!("{base}/cdn-cgi/access/certs")).await;
        assert_eq!(certs.headers["access-control-allow-origin"], "*");
        let body: Value = serde_json::from_str(&certs.body).unwrap();
        assert_eq!(body["keys"][0]["alg"], "RS256");
    }
}

#[tokio::test]
async fn an_immediate_timeout_still_outlives_the_redirect() {
    let gateway = Gateway::start().await;
    gateway.reconfigure(|parts| parts.apps[0].session_duration = Lifetime::ZERO);
    let mut alice = Browser::named("alice");
    let _ = gateway.sign_in(&mut alice, "wiki", "/").await;
    let token = alice.cookie(WIKI_HOST, AUTHORIZATION).unwrap();
    let (aud, issuers) = (gateway.aud("wiki"), [TEAM.to_owned()]);
    let soon = Timestamp::from_secs(NOW.secs() + 5);
    assert!(gateway.signer.load().verify_app(token, &issuers, &aud, soon, Lifetime::ZERO).is_ok());
}
