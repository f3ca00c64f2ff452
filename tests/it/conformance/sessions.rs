//! Rows 134 to 142: how long somebody stays signed in.

use serde_json::json;

use super::{EVERYBODY, HOST, changed, with_app};
use crate::support::config::{ALICE, ROOT, app};
use crate::support::token::claims;

const POLICIES: &str = r#"policies = [
  { name = "Short", decision = "allow", include = [{ email = { email = "root@corp.test" } }], session_duration = "30m" },
  { name = "Corp", decision = "allow", include = [{ email_domain = { domain = "corp.test" } }] },
]"#;

#[tokio::test]
async fn row_134_a_token_lives_as_its_policy_says_then_its_application_then_a_day() {
    let domain = "domain = \"acme.cloudflareaccess.com\"";
    let team = format!("{domain}\nsession_duration = \"12h\"");
    let lines = format!("session_duration = \"2h\"\n{POLICIES}");
    let tables = format!("{}{}", app("Row", HOST, &lines), app("Plain", "rows.localhost/plain", POLICIES));
    let world = changed(|config| config.with(domain, &team), &tables).await;
    let life = |token: &str| {
        let told = claims(token);
        told["exp"].as_i64().unwrap() - told["iat"].as_i64().unwrap()
    };
    for (email, path, expected) in
        [(ROOT, "/", 1800), (ALICE, "/", 7200), (ROOT, "/plain", 1800), (ALICE, "/plain", 86_400)]
    {
        let mut browser = world.stranger();
        let reply = browser.sign_in(&world.gateway.at(HOST, path), email).await;
        assert_eq!(reply.status, 200);
        assert_eq!(life(browser.jar.value(HOST, "CF_Authorization").unwrap()), expected, "{email} at {path}");
        let org = browser.jar.value(&world.gateway.team_host(), "CF_Authorization").unwrap();
        assert_eq!(life(org), 12 * 3600, "the organisation's is its own");
    }
}

#[tokio::test]
async fn row_134_an_applications_token_may_outlive_the_organisations_session() {
    let world = with_app(&format!("session_duration = \"72h\"\n{EVERYBODY}"), "").await;
    let mut alice = world.stranger();
    let url = world.gateway.at(HOST, "/");
    assert_eq!(alice.sign_in(&url, ALICE).await.status, 200);
    world.gateway.control("PUT", "/clock", json!({ "advance": "71h" })).await;
    assert_eq!(alice.get(&url).await.status, 200, "the organisation's session is over for two days");
    world.gateway.control("PUT", "/clock", json!({ "advance": "2h" })).await;
    world.origin.forget();
    let reply = alice.get(&url).await;
    world.assert_asked_to_sign_in(&reply, "Row", "a token that is over");
    assert_eq!(alice.follow(reply).await.title(), "Sign in ・ Cloudflare Access", "and so is the session");
}

#[tokio::test]
async fn row_136_an_immediate_timeout_asks_again_at_each_visit() {
    let only_alice =
        r#"policies = [{ name = "Alice", decision = "allow", include = [{ email = { email = "alice@corp.test" } }] }]"#;
    let world = with_app(&format!("session_duration = \"0s\"\n{only_alice}"), "").await;
    let url = world.gateway.at(HOST, "/");
    let mut alice = world.stranger();
    assert_eq!(alice.sign_in(&url, ALICE).await.status, 200);
    let told = claims(alice.jar.value(HOST, "CF_Authorization").unwrap());
    assert_eq!(told["exp"].as_i64().unwrap() - told["iat"].as_i64().unwrap(), 10, "the way back takes a moment");
    world.gateway.control("PUT", "/clock", json!({ "advance": "11s" })).await;
    world.origin.forget();
    let before = alice.history.len();
    let reply = alice.get(&url).await;
    world.assert_asked_to_sign_in(&reply, "Row", "the next visit");
    assert_eq!(alice.follow(reply).await.status, 200, "the organisation's session vouches for her");
    assert!(alice.history[before..].iter().all(|url| !url.path().contains("/idp/")), "and no provider is asked");
}
