//! The management API, driven by Cloudflare's own SDK against the running
//! gateway; afterwards requests through the edge show what it did.

use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::config::{ALICE, APP, Config, app, route};
use crate::support::deadline::eventually;
use crate::support::gateway::Gateway;
use crate::support::node::{Sdk, sdk};
use crate::support::origin::Origin;
use crate::support::postgres;
use crate::support::raw::exchange;
use crate::support::token::claims;

/// A host that a route of the file serves, and that no application of it covers.
const MADE: &str = "made.localhost";

/// A call of the account's API.
async fn call(gateway: &Gateway, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    let account = gateway.ready["account_id"].as_str().expect("the ready line names the account");
    gateway.admin_call(method, &format!("/client/v4/accounts/{account}/access{path}"), body).await
}

/// The status of a request to `MADE` with these header lines.
async fn status(gateway: &Gateway, fields: &[String]) -> u16 {
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    let request = format!("GET / HTTP/1.1\r\nHost: {MADE}\r\nConnection: close\r\n{fields}\r\n");
    exchange(gateway.public(), request).await.expect("an answer").status()
}

#[tokio::test]
async fn the_python_sdk_drives_every_resource_and_the_edge_does_what_it_says() {
    driven_by(Sdk::Python).await;
}

#[tokio::test]
async fn the_typescript_sdk_drives_every_resource_and_the_edge_does_what_it_says() {
    driven_by(Sdk::TypeScript).await;
}

/// The whole course of an SDK on both databases, and what the edge makes of it.
async fn driven_by(language: Sdk) {
    let folder = tempfile::tempdir().unwrap();
    let origin = Origin::start().await;
    let sqlite = format!("sqlite://{}/kept.db", folder.path().display());
    for store in [sqlite, postgres::database().await] {
        let config = Config::standard(&origin).and(&route(MADE, &origin.url())).on_store(&store);
        let mut gateway = Gateway::serve(&config).await;
        assert_eq!(status(&gateway, &[]).await, 404, "nobody's host: {store}");

        let left = sdk(language, &gateway, MADE).await;
        let text = |field: &str| left[field].as_str().expect("text").to_owned();
        let robot = [
            format!("CF-Access-Client-Id: {}", text("client_id")),
            format!("CF-Access-Client-Secret: {}", text("client_secret")),
        ];
        origin.forget();
        assert_eq!(status(&gateway, &robot).await, 200, "the machine is let in: {store}");
        assert!(origin.only().assertion().is_some());
        assert_ne!(status(&gateway, &[]).await, 200, "nobody else is");

        // What is configured is in the store, not in the process.
        gateway.kill().await;
        let gateway = Gateway::serve(&config).await;
        assert_eq!(status(&gateway, &robot).await, 200, "after a restart too: {store}");
        let (removed, _) = call(&gateway, "DELETE", &format!("/apps/{}", text("app")), None).await;
        assert_eq!((removed, status(&gateway, &robot).await), (202, 404), "{store}");
        for path in left["rest"].as_array().unwrap() {
            let (status, answer) = call(&gateway, "DELETE", &format!("/{}", path.as_str().unwrap()), None).await;
            assert!((200..300).contains(&status), "{path}: {answer}");
        }
    }
}

#[tokio::test]
async fn what_the_api_changes_on_one_node_decides_on_the_other_within_a_second() {
    let origin = Origin::start().await;
    let config = Config::standard(&origin).and(&route(MADE, &origin.url())).on_store(&postgres::database().await);
    let (one, two) = (Gateway::serve(&config).await, Gateway::serve(&config).await);
    let open = json!({ "name": "Open", "decision": "bypass", "include": [{"everyone": {}}] });
    let app = json!({ "name": "Made", "type": "self_hosted", "domain": MADE, "policies": [open] });
    let (created, answer) = call(&one, "POST", "/apps", Some(app)).await;
    assert_eq!((created, status(&one, &[]).await), (201, 200), "in force here when the call has answered: {answer}");
    let began = std::time::Instant::now();
    eventually("the other node opens it", async || (status(&two, &[]).await == 200).then_some(())).await;
    assert!(began.elapsed() < std::time::Duration::from_secs(2));
    let path = format!("/apps/{}", answer["result"]["id"].as_str().unwrap());
    assert_eq!(call(&two, "DELETE", &path, None).await.0, 202, "either node may be asked");
    eventually("both close it", async || (status(&one, &[]).await == 404).then_some(())).await;
}

#[tokio::test]
async fn what_the_api_made_survives_a_reload_and_stands_against_a_file_that_wants_the_same() {
    let origin = Origin::start().await;
    let config = Config::standard(&origin).and(&route(MADE, &origin.url()));
    let gateway = Gateway::serve(&config).await;
    let open = json!({ "name": "Open", "decision": "bypass", "include": [{"everyone": {}}] });
    let made = json!({ "name": "Made", "type": "self_hosted", "domain": MADE, "policies": [open] });
    let (_, answer) = call(&gateway, "POST", "/apps", Some(made)).await;
    gateway.rewrite(&config.clone().and(&app("New", "app.localhost/new", "")));
    gateway.signal("HUP");
    gateway.logs("was reloaded").await;
    assert_eq!(status(&gateway, &[]).await, 200);

    gateway.rewrite(&config.clone().and(&app("Same", MADE, "")));
    gateway.signal("HUP");
    gateway.logs("was not reloaded").await;
    gateway.logs(&format!("the address {MADE} belongs to the app")).await;
    assert_eq!(status(&gateway, &[]).await, 200, "and what was in force stays");

    let (status, refusal) = call(&gateway, "DELETE", &format!("/apps/{}", gateway.app_id("App")), None).await;
    assert_eq!((status, &refusal["errors"][0]["code"]), (409, &json!(12132)), "{refusal}");
    assert!(refusal["errors"][0]["message"].as_str().unwrap().contains("doorward.toml"), "{refusal}");
    call(&gateway, "DELETE", &format!("/apps/{}", answer["result"]["id"].as_str().unwrap()), None).await;
    gateway.control("POST", "/reset", json!({})).await;
}

#[tokio::test]
async fn a_reset_of_the_emulator_takes_out_what_the_api_made_and_nothing_else() {
    let origin = Origin::start().await;
    let gateway = Gateway::serve(&Config::standard(&origin).and(&route(MADE, &origin.url()))).await;
    let open = json!({ "name": "Open", "decision": "bypass", "include": [{"everyone": {}}] });
    let made = json!({ "name": "Made", "type": "self_hosted", "domain": MADE, "policies": [open] });
    assert_eq!(call(&gateway, "POST", "/apps", Some(made.clone())).await.0, 201);
    gateway.control("POST", "/reset", json!({})).await;
    assert_eq!(status(&gateway, &[]).await, 404, "gone when the call has answered");
    let (_, apps) = call(&gateway, "GET", "/apps", None).await;
    assert_eq!(apps["result"].as_array().unwrap().len(), 5, "the file's stay");
    let mut alice = Client::new(&gateway);
    assert_eq!(alice.sign_in(&gateway.at(APP, "/"), ALICE).await.status, 200);
    assert_eq!(call(&gateway, "POST", "/apps", Some(made)).await.0, 201, "and it can be made again");
}

#[tokio::test]
async fn what_the_api_says_of_the_organisation_is_in_force_at_once() {
    let origin = Origin::start().await;
    let gateway = Gateway::serve(&Config::standard(&origin).and(&route(MADE, &origin.url()))).await;
    assert_eq!(status(&gateway, &[]).await, 404, "a host of nobody is refused");
    let open = json!({
        "name": "Acme Incorporated", "deny_unmatched_requests_exempted_zone_names": [MADE],
        "is_ui_read_only": true, "ui_read_only_toggle_reason": "changed by scripts alone",
    });
    let (changed, answer) = call(&gateway, "PUT", "/organizations", Some(open)).await;
    assert_eq!((changed, &answer["result"]["is_ui_read_only"]), (200, &json!(true)), "{answer}");
    assert_eq!(status(&gateway, &[]).await, 200, "its zone passes");
    let sign_in = Client::new(&gateway).open(&gateway.at(APP, "/")).await;
    assert!(sign_in.body.contains("Acme Incorporated"), "{}", sign_in.body);
    let usual = json!({ "name": null, "deny_unmatched_requests_exempted_zone_names": null });
    assert_eq!(call(&gateway, "PUT", "/organizations", Some(usual)).await.0, 200);
    assert_eq!(status(&gateway, &[]).await, 404, "and null takes it back");
}

#[tokio::test]
async fn an_organisation_that_the_file_describes_is_changed_there_alone() {
    let origin = Origin::start().await;
    let domain = "domain = \"acme.cloudflareaccess.com\"";
    let config = |lines: &str| Config::standard(&origin).with(domain, &format!("{domain}\n{lines}"));
    let gateway = Gateway::serve(&config("session_duration = \"8h\"")).await;
    let (_, shown) = call(&gateway, "GET", "/organizations", None).await;
    assert_eq!(shown["result"]["session_duration"], "8h", "{shown}");
    let (refused, answer) = call(&gateway, "PUT", "/organizations", Some(json!({ "name": "x" }))).await;
    assert_eq!(refused, 409, "{answer}");
    assert!(answer["errors"][0]["message"].as_str().unwrap().contains("doorward.toml"), "{answer}");
    gateway.rewrite(&config(""));
    gateway.signal("HUP");
    gateway.logs("was reloaded").await;
    let (_, shown) = call(&gateway, "GET", "/organizations", None).await;
    assert_eq!(shown["result"]["session_duration"], "24h", "the file let go of it: {shown}");
    assert_eq!(call(&gateway, "PUT", "/organizations", Some(json!({ "session_duration": "1h" }))).await.0, 200);
    let mut alice = Client::new(&gateway);
    assert_eq!(alice.sign_in(&gateway.at(APP, "/"), ALICE).await.status, 200);
    let token = alice.jar.value("acme.localhost", "CF_Authorization").expect("a session of the organisation");
    let claims = claims(token);
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3600, "sessions are shorter");
}

#[tokio::test]
async fn keys_that_were_rotated_over_the_api_sign_on_every_node_and_old_tokens_hold() {
    let origin = Origin::start().await;
    let config = Config::standard(&origin).on_store(&postgres::database().await);
    let (one, two) = (Gateway::serve(&config).await, Gateway::serve(&config).await);
    // Each node is reached by a port of its own here, and so has an issuer of its own.
    let before = [
        one.token(json!({ "app": APP, "email": ALICE })).await,
        two.token(json!({ "app": APP, "email": ALICE })).await,
    ];
    let kid = |token: &str| crate::support::token::header(token)["kid"].clone();
    let (rotated, answer) = call(&one, "POST", "/keys/rotate", None).await;
    assert_eq!((rotated, &answer["result"]["days_until_next_rotation"]), (200, &json!(42)), "{answer}");
    eventually("the other node signs with the new key", async || {
        let minted = two.token(json!({ "app": APP, "email": ALICE })).await;
        (kid(&minted) != kid(&before[0])).then_some(())
    })
    .await;
    for (node, token) in [&one, &two].into_iter().zip(&before) {
        assert_eq!(Client::holding(node, APP, token).get(&node.at(APP, "/")).await.status, 200, "it still holds");
        let certs = Client::new(node).get(&node.certs_url()).await.json();
        assert!(certs["keys"].as_array().unwrap().iter().any(|key| key["kid"] == kid(token)), "and can be verified");
    }
}

#[tokio::test]
async fn who_is_taken_off_a_list_and_what_page_they_get_counts_for_the_next_request() {
    let origin = Origin::start().await;
    let gateway = Gateway::serve(&Config::standard(&origin).and(&route(MADE, &origin.url()))).await;
    let account = gateway.ready["account_id"].as_str().unwrap();
    let lists = format!("/client/v4/accounts/{account}/gateway/lists");
    let staff = json!({ "name": "Staff", "type": "EMAIL", "items": [{ "value": ALICE }] });
    let (_, list) = gateway.admin_call("POST", &lists, Some(staff)).await;
    let page = json!({ "name": "No", "type": "identity_denied", "custom_html": "<p>a page of our own" });
    let (_, page) = call(&gateway, "POST", "/custom_pages", Some(page)).await;
    let policy =
        json!({ "name": "Staff", "decision": "allow", "include": [{ "email_list": { "id": list["result"]["id"] } }] });
    let app = json!({
        "name": "Made", "type": "self_hosted", "domain": MADE, "policies": [policy],
        "custom_pages": [page["result"]["uid"]],
    });
    assert_eq!(call(&gateway, "POST", "/apps", Some(app)).await.0, 201);
    let mut alice = Client::new(&gateway);
    assert_eq!(alice.sign_in(&gateway.at(MADE, "/"), ALICE).await.status, 200);
    let path = format!("{lists}/{}", list["result"]["id"].as_str().unwrap());
    assert_eq!(gateway.admin_call("PATCH", &path, Some(json!({ "remove": [ALICE] }))).await.0, 200);
    let refused = alice.get(&gateway.at(MADE, "/")).await;
    assert_eq!((refused.status, refused.body.contains("a page of our own")), (403, true), "{}", refused.body);
}

#[tokio::test]
async fn an_address_of_an_application_that_is_not_served_opens_to_nobody() {
    let origin = Origin::start().await;
    let open = "domain = \"acme.cloudflareaccess.com\"\ndeny_unmatched_requests = false";
    let config = Config::standard(&origin).with("domain = \"acme.cloudflareaccess.com\"", open);
    let gateway = Gateway::serve(&config.and(&route(MADE, &origin.url()))).await;
    assert_eq!(status(&gateway, &[]).await, 200, "hosts of nobody pass here");
    origin.forget();
    let everybody = json!([{ "name": "All", "decision": "bypass", "include": [{ "everyone": {} }] }]);
    let ssh = json!({ "name": "Shell", "type": "ssh", "domain": MADE, "policies": everybody });
    let (made, answer) = call(&gateway, "POST", "/apps", Some(ssh)).await;
    assert_eq!(made, 201, "{answer}");
    assert_eq!(status(&gateway, &[]).await, 403, "whatever its policies say");
    origin.assert_untouched("an application that is not served");
}
