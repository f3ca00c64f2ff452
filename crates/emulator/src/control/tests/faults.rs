//! Faults: each is listed with what a correct application does, and strikes
//! where and as often as it was asked to.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use doorward_model::path::NormPath;
use http::Request;

use super::*;
use crate::testing::ask;
use crate::{Bent, Defect, Instead};

const CERTS: &str = "/cdn-cgi/access/certs";

impl World {
    async fn put_faults(&self, faults: Value) -> Value {
        let answer = self.control("PUT", "/faults", faults).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.json()["active"].clone()
    }

    fn bent(&self, app: &str, path: &str) -> Bent {
        self.emulator.bent(&self.app(app), &path.parse::<NormPath>().unwrap()).unwrap_or_default()
    }

    /// What a fetch of the keys, or of something else at the door, gets.
    pub(super) async fn at_the_door(&self, path: &str) -> Answer {
        let emulator = self.emulator.clone();
        let certs = move || async move { emulator.signer.load().published().to_owned() };
        let site = Router::new().route(CERTS, get(certs)).fallback(|| async { "good" });
        ask(self.emulator.watched(site), Request::get(path).body(Body::empty()).unwrap()).await
    }

    async fn keys(&self) -> Value {
        self.at_the_door(CERTS).await.json()["keys"].clone()
    }
}

#[tokio::test]
async fn every_fault_is_listed_with_what_a_correct_app_does() {
    let world = World::new().await;
    let listed = world.control("GET", "/faults", json!({})).await.json();
    assert_eq!(listed["active"], json!([]));
    let available = listed["available"].as_array().unwrap();
    assert_eq!(available.len(), 20);
    for fault in available {
        assert!(fault["a_correct_app"].as_str().unwrap().len() > 10, "{fault}");
        let name = &fault["fault"];
        assert_eq!(world.put_faults(json!({ "fault": name })).await[0]["fault"], *name);
    }
}

#[tokio::test]
async fn a_fault_strikes_the_application_and_the_path_it_names() {
    let world = World::new().await;
    let faults = json!([
        { "fault": "error", "status": 502, "app": "wiki.localhost", "path": "/api/*" },
        { "fault": "latency", "delay": "3s", "app": "Previews" },
    ]);
    world.put_faults(faults).await;
    assert_eq!(world.bent("Wiki", "/api/x").instead, Some(Instead::Status(StatusCode::BAD_GATEWAY)));
    assert_eq!(world.bent("Wiki", "/other"), Bent::default());
    let slow = world.bent("Previews", "/api/x");
    assert_eq!((slow.delay, slow.instead), (Duration::from_secs(3), None));
}

#[tokio::test]
async fn a_fault_strikes_its_share_or_once_and_counts() {
    let world = World::new().await;
    world.put_faults(json!([{ "fault": "reset", "once": true }, { "fault": "token-expired", "share": 0.5 }])).await;
    let struck: Vec<_> = (0..4).map(|_| world.bent("Wiki", "/")).collect();
    assert_eq!(struck[0].instead, Some(Instead::Reset));
    assert!(struck[1..].iter().all(|bent| bent.instead.is_none()));
    assert_eq!(struck.iter().filter(|bent| bent.defect == Some(Defect::Expired)).count(), 2);
    let active = world.control("GET", "/faults", json!({})).await.json()["active"].clone();
    assert_eq!((&active[0]["struck"], &active[1]["struck"], &active[1]["seen"]), (&json!(1), &json!(2), &json!(4)));
}

#[tokio::test]
async fn faults_end_one_by_one_all_together_and_with_a_reset() {
    let world = World::new().await;
    let three = json!([{ "fault": "reset" }, { "fault": "latency" }, { "fault": "jwks-500" }]);
    world.put_faults(three.clone()).await;
    let left = world.control("DELETE", "/faults/reset", json!({})).await.json();
    assert_eq!(left["active"].as_array().unwrap().len(), 2);
    assert_eq!(world.control("DELETE", "/faults", json!({})).await.json()["active"], json!([]));
    world.put_faults(three).await;
    world.control("POST", "/reset", json!({})).await;
    assert_eq!(world.control("GET", "/faults", json!({})).await.json()["active"], json!([]));
}

#[tokio::test]
async fn a_fault_that_makes_no_sense_is_refused_and_changes_nothing() {
    let world = World::new().await;
    world.put_faults(json!({ "fault": "reset" })).await;
    for (fault, words) in [
        (json!({ "fault": "flood" }), "there is no fault"),
        (json!({ "fault": "reset", "app": "nowhere.test" }), "there is no application"),
        (json!({ "fault": "reset", "delay": "1s" }), "has no delay"),
        (json!({ "fault": "latency", "status": 500 }), "has no status"),
        (json!({ "fault": "error", "status": 200 }), "500 to 599"),
        (json!({ "fault": "reset", "share": 1.5 }), "from 0 to 1"),
        (json!({ "fault": "latency", "delay": "1h" }), "at most"),
        (json!({ "fault": "jwks-empty", "app": "Wiki" }), "for all applications"),
        (json!([{ "fault": "reset" }, { "foult": "reset" }]), "unknown field"),
    ] {
        let answer = world.control("PUT", "/faults", fault).await;
        assert!(answer.status.is_client_error());
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(error.contains(words), "{error:?} does not say {words:?}");
    }
    let active = world.control("GET", "/faults", json!({})).await.json()["active"].clone();
    assert_eq!((active.as_array().unwrap().len(), &active[0]["fault"]), (1, &json!("reset")));
}

#[tokio::test]
async fn the_keys_are_published_wrongly_while_the_fault_lasts() {
    let world = World::new().await;
    let good = world.keys().await;
    world.put_faults(json!({ "fault": "jwks-empty" })).await;
    assert_eq!(world.keys().await, json!([]));
    world.put_faults(json!({ "fault": "jwks-500" })).await;
    assert_eq!(world.at_the_door(CERTS).await.status, StatusCode::INTERNAL_SERVER_ERROR);
    world.put_faults(json!({ "fault": "jwks-duplicate-kid" })).await;
    let twice = world.keys().await;
    assert_eq!((&twice[0]["kid"], &twice[1]), (&good[0]["kid"], &good[0]));
    assert_ne!(twice[0]["n"], good[0]["n"]);
    world.put_faults(json!({ "fault": "jwks-rotating" })).await;
    let kids: Vec<Value> = vec![world.keys().await[0]["kid"].clone(), world.keys().await[0]["kid"].clone()];
    assert!(kids.contains(&good[0]["kid"]) && kids[0] != kids[1], "{kids:?}");
    assert_eq!(world.at_the_door(CERTS).await.header("cache-control"), "no-store");
    world.control("DELETE", "/faults", json!({})).await;
    assert_eq!(world.keys().await, good);
}

#[tokio::test]
async fn what_access_serves_itself_fails_only_where_its_path_is_named() {
    let world = World::new().await;
    world.put_faults(json!({ "fault": "error" })).await;
    assert_eq!(world.at_the_door("/cdn-cgi/access/get-identity").await.body, "good");
    world.put_faults(json!({ "fault": "error", "path": "/cdn-cgi/access/get-identity" })).await;
    assert_eq!(world.at_the_door("/cdn-cgi/access/get-identity").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(world.at_the_door("/cdn-cgi/access/logout").await.body, "good");
}

#[tokio::test]
async fn a_token_can_be_asked_for_with_a_defect() {
    let world = World::new().await;
    let header = |token: &str| -> Value {
        use base64::Engine as _;
        let part = token.split('.').next().unwrap();
        serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    let good = world.alices_token().await;
    let kid = header(&good)["kid"].clone();
    let mut spoiled = std::collections::BTreeMap::new();
    for listed in crate::faults::ALL.iter().filter(|listed| listed.name.starts_with("token-")) {
        let order = json!({ "app": "Wiki", "email": "alice@example.com", "defect": listed.name });
        let answer = world.control("POST", "/tokens", order).await;
        if listed.name == "token-missing" {
            refused(&answer, StatusCode::UNPROCESSABLE_ENTITY, "token-missing");
            continue;
        }
        let token = token(&answer);
        assert!(world.bearings(&token).is_none(), "{}", listed.name);
        spoiled.insert(listed.name, (header(&token), payload(&token)));
    }
    let now = START.secs();
    assert_eq!(spoiled["token-expired"].1["exp"], json!(now - 3600));
    assert_eq!(spoiled["token-not-yet-valid"].1["nbf"], json!(now + 3600));
    assert_eq!(spoiled["token-wrong-iss"].1["iss"], "https://another-team.cloudflareaccess.com");
    assert_ne!(spoiled["token-wrong-aud"].1["aud"], payload(&good)["aud"]);
    assert_eq!(spoiled["token-alg-none"].0, json!({ "alg": "none", "typ": "JWT" }));
    assert_eq!((&spoiled["token-hs256"].0["alg"], &spoiled["token-hs256"].0["kid"]), (&json!("HS256"), &kid));
    assert_eq!(
        (&spoiled["token-tampered"].0["kid"], &spoiled["token-tampered"].1["email"]),
        (&kid, &json!("somebody.else@example.com"))
    );
    assert_ne!(spoiled["token-unknown-kid"].0["kid"], kid);
}
