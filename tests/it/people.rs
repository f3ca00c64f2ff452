//! People as the management API knows them: who signed in, with what, and
//! what was decided about them.

use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::config::{ALICE, API, APP, Config, MALLORY, OTHER, ROBOT};
use crate::support::gateway::Gateway;
use crate::support::origin::Origin;
use crate::support::postgres;

async fn call(gateway: &Gateway, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    let account = gateway.ready["account_id"].as_str().expect("the ready line names the account");
    gateway.admin_call(method, &format!("/client/v4/accounts/{account}/access{path}"), body).await
}

async fn result(gateway: &Gateway, path: &str) -> Value {
    let (status, answer) = call(gateway, "GET", path, None).await;
    assert_eq!(status, 200, "{path}: {answer}");
    answer["result"].clone()
}

/// The id of whoever has this address.
async fn id(gateway: &Gateway, email: &str) -> String {
    let found = result(gateway, &format!("/users?email={email}")).await;
    found[0]["id"].as_str().expect("somebody has it").to_owned()
}

#[tokio::test]
async fn row_045_the_api_tells_who_somebody_is_and_their_sign_ins() {
    let origin = Origin::start().await;
    for store in ["sqlite://FOLDER/people.db".to_owned(), postgres::database().await] {
        let gateway = Gateway::serve(&Config::standard(&origin).on_store(&store)).await;
        assert_eq!(result(&gateway, "/users").await, json!([]), "nobody yet");
        let mut alice = Client::new(&gateway);
        assert_eq!(alice.sign_in(&gateway.at(APP, "/"), ALICE).await.status, 200);
        let person = format!("/users/{}", id(&gateway, ALICE).await);
        let shown = result(&gateway, &person).await;
        assert_eq!((&shown["name"], &shown["access_seat"]), (&json!("Alice"), &json!(true)), "{shown}");
        assert!(shown["last_successful_login"].is_string(), "{shown}");

        let told = alice.get(&gateway.at(APP, "/cdn-cgi/access/get-identity")).await.json();
        assert_eq!(
            result(&gateway, &format!("{person}/last_seen_identity")).await,
            told,
            "as they are told themselves"
        );
        let sessions = result(&gateway, &format!("{person}/active_sessions")).await;
        assert_eq!(sessions.as_array().unwrap().len(), 1, "{sessions}");
        let nonce = sessions[0]["metadata"]["nonce"].as_str().unwrap();
        let session = result(&gateway, &format!("{person}/active_sessions/{nonce}")).await;
        assert_eq!((&session["email"], &session["isActive"]), (&json!(ALICE), &json!(true)));

        let app = gateway.app_id("App");
        let entered = json!({ app: { "uid": app, "name": "App", "type": "self_hosted", "hostname": APP } });
        assert_eq!(sessions[0]["metadata"]["apps"], entered, "what was entered with it");
        assert_eq!(alice.open(&gateway.at(OTHER, "/")).await.status, 200, "with the same sign-in");
        let apps = result(&gateway, &format!("{person}/active_sessions")).await[0]["metadata"]["apps"].clone();
        assert_eq!((apps.as_object().unwrap().len(), &apps[gateway.app_id("Other")]["hostname"]), (2, &json!(OTHER)));
        let log = result(&gateway, "/logs/access_requests").await.to_string();
        assert!(!log.contains(nonce), "the log names no sign-in: {log}");

        assert_eq!(call(&gateway, "DELETE", &person, None).await.0, 202);
        assert_ne!(alice.get(&gateway.at(APP, "/")).await.status, 200, "who is removed is signed out everywhere");
        assert_eq!(call(&gateway, "GET", &person, None).await.0, 404);
    }
}

#[tokio::test]
async fn row_142_a_seat_that_is_taken_away_ends_no_session_and_comes_back_with_a_sign_in() {
    let origin = Origin::start().await;
    let gateway = Gateway::serve(&Config::standard(&origin)).await;
    let mut alice = Client::new(&gateway);
    alice.sign_in(&gateway.at(APP, "/"), ALICE).await;
    let person = id(&gateway, ALICE).await;
    let seat = async || result(&gateway, &format!("/users/{person}")).await["access_seat"].clone();
    let taken = json!([{ "seat_uid": person, "access_seat": false, "gateway_seat": false }]);
    assert_eq!(call(&gateway, "PATCH", "/seats", Some(taken)).await.0, 200);
    assert_eq!(seat().await, json!(false));
    assert_eq!(alice.get(&gateway.at(APP, "/")).await.status, 200, "a seat is no session");
    gateway.control("PUT", "/clock", json!({ "advance": "1s" })).await;
    assert_eq!(Client::new(&gateway).sign_in(&gateway.at(APP, "/"), ALICE).await.status, 200, "nobody is kept out");
    assert_eq!(seat().await, json!(true));
}

#[tokio::test]
async fn row_045_somebody_who_is_refused_everywhere_is_known_by_what_was_seen_of_them() {
    let origin = Origin::start().await;
    for store in ["sqlite://FOLDER/people.db".to_owned(), postgres::database().await] {
        let gateway = Gateway::serve(&Config::standard(&origin).on_store(&store)).await;
        Client::new(&gateway).sign_in(&gateway.at(APP, "/"), MALLORY).await;
        let person = format!("/users/{}", id(&gateway, MALLORY).await);
        let identity = result(&gateway, &format!("{person}/last_seen_identity")).await;
        assert_eq!((&identity["email"], &identity["idp"]["type"]), (&json!(MALLORY), &json!("oidc")));
        let failed = result(&gateway, &format!("{person}/failed_logins")).await;
        assert_eq!(failed.as_array().map(Vec::len), Some(1), "{failed}");
        let shown = result(&gateway, &person).await;
        assert_eq!((&shown["access_seat"], shown.get("last_successful_login")), (&json!(false), None), "{shown}");
        assert_eq!(result(&gateway, &format!("{person}/active_sessions")).await, json!([]));
        origin.assert_untouched("somebody who is refused");
    }
}

#[tokio::test]
async fn row_152_the_log_tells_who_entered_who_was_refused_and_who_left() {
    let origin = Origin::start().await;
    let gateway = Gateway::serve(&Config::standard(&origin)).await;
    let mut alice = Client::new(&gateway);
    alice.sign_in(&gateway.at(APP, "/"), ALICE).await;
    Client::new(&gateway).sign_in(&gateway.at(APP, "/"), MALLORY).await;
    let robot = Client::new(&gateway).with_header(ROBOT[0].0, ROBOT[0].1).with_header(ROBOT[1].0, ROBOT[1].1);
    let mut robot = robot;
    assert_eq!(robot.get(&gateway.at(API, "/")).await.status, 200);
    alice.get(&gateway.at(APP, "/cdn-cgi/access/logout")).await;

    let log = |query: &str| format!("/logs/access_requests?direction=asc&{query}");
    crate::support::deadline::eventually("the machine is in the log", async || {
        let machines = result(&gateway, &log("non_identity=true")).await;
        (machines.as_array().unwrap().len() == 1).then_some(())
    })
    .await;
    let people = result(&gateway, &log("non_identity=false")).await;
    let told: Vec<Value> = people
        .as_array()
        .unwrap()
        .iter()
        .map(|line| json!([line["action"], line["allowed"], line["user_email"], line["connection"]]))
        .collect();
    let expected = [
        json!(["login", true, ALICE, "oidc"]),
        json!(["login", false, MALLORY, "oidc"]),
        json!(["logout", true, ALICE, "oidc"]),
    ];
    assert_eq!(told, expected);
    let entered = &people[0];
    assert_eq!((&entered["app_uid"], &entered["app_domain"]), (&json!(gateway.app_id("App")), &json!(APP)));
    assert!(["ray_id", "created_at", "ip_address", "idp_id"].iter().all(|name| entered[name].is_string()), "{entered}");

    let refused = result(&gateway, &log(&format!("email={MALLORY}&email_exact=true&allowed=false"))).await;
    assert_eq!(refused.as_array().unwrap().len(), 1);
    let of_app = result(&gateway, &log(&format!("app_uid={}", gateway.app_id("App")))).await;
    assert_eq!(of_app.as_array().unwrap().len(), 2, "{of_app}");
    let mallory = id(&gateway, MALLORY).await;
    let failed = result(&gateway, &format!("/users/{mallory}/failed_logins")).await;
    assert_eq!(failed[0]["metadata"]["ray_id"], refused[0]["ray_id"]);
    let narrowed = result(&gateway, &log("limit=1&fields=user_email")).await;
    assert_eq!(narrowed, json!([{ "user_email": ALICE }]));
}
