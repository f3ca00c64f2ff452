//! The policy tester: it says of people as last seen what the edge does.

use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::config::{ALICE, APP, Config, MALLORY, OTHER, ROOT, app, route};
use crate::support::deadline::eventually;
use crate::support::gateway::Gateway;
use crate::support::origin::Origin;
use crate::support::postgres;

/// A host that everybody may enter who signs in: people are known from there.
const LOBBY: &str = "lobby.localhost";

fn lobby(origin: &Origin) -> String {
    let policies = "policies = [{ name = \"All\", decision = \"allow\", include = [{ everyone = {} }] }]";
    route(LOBBY, &origin.url()) + &app("Lobby", LOBBY, policies)
}

async fn call(gateway: &Gateway, method: &str, path: &str, body: Option<Value>) -> Value {
    let account = gateway.ready["account_id"].as_str().unwrap();
    let path = format!("/client/v4/accounts/{account}/access/{path}");
    let (status, answer) = gateway.admin_call(method, &path, body).await;
    assert_eq!(status, 200, "{path}: {answer}");
    answer["result"].clone()
}

#[tokio::test]
async fn what_is_said_of_a_person_is_what_the_edge_does() {
    let origin = Origin::start().await;
    let country =
        "include = [{ geo = { country_code = \"DE\" } }], require = [{ email_domain = { domain = \"corp.test\" } }]";
    let idps = "allowed_idps = [\"Built-in people\"]\npolicies = [\
                { name = \"No root\", decision = \"deny\", include = [{ email = { email = \"root@corp.test\" } }] }, \
                { name = \"Admins\", decision = \"allow\", include = [{ oidc = { claim_name = \"groups\", \
                claim_value = \"admins\", identity_provider_id = \"Built-in people\" } }, { everyone = {} }] }]";
    let config = Config::standard(&origin)
        .and(&app(
            "Abroad",
            "app.localhost/abroad",
            &format!("policies = [{{ name = \"Abroad\", decision = \"allow\", {country} }}]"),
        ))
        .and(&app("Blocked", "app.localhost/blocked", idps));
    let gateway = Gateway::serve(&config.and(&lobby(&origin))).await;
    for person in [ALICE, ROOT, MALLORY] {
        assert_eq!(Client::new(&gateway).sign_in(&gateway.at(LOBBY, "/"), person).await.body, "ok");
    }
    let mut said = Vec::new();
    for person in [ALICE, ROOT, MALLORY] {
        for (name, host, path) in [
            ("App", APP, "/"),
            ("Admin", APP, "/admin"),
            ("Public", APP, "/public"),
            ("Other", OTHER, "/"),
            ("Abroad", APP, "/abroad"),
            ("Blocked", APP, "/blocked"),
        ] {
            let url = gateway.at(host, path);
            let mut browser = Client::new(&gateway);
            // Where nobody has to sign in there is no page to do it on.
            let reply = match name {
                "Public" => browser.get(&url).await,
                _ => browser.sign_in(&url, person).await,
            };
            let path = format!("apps/{}/user_policy_checks?email={person}", gateway.app_id(name));
            let check = call(&gateway, "GET", &path, None).await;
            let edge = if reply.body == "ok" { "approved" } else { "blocked" };
            assert_eq!(check["app_state"]["status"], edge, "{person} at {name}: {check:#}");
            assert_eq!(check["user_identity"]["email"], person);
            said.push(edge);
        }
    }
    assert!(said.contains(&"approved") && said.contains(&"blocked"), "{said:?}");
}

#[tokio::test]
async fn a_test_that_one_node_runs_is_told_by_the_other() {
    let origin = Origin::start().await;
    let config = Config::standard(&origin).and(&lobby(&origin)).on_store(&postgres::database().await);
    let (one, two) = (Gateway::serve(&config).await, Gateway::serve(&config).await);
    for person in [ALICE, ROOT, MALLORY] {
        Client::new(&one).sign_in(&one.at(LOBBY, "/"), person).await;
    }
    let corp = json!({
        "name": "Corp", "decision": "allow", "include": [{ "email_domain": { "domain": "corp.test" } }],
        "exclude": [{ "email": { "email": ROOT } }],
    });
    let test = call(&one, "POST", "policy-tests", Some(json!({ "policies": [corp] }))).await;
    let path = format!("policy-tests/{}", test["id"].as_str().unwrap());
    let state = eventually("the test is over", async || {
        let state = call(&two, "GET", &path, None).await;
        (state["status"] == "complete").then_some(state)
    });
    let state = state.await;
    assert_eq!(
        (&state["total_users"], &state["users_approved"], &state["users_blocked"]),
        (&json!(3), &json!(1), &json!(2))
    );
    let users = call(&two, "GET", &format!("{path}/users?status=success"), None).await;
    assert_eq!((users.as_array().unwrap().len(), &users[0]["email"]), (1, &json!(ALICE)));
}
