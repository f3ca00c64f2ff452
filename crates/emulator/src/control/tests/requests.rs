//! The recorder: decisions with who and why, and how often keys were fetched.

use doorward_model::id::RayId;

use super::*;
use crate::{Caller, Decision};

fn decision(world: &World, app: &str, verdict: &'static str, caller: Caller) -> Decision {
    let app = world.app(app);
    Decision {
        ray: RayId::random(),
        at: START,
        client_ip: std::net::Ipv4Addr::LOCALHOST.into(),
        method: "GET".into(),
        host: "wiki.localhost".into(),
        path: "/page".into(),
        app: Some((app.id, app.name.clone())),
        verdict,
        policy: Some("Staff".into()),
        rule: Some("include[0] everyone".into()),
        rules: None,
        caller,
    }
}

#[tokio::test]
async fn decisions_are_kept_in_their_order_with_who_and_why() {
    let world = World::new().await;
    let alice = Caller::Person("alice@example.com".into());
    world.emulator.decided(decision(&world, "Wiki", "login", Caller::Nobody));
    world.emulator.decided(decision(&world, "Wiki", "allow", alice));
    world.emulator.decided(decision(&world, "Previews", "service_auth", Caller::Service("ci".into())));
    let seen = world.control("GET", "/requests", json!({})).await.json();
    let verdicts: Vec<&Value> = seen["requests"].as_array().unwrap().iter().map(|one| &one["verdict"]).collect();
    assert_eq!(verdicts, ["login", "allow", "service_auth"]);
    let allowed = &seen["requests"][1];
    assert_eq!(allowed["caller"], json!({ "kind": "user", "name": "alice@example.com" }));
    assert_eq!((&allowed["policy"], &allowed["app"]), (&json!("Staff"), &json!("Wiki")));
    assert_eq!(seen["counters"]["decisions"], 3);
    let of_one = world.control("GET", "/requests?app=Previews", json!({})).await.json();
    assert_eq!(of_one["requests"].as_array().unwrap().len(), 1);
    refused(&world.control("GET", "/requests?app=none", json!({})).await, StatusCode::NOT_FOUND, "none");
}

#[tokio::test]
async fn fetches_are_counted_until_they_are_cleared() {
    let world = World::new().await;
    for path in ["/cdn-cgi/access/certs", "/cdn-cgi/access/certs", "/cdn-cgi/access/get-identity"] {
        world.at_the_door(path).await;
    }
    let counters = |answer: Answer| answer.json()["counters"].clone();
    let expected = json!({ "decisions": 0, "certs_fetches": 2, "identity_calls": 1 });
    assert_eq!(counters(world.control("GET", "/requests", json!({})).await), expected);
    world.emulator.decided(decision(&world, "Wiki", "allow", Caller::Nobody));
    let cleared = world.control("DELETE", "/requests", json!({})).await.json();
    assert_eq!(cleared["requests"], json!([]));
    assert_eq!(cleared["counters"], json!({ "decisions": 0, "certs_fetches": 0, "identity_calls": 0 }));
}
