//! What a browser's tokens are worth on the team domain, until the session ends.

use doorward_model::cookie::AUTHORIZATION;
use doorward_model::session::Revoked;
use doorward_model::time::Lifetime;
use http::StatusCode;
use serde_json::{Value, json};
use url::Url;

use super::gateway::{Browser, Gateway, NOTES, NOW, TEAM, WIKI};
use super::{TEAM_HOST, WIKI_HOST};

#[tokio::test]
async fn k_12_an_applications_token_is_no_organisation_session() {
    let gateway = Gateway::start().await;
    let mut alice = Browser::named("alice");
    let _ = gateway.sign_in(&mut alice, "wiki", "/").await;
    let app_token = alice.cookie(WIKI_HOST, AUTHORIZATION).unwrap().to_owned();
    alice.set(TEAM_HOST, AUTHORIZATION, &app_token);
    let challenge = gateway.challenge(&mut alice, "notes", "/");
    assert_eq!(alice.get(&gateway, &challenge).await.status, StatusCode::OK);
}

#[tokio::test]
async fn get_identity_tells_the_same_person_on_both_domains() {
    let gateway = Gateway::start().await;
    let mut alice = Browser::named("alice");
    let nobody = alice.get(&gateway, &format!("{WIKI}/cdn-cgi/access/get-identity")).await;
    assert_eq!((nobody.status, nobody.body.as_str()), (StatusCode::BAD_REQUEST, r#"{"err":"no app token set"}"#));
    let _ = gateway.sign_in(&mut alice, "wiki", "/").await;
    let here: Value =
        serde_json::from_str(&alice.get(&gateway, &format!("{WIKI}/cdn-cgi/access/get-identity")).await.body).unwrap();
    let app_token = alice.cookie(WIKI_HOST, AUTHORIZATION).unwrap().to_owned();
    alice.set(TEAM_HOST, AUTHORIZATION, &app_token);
    let team = alice.get(&gateway, &format!("{TEAM}/cdn-cgi/access/get-identity")).await;
    assert_eq!(serde_json::from_str::<Value>(&team.body).unwrap(), here);
    assert_eq!(here["email"], "alice@corp.test");
    assert_eq!((&here["groups"], &here["oidc_fields"]), (&json!(["staff"]), &json!({"groups": ["staff"]})));
    assert!(here["version"].is_i64() && here["device_sessions"].is_object() && here["is_warp"] == false);
    let foreign = alice.cookie(WIKI_HOST, AUTHORIZATION).unwrap().to_owned();
    alice.set("notes.localhost", AUTHORIZATION, &foreign);
    let elsewhere = alice.get(&gateway, &format!("{NOTES}/cdn-cgi/access/get-identity")).await;
    assert_eq!(elsewhere.status, StatusCode::BAD_REQUEST, "another application's token says nothing here");
}

#[tokio::test]
async fn g_10_a_sign_out_anywhere_ends_the_session_everywhere() {
    let gateway = Gateway::start().await;
    for base in [TEAM, WIKI] {
        let mut alice = Browser::named("alice");
        let _ = gateway.sign_in(&mut alice, "wiki", "/").await;
        let stolen = alice.clone();
        let page = alice.get(&gateway, &format!("{base}/cdn-cgi/access/logout")).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.body.contains("signed out"));
        let host = Url::parse(base).unwrap().host_str().unwrap().to_owned();
        assert!(alice.cookie(&host, AUTHORIZATION).is_none(), "{base}");
        let mut stolen = stolen;
        let challenge = gateway.challenge(&mut stolen, "notes", "/");
        assert_eq!(stolen.get(&gateway, &challenge).await.status, StatusCode::OK, "the sign-in page, not SSO");
        let who = stolen.get(&gateway, &format!("{WIKI}/cdn-cgi/access/get-identity")).await;
        assert_eq!(who.status, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn g_10_a_revocation_during_the_sign_in_ends_it() {
    let gateway = Gateway::start().await;
    let mut alice = Browser::named("alice");
    let _ = gateway.sign_in(&mut alice, "wiki", "/").await;
    let session = gateway.store.last_session(&"alice@corp.test".parse().unwrap()).await.unwrap().unwrap();
    let callback = gateway.at_callback(&mut alice, "wiki", "/").await;
    let user = Revoked::User(session.identity.user_uuid);
    gateway.store.revoke(&user, NOW.plus(Lifetime::from_secs(1))).await.unwrap();
    assert_eq!(alice.get(&gateway, &callback).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn g_10_who_signs_in_after_a_revocation_waits_a_minute_and_has_a_session_that_holds() {
    let gateway = Gateway::start().await;
    let mut alice = Browser::named("alice");
    let _ = gateway.sign_in(&mut alice, "wiki", "/").await;
    let session = gateway.store.last_session(&"alice@corp.test".parse().unwrap()).await.unwrap().unwrap();
    gateway.store.revoke(&Revoked::User(session.identity.user_uuid), NOW).await.unwrap();
    let challenge = gateway.challenge(&mut alice, "notes", "/");
    assert_eq!(alice.get(&gateway, &challenge).await.status, StatusCode::OK, "the old session is over");
    let callback = gateway.at_callback(&mut alice, "wiki", "/").await;
    assert_eq!(alice.get(&gateway, &callback).await.status, StatusCode::FORBIDDEN, "too soon");
    alice.later = 61;
    let back = gateway.sign_in(&mut alice, "wiki", "/").await;
    assert_eq!(back.location(), format!("{WIKI}/"));
    let challenge = gateway.challenge(&mut alice, "notes", "/");
    assert_eq!(alice.get(&gateway, &challenge).await.status, StatusCode::FOUND);
}

#[tokio::test]
async fn g_02_two_people_in_one_browser_are_nobody() {
    let gateway = Gateway::start().await;
    let (mut alice, mut bob) = (Browser::named("alice"), Browser::named("bob"));
    let _ = gateway.sign_in(&mut alice, "wiki", "/").await;
    gateway.provider.script().claims = json!({"email": "bob@corp.test", "sub": "s2"});
    let _ = gateway.sign_in(&mut bob, "wiki", "/").await;
    let [one, two] = [&alice, &bob].map(|browser| browser.cookie(TEAM_HOST, AUTHORIZATION).unwrap().to_owned());
    for (tokens, expected) in [
        (format!("{one}; {AUTHORIZATION}={two}"), StatusCode::OK),
        (format!("{two}; {AUTHORIZATION}={one}"), StatusCode::OK),
        (format!("junk; {AUTHORIZATION}={one}"), StatusCode::FOUND),
        (format!("{one}; {AUTHORIZATION}=junk"), StatusCode::FOUND),
    ] {
        let mut both = Browser::named("both");
        let challenge = gateway.challenge(&mut both, "notes", "/");
        both.set(TEAM_HOST, AUTHORIZATION, &tokens);
        assert_eq!(both.get(&gateway, &challenge).await.status, expected);
    }
}
