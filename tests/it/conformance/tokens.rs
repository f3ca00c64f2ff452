//! Rows 34 to 45: what tokens say, and what is told about their person.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{EVERYBODY, HOST, with_app};
use crate::support::client::Client;
use crate::support::config::{ALICE, APP, Config};
use crate::support::token::{claims, header};
use crate::support::world::World;

fn members(object: &Value) -> BTreeSet<&str> {
    object.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[tokio::test]
async fn row_034_row_035_row_036_row_037_tokens_have_the_claims_of_access() {
    let world = World::start().await;
    let mut alice = world.signed_in(ALICE).await;
    let person = alice.jar.value(APP, "CF_Authorization").unwrap().to_owned();
    let org = alice.jar.value(&world.gateway.team_host(), "CF_Authorization").unwrap().to_owned();
    let machine = json!({ "app": "Api", "kind": "service", "service_token": "Robot" });
    let machine = world.gateway.token(machine).await;
    for token in [&person, &org, &machine] {
        let header = header(token);
        assert_eq!(members(&header), BTreeSet::from(["alg", "kid", "typ"]));
        let kid = header["kid"].as_str().unwrap();
        assert_eq!((&header["alg"], &header["typ"], kid.len()), (&json!("RS256"), &json!("JWT"), 64));
        assert!(kid.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')), "{kid}");
    }
    let common = ["aud", "email", "exp", "iat", "nbf", "iss", "type", "identity_nonce", "sub", "country"];
    let (told, of_org, of_machine) = (claims(&person), claims(&org), claims(&machine));
    assert_eq!(members(&told), common.into_iter().chain(["amr"]).collect());
    assert_eq!((&told["aud"], &told["type"]), (&json!([world.gateway.aud("App")]), &json!("app")));
    assert_eq!(told["nbf"], told["iat"]);
    assert_eq!(told["identity_nonce"].as_str().unwrap().len(), 16);
    assert_eq!(told["sub"].as_str().unwrap().len(), 36, "a UUID: {told}");
    assert_eq!(members(&of_org), common.into_iter().collect());
    assert_eq!(
        (&of_org["type"], &of_org["identity_nonce"], &of_org["sub"]),
        (&json!("org"), &told["identity_nonce"], &told["sub"])
    );
    let documented = ["aud", "common_name", "exp", "iat", "iss", "sub", "type"];
    assert!(members(&of_machine).is_superset(&documented.into_iter().collect()), "{of_machine}");
    for absent in ["email", "nbf", "identity_nonce", "country"] {
        assert!(of_machine[absent].is_null(), "a machine has no {absent}");
    }
    assert_eq!((&of_machine["sub"], &of_machine["aud"]), (&json!(""), &json!(world.gateway.aud("Api"))));
    // A token of the organisation is none of an application.
    let reply = Client::holding(&world.gateway, APP, &org).get(&world.app("/")).await;
    world.assert_asked_to_sign_in(&reply, "App", "the organisation's token");
    assert_eq!(alice.get(&world.app("/")).await.status, 200);
}

#[tokio::test]
async fn row_038_row_129_custom_claims_are_dropped_from_the_end_until_they_fit() {
    let mut written = String::new();
    for number in 0..20 {
        let _ = write!(written, "c{number:02} = \"{}\", ", "x".repeat(90));
    }
    let person = format!("name = \"Alice\"\ngroups = [\"admins\"]\nclaims = {{ {written} }}");
    let more = |config: Config| config.with("name = \"Alice\"\ngroups = [\"admins\"]", &person);
    let world = World::with(more).await;
    let alice = world.signed_in(ALICE).await;
    let told = claims(alice.jar.value(APP, "CF_Authorization").unwrap());
    let kept: Vec<&str> = members(&told["custom"]).into_iter().collect();
    let expected: Vec<String> = (0..kept.len()).map(|number| format!("c{number:02}")).collect();
    assert_eq!(kept, expected, "the first of the list stay");
    let size = told["custom"].to_string().len();
    assert!(size <= 1000 && size + 98 > 1000, "as many as fit: {size}");
    assert!(told["groups"].is_null(), "groups are told where they are configured");
    let identity = alice.clone().get(&world.app("/cdn-cgi/access/get-identity")).await.json();
    assert_eq!(members(&identity["oidc_fields"]).len(), 20, "the identity has them all");
}

#[tokio::test]
async fn row_044_get_identity_has_every_member_that_is_documented() {
    let world = with_app(EVERYBODY, "").await;
    let mut alice = world.signed_in(ALICE).await;
    let identity = alice.get(&world.app("/cdn-cgi/access/get-identity")).await.json();
    let expected = [
        "id",
        "name",
        "email",
        "amr",
        "idp",
        "geo",
        "user_uuid",
        "account_id",
        "iat",
        "ip",
        "auth_status",
        "common_name",
        "mtls_auth",
        "service_token_id",
        "service_token_status",
        "is_warp",
        "is_gateway",
        "gateway_account_id",
        "device_id",
        "devicePosture",
        "device_sessions",
        "groups",
        "oidc_fields",
        "version",
    ];
    assert!(members(&identity).is_superset(&expected.into_iter().collect()), "{identity}");
    assert_eq!((&identity["geo"], &identity["version"]), (&json!({ "country": "" }), &json!(2)));
    assert_eq!((&identity["amr"], &identity["auth_status"]), (&json!(["pwd"]), &json!("NONE")));
    let certificate = ["auth_status", "cert_issuer_dn", "cert_issuer_ski", "cert_presented", "cert_serial"];
    assert_eq!(members(&identity["mtls_auth"]), certificate.into_iter().collect());
    assert_eq!(identity["account_id"], world.gateway.ready["account_id"]);
    let machine = world.gateway.token(json!({ "app": "Api", "kind": "service", "service_token": "Robot" })).await;
    let mut robot = Client::holding(&world.gateway, "api.localhost", &machine);
    let told = robot.get(&world.gateway.at("api.localhost", "/cdn-cgi/access/get-identity")).await.json();
    assert_eq!((&told["service_token_status"], told["email"].is_null()), (&json!(true), true), "{told}");
    assert_eq!(world.stranger().get(&world.gateway.at(HOST, "/cdn-cgi/access/get-identity")).await.status, 400);
}
