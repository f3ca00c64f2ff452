//! Policies tried on people, on everybody and on one.

use doorward_model::id::{AccountId, IdpId, UserId};
use doorward_model::identity::{Identity, IdpRef};
use doorward_model::time::Lifetime;
use serde_json::{Value, json};

use super::door::{Door, START, uuid};

const TESTS: &str = "/access/policy-tests";

/// A provider that people can have come from.
async fn provider(door: &Door) -> IdpId {
    let url = |path: &str| format!("https://kc.example.com/{path}");
    let config = json!({
        "client_id": "c", "client_secret": "s", "auth_url": url("a"), "token_url": url("t"), "certs_url": url("k"),
    });
    let idp = json!({ "name": uuid(), "type": "oidc", "config": config });
    door.done(201, "POST", "/access/identity_providers", idp).await["id"].as_str().unwrap().parse().unwrap()
}

/// Somebody who signed in, later than whoever was made before.
async fn person(door: &Door, email: &str, idp: IdpId) -> UserId {
    let id = UserId::derived(&AccountId::derived("acme"), email);
    let identity = Identity {
        user_uuid: id,
        id: email.into(),
        email: email.parse().unwrap(),
        name: Some(email.split('@').next().unwrap().to_uppercase()),
        groups: Vec::new(),
        amr: Vec::new(),
        idp: IdpRef { id: idp, kind: "oidc".into() },
        ip: "10.1.2.3".parse().unwrap(),
        country: Some("DE".into()),
        oidc_fields: Default::default(),
        saml_attributes: Default::default(),
        evaluations: Vec::new(),
        iat: START.secs(),
    };
    assert!(door.clock.advance(Lifetime::from_secs(1)));
    let now = door.clock.now();
    door.store.user(&identity.email, id, now).await.unwrap();
    door.store.record_identity(&identity, now).await.unwrap();
    id
}

/// How a test ended.
async fn ended(door: &Door, test: &Value) -> Value {
    let path = format!("{TESTS}/{}", test["id"].as_str().unwrap());
    loop {
        let state = door.done(200, "GET", &path, Value::Null).await;
        if state["status"] != "processing" {
            return state;
        }
        tokio::task::yield_now().await;
    }
}

fn include(rule: Value) -> Value {
    json!([rule])
}

#[tokio::test]
async fn policies_are_tried_on_everybody_who_was_here() {
    let door = Door::open().await;
    let (idp, gone) = (provider(&door).await, provider(&door).await);
    let alice = person(&door, "alice@corp.test", idp).await;
    for email in ["bob@corp.test", "intern@corp.test", "mallory@evil.test"] {
        person(&door, email, idp).await;
    }
    person(&door, "lost@corp.test", gone).await;
    door.done(202, "DELETE", &format!("/access/identity_providers/{gone}"), Value::Null).await;
    door.store.user(&"ghost@corp.test".parse().unwrap(), UserId::random(), START).await.unwrap();
    let staff = json!({
        "name": "Staff", "decision": "allow", "include": include(json!({ "email_domain": { "domain": "corp.test" } })),
        "require": include(json!({ "ip": { "ip": "10.0.0.0/8" } })),
    });
    let staff = door.done(201, "POST", "/access/policies", staff).await;
    let block = json!({
        "name": "No interns", "decision": "deny", "include": include(json!({ "email": { "email": "intern@corp.test" } })),
    });
    let wanted = json!({ "policies": [block, staff["id"]] });
    let test = door.done(200, "POST", TESTS, wanted).await;
    assert_eq!(test["status"], "success");
    let state = ended(&door, &test).await;
    let expected = json!({
        "id": test["id"], "status": "complete", "total_users": 6,
        "users_approved": 2, "users_blocked": 2, "users_errored": 2,
        "percent_approved": 33, "percent_blocked": 33, "percent_errored": 33, "percent_users_processed": 100,
    });
    assert_eq!(state, expected);

    let path = format!("{TESTS}/{}/users", test["id"].as_str().unwrap());
    let users = async |query: &str| {
        let users = door.done(200, "GET", &format!("{path}{query}"), Value::Null).await;
        let row = |user: &Value| format!("{} {}", user["email"].as_str().unwrap(), user["status"].as_str().unwrap());
        users.as_array().unwrap().iter().map(row).collect::<Vec<_>>()
    };
    assert_eq!(users("?status=success").await, ["alice@corp.test approved", "bob@corp.test approved"]);
    assert_eq!(users("?status=fail").await, ["intern@corp.test blocked", "mallory@evil.test blocked"]);
    assert_eq!(users("?status=error").await, ["ghost@corp.test error", "lost@corp.test error"]);
    assert_eq!(users("?per_page=2&page=3").await, ["lost@corp.test error", "mallory@evil.test blocked"]);
    assert_eq!(users("?per_page=2&page=4").await, [""; 0]);
    let page = door.get(&format!("{path}?per_page=1")).await.body;
    assert_eq!(
        page["result"],
        json!([{ "id": alice, "email": "alice@corp.test", "name": "ALICE", "status": "approved" }])
    );
    assert_eq!((&page["result_info"]["total_count"], &page["result_info"]["total_pages"]), (&json!(6), &json!(6)));
}

#[tokio::test]
async fn an_applications_own_policy_is_tried_by_its_id() {
    let door = Door::open().await;
    person(&door, "alice@corp.test", provider(&door).await).await;
    let open = json!({ "name": "All", "decision": "allow", "include": include(json!({ "everyone": {} })) });
    let app = json!({ "name": "A", "type": "self_hosted", "domain": "a.test", "policies": [open] });
    let app = door.done(201, "POST", "/access/apps", app).await;
    let test = door.done(200, "POST", TESTS, json!({ "policies": [app["policies"][0]["id"]] })).await;
    assert_eq!(ended(&door, &test).await["users_approved"], 1);
}

#[tokio::test]
async fn what_is_no_test_is_refused_with_its_place() {
    let door = Door::open().await;
    let rule = |include: Value| json!({ "policies": [{ "name": "P", "decision": "allow", "include": [include] }] });
    for (body, pointer) in [
        (json!({}), "/policies"),
        (json!({ "policies": [] }), "/policies"),
        (json!({ "policies": "all" }), "/policies"),
        (json!({ "policies": [uuid()] }), "/policies/0"),
        (json!({ "policies": [7] }), "/policies/0"),
        (json!({ "policies": [{ "decision": "allow" }] }), "/policies/0/name"),
        (rule(json!({ "ip": { "ip": "everywhere" } })), "/policies/0/include/0/ip/ip"),
    ] {
        door.call("POST", TESTS, body.clone()).await.invalid(pointer);
    }
    door.get(&format!("{TESTS}/{}", uuid())).await.refused(404, 12135);
    door.get(&format!("{TESTS}/{}/users", uuid())).await.refused(404, 12135);
}

#[tokio::test]
async fn only_so_many_tests_run_at_once() {
    let door = Door::open().await;
    for id in ["a", "b", "c", "d"] {
        assert!(door.store.begin_policy_test(id, &[], door.clock.now()).await.unwrap());
    }
    let body = json!({ "policies": [{ "name": "P", "decision": "allow", "include": [{ "everyone": {} }] }] });
    door.call("POST", TESTS, body.clone()).await.refused(409, 12132);
    assert!(door.clock.advance(Lifetime::from_secs(60)));
    let test = door.done(200, "POST", TESTS, body).await;
    assert_eq!(ended(&door, &test).await["percent_users_processed"], 100, "of nobody, everybody");
    assert_eq!(door.done(200, "GET", &format!("{TESTS}/a"), Value::Null).await["status"], "exceeded time");
    door.get(&format!("{TESTS}/a/users?status=perhaps")).await.invalid("/status");
}

#[tokio::test]
async fn one_person_is_tried_on_one_application() {
    let door = Door::open().await;
    let idp = provider(&door).await;
    let staff = json!({
        "name": "Staff", "decision": "allow", "include": include(json!({ "email_domain": { "domain": "corp.test" } })),
    });
    let app = json!({ "name": "Wiki", "type": "self_hosted", "domain": "wiki.test/a", "policies": [staff] });
    let app = door.done(201, "POST", "/access/apps", app).await;
    let path = format!("/access/apps/{}/user_policy_checks", app["id"].as_str().unwrap());
    door.get(&path).await.refused(404, 12135);
    let alice = person(&door, "alice@corp.test", idp).await;
    person(&door, "mallory@evil.test", idp).await;
    door.store.user(&"ghost@corp.test".parse().unwrap(), UserId::random(), START).await.unwrap();

    let check = door.done(200, "GET", &format!("{path}?email=Alice@corp.test"), Value::Null).await;
    let state = &check["app_state"];
    assert_eq!((&state["app_uid"], &state["aud"], &state["name"]), (&app["id"], &app["aud"], &json!("Wiki")));
    assert_eq!((&state["hostname"], &state["status"]), (&json!("wiki.test/a"), &json!("approved")));
    assert_eq!(state["policies"][0]["outcome"], "opens");
    let identity = &check["user_identity"];
    assert_eq!((&identity["user_uuid"], &identity["name"]), (&json!(alice), &json!("ALICE")));
    assert_eq!((&identity["geo"]["country"], &identity["iat"]), (&json!("DE"), &json!(START.secs())));
    assert_eq!(door.done(200, "GET", &format!("{path}?user_id={alice}"), Value::Null).await, check);

    let mallory = door.done(200, "GET", &format!("{path}?email=mallory@evil.test"), Value::Null).await;
    assert_eq!(
        (&mallory["app_state"]["status"], &mallory["app_state"]["policies"][0]["outcome"]),
        (&json!("blocked"), &json!("does_not_apply"))
    );
    let newest = door.get(&path).await;
    assert_eq!(newest.body["result"], mallory);
    assert!(newest.body["messages"].to_string().contains("mallory@evil.test, who was here last"), "{}", newest.body);
    for nobody in ["ghost@corp.test", "dave@corp.test"] {
        door.get(&format!("{path}?email={nobody}")).await.refused(404, 12135);
    }
    let bookmark = json!({ "name": "B", "type": "bookmark", "domain": "b.test" });
    let bookmark = door.done(201, "POST", "/access/apps", bookmark).await;
    let path = format!("/access/apps/{}/user_policy_checks", bookmark["id"].as_str().unwrap());
    assert!(door.get(&path).await.refused(400, 12130).contains("bookmark"));
    door.get(&format!("/access/apps/{}/user_policy_checks", uuid())).await.refused(404, 11021);
}
