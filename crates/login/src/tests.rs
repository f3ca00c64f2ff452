//! The whole sign-in at the level of the routers, with a provider that can lie.

mod access_log;
mod gateway;
mod lies;
mod provider;
mod sessions;
mod told;
mod ways;

use doorward_model::app::App;
use doorward_model::cookie::AUTHORIZATION;
use doorward_model::policy::Decision;
use doorward_model::time::Lifetime;
use doorward_signer::Subject;
use http::header::ACCEPT;
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use gateway::{Browser, Gateway, NOW, TEAM, WIKI};

const TEAM_HOST: &str = "acme.localhost";
const WIKI_HOST: &str = "wiki.localhost";

#[tokio::test]
async fn a_stranger_signs_in_and_comes_back_with_the_applications_token() {
    let gateway = Gateway::start().await;
    let mut alice = Browser::named("alice");
    let challenge = gateway.challenge(&mut alice, "wiki", "/page?x=1");
    let page = alice.get(&gateway, &challenge).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("<title>Sign in ・ Cloudflare Access</title>"), "{}", page.body);
    assert_eq!(page.headers["cf-access-domain"], "wiki.localhost");
    assert_eq!(page.headers["cf-access-aud"], gateway.aud("wiki").as_str());

    let callback = gateway.chosen(&mut alice, &challenge).await;
    let handed = alice.get(&gateway, &callback).await;
    assert!(handed.location().starts_with(&format!("{WIKI}/cdn-cgi/access/authorized?nonce=")));
    let back = alice.get(&gateway, &handed.location()).await;
    assert_eq!(back.location(), format!("{WIKI}/page?x=1"));

    let token = alice.cookie(WIKI_HOST, AUTHORIZATION).unwrap();
    let (aud, issuers) = (gateway.aud("wiki"), [TEAM.to_owned()]);
    let verified = gateway.signer.load().verify_app(token, &issuers, &aud, NOW, Lifetime::ZERO).unwrap();
    assert_eq!(verified.exp - verified.iat, 8 * 3600);
    let Subject::User { email, .. } = verified.subject else { panic!("a person signed in") };
    assert_eq!(email.as_str(), "alice@corp.test");
}

#[tokio::test]
async fn g_07_cookies_have_the_attributes_of_access_and_no_domain() {
    let gateway = Gateway::start().await;
    let mut alice = Browser::named("alice");
    let callback = gateway.at_callback(&mut alice, "wiki", "/").await;
    let handed = alice.get(&gateway, &callback).await;
    let back = alice.get(&gateway, &handed.location()).await;
    let kept = |cookie: String, lifetime: i64, same_site: &str| {
        for attribute in
            ["HttpOnly", "Secure", "Path=/", &format!("Max-Age={lifetime}"), &format!("SameSite={same_site}")]
        {
            assert!(cookie.split("; ").any(|part| part == attribute), "{attribute} in {cookie}");
        }
        assert!(cookie.contains("Expires=") && !cookie.contains("Domain"), "{cookie}");
    };
    kept(handed.set_cookie(AUTHORIZATION), 24 * 3600, "None");
    kept(handed.set_cookie("CF_Session"), 4 * 3600, "None");
    kept(handed.set_cookie("CF_Device"), 30 * 24 * 3600, "Strict");
    kept(back.set_cookie(AUTHORIZATION), 8 * 3600, "None");
}

#[tokio::test]
async fn i_01_a_state_that_is_missing_unknown_old_or_used_is_refused() {
    let gateway = Gateway::start().await;
    let mut alice = Browser::named("alice");
    let callback = gateway.at_callback(&mut alice, "wiki", "/").await;
    for query in ["", "?state=", "?state=unknown", "?code=c", "?code=c&state=v1.AAAA"] {
        let refused = alice.get(&gateway, &format!("{TEAM}/cdn-cgi/access/callback{query}")).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{query}");
        assert!(refused.body.contains("Invalid session. Please try logging in again"), "{query}");
    }
    let mut slow = alice.clone();
    slow.later = 11 * 60;
    assert_eq!(slow.get(&gateway, &callback).await.status, StatusCode::BAD_REQUEST);
    let mut again = alice.clone();
    assert_eq!(alice.get(&gateway, &callback).await.status, StatusCode::FOUND);
    let used = again.get(&gateway, &callback).await;
    assert_eq!(used.status, StatusCode::BAD_REQUEST);
    assert!(used.body.contains("Invalid login session"), "{}", used.body);
    assert_eq!(gateway.provider.script().exchanges.len(), 1);
}

#[tokio::test]
async fn i_02_another_browser_cannot_finish_a_sign_in() {
    let gateway = Gateway::start().await;
    let (mut mallory, mut victim) = (Browser::named("mallory"), Browser::named("victim"));
    let callback = gateway.at_callback(&mut mallory, "wiki", "/").await;
    let _ = gateway.at_callback(&mut victim, "wiki", "/").await;
    let planted = mallory.cookie(TEAM_HOST, "CF_Session").unwrap().to_owned();
    assert_eq!(victim.get(&gateway, &callback).await.status, StatusCode::BAD_REQUEST);
    victim.set(TEAM_HOST, "CF_Session", &planted);
    assert_eq!(victim.get(&gateway, &callback).await.status, StatusCode::BAD_REQUEST);
    assert!(victim.cookie(TEAM_HOST, AUTHORIZATION).is_none());
}

#[tokio::test]
async fn i_03_two_tabs_finish_in_reverse_order_each_at_its_own_place() {
    let gateway = Gateway::start().await;
    let mut alice = Browser::named("alice");
    let challenge = gateway.challenge(&mut alice, "wiki", "/first");
    let second = challenge.replace("%2Ffirst", "%2Fsecond");
    let first = gateway.chosen(&mut alice, &challenge).await;
    let first_nonce = gateway.provider.script().nonce.clone();
    let second = gateway.chosen(&mut alice, &second).await;
    for (callback, nonce, place) in [(&second, None, "/second"), (&first, Some(first_nonce), "/first")] {
        if let Some(nonce) = nonce {
            gateway.provider.script().nonce = nonce;
        }
        let handed = alice.get(&gateway, callback).await;
        assert_eq!(alice.get(&gateway, &handed.location()).await.location(), format!("{WIKI}{place}"));
    }
    for replay in [&first, &second] {
        assert_eq!(alice.get(&gateway, replay).await.status, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn g_05_a_browser_has_no_more_than_five_sign_ins_under_way() {
    let gateway = Gateway::start().await;
    let mut alice = Browser::named("alice");
    for _ in 0..8 {
        let _ = gateway.at_callback(&mut alice, "wiki", "/").await;
    }
    assert_eq!(alice.pending(), 5);
}

#[tokio::test]
async fn g_08_a_planted_name_is_replaced_at_sign_in() {
    let gateway = Gateway::start().await;
    let mut victim = Browser::named("victim");
    victim.set(TEAM_HOST, "CF_Session", "planted");
    let _ = gateway.sign_in(&mut victim, "wiki", "/").await;
    assert_ne!(victim.cookie(TEAM_HOST, "CF_Session").unwrap(), "planted");
}

#[tokio::test]
async fn somebody_the_policies_refuse_stays_on_the_sign_in_page_and_leaves_nothing() {
    let gateway = Gateway::start().await;
    gateway.provider.script().claims = json!({"email": "mallory@evil.test"});
    let mut mallory = Browser::named("mallory");
    let callback = gateway.at_callback(&mut mallory, "wiki", "/").await;
    let page = mallory.get(&gateway, &callback).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("That account does not have access") && page.body.contains("mallory@evil.test"));
    assert!(page.body.contains("prompt=login"), "another account can be chosen");
    assert!(mallory.cookie(TEAM_HOST, AUTHORIZATION).is_none());
    assert!(gateway.store.last_session(&"mallory@evil.test".parse().unwrap()).await.unwrap().is_none());
}

#[tokio::test]
async fn an_application_may_say_no_in_its_own_way() {
    let gateway = Gateway::start().await;
    gateway.provider.script().claims = json!({"email": "mallory@evil.test"});
    let refused = async |change: fn(&mut App)| {
        gateway.reconfigure(|parts| parts.apps.iter_mut().for_each(change));
        let mut mallory = Browser::named("mallory");
        let callback = gateway.at_callback(&mut mallory, "wiki", "/").await;
        mallory.get(&gateway, &callback).await
    };
    let page = refused(|app| app.custom_deny_message = Some("Ask <Bob>".into())).await;
    assert!(page.body.contains("Ask ") && !page.body.contains("<Bob>"));
    let sent = refused(|app| app.custom_deny_url = Some("https://denied.test/".into())).await;
    assert_eq!(sent.location(), "https://denied.test/");
}

#[tokio::test]
async fn whom_no_sign_in_could_help_is_not_asked_to_sign_in() {
    let gateway = Gateway::start().await;
    gateway.reconfigure(|parts| parts.apps[0].policies[0].decision = Decision::Deny);
    let mut alice = Browser::named("alice");
    let challenge = gateway.challenge(&mut alice, "wiki", "/");
    let page = alice.get(&gateway, &challenge).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(page.body.contains("<title>Error ・ Cloudflare Access</title>"));
    alice.headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let json: Value = serde_json::from_str(&alice.get(&gateway, &challenge).await.body).unwrap();
    assert_eq!((&json["status_code"], &json["aud"]), (&json!(403), &json!(gateway.aud("wiki"))));
}

#[tokio::test]
async fn instant_auth_goes_straight_to_the_only_provider() {
    let gateway = Gateway::start().await;
    gateway.reconfigure(|parts| parts.apps[0].auto_redirect_to_identity = true);
    let mut alice = Browser::named("alice");
    let challenge = gateway.challenge(&mut alice, "wiki", "/");
    assert!(alice.get(&gateway, &challenge).await.location().starts_with(&gateway.provider.issuer));
}
