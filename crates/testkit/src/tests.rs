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
