//! That a gateway of one's own starts, lets the right people in and ends.

use reqwest::StatusCode;

use super::*;

fn gateway() -> Builder {
    Gateway::builder().app("demo.localhost", "demo").user("alice@example.com", &["admins"])
}

async fn visit(gateway: &Gateway, token: Option<&str>) -> StatusCode {
    let request = gateway.client().get(gateway.app_url("demo.localhost"));
    let request = match token {
        Some(token) => request.header("Cookie", format!("CF_Authorization={token}")),
        None => request,
    };
    request.send().await.unwrap().status()
}

#[tokio::test]
async fn a_stranger_is_sent_to_sign_in_and_a_token_opens_the_door() {
    let gateway = gateway().start().await;
    assert_eq!(visit(&gateway, None).await, StatusCode::FOUND);
    let token = gateway.token("demo.localhost", "alice@example.com").await;
    assert_eq!(visit(&gateway, Some(&token)).await, StatusCode::OK);
    gateway.stop().await;
}

#[tokio::test]
async fn a_token_outlives_a_rotation_but_not_the_loss_of_its_key() {
    let gateway = gateway().start().await;
    let token = gateway.token("demo.localhost", "alice@example.com").await;
    gateway.rotate_keys(false).await;
    assert_eq!(visit(&gateway, Some(&token)).await, StatusCode::OK);
    gateway.rotate_keys(true).await;
    assert_eq!(visit(&gateway, Some(&token)).await, StatusCode::FOUND);
    gateway.stop().await;
}

#[tokio::test]
async fn a_token_ends_when_time_has_passed_it() {
    let gateway = gateway().start().await;
    let token = gateway.token("demo.localhost", "alice@example.com").await;
    gateway.advance(Lifetime::from_hours(25)).await;
    assert_eq!(visit(&gateway, Some(&token)).await, StatusCode::FOUND);
    gateway.stop().await;
}

#[tokio::test]
async fn a_reload_counts_for_the_next_request() {
    let mut gateway = gateway().start().await;
    let token = gateway.token("demo.localhost", "alice@example.com").await;
    assert_eq!(visit(&gateway, Some(&token)).await, StatusCode::OK);
    let only_bob = r#"{ name = "Bob", decision = "allow", include = [{ email = { email = "bob@example.com" } }] }"#;
    gateway.reload(&super::tests::gateway().policy(only_bob)).await;
    assert_eq!(visit(&gateway, Some(&token)).await, StatusCode::FORBIDDEN);
    gateway.stop().await;
}

#[tokio::test]
async fn the_certs_endpoint_and_readiness_answer_as_soon_as_it_has_started() {
    let gateway = gateway().start().await;
    let certs: Value = gateway.client().get(gateway.certs_url()).send().await.unwrap().json().await.unwrap();
    assert_eq!(certs["keys"].as_array().unwrap().len(), 2);
    let ready = gateway.client().get(format!("{}/readyz", gateway.admin_url())).send().await.unwrap();
    assert_eq!(ready.status(), StatusCode::OK);
    gateway.stop().await;
}

#[tokio::test]
async fn the_origin_keeps_what_reaches_it_and_answers_as_it_is_told() {
    let origin = Origin::start().await;
    let gateway = Gateway::builder().app("wiki.localhost", origin.url()).start().await;
    gateway.get("wiki.localhost", "/").send().await.unwrap();
    assert!(origin.received().is_empty(), "a stranger does not get there");

    let alice = gateway.mint("wiki.localhost", "alice@example.com").await;
    origin.answers(StatusCode::IM_A_TEAPOT, "short and stout");
    let url = format!("{}/tea?sugar=2", gateway.app_url("wiki.localhost"));
    let answer = gateway.client().post(url).header("Cookie", &alice.cookie).body("milk").send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().as_str()), (418, "short and stout"));
    let seen = origin.only();
    assert_eq!(
        (seen.method.as_str(), seen.target.as_str(), &seen.body[..]),
        ("POST", "/tea?sugar=2", b"milk".as_ref())
    );
    assert_eq!((seen.email(), seen.assertion()), (Some("alice@example.com"), Some(alice.token.as_str())));
    origin.forget();
    assert!(origin.received().is_empty());
    gateway.stop().await;
}

#[tokio::test]
async fn gateways_of_a_process_share_their_keys_and_none_of_their_tokens() {
    let (one, other, apart) = tokio::join!(gateway().start(), gateway().start(), gateway().own_keys().start());
    let keys = async |gateway: &Gateway| {
        let certs: Value = gateway.client().get(gateway.certs_url()).send().await.unwrap().json().await.unwrap();
        certs["keys"].clone()
    };
    assert_eq!(keys(&one).await, keys(&other).await);
    assert_ne!(keys(&one).await, keys(&apart).await);
    let token = one.token("demo.localhost", "alice@example.com").await;
    assert_eq!(visit(&one, Some(&token)).await, StatusCode::OK);
    assert_eq!(visit(&other, Some(&token)).await, StatusCode::FOUND);
    for gateway in [one, other, apart] {
        gateway.stop().await;
    }
}

#[tokio::test]
async fn the_clock_stands_where_it_is_set_until_everything_is_reset() {
    let gateway = gateway().start().await;
    let summer = Timestamp::from_rfc3339("2030-06-01T12:00:00Z").unwrap();
    gateway.set_clock(summer).await;
    gateway.freeze(true).await;
    let stands = gateway.now().await;
    assert_eq!(gateway.now().await, stands);
    assert!(stands.since(summer) < Lifetime::from_secs(60));
    gateway.reset().await;
    assert!(gateway.now().await < summer);
    gateway.stop().await;
}

#[tokio::test]
async fn a_person_a_fault_and_what_was_decided() {
    let gateway =
        gateway().policy(r#"{ name = "Admins", decision = "allow", include = [{ group = { id = "Admins" } }] }"#);
    let by_claim = r#"
        [[group]]
        name = "Admins"
        include = [{ oidc = { claim_name = "groups", claim_value = "admins", identity_provider_id = "Built-in people" } }]
    "#;
    let gateway = gateway.config(by_claim).start().await;
    let doras = gateway.token("demo.localhost", "dora@example.com").await;
    assert_eq!(visit(&gateway, Some(&doras)).await, StatusCode::FORBIDDEN);
    gateway.user("dora@example.com", &["admins"]).await;
    let doras = gateway.token("demo.localhost", "dora@example.com").await;
    assert_eq!(visit(&gateway, Some(&doras)).await, StatusCode::OK);

    gateway.fault(json!({ "fault": "error", "status": 502 })).await;
    assert_eq!(visit(&gateway, Some(&doras)).await, StatusCode::BAD_GATEWAY);
    gateway.mend().await;
    assert_eq!(visit(&gateway, Some(&doras)).await, StatusCode::OK);
    let verdicts = gateway.decisions().await;
    let verdicts: Vec<&str> = verdicts.iter().map(|decision| decision["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["deny", "allow", "allow", "allow"]);
    gateway.stop().await;
}
