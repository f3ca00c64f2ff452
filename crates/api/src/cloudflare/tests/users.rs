//! People, their seats and what is logged of them.

use doorward_model::access_request::{AccessRequest, Action, Detail};
use doorward_model::id::{AccountId, AppId, IdentityNonce, IdpId, UserId};
use doorward_model::identity::{Identity, IdpRef};
use doorward_model::session::{Bearings, Session};
use doorward_model::time::{Lifetime, Timestamp};
use serde_json::{Map, Value, json};

use super::door::{Door, START, uuid};

const USERS: &str = "/access/users";

/// Somebody signs in.
async fn signed_in(door: &Door, email: &str, name: &str) -> Session {
    let email = email.parse().unwrap();
    let now = door.clock.now();
    let user_uuid = door.store.user(&email, UserId::derived(&AccountId::derived("acme"), email.as_str()), now).await;
    let identity = Identity {
        user_uuid: user_uuid.unwrap(),
        id: format!("subject of {email}"),
        email,
        name: Some(name.into()),
        groups: Vec::new(),
        amr: vec!["pwd".into()],
        idp: IdpRef { id: IdpId::random(), kind: "oidc".into() },
        ip: "192.0.2.7".parse().unwrap(),
        country: Some("DE".into()),
        oidc_fields: Map::new(),
        saml_attributes: Map::new(),
        evaluations: Vec::new(),
        iat: now.secs(),
    };
    let (created_at, expires_at) = (now, now.plus(Lifetime::from_hours(24)));
    let session = Session { nonce: IdentityNonce::random(), identity, created_at, expires_at };
    door.store.record_identity(&session.identity, now).await.unwrap();
    door.store.open_session(&session).await.unwrap();
    session
}

async fn line(door: &Door, session: &Session, second: i64, allowed: bool, app: Option<AppId>) -> AccessRequest {
    let line = AccessRequest {
        at: Timestamp(START.0 + second * 1000),
        action: if app.is_some() { Action::Login } else { Action::Logout },
        allowed,
        user_email: session.identity.email.to_string(),
        user_id: Some(session.identity.user_uuid),
        ip_address: "2001:db8::7".parse().unwrap(),
        country: Some("DE".into()),
        app_uid: app,
        app_domain: "wiki.test".into(),
        connection: "oidc".into(),
        idp_id: Some(session.identity.idp.id),
        ray_id: format!("ray{second}"),
        non_identity: false,
        detail: Detail { policy: "Staff".into(), ..Detail::default() },
    };
    door.store.log_access(&line).await.unwrap();
    line
}

fn path(session: &Session) -> String {
    format!("{USERS}/{}", session.identity.user_uuid)
}

#[tokio::test]
async fn whoever_signed_in_is_listed_with_what_is_known_of_them() {
    let door = Door::open().await;
    let alice = signed_in(&door, "alice@corp.test", "Alice").await;
    signed_in(&door, "bob@corp.test", "Bob").await;
    let shown = door.done(200, "GET", &path(&alice), Value::Null).await;
    let (id, start) = (json!(alice.identity.user_uuid), json!(START.to_rfc3339()));
    assert_eq!((&shown["id"], &shown["uid"], &shown["last_successful_login"]), (&id, &id, &start));
    assert_eq!((&shown["name"], &shown["email"]), (&json!("Alice"), &json!("alice@corp.test")));
    assert_eq!((&shown["access_seat"], &shown["gateway_seat"]), (&json!(true), &json!(false)));
    for (query, count) in [
        ("", 2),
        ("?email=Bob@corp.test", 1),
        ("?name=Alice", 1),
        ("?name=Ali", 0),
        ("?search=ALI", 1),
        ("?page=3&per_page=1", 0),
    ] {
        let answer = door.get(&format!("{USERS}{query}")).await;
        assert_eq!(answer.body["result"].as_array().unwrap().len(), count, "{query}");
    }
    let page = door.get(&format!("{USERS}?page=2&per_page=1")).await;
    assert_eq!(page.body["result_info"]["total_count"], 2);
    for unknown in [uuid(), "nobody".to_owned()] {
        door.get(&format!("{USERS}/{unknown}")).await.refused(404, 12135);
    }
}

#[tokio::test]
async fn somebody_can_be_entered_renamed_and_removed() {
    let door = Door::open().await;
    let entered = door.done(201, "POST", USERS, json!({ "email": "Carol@corp.test", "name": "Carol" })).await;
    assert_eq!((&entered["email"], &entered["access_seat"]), (&json!("carol@corp.test"), &json!(false)));
    assert!(entered.get("last_successful_login").is_none(), "{entered}");
    door.call("POST", USERS, json!({ "email": "carol@corp.test" })).await.refused(409, 12132);
    let carol = signed_in(&door, "carol@corp.test", "Carol C.").await;
    assert_eq!(json!(carol.identity.user_uuid), entered["id"], "who signs in is who was entered");

    let other = json!({ "email": "dave@corp.test", "name": "Dave" });
    door.call("PUT", &path(&carol), other).await.invalid("/email");
    door.call("PUT", &path(&carol), json!({ "email": "carol@corp.test" })).await.invalid("/name");
    let named = json!({ "email": "carol@corp.test", "name": "Caroline" });
    assert_eq!(door.done(200, "PUT", &path(&carol), named).await["name"], "Caroline");

    let token = Bearings {
        session: Some(carol.nonce.clone()),
        user: Some(carol.identity.user_uuid),
        app: None,
        iat: START.secs(),
    };
    door.done(202, "DELETE", &path(&carol), Value::Null).await;
    assert!(door.store.revocations().is_revoked(&token), "no token outlives its person");
    door.get(&path(&carol)).await.refused(404, 12135);
    for body in [json!({}), json!({ "email": "nobody" }), json!({ "email": 1 })] {
        door.call("POST", USERS, body).await.invalid("/email");
    }
}

#[tokio::test]
async fn a_persons_sign_ins_and_identity_are_shown_and_not_another_ones() {
    let door = Door::open().await;
    let alice = signed_in(&door, "alice@corp.test", "Alice").await;
    let bob = signed_in(&door, "bob@corp.test", "Bob").await;
    let sessions = door.done(200, "GET", &format!("{}/active_sessions", path(&alice)), Value::Null).await;
    assert_eq!(sessions.as_array().unwrap().len(), 1);
    let metadata = &sessions[0]["metadata"];
    assert_eq!((&metadata["nonce"], &metadata["ttl"]), (&json!(alice.nonce.as_str()), &json!(86400)));
    let one = format!("{}/active_sessions/{}", path(&alice), alice.nonce.as_str());
    let shown = door.done(200, "GET", &one, Value::Null).await;
    assert_eq!((&shown["email"], &shown["isActive"]), (&json!("alice@corp.test"), &json!(true)));
    let bobs = format!("{}/active_sessions/{}", path(&alice), bob.nonce.as_str());
    door.get(&bobs).await.refused(404, 12135);
    let identity = door.done(200, "GET", &format!("{}/last_seen_identity", path(&bob)), Value::Null).await;
    assert_eq!((&identity["id"], &identity["geo"]["country"]), (&json!("subject of bob@corp.test"), &json!("DE")));

    door.done(200, "POST", "/access/organizations/revoke_user", json!({ "email": "alice@corp.test" })).await;
    let ended = door.done(200, "GET", &format!("{}/active_sessions", path(&alice)), Value::Null).await;
    assert_eq!(ended, json!([]));
    door.get(&one).await.refused(404, 12135);
    let entered = door.done(201, "POST", USERS, json!({ "email": "new@corp.test" })).await;
    let unseen = format!("{USERS}/{}/last_seen_identity", entered["id"].as_str().unwrap());
    door.get(&unseen).await.refused(404, 12135);
}

#[tokio::test]
async fn a_refused_sign_in_is_told_of_its_person_alone() {
    let door = Door::open().await;
    let alice = signed_in(&door, "alice@corp.test", "Alice").await;
    let bob = signed_in(&door, "bob@corp.test", "Bob").await;
    let app = Some(AppId::random());
    for (session, second, allowed) in [(&alice, 1, false), (&alice, 2, true), (&bob, 3, false)] {
        line(&door, session, second, allowed, app).await;
    }
    let failed = door.done(200, "GET", &format!("{}/failed_logins", path(&alice)), Value::Null).await;
    assert_eq!(failed.as_array().unwrap().len(), 1);
    assert_eq!(
        (&failed[0]["metadata"]["ray_id"], &failed[0]["metadata"]["user_email"]),
        (&json!("ray1"), &json!("alice@corp.test"))
    );
    assert_eq!(failed[0]["expiration"], json!(START.secs() + 1 + 30 * 86400), "as long as it is kept");
}

#[tokio::test]
async fn a_seat_is_taken_by_a_sign_in_and_lost_by_hand_or_by_time() {
    let door = Door::open().await;
    let alice = signed_in(&door, "alice@corp.test", "Alice").await;
    let seat =
        |seated: bool| json!([{ "seat_uid": alice.identity.user_uuid, "access_seat": seated, "gateway_seat": false }]);
    let shown = async || door.done(200, "GET", &path(&alice), Value::Null).await["access_seat"].clone();
    let taken = door.done(200, "PATCH", "/access/seats", seat(false)).await;
    assert_eq!((&taken[0]["access_seat"], shown().await), (&json!(false), json!(false)));
    let sessions = door.done(200, "GET", &format!("{}/active_sessions", path(&alice)), Value::Null).await;
    assert_eq!(sessions.as_array().unwrap().len(), 1, "a seat is no session");
    door.done(200, "PATCH", "/access/seats", seat(true)).await;
    assert_eq!(shown().await, json!(true));
    door.done(200, "PATCH", "/access/seats", seat(false)).await;
    assert!(door.clock.advance(Lifetime::from_secs(1)));
    signed_in(&door, "alice@corp.test", "Alice").await;
    assert_eq!(shown().await, json!(true), "who comes back takes one again");

    let expiry = json!({ "user_seat_expiration_inactive_time": "730h" });
    door.done(200, "PUT", "/access/organizations", expiry).await;
    assert!(door.clock.advance(Lifetime::from_hours(729)));
    assert_eq!(shown().await, json!(true));
    assert!(door.clock.advance(Lifetime::from_hours(1)));
    assert_eq!(shown().await, json!(false), "idle for a month");

    let unknown = json!([{ "seat_uid": uuid(), "access_seat": false, "gateway_seat": false }]);
    door.call("PATCH", "/access/seats", unknown).await.refused(404, 12135);
    door.call("PATCH", "/access/seats", json!([{ "seat_uid": uuid() }])).await.invalid("/0/access_seat");
    door.call("PATCH", "/access/seats", json!({})).await.refused(400, 10001);
}

#[tokio::test]
async fn the_log_is_asked_by_every_filter_it_has() {
    let door = Door::open().await;
    let alice = signed_in(&door, "alice@corp.test", "Alice").await;
    let bob = signed_in(&door, "bob@x.test", "Bob").await;
    let (wiki, blog) = (AppId::random(), AppId::random());
    line(&door, &alice, 1, true, Some(wiki)).await;
    line(&door, &alice, 2, false, Some(blog)).await;
    line(&door, &bob, 3, true, Some(blog)).await;
    line(&door, &bob, 4, true, None).await;
    let machine = AccessRequest {
        at: Timestamp(START.0 + 5000),
        user_email: String::new(),
        user_id: None,
        idp_id: None,
        country: Some("FR".into()),
        non_identity: true,
        ray_id: "ray5".into(),
        ..line(&door, &bob, 3, true, Some(wiki)).await
    };
    door.store.log_access(&machine).await.unwrap();
    let rays = async |query: &str| {
        let lines = door.done(200, "GET", &format!("/access/logs/access_requests?{query}"), Value::Null).await;
        let rays = lines
            .as_array()
            .unwrap()
            .iter()
            .map(|line| line["ray_id"].as_str().unwrap().trim_start_matches("ray").to_owned());
        rays.collect::<String>()
    };
    let alices = alice.identity.user_uuid;
    for (query, found) in [
        (String::new(), "54332"),
        ("direction=asc&limit=2".into(), "12"),
        ("direction=asc&per_page=2&page=2".into(), "33"),
        ("page=9".into(), ""),
        (format!("since={}", Timestamp(START.0 + 4000).to_rfc3339()), "54"),
        (format!("until={}", Timestamp(START.0 + 2000).to_rfc3339()), "1"),
        ("email=corp.test".into(), "21"),
        ("email=corp.test&email_exact=true".into(), ""),
        ("email=ALICE@corp.test&email_exact=true".into(), "21"),
        ("email=corp.test&emailOp=neq".into(), "5433"),
        (format!("user_id={alices}"), "21"),
        (format!("user_id={alices}&user_idOp=neq"), "5433"),
        (format!("app_uid={wiki}&direction=asc"), "135"),
        (format!("app_uid={wiki}&app_uidOp=neq"), "432"),
        ("app_type=self_hosted&direction=asc".into(), "12335"),
        ("app_type=saas".into(), ""),
        ("country_code=fr".into(), "5"),
        ("country_code=FR&country_codeOp=neq&direction=asc".into(), "12334"),
        ("allowed=false".into(), "2"),
        ("allowed=true&allowedOp=neq".into(), "2"),
        (format!("idp_id={}", alice.identity.idp.id), "21"),
        (format!("idp={}&idpOp=neq", alice.identity.idp.id), "5433"),
        ("ray_id=ray4".into(), "4"),
        ("non_identity=true".into(), "5"),
        ("non_identity=false&direction=asc".into(), "12334"),
    ] {
        let found = if query.is_empty() { "543321" } else { found };
        assert_eq!(rays(&query).await, found, "{query}");
    }
    let one = door.done(200, "GET", "/access/logs/access_requests?limit=1&fields=ray_id,action", Value::Null).await;
    assert_eq!(one, json!([{ "ray_id": "ray5", "action": "login" }]));
    let whole = door.done(200, "GET", "/access/logs/access_requests?ray_id=ray2", Value::Null).await;
    assert_eq!(
        (&whole[0]["allowed"], &whole[0]["app_uid"], &whole[0]["policy"]),
        (&json!(false), &json!(blog), &json!("Staff"))
    );
    for (query, pointer) in [
        ("since=yesterday", "/since"),
        ("direction=up", "/direction"),
        ("allowed=maybe", "/allowed"),
        ("allowed=true&allowedOp=gt", "/allowedOp"),
        ("app_uid=wiki", "/app_uid"),
        ("limit=0", "/limit"),
    ] {
        door.get(&format!("/access/logs/access_requests?{query}")).await.invalid(pointer);
    }
}
