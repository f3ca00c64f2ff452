//! What an emulator lets fail, seen from both sides of the gateway, and what
//! it remembers of requests.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::config::{ALICE, API, APP, MALLORY, ROBOT};
use crate::support::node::{jose, pyjwt};
use crate::support::raw::exchange;
use crate::support::world::World;

impl World {
    async fn fail(&self, faults: Value) {
        self.gateway.control("PUT", "/faults", faults).await;
    }

    async fn recorded(&self) -> Value {
        self.gateway.control("GET", "/requests", json!({})).await
    }
}

#[tokio::test]
async fn each_defect_of_a_token_reaches_the_origin_and_no_validator_takes_it() {
    let world = World::start().await;
    let mut browser = world.signed_in(ALICE).await;
    let (certs, issuer, aud) = (world.gateway.certs_url(), world.gateway.team_url(), world.gateway.aud("App"));
    let listed = world.gateway.control("GET", "/faults", json!({})).await;
    let names = listed["available"].as_array().unwrap().iter().filter_map(|fault| fault["fault"].as_str());
    let defects: Vec<&str> = names.filter(|name| name.starts_with("token-")).collect();
    assert_eq!(defects.len(), 9);
    for defect in defects {
        world.fail(json!({ "fault": defect, "app": "App" })).await;
        world.origin.forget();
        assert_eq!(browser.get(&world.app("/")).await.status, 200);
        let seen = world.origin.only();
        let Some(token) = seen.assertion().map(str::to_owned) else {
            assert_eq!(defect, "token-missing");
            continue;
        };
        assert!(jose(&token, &certs, issuer, &aud).await.is_err(), "{defect}: jose");
        assert!(pyjwt(&token, &certs, issuer, &aud).await.is_err(), "{defect}: PyJWT");
        let cookie = seen.head.field("cookie").unwrap_or_default().to_owned();
        assert!(cookie.contains(&token), "{defect}: the cookie says the same as the header");
    }
    world.gateway.control("DELETE", "/faults", json!({})).await;
    world.origin.forget();
    browser.get(&world.app("/")).await;
    let token = world.origin.only().assertion().unwrap().to_owned();
    jose(&token, &certs, issuer, &aud).await.unwrap();
}

#[tokio::test]
async fn an_outage_strikes_the_application_it_is_asked_for_and_only_those_who_may_pass() {
    let world = World::start().await;
    let mut browser = world.signed_in(ALICE).await;
    world.fail(json!([{ "fault": "error", "status": 502, "app": "App", "path": "/api/*" }])).await;
    assert_eq!(browser.get(&world.app("/api/x")).await.status, 502);
    world.origin.assert_untouched("the answer came in its place");
    assert_eq!(browser.get(&world.app("/other")).await.status, 200);
    assert_eq!(world.stranger().get(&world.app("/api/x")).await.status, 302, "a stranger is asked to sign in");
}

#[tokio::test]
async fn a_reset_ends_the_connection_without_a_byte_and_once_is_once() {
    let world = World::start().await;
    let token = world.token(ALICE, "App").await;
    world.fail(json!({ "fault": "reset", "once": true })).await;
    let request = format!("GET / HTTP/1.1\r\nHost: {APP}\r\nCookie: CF_Authorization={token}\r\n\r\n");
    assert!(exchange(world.public(), &request).await.is_none());
    assert_eq!(exchange(world.public(), &request).await.unwrap().status(), 200);
}

#[tokio::test]
async fn keys_that_are_published_wrongly_lock_out_who_has_to_fetch_them() {
    let world = World::start().await;
    let token = world.token(ALICE, "App").await;
    let (certs, issuer, aud) = (world.gateway.certs_url(), world.gateway.team_url(), world.gateway.aud("App"));
    for profile in ["jwks-empty", "jwks-malformed", "jwks-500", "jwks-enc-use"] {
        world.fail(json!({ "fault": profile })).await;
        assert!(jose(&token, &certs, issuer, &aud).await.is_err(), "{profile}");
    }
    world.fail(json!([])).await;
    jose(&token, &certs, issuer, &aud).await.unwrap();
    let counters = world.recorded().await["counters"].clone();
    assert_eq!(counters["certs_fetches"], 5);
}

#[tokio::test]
async fn every_decision_is_remembered_with_who_and_why() {
    let world = World::start().await;
    let (alice, mallory) = (world.token(ALICE, "App").await, world.token(MALLORY, "App").await);
    world.stranger().get(&world.app("/a?secret=1")).await;
    for token in [&alice, &mallory] {
        let cookie = format!("CF_Authorization={token}");
        world.stranger().request_with(&world.app("/b"), "Cookie", &cookie).await;
    }
    world.stranger().request(Method::GET, &world.gateway.at(API, "/c"), &ROBOT, None).await;
    let wrong = [ROBOT[0], ("CF-Access-Client-Secret", "wrong")];
    world.stranger().request(Method::POST, &world.gateway.at(API, "/d"), &wrong, None).await;
    world.stranger().get(&world.app("/public/e")).await;
    world.stranger().get(&world.gateway.at("nothing.localhost", "/f")).await;

    let recorded = world.recorded().await;
    let told: Vec<Value> = recorded["requests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            json!([
                one["method"],
                one["path"],
                one["verdict"],
                one["policy"],
                one["caller"]["name"],
                one["caller"]["kind"]
            ])
        })
        .collect();
    let expected = json!([
        ["GET", "/a", "login", null, null, "nobody"],
        ["GET", "/b", "allow", "Corp", ALICE, "user"],
        ["GET", "/b", "deny", null, MALLORY, "user"],
        ["GET", "/c", "service_auth", "Machines", "Robot", "service_token"],
        ["POST", "/d", "deny", null, null, "unproven"],
        ["GET", "/public/e", "bypass", "Everybody", null, "nobody"],
        ["GET", "/f", "unmatched", null, null, "nobody"],
    ]);
    assert_eq!(json!(told), expected);
    assert!(!recorded.to_string().contains("secret=1"));
    let ray = recorded["requests"][1]["ray_id"].as_str().unwrap();
    world.gateway.logs(ray).await;
}

#[tokio::test]
async fn an_emulator_says_so_on_every_answer_and_in_the_names_of_its_keys() {
    let world = World::start().await;
    let mut browser = world.signed_in(ALICE).await;
    let urls = [world.app("/"), world.gateway.certs_url(), world.gateway.at("nothing.localhost", "/")];
    for url in urls {
        assert_eq!(browser.get(&url).await.header("x-emulated-access"), Some("1"), "{url}");
    }
    world.gateway.logs("this is an emulator").await;
    let keys = browser.get(&world.gateway.certs_url()).await.json()["keys"].clone();
    assert!(keys.as_array().unwrap().iter().all(|key| key["kid"].as_str().unwrap().starts_with("d00d0000")));
}
