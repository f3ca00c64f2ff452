//! Rows 46 to 78: what a policy's rules are met by, asked through the door.

use reqwest::Method;
use serde_json::json;

use super::{EVERYBODY, HOST, with_app};
use crate::support::config::{ALICE, MALLORY, ROBOT, ROOT};
use crate::support::lying::Lying;
use crate::support::world::World;

const BUILT_IN: &str = "Built-in people";

/// An application below its own path for each line of rules, under Allow.
async fn with_rules(rules: &[&str], tables: &str) -> World {
    let apps = rules.iter().enumerate().map(|(number, rules)| {
        let policy = format!("policies = [{{ name = \"P\", decision = \"allow\", {rules} }}]");
        crate::support::config::app(&format!("Rules {number}"), &format!("{HOST}/{number}"), &policy)
    });
    with_app(EVERYBODY, &format!("{}{tables}", apps.collect::<String>())).await
}

/// Whether each of these people passes each of the lines of rules.
async fn assert_opens(world: &World, number: usize, opens_to: &[&str], shut_to: &[&str]) {
    for (people, status) in [(opens_to, 200), (shut_to, 403)] {
        for email in people {
            let token = world.token(email, &format!("Rules {number}")).await;
            let bearer = [("Cf-Access-Token", token.as_str())];
            let url = world.gateway.at(HOST, &format!("/{number}"));
            let reply = world.stranger().request(Method::GET, &url, &bearer, None).await;
            assert_eq!(reply.status, status, "{email} at the rules {number}");
        }
    }
}

#[tokio::test]
async fn row_048_include_is_any_require_is_all_exclude_is_none() {
    let alice = "{ email = { email = \"alice@corp.test\" } }";
    let root = "{ email = { email = \"root@corp.test\" } }";
    let corp = "{ email_domain = { domain = \"corp.test\" } }";
    let world = with_rules(
        &[
            &format!("include = [{alice}, {root}]"),
            &format!("include = [{corp}], require = [{alice}]"),
            &format!("include = [{corp}], require = [{alice}, {root}]"),
            &format!("include = [{{ everyone = {{}} }}], exclude = [{root}, {alice}]"),
            &format!("include = [{alice}], exclude = [{corp}]"),
        ],
        "",
    )
    .await;
    assert_opens(&world, 0, &[ALICE, ROOT], &[MALLORY]).await;
    assert_opens(&world, 1, &[ALICE], &[ROOT, MALLORY]).await;
    assert_opens(&world, 2, &[], &[ALICE, ROOT, MALLORY]).await;
    assert_opens(&world, 3, &[MALLORY], &[ALICE, ROOT]).await;
    assert_opens(&world, 4, &[], &[ALICE, ROOT, MALLORY]).await;
}

#[tokio::test]
async fn row_049_whom_no_sign_in_could_help_is_refused_before_it() {
    let elsewhere = "{ ip = { ip = \"192.0.2.0/24\" } }";
    let world = with_rules(
        &[
            &format!("include = [{{ everyone = {{}} }}], require = [{elsewhere}]"),
            &format!("include = [{elsewhere}]"),
            "include = [{ everyone = {} }], exclude = [{ ip = { ip = \"127.0.0.0/8\" } }]",
            &format!("include = [{{ email = {{ email = \"{ALICE}\" }} }}, {elsewhere}]"),
        ],
        "",
    )
    .await;
    for (number, status) in [(0, 403), (1, 403), (2, 403), (3, 302)] {
        let reply = world.stranger().get(&world.gateway.at(HOST, &format!("/{number}"))).await;
        assert_eq!(reply.status, status, "the rules {number}");
    }
    world.origin.assert_untouched("people who did not sign in");
}

#[tokio::test]
async fn row_056_a_group_is_met_as_its_own_rules_are() {
    let groups = r#"
[[group]]
name = "Staff"
include = [{ email_domain = { domain = "corp.test" } }]
exclude = [{ email = { email = "root@corp.test" } }]

[[group]]
name = "Admins"
include = [{ group = { id = "Staff" } }, { email = { email = "mallory@evil.test" } }]
require = [{ oidc = { claim_name = "groups", claim_value = "admins", identity_provider_id = "Built-in people" } }]
"#;
    let world = with_rules(
        &[
            "include = [{ group = { id = \"Staff\" } }]",
            "include = [{ group = { id = \"Admins\" } }]",
            "include = [{ everyone = {} }], exclude = [{ group = { id = \"Staff\" } }]",
        ],
        groups,
    )
    .await;
    assert_opens(&world, 0, &[ALICE], &[ROOT, MALLORY]).await;
    assert_opens(&world, 1, &[ALICE], &[ROOT, MALLORY]).await;
    assert_opens(&world, 2, &[ROOT, MALLORY], &[ALICE]).await;
}

#[tokio::test]
async fn row_058_everyone_is_everybody_who_signed_in() {
    let world = with_rules(&["include = [{ everyone = {} }]"], "").await;
    assert_opens(&world, 0, &[ALICE, MALLORY], &[]).await;
    world.origin.forget();
    let stranger = world.stranger().get(&world.gateway.at(HOST, "/0")).await;
    world.assert_asked_to_sign_in(&stranger, "Rules 0", "somebody who is nobody yet");
}

#[tokio::test]
async fn row_061_a_service_token_is_one_of_them_or_any() {
    let secret = "another-secret-that-only-this-test-has-0123456789";
    let other = format!(
        "\n[[service_token]]\nname = \"Other\"\nclient_id = \"{}.access\"\nclient_secret = \"{secret}\"\n",
        "e".repeat(32)
    );
    let service_auth =
        |rule: &str| format!("policies = [{{ name = \"P\", decision = \"non_identity\", include = [{rule}] }}]");
    let named = service_auth("{ service_token = { token_id = \"Robot\" } }");
    let any =
        crate::support::config::app("Any", "rows.localhost/any", &service_auth("{ any_valid_service_token = {} }"));
    let world = with_app(&named, &format!("{any}{other}")).await;
    let id = format!("{}.access", "e".repeat(32));
    let others = [("CF-Access-Client-Id", id.as_str()), ("CF-Access-Client-Secret", secret)];
    for (path, headers, status) in [
        ("/", &ROBOT[..], 200),
        ("/", &others[..], 403),
        ("/any", &ROBOT[..], 200),
        ("/any", &others[..], 200),
        ("/any", &[][..], 403),
    ] {
        let reply = world.stranger().request(Method::GET, &world.gateway.at(HOST, path), headers, None).await;
        assert_eq!(reply.status, status, "{path} {headers:?}");
    }
}

#[tokio::test]
async fn row_063_a_login_method_is_the_provider_that_was_used() {
    let lying = Lying::start().await;
    let world = with_rules(
        &[
            &format!("include = [{{ login_method = {{ id = \"{BUILT_IN}\" }} }}]"),
            "include = [{ login_method = { id = \"Elsewhere\" } }]",
        ],
        &lying.config("Elsewhere"),
    )
    .await;
    assert_opens(&world, 0, &[ALICE, MALLORY], &[]).await;
    assert_opens(&world, 1, &[], &[ALICE, MALLORY]).await;
}

#[tokio::test]
async fn row_064_an_auth_method_is_one_value_of_amr() {
    let world = with_rules(&["include = [{ auth_method = { auth_method = \"mfa\" } }]"], "").await;
    assert_opens(&world, 0, &[], &[ALICE]).await;
    let methods = json!({ "email": ALICE, "amr": ["pwd", "mfa"] });
    world.gateway.control("PUT", &format!("/users/{ALICE}"), methods).await;
    assert_opens(&world, 0, &[ALICE], &[ROOT]).await;
    let methods = json!({ "email": ALICE, "amr": ["mfax", "MFA"] });
    world.gateway.control("PUT", &format!("/users/{ALICE}"), methods).await;
    assert_opens(&world, 0, &[], &[ALICE]).await;
}

#[tokio::test]
async fn row_066_groups_of_a_provider_are_its_exact_words() {
    let of = format!("identity_provider_id = \"{BUILT_IN}\"");
    let lying = Lying::start().await;
    let world = with_rules(
        &[
            &format!("include = [{{ azureAD = {{ id = \"admins\", {of} }} }}]"),
            &format!("include = [{{ okta = {{ name = \"admins\", {of} }} }}]"),
            &format!("include = [{{ gsuite = {{ email = \"team@corp.test\", {of} }} }}]"),
            &format!("include = [{{ github-organization = {{ name = \"acme\", {of} }} }}]"),
            &format!("include = [{{ github-organization = {{ name = \"acme\", team = \"sre\", {of} }} }}]"),
            "include = [{ okta = { name = \"admins\", identity_provider_id = \"Elsewhere\" } }]",
        ],
        &lying.config("Elsewhere"),
    )
    .await;
    for (email, groups) in
        [(ALICE, json!(["admins", "team@corp.test", "acme"])), (ROOT, json!(["Admins", "xadmins", "acme/sre"]))]
    {
        world.gateway.control("PUT", &format!("/users/{email}"), json!({ "email": email, "groups": groups })).await;
    }
    for number in [0, 1, 2, 3] {
        assert_opens(&world, number, &[ALICE], &[ROOT, MALLORY]).await;
    }
    assert_opens(&world, 4, &[ROOT], &[ALICE, MALLORY]).await;
    assert_opens(&world, 5, &[], &[ALICE, ROOT]).await;
}

#[tokio::test]
async fn row_067_a_claim_is_met_by_one_exact_value() {
    let claim = |value: &str| {
        format!(
            "include = [{{ oidc = {{ claim_name = \"department\", claim_value = \"{value}\", identity_provider_id = \"{BUILT_IN}\" }} }}]"
        )
    };
    let world = with_rules(&[&claim("Sales"), &claim("Ops"), &claim("true")], "").await;
    for (email, department) in [(ALICE, json!(["Sales", "Ops"])), (ROOT, json!("Sales,Ops")), (MALLORY, json!("ops"))] {
        let person = json!({ "email": email, "claims": { "department": department } });
        world.gateway.control("PUT", &format!("/users/{email}"), person).await;
    }
    assert_opens(&world, 0, &[ALICE], &[ROOT, MALLORY]).await;
    assert_opens(&world, 1, &[ALICE], &[ROOT, MALLORY]).await;
    assert_opens(&world, 2, &[], &[ALICE, ROOT, MALLORY]).await;
}
