//! Providers that lie, in one thing per test, and others that only say no.

use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use serde_json::json;
use url::Url;

use doorward_model::cookie::AUTHORIZATION;
use doorward_model::idp::{IdpKind, OidcEndpoints};

use super::TEAM_HOST;
use super::gateway::{Browser, Gateway, NOW, TEAM, WIKI};
use super::provider::Signature;

#[tokio::test]
async fn i_04_i_08_an_id_token_that_lies_proves_nobody() {
    let gateway = Gateway::start().await;
    let lies = [
        json!({"nonce": null}),
        json!({"nonce": "other"}),
        json!({"iss": "https://other.test"}),
        json!({"iss": format!("{}/", gateway.provider.issuer)}),
        json!({"aud": "other"}),
        json!({"aud": ["client", "other"]}),
        json!({"aud": ["client", "other"], "azp": "other"}),
        json!({"azp": "other"}),
        json!({"exp": NOW.secs() - 1}),
        json!({"iat": NOW.secs() + 3600}),
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"at_hash": "AAAA"}),
        json!({"email_verified": false}),
        json!({"email_verified": 0}),
        json!({"email_verified": null}),
        json!({"email": "mallory@evil.test@corp.test"}),
        json!({"email": ["alice@corp.test"]}),
    ];
    for lie in lies {
        gateway.provider.script().claims = lie.clone();
        let mut alice = Browser::named("alice");
        let callback = gateway.at_callback(&mut alice, "wiki", "/").await;
        let refused = alice.get(&gateway, &callback).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{lie}");
        assert!(alice.cookie(TEAM_HOST, AUTHORIZATION).is_none(), "{lie}");
    }
    assert!(gateway.store.last_session(&"alice@corp.test".parse().unwrap()).await.unwrap().is_none());
}

#[tokio::test]
async fn i_08_a_token_for_us_among_others_is_accepted() {
    let gateway = Gateway::start().await;
    gateway.provider.script().claims = json!({"aud": ["client", "other"], "azp": "client"});
    let back = gateway.sign_in(&mut Browser::named("alice"), "wiki", "/").await;
    assert_eq!(back.location(), format!("{WIKI}/"));
}

#[tokio::test]
async fn k_01_i_08_a_signature_that_is_not_the_providers_proves_nobody() {
    let gateway = Gateway::start().await;
    for signature in [Signature::Forged, Signature::Symmetric, Signature::None] {
        gateway.provider.script().signature = signature;
        let mut alice = Browser::named("alice");
        let callback = gateway.at_callback(&mut alice, "wiki", "/").await;
        assert_eq!(alice.get(&gateway, &callback).await.status, StatusCode::BAD_REQUEST, "{signature:?}");
    }
}

#[tokio::test]
async fn l_01_a_key_the_provider_just_made_is_fetched_once() {
    let gateway = Gateway::start().await;
    let _ = gateway.sign_in(&mut Browser::named("alice"), "wiki", "/").await;
    gateway.provider.script().key = 1;
    let back = gateway.sign_in(&mut Browser::named("bob"), "wiki", "/").await;
    assert_eq!(back.location(), format!("{WIKI}/"));
    gateway.provider.script().key = 0;
    let mut carol = Browser::named("carol");
    let callback = gateway.at_callback(&mut carol, "wiki", "/").await;
    assert_eq!(carol.get(&gateway, &callback).await.status, StatusCode::BAD_REQUEST, "not twice in a row");
}

#[tokio::test]
async fn i_06_an_answer_of_another_issuer_is_refused_before_the_code_is_spent() {
    let gateway = Gateway::start().await;
    let mut alice = Browser::named("alice");
    let callback = gateway.at_callback(&mut alice, "wiki", "/").await;
    let mixed_up = alice.get(&gateway, &format!("{callback}&iss=https://other.test")).await;
    assert_eq!(mixed_up.status, StatusCode::BAD_REQUEST);
    assert!(gateway.provider.script().exchanges.is_empty());
}

#[tokio::test]
async fn i_06_an_answer_without_the_promised_issuer_is_refused() {
    let gateway = Gateway::start().await;
    gateway.provider.script().metadata = json!({"authorization_response_iss_parameter_supported": true});
    let mut alice = Browser::named("alice");
    let callback = gateway.at_callback(&mut alice, "wiki", "/").await;
    assert_eq!(alice.get(&gateway, &callback).await.status, StatusCode::BAD_REQUEST);
    assert!(gateway.provider.script().exchanges.is_empty());
    let callback = gateway.at_callback(&mut alice, "wiki", "/").await;
    let right = alice.get(&gateway, &format!("{callback}&iss={}", gateway.provider.issuer)).await;
    assert_eq!(right.status, StatusCode::FOUND);
}

#[tokio::test]
async fn i_08_metadata_of_another_issuer_is_not_used() {
    let gateway = Gateway::start().await;
    gateway.provider.script().metadata = json!({"issuer": format!("{}/", gateway.provider.issuer)});
    let mut alice = Browser::named("alice");
    let challenge = gateway.challenge(&mut alice, "wiki", "/");
    let idp = gateway.catalog.load().idps().next().unwrap().id;
    for _ in 0..3 {
        let refused = alice.get(&gateway, &format!("{challenge}&idp={idp}")).await;
        assert_eq!(refused.status, StatusCode::BAD_GATEWAY);
    }
    assert_eq!(gateway.provider.script().discoveries, 1, "after a failure there is a pause (L-02)");
}

#[tokio::test]
async fn endpoints_named_without_an_issuer_work_as_with_access() {
    let gateway = Gateway::start().await;
    let issuer = gateway.provider.issuer.clone();
    gateway.reconfigure(|parts| {
        let IdpKind::Oidc(oidc) = &mut parts.idps[0].kind;
        oidc.endpoints = OidcEndpoints::Explicit {
            issuer: None,
            auth_url: format!("{issuer}/authorize"),
            token_url: format!("{issuer}/token"),
            certs_url: format!("{issuer}/jwks"),
        };
    });
    gateway.provider.script().claims = json!({"iss": "https://whoever.test"});
    let mut alice = Browser::named("alice");
    assert_eq!(gateway.sign_in(&mut alice, "wiki", "/").await.location(), format!("{WIKI}/"));
    gateway.provider.script().signature = Signature::Forged;
    let callback = gateway.at_callback(&mut alice, "wiki", "/").await;
    assert_eq!(alice.get(&gateway, &callback).await.status, StatusCode::BAD_REQUEST, "its keys still decide");
}

#[tokio::test]
async fn i_08_userinfo_completes_a_token_and_may_not_lie() {
    let gateway = Gateway::start().await;
    let json_type = "application/json";
    let good = json!({"sub": "s1", "email": "alice@corp.test", "email_verified": true, "groups": ["x"]}).to_string();
    let other = good.replace("s1", "s2");
    let answers = [
        (200, json_type, good, StatusCode::FOUND),
        (200, json_type, other, StatusCode::BAD_REQUEST),
        (200, json_type, "[]".into(), StatusCode::BAD_REQUEST),
        (500, json_type, "{}".into(), StatusCode::BAD_REQUEST),
        (200, "text/html", "<p>".into(), StatusCode::BAD_REQUEST),
        (200, json_type, " ".repeat(2 * 1024 * 1024), StatusCode::BAD_REQUEST),
    ];
    for (status, kind, body, expected) in answers {
        let told = format!("{status} {kind}");
        gateway.provider.script().claims = json!({"email": null, "email_verified": null});
        gateway.provider.script().userinfo = (status, kind, body);
        let mut alice = Browser::named("alice");
        let callback = gateway.at_callback(&mut alice, "wiki", "/").await;
        assert_eq!(alice.get(&gateway, &callback).await.status, expected, "{told}");
    }
}

#[tokio::test]
async fn i_05_the_code_is_bound_to_this_sign_in() {
    let gateway = Gateway::start().await;
    let mut alice = Browser::named("alice");
    let challenge = gateway.challenge(&mut alice, "wiki", "/");
    let idp = gateway.catalog.load().idps().next().unwrap().id;
    let sent = alice.get(&gateway, &format!("{challenge}&idp={idp}")).await.location();
    let asked = Url::parse(&sent).unwrap();
    let parameter = |name: &str| asked.query_pairs().find(|(found, _)| found == name).unwrap().1.into_owned();
    assert_eq!(parameter("code_challenge_method"), "S256");
    assert_eq!(parameter("redirect_uri"), format!("{TEAM}/cdn-cgi/access/callback"));
    gateway.provider.script().nonce = parameter("nonce");
    let _ = alice.get(&gateway, &format!("{TEAM}/cdn-cgi/access/callback?code=c&state={}", parameter("state"))).await;
    assert!(gateway.provider.script().exchanges[0].contains("code_verifier="));
}

#[tokio::test]
async fn i_10_the_providers_words_are_escaped() {
    let gateway = Gateway::start().await;
    let mut alice = Browser::named("alice");
    let callback = gateway.at_callback(&mut alice, "wiki", "/").await;
    let error =
        "&error=access_denied&error_description=%3Cscript%3Ealert(1)%3C/script%3E&error_uri=javascript:alert(1)";
    let refused = alice.get(&gateway, &format!("{}{error}", callback.replace("code=c&", ""))).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.body.contains("alert(1)") && !refused.body.contains("<script>alert"), "{}", refused.body);
    assert!(!refused.body.contains("javascript:"));
    assert!(refused.headers[CONTENT_SECURITY_POLICY].to_str().unwrap().contains("default-src 'none'"));
    assert!(refused.headers[CACHE_CONTROL].to_str().unwrap().contains("no-store"));
}
