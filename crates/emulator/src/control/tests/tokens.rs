//! Minting: every kind of token, and the orders that make none.

use super::*;

#[tokio::test]
async fn a_minted_token_stands_on_a_session_like_one_from_a_sign_in() {
    let world = World::new().await;
    let order = json!({ "app": "wiki.localhost:8787", "email": "Alice@Example.com", "ttl": "1h" });
    let answer = world.control("POST", "/tokens", order).await;
    let minted = token(&answer);
    let bearings = world.bearings(&minted).unwrap();
    let session = world.emulator.store.session(&bearings.session.unwrap()).await.unwrap().unwrap();
    assert_eq!(session.identity.groups, [IdentityGroup::Name("admins".into())]);
    assert_eq!((session.identity.name.as_deref(), session.identity.country.as_deref()), (Some("Alice"), Some("DE")));
    assert_eq!(Some(session.identity.user_uuid), bearings.user);
    let claims = payload(&minted);
    assert_eq!((&claims["custom"]["department"], &claims["type"]), (&json!("Sales"), &json!("app")));
    assert_eq!(claims["exp"], json!(START.secs() + 3600));

    let body = answer.json();
    assert_eq!(body["cookie"], format!("CF_Authorization={minted}"));
    assert_eq!(body["expires_at"], "2027-01-15T09:00:00Z");
    let cookie = &body["storage_state"]["cookies"][0];
    assert_eq!((&cookie["name"], &cookie["domain"]), (&json!("CF_Authorization"), &json!("wiki.localhost")));
    assert_eq!((&cookie["value"], &cookie["sameSite"]), (&json!(minted), &json!("None")));
    let left = cookie["expires"].as_i64().unwrap() - Clock::system().now().secs();
    assert!((3590..=3600).contains(&left), "a browser keeps it for an hour of its own clock, not for {left} s");
    assert_eq!(body["storage_state"]["origins"], json!([]));
}

#[tokio::test]
async fn a_token_lives_as_long_as_the_application_says_unless_told_otherwise() {
    let world = World::new().await;
    assert_eq!(payload(&world.alices_token().await)["exp"], json!(START.secs() + 8 * 3600));
}

#[tokio::test]
async fn somebody_who_is_not_listed_is_an_address_and_nothing_more() {
    let world = World::new().await;
    let order = json!({ "app": "Wiki", "email": "mallory@elsewhere.test" });
    let minted = token(&world.control("POST", "/tokens", order).await);
    let session = world.bearings(&minted).unwrap().session.unwrap();
    let identity = world.emulator.store.session(&session).await.unwrap().unwrap().identity;
    assert_eq!((identity.name, identity.groups.len()), (None, 0));
}

#[tokio::test]
async fn an_application_is_known_by_any_of_its_names() {
    let world = World::new().await;
    let aud = world.app("Wiki").aud.as_str().to_owned();
    for name in
        ["wiki.localhost", "wiki.localhost:8787", "http://wiki.localhost:8787/a/b", "wiki.localhost/a", "Wiki", &aud]
    {
        let order = json!({ "app": name, "email": "alice@example.com" });
        assert_eq!(payload(&token(&world.control("POST", "/tokens", order).await))["aud"], json!([aud]), "{name}");
    }
    let one = json!({ "app": "pr-1.preview.test", "email": "alice@example.com" });
    let answer = world.control("POST", "/tokens", one).await;
    assert_eq!(answer.json()["storage_state"]["cookies"][0]["domain"], "pr-1.preview.test");
    let many = json!({ "app": "*.preview.test", "email": "alice@example.com" });
    refused(&world.control("POST", "/tokens", many).await, StatusCode::UNPROCESSABLE_ENTITY, "covers many hosts");
}

#[tokio::test]
async fn a_service_token_is_the_services_and_nobodys() {
    let world = World::new().await;
    for order in [
        json!({ "app": "Wiki", "kind": "service" }),
        json!({ "app": "Wiki", "service_token": "ci" }),
        json!({ "app": "Wiki", "kind": "service", "service_token": SERVICE }),
    ] {
        let minted = token(&world.control("POST", "/tokens", order).await);
        let keyring = world.emulator.signer.keyring();
        let verified = keyring.verify_app(&minted, &issuers(), &world.app("Wiki").aud, START, Lifetime::ZERO).unwrap();
        assert_eq!(verified.subject, Subject::Service { common_name: SERVICE.into() });
        assert_eq!(payload(&minted)["aud"], json!(world.app("Wiki").aud));
    }
    let unknown = json!({ "app": "Wiki", "service_token": "cd" });
    refused(&world.control("POST", "/tokens", unknown).await, StatusCode::NOT_FOUND, "cd");
}

#[tokio::test]
async fn an_org_token_is_for_the_team_domain() {
    let world = World::new().await;
    let answer = world.control("POST", "/tokens", json!({ "kind": "org", "email": "alice@example.com" })).await;
    let aud = Aud::of_team(&AccountId::derived("acme"));
    let verified = world.emulator.signer.keyring().verify_org(&token(&answer), &issuers(), &aud, START).unwrap();
    assert_eq!(verified.email, email("alice@example.com"));
    assert!(world.emulator.store.session(&verified.nonce).await.unwrap().is_some());
    assert_eq!(answer.json()["storage_state"]["cookies"][0]["domain"], "acme.localhost");
}

#[tokio::test]
async fn the_claims_asked_for_lie_over_the_usual_ones() {
    let world = World::new().await;
    let order = json!({
        "app": "Wiki", "email": "alice@example.com", "aud_shape": "string", "issuer": "https://other.example.com",
        "claims": { "country": "PT", "custom": { "level": 7 }, "extra": [1], "exp": START.secs() - 10 },
    });
    let answer = world.control("POST", "/tokens", order).await;
    let claims = payload(&token(&answer));
    for (name, wanted) in [
        ("country", json!("PT")),
        ("custom", json!({ "department": "Sales", "level": 7 })),
        ("extra", json!([1])),
        ("aud", json!(world.app("Wiki").aud)),
        ("iss", json!("https://other.example.com")),
        ("exp", json!(START.secs() - 10)),
    ] {
        assert_eq!(claims[name], wanted, "{name}");
    }
    assert_eq!(answer.json()["expires_at"], "2027-01-15T07:59:50Z");
}

#[tokio::test]
async fn an_order_that_makes_no_sense_is_refused_with_the_field_it_is_about() {
    let world = World::new().await;
    let alice = "alice@example.com";
    for (order, status, words) in [
        (json!({}), 422, "`app`"),
        (json!({ "app": "Wiki" }), 422, "`email`"),
        (json!({ "app": "nowhere.test", "email": alice }), 404, "nowhere.test"),
        (json!({ "app": "Wiki", "email": "alice" }), 422, "e-mail"),
        (json!({ "app": "Wiki", "email": "a@x\r\nBcc: b" }), 422, "e-mail"),
        (json!({ "app": "Wiki", "email": alice, "kind": "meta" }), 422, "meta"),
        (json!({ "app": "Wiki", "email": alice, "ttl": "1 day" }), 422, "duration"),
        (json!({ "app": "Wiki", "email": alice, "ttl": "800h" }), 422, "ttl"),
        (json!({ "app": "Wiki", "email": alice, "audience": "x" }), 422, "`audience`"),
        (json!({ "app": "Wiki", "email": alice, "aud_shape": "set" }), 422, "set"),
        (json!({ "app": "Wiki", "email": alice, "issuer": "acme" }), 422, "issuer"),
        (json!({ "app": "Wiki", "email": alice, "claims": { "type": "org" } }), 422, "claims.type"),
        (json!({ "app": "Wiki", "email": alice, "claims": { "exp": "soon" } }), 422, "claims.exp"),
        (json!({ "app": "Wiki", "email": alice, "claims": { "exp": 1.5 } }), 422, "claims.exp"),
        (json!({ "app": "Wiki", "email": alice, "claims": { "aud": [1] } }), 422, "claims.aud"),
        (json!({ "app": "Wiki", "email": alice, "claims": { "custom": [] } }), 422, "claims.custom"),
        (json!({ "app": "Wiki", "email": alice, "claims": [] }), 422, "map"),
        (json!({ "app": "Wiki", "email": alice, "service_token": "ci", "kind": "app" }), 422, "service_token"),
        (json!({ "app": "Wiki", "email": alice, "kind": "service" }), 422, "email"),
        (json!({ "app": "Wiki", "email": alice, "kind": "org" }), 422, "application"),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        refused(&world.control("POST", "/tokens", order).await, status, words);
    }
    refused(&world.control_raw("POST", "/tokens", "{").await, StatusCode::BAD_REQUEST, "not JSON");
    refused(&world.control_raw("POST", "/tokens", "{} {}").await, StatusCode::BAD_REQUEST, "not JSON");
}

#[tokio::test]
async fn a_person_keeps_one_id_for_every_way_in() {
    let world = World::new().await;
    let derived = UserId::derived(&AccountId::derived("acme"), "alice@example.com");
    let minted = world.alices_token().await;
    assert_eq!(world.bearings(&minted).unwrap().user, Some(derived));
    world.emulator.store.revoke(&Revoked::User(derived), START).await.unwrap();
    assert!(world.bearings(&minted).is_none());
}
