//! What the authentication log says of sign-ins.

use doorward_model::access_request::{AccessRequest, Action};
use doorward_store::AccessQuery;
use serde_json::json;

use super::gateway::{Browser, Gateway, TEAM};

async fn log(gateway: &Gateway) -> Vec<AccessRequest> {
    let query = AccessQuery { limit: 100, oldest_first: true, ..AccessQuery::default() };
    gateway.store.access_requests(&query).await.unwrap()
}

#[tokio::test]
async fn every_entry_is_a_line_whether_a_provider_was_asked_or_not_and_so_is_the_sign_out() {
    let gateway = Gateway::start().await;
    let mut alice = Browser::named("alice");
    let _ = gateway.sign_in(&mut alice, "wiki", "/").await;
    let challenge = gateway.challenge(&mut alice, "notes", "/");
    let over = alice.get(&gateway, &challenge).await.location();
    let _ = alice.get(&gateway, &over).await;
    let _ = alice.get(&gateway, &format!("{TEAM}/cdn-cgi/access/logout")).await;
    let lines = log(&gateway).await;
    // The clock stands still here, so that they are all of one moment.
    let mut told: Vec<_> = lines.iter().map(|line| (line.app_domain.as_str(), line.action, line.allowed)).collect();
    told.sort_by_key(|line| line.0);
    let logins = ["notes.localhost", "wiki.localhost"].map(|domain| (domain, Action::Login, true));
    assert_eq!(told, [("", Action::Logout, true), logins[0], logins[1]]);
    assert!(lines.iter().all(|line| line.user_email == "alice@corp.test" && line.connection == "oidc"));
    assert!(lines.iter().any(|line| line.detail.policy == "Staff"));
    assert!(lines.iter().all(|line| !line.ray_id.is_empty() && line.user_id.is_some() && !line.non_identity));
}

#[tokio::test]
async fn somebody_who_is_refused_is_a_line_and_a_stranger_is_none() {
    let gateway = Gateway::start().await;
    let mut mallory = Browser::named("mallory");
    let challenge = gateway.challenge(&mut mallory, "wiki", "/");
    let _page = mallory.get(&gateway, &challenge).await;
    assert_eq!(log(&gateway).await, [], "nobody has proven anything yet");
    gateway.provider.script().claims = json!({"email": "mallory@evil.test"});
    let callback = gateway.at_callback(&mut mallory, "wiki", "/").await;
    let _refused = mallory.get(&gateway, &callback).await;
    let lines = log(&gateway).await;
    assert_eq!(lines.len(), 1);
    assert_eq!((lines[0].allowed, lines[0].user_email.as_str()), (false, "mallory@evil.test"));
}
