//! Each call: what it does, and what it says to one it cannot do.

use std::sync::atomic::Ordering;

use doorward_model::email::Email;
use doorward_model::id::{AccountId, Aud, UserId};
use doorward_model::identity::IdentityGroup;
use doorward_model::session::{Bearings, Revoked};
use doorward_model::time::{Clock, Lifetime};
use doorward_signer::Subject;
use http::StatusCode;
use serde_json::{Value, json};

use crate::testing::{Answer, ISSUER, SERVICE, START, World};

fn issuers() -> Vec<String> {
    vec![ISSUER.into()]
}

fn email(text: &str) -> Email {
    text.parse().unwrap()
}

fn token(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.json()["token"].as_str().unwrap().to_owned()
}

fn payload(token: &str) -> Value {
    use base64::Engine as _;
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn refused(answer: &Answer, status: StatusCode, words: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    let error = answer.json()["error"].as_str().unwrap().to_owned();
    assert!(error.contains(words), "{error:?} does not say {words:?}");
}

impl World {
    /// The bearings of a minted app token, if the gateway takes it.
    fn bearings(&self, token: &str) -> Option<Bearings> {
        let keyring = self.emulator.signer.keyring();
        let (aud, now) = (&self.app("Wiki").aud, self.emulator.clock.now());
        let verified = keyring.verify_app(token, &issuers(), aud, now, Lifetime::ZERO).ok()?;
        let bearings = verified.bearings();
        (!self.emulator.store.revocations().is_revoked(&bearings)).then_some(bearings)
    }

    async fn alices_token(&self) -> String {
        let order = json!({ "app": "wiki.localhost", "email": "alice@example.com" });
        token(&self.control("POST", "/tokens", order).await)
    }
}

mod faults;
mod requests;
mod snapshot;
mod tokens;

#[tokio::test]
async fn people_are_made_changed_and_listed() {
    let world = World::new().await;
    let zoe = json!({ "name": "Zoe", "groups": ["staff"], "claims": { "level": 7 }, "country": "pt" });
    let made = world.control("PUT", "/users/zoe@example.com", zoe).await.json();
    assert_eq!((&made["email"], &made["country"]), (&json!("zoe@example.com"), &json!("PT")));
    assert_eq!(made["amr"], json!(["pwd"]));
    assert_eq!(world.control("GET", "/users/Zoe%40Example.com", json!({})).await.json(), made);
    let replaced = json!({ "email": "ZOE@example.com", "amr": ["hwk"] });
    let replaced = world.control("PUT", "/users/zoe@example.com", replaced).await.json();
    assert_eq!((&replaced["name"], &replaced["amr"]), (&Value::Null, &json!(["hwk"])));
    let all = world.control("GET", "/users", json!({})).await.json();
    let emails: Vec<&str> = all.as_array().unwrap().iter().map(|person| person["email"].as_str().unwrap()).collect();
    assert_eq!(emails, ["alice@example.com", "bob@example.com", "zoe@example.com"]);
}

#[tokio::test]
async fn the_claims_of_a_new_person_reach_the_next_token() {
    let world = World::new().await;
    world.control("PUT", "/users/zoe@example.com", json!({ "claims": { "level": 7 } })).await;
    let order = json!({ "app": "Wiki", "email": "zoe@example.com" });
    let claims = payload(&token(&world.control("POST", "/tokens", order).await));
    assert_eq!(claims["custom"], json!({ "level": 7 }));
    assert_eq!(world.emulator.catalog.load().generation(), 1, "what was decided stays decided");
}

#[tokio::test]
async fn somebody_who_is_removed_is_signed_out() {
    let world = World::new().await;
    let minted = world.alices_token().await;
    assert!(world.bearings(&minted).is_some());
    let answer = world.control("DELETE", "/users/alice@example.com", json!({})).await;
    assert_eq!(answer.json(), json!({ "deleted": ["alice@example.com"] }));
    assert!(world.bearings(&minted).is_none());
    refused(&world.control("GET", "/users/alice@example.com", json!({})).await, StatusCode::NOT_FOUND, "alice");
    refused(&world.control("DELETE", "/users/alice@example.com", json!({})).await, StatusCode::NOT_FOUND, "alice");
}

#[tokio::test]
async fn a_list_of_people_takes_the_place_of_the_one_before() {
    let world = World::new().await;
    let alices = world.alices_token().await;
    let list =
        json!([{ "email": "bob@example.com", "name": "Bob" }, { "email": "c@example.com", "claims": { "a": 1 } }]);
    let all = world.control("PUT", "/users", list).await.json();
    assert_eq!(
        (&all[0]["name"], &all[1]["email"], all.as_array().unwrap().len()),
        (&json!("Bob"), &json!("c@example.com"), 2)
    );
    assert_eq!(world.control("GET", "/users", json!({})).await.json(), all);
    assert_eq!(world.emulator.claim_names(), ["a"]);
    assert!(world.bearings(&alices).is_none(), "who is not on the list is signed out");
}

#[tokio::test]
async fn a_list_of_people_holds_as_a_whole_or_not_at_all() {
    let world = World::new().await;
    for (body, words) in [
        (json!([{ "email": "e@example.com" }, { "name": "F" }]), "`email`"),
        (json!([{ "email": "e@example.com" }, { "email": "f@example.com", "groups": "staff" }]), "[1].groups: "),
        (json!([{ "email": "e@example.com" }, { "email": "E@example.com" }]), "twice"),
        (json!({ "email": "e@example.com" }), "not a list"),
    ] {
        let answer = world.control("PUT", "/users", body).await;
        refused(&answer, StatusCode::UNPROCESSABLE_ENTITY, words);
    }
    let one = world.control("PUT", "/users", json!({ "email": "e@example.com" })).await.json();
    assert!(one["hint"].as_str().unwrap().contains("/users/{email}"), "{one}");
    assert_eq!(world.emulator.people.all().len(), 2);
    world.control("DELETE", "/users", json!({})).await;
    assert!(world.emulator.people.all().is_empty());
}

#[tokio::test]
async fn a_person_that_makes_no_sense_is_refused() {
    let world = World::new().await;
    for (draft, words) in [
        (json!({ "email": "other@example.com" }), "path"),
        (json!({ "nmae": "Zoe" }), "`nmae`"),
        (json!({ "groups": "staff" }), "groups: invalid type: string \"staff\", expected a sequence"),
        (json!({ "claims": { "sub": "x" } }), "\"sub\""),
        (json!({ "country": "Portugal" }), "country"),
    ] {
        let answer = world.control("PUT", "/users/zoe@example.com", draft).await;
        refused(&answer, StatusCode::UNPROCESSABLE_ENTITY, words);
    }
    let position = world.control("PUT", "/users/zoe@example.com", json!({ "groups": "staff" })).await;
    assert!(!position.body.contains("column"), "a path says more than a position: {}", position.body);
    let broken = world.control_raw("PUT", "/users/zoe@example.com", "{\n\"name\": Zoe}").await;
    refused(&broken, StatusCode::BAD_REQUEST, "the body is not JSON: expected value, in line 2, column 9");
    let answer = world.control("PUT", "/users/zoe", json!({})).await;
    refused(&answer, StatusCode::UNPROCESSABLE_ENTITY, "e-mail");
    assert_eq!(world.emulator.people.all().len(), 2);
}

#[tokio::test]
async fn time_goes_where_it_is_sent() {
    let world = World::new().await;
    assert!(world.emulator.clock.freeze(true));
    let shown = world.control("GET", "/clock", json!({})).await.json();
    assert_eq!(shown, json!({ "now": "2027-01-15T08:00:00Z", "frozen": true }));
    let advanced = world.control("PUT", "/clock", json!({ "advance": "25h" })).await.json();
    assert_eq!(advanced["now"], "2027-01-16T09:00:00Z");
    let all = json!({ "set": "2030-01-01T00:00:00+01:00", "advance": "1h", "freeze": false });
    let all = world.control("PUT", "/clock", all).await.json();
    assert_eq!((&all["now"], &all["frozen"]), (&json!("2030-01-01T00:00:00Z"), &json!(false)));
}

#[tokio::test]
async fn a_token_is_over_when_its_time_was_passed_by() {
    let world = World::new().await;
    let minted = world.alices_token().await;
    world.control("PUT", "/clock", json!({ "advance": "9h" })).await;
    assert!(world.bearings(&minted).is_none());
}

#[tokio::test]
async fn a_time_that_makes_no_sense_is_refused_and_the_clock_stays() {
    let world = World::new().await;
    for (change, words) in [
        (json!({}), "empty"),
        (json!({ "set": "tomorrow" }), "tomorrow"),
        (json!({ "set": "1969-12-31T23:59:59Z" }), "1970"),
        (json!({ "set": "9999-01-01T00:00:00Z", "advance": "20000h" }), "9999"),
        (json!({ "advance": "-1h" }), "duration"),
        (json!({ "advance": 5 }), "string"),
        (json!({ "freeze": "yes" }), "boolean"),
        (json!({ "rewind": "1h" }), "`rewind`"),
    ] {
        refused(&world.control("PUT", "/clock", change).await, StatusCode::UNPROCESSABLE_ENTITY, words);
    }
    assert_eq!(world.emulator.clock.now(), START);
    let fixed = World::with_clock(Clock::system()).await;
    refused(&fixed.control("PUT", "/clock", json!({ "advance": "1h" })).await, StatusCode::CONFLICT, "machine's clock");
}

#[tokio::test]
async fn keys_rotate_on_demand() {
    let world = World::new().await;
    let answer = world.control_raw("POST", "/keys/rotate", "").await;
    assert_eq!(answer.json(), json!({ "kid": world.emulator.signer.load().current_kid() }));
    assert_eq!(world.rotations.load(Ordering::SeqCst), 1);
    world.control("POST", "/keys/rotate", json!({ "drop_previous": true })).await;
    assert_eq!(world.rotations.load(Ordering::SeqCst), 101);
    let wrong = world.control("POST", "/keys/rotate", json!({ "drop": true })).await;
    refused(&wrong, StatusCode::UNPROCESSABLE_ENTITY, "`drop`");
    assert_eq!(world.rotations.load(Ordering::SeqCst), 101);
}

#[tokio::test]
async fn a_revocation_ends_what_was_minted_before_and_not_what_comes_after_though_time_stands_still() {
    let world = World::new().await;
    let (alice, wiki) = (json!({ "email": "alice@example.com" }), json!({ "app": "wiki.localhost" }));
    for what in [&alice, &alice, &wiki, &wiki, &alice] {
        let before = world.alices_token().await;
        assert!(world.bearings(&before).is_some());
        let answer = world.control("POST", "/revocations", what.clone()).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        assert!(answer.json()["revoked"].is_object());
        assert!(world.bearings(&before).is_none(), "{what}");
        let after = world.alices_token().await;
        assert!(world.bearings(&after).is_some(), "{what}");
    }
}

#[tokio::test]
async fn a_revocation_says_exactly_what_it_ends() {
    let world = World::new().await;
    for (what, status, words) in [
        (json!({}), 422, "either"),
        (json!({ "email": "alice@example.com", "app": "Wiki" }), 422, "either"),
        (json!({ "app": "nowhere.test" }), 404, "nowhere.test"),
        (json!({ "email": "alice" }), 422, "e-mail"),
        (json!({ "user": "alice@example.com" }), 422, "`user`"),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        refused(&world.control("POST", "/revocations", what).await, status, words);
    }
}

#[tokio::test]
async fn a_reset_brings_the_start_state_back() {
    let world = World::new().await;
    let minted = world.alices_token().await;
    let bearings = world.bearings(&minted).unwrap();
    world.control("PUT", "/users/zoe@example.com", json!({ "claims": { "level": 7 } })).await;
    world.control("DELETE", "/users/bob@example.com", json!({})).await;
    world.control("POST", "/revocations", json!({ "app": "Wiki" })).await;
    world.control("PUT", "/clock", json!({ "advance": "25h" })).await;
    let kid = world.emulator.signer.load().current_kid().to_owned();

    let answer = world.control_raw("POST", "/reset", "").await;
    assert_eq!((answer.status, &answer.json()["frozen"]), (StatusCode::OK, &json!(false)));
    let people = world.control("GET", "/users", json!({})).await.json();
    assert_eq!(people.as_array().unwrap().len(), 2);
    assert_eq!(people[1]["email"], "bob@example.com");
    assert_eq!(world.emulator.claim_names(), ["department"]);
    let now = world.emulator.clock.now();
    assert!(now.since(Clock::system().now()) < Lifetime::from_secs(5));
    let nonce = bearings.session.clone().unwrap();
    assert!(world.emulator.store.session(&nonce).await.unwrap().is_none());
    assert!(!world.emulator.store.revocations().is_revoked(&bearings));
    assert_eq!(world.emulator.signer.load().current_kid(), kid);
}

#[tokio::test]
async fn mail_waits_to_be_read_until_it_is_cleared_and_a_reset_clears_it() {
    let world = World::new().await;
    let letter = |to: &str| doorward_model::letter::Letter {
        to: to.parse().unwrap(),
        subject: "Hello".into(),
        text: "See http://x.test/1".into(),
    };
    for clear in [("DELETE", "/mail"), ("POST", "/reset")] {
        world.emulator.deliver(letter("a@b.test"));
        world.emulator.deliver(letter("c@d.test"));
        let mail = world.control("GET", "/mail?to=C@d.test", json!({})).await;
        assert_eq!(mail.json()["mail"].as_array().unwrap().len(), 1);
        assert_eq!(mail.json()["mail"][0]["links"], json!(["http://x.test/1"]));
        world.control(clear.0, clear.1, json!({})).await;
        assert_eq!(world.control("GET", "/mail", json!({})).await.json(), json!({ "mail": [] }));
    }
    refused(&world.control("GET", "/mail?to=nobody", json!({})).await, StatusCode::UNPROCESSABLE_ENTITY, "to: ");
}

#[tokio::test]
async fn a_call_that_is_not_there_says_so() {
    let world = World::new().await;
    for path in ["", "/", "/token", "/users/a@b.test/groups", "/keys"] {
        refused(&world.control("POST", path, json!({})).await, StatusCode::NOT_FOUND, "there is nothing at");
    }
    let answer = world.control("GET", "/tokens", json!({})).await;
    refused(&answer, StatusCode::METHOD_NOT_ALLOWED, "/tokens");
    assert_eq!(answer.header("allow"), "POST");
}
