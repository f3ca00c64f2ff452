//! What rules ask about, from outside: lists, countries, other applications'
//! tokens, policies that applications share; and that `explain` says of each
//! request what the door does.

use reqwest::Method;
use serde_json::json;

use crate::support::client::Client;
use crate::support::config::{ALICE, APP, Config, MALLORY, OTHER, ROBOT, ROOT, app, route};
use crate::support::deadline::eventually;
use crate::support::gateway::{Gateway, run};
use crate::support::mmdb;
use crate::support::origin::Origin;
use crate::support::token;
use crate::support::world::World;

const RULES: &str = "rules.localhost";
const TRUSTING: &str = "[listen]\ntrusted_proxies = [\"127.0.0.0/8\"]";

const LISTS: &str = r#"
[[list]]
name = "Contractors"
type = "EMAIL"
items = ["Root@corp.test", { value = "mallory@evil.test", description = "until May" }]

[[list]]
name = "Offices"
type = "IP"
items = ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]
"#;

/// The standard topology and one app more, on a host of its own.
async fn world_with(policies: &str, more: &str) -> World {
    let more = more.to_owned();
    let policies = policies.to_owned();
    World::with(move |config| {
        let service = service_of(&config);
        config.with("[listen]", TRUSTING).and(&route(RULES, &service)).and(&more).and(&app("Rules", RULES, &policies))
    })
    .await
}

fn service_of(config: &Config) -> String {
    let text = config.text(std::path::Path::new("/"));
    let line = text.lines().find(|line| line.starts_with("service = ")).unwrap();
    line.trim_start_matches("service = ").trim_matches('"').to_owned()
}

/// What the door answers to somebody (or nobody) from an address.
async fn status(world: &World, email: Option<&str>, from: &[(&str, &str)]) -> u16 {
    let mut client = world.stranger();
    if let Some(email) = email {
        client.jar.set(RULES, "CF_Authorization", &world.token(email, "Rules").await);
    }
    client.request(Method::GET, &world.gateway.at(RULES, "/"), from, None).await.status
}

#[tokio::test]
async fn lists_of_addresses_and_networks_decide_like_what_is_in_them() {
    let policies = r#"policies = [
      { name = "Office", decision = "bypass", include = [{ ip_list = { id = "Offices" } }] },
      { name = "Team", decision = "allow", include = [{ email_domain = { domain = "corp.test" } }], exclude = [{ email_list = { id = "Contractors" } }] },
    ]"#;
    let world = world_with(policies, LISTS).await;
    let from = |ip: &'static str| [("X-Forwarded-For", ip)];
    assert_eq!(status(&world, None, &from("10.9.9.9")).await, 200);
    assert_eq!(status(&world, None, &from("2001:db8::9")).await, 200);
    assert_eq!(status(&world, None, &from("192.0.2.8")).await, 302);
    assert_eq!(status(&world, Some(ALICE), &from("192.0.2.8")).await, 200);
    assert_eq!(status(&world, Some(ROOT), &from("192.0.2.8")).await, 403);
    assert_eq!(status(&world, Some(MALLORY), &from("192.0.2.8")).await, 403);
}

#[tokio::test]
async fn a_list_that_changes_counts_from_the_next_request() {
    let policies =
        r#"policies = [{ name = "Some", decision = "allow", include = [{ email_list = { id = "Contractors" } }] }]"#;
    let origin = Origin::start().await;
    let config =
        Config::standard(&origin).and(&route(RULES, &origin.url())).and(LISTS).and(&app("Rules", RULES, policies));
    let world = World { gateway: Gateway::serve(&config).await, origin };
    let mut root = Client::holding(&world.gateway, RULES, &world.token(ROOT, "Rules").await);
    let url = world.gateway.at(RULES, "/");
    assert_eq!(root.get(&url).await.status, 200);
    world.gateway.rewrite(&config.with("\"Root@corp.test\", ", ""));
    world.gateway.signal("HUP");
    eventually("root is off the list", async || (root.get(&url).await.status == 403).then_some(())).await;
}

#[tokio::test]
async fn a_policy_that_applications_share_decides_for_each_in_its_place() {
    let shared = r#"
[[policy]]
name = "Nobody of evil"
decision = "deny"
include = [{ email_domain = { domain = "evil.test" } }]

[[policy]]
name = "Everybody"
decision = "allow"
include = [{ everyone = {} }]
session_duration = "1h"
"#;
    let linked = r#"policies = ["Nobody of evil", "Everybody"]"#;
    let reversed = r#"policies = [{ id = "Everybody", precedence = 1 }, { id = "Nobody of evil", precedence = 2 }]"#;
    let world = world_with(linked, &format!("{shared}{}", app("Reversed", "rules.localhost/reversed", reversed))).await;
    assert_eq!(status(&world, Some(ALICE), &[]).await, 200);
    assert_eq!(status(&world, Some(MALLORY), &[]).await, 403);
    let mut mallory = world.stranger();
    mallory.jar.set(RULES, "CF_Authorization", &world.token(MALLORY, "Reversed").await);
    assert_eq!(mallory.get(&world.gateway.at(RULES, "/reversed")).await.status, 200, "the first that matches ends");
    let mut alice = world.stranger();
    let entered = alice.sign_in(&world.gateway.at(RULES, "/"), ALICE).await;
    assert_eq!(entered.status, 200);
    let claims = token::claims(alice.jar.value(RULES, "CF_Authorization").unwrap());
    let life = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert_eq!(life, 3600, "the policy's own duration");
}

#[tokio::test]
async fn a_token_of_a_linked_application_opens_as_the_person_it_was_made_for() {
    let policies = r#"policies = [
      { name = "From the front", decision = "non_identity", include = [{ linked_app_token = { app_uid = "App" } }] },
      { name = "People", decision = "allow", include = [{ email = { email = "nobody@corp.test" } }] },
    ]"#;
    let world = world_with(policies, "").await;
    let url = world.gateway.at(RULES, "/");
    let of_app = world.token(ALICE, "App").await;
    let mut front = world.stranger();
    let reply = front.request(Method::GET, &url, &[("Cf-Access-Token", &of_app)], None).await;
    assert_eq!(reply.status, 200);
    let seen = world.origin.only();
    let claims = token::claims(seen.assertion().unwrap());
    assert_eq!((&claims["email"], &claims["aud"]), (&json!(ALICE), &json!([world.gateway.aud("Rules")])));
    assert_eq!(seen.head.field("cf-access-authenticated-user-email"), Some(ALICE));
    assert!(reply.cookie("CF_Authorization").is_none(), "the front has a token of its own");

    let other = world.token(ALICE, "Other").await;
    let own = world.token(ALICE, "Rules").await;
    for (name, value, expected, what) in [
        ("Cf-Access-Token", other.as_str(), 302, "a token of an application that is not linked"),
        ("Cf-Access-Token", own.as_str(), 403, "a token of this application, whose person may not enter"),
        ("Cookie", &format!("CF_Authorization={of_app}"), 302, "the linked token in a cookie"),
        ("Cf-Access-Token", &format!("{of_app}x"), 302, "a linked token that does not verify"),
    ] {
        let reply = front.request(Method::GET, &url, &[(name, value)], None).await;
        assert_eq!(reply.status, expected, "{what}");
    }
    // At an application without such a policy it is nobody's.
    let reply = front.request(Method::GET, &world.gateway.at(OTHER, "/"), &[("Cf-Access-Token", &of_app)], None).await;
    assert_eq!(reply.status, 302);
    // Who is revoked there is revoked here.
    world.gateway.control("POST", "/revocations", json!({ "email": ALICE })).await;
    let reply = front.request(Method::GET, &url, &[("Cf-Access-Token", &of_app)], None).await;
    assert_eq!(reply.status, 302);
}

#[tokio::test]
async fn countries_come_from_the_database_unless_somebody_who_is_believed_says_another() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("country.mmdb");
    std::fs::write(
        &file,
        mmdb::countries(&[("198.51.100.0/24", "PT"), ("203.0.113.0/24", "US"), ("2001:db8::/32", "PT")]),
    )
    .unwrap();
    let policies =
        r#"policies = [{ name = "Portugal", decision = "bypass", include = [{ geo = { country_code = "PT" } }] }]"#;
    let geo = format!("[geo]\ndatabase = \"{}\"\n", file.display());
    let world = world_with(policies, &geo).await;
    for (from, expected) in [
        (vec![("X-Forwarded-For", "198.51.100.9")], 200),
        (vec![("X-Forwarded-For", "::ffff:198.51.100.9")], 200),
        (vec![("X-Forwarded-For", "2001:db8::1")], 200),
        (vec![("X-Forwarded-For", "203.0.113.9")], 403),
        (vec![("X-Forwarded-For", "192.0.2.1")], 403),
        (vec![("X-Forwarded-For", "203.0.113.9"), ("Cf-Ipcountry", "PT")], 200),
        (vec![("X-Forwarded-For", "198.51.100.9"), ("Cf-Ipcountry", "US")], 403),
    ] {
        assert_eq!(status(&world, None, &from).await, expected, "{from:?}");
    }
    assert_eq!(
        world
            .origin
            .seen()
            .into_iter()
            .find(|seen| seen.head.field("cf-ipcountry").is_some())
            .unwrap()
            .head
            .field("cf-ipcountry"),
        Some("PT"),
        "the origin is told"
    );
    // A newer file counts after a reload; one that is broken leaves the old one.
    std::fs::write(&file, mmdb::countries(&[("203.0.113.0/24", "PT")])).unwrap();
    world.gateway.signal("HUP");
    let moved = [("X-Forwarded-For", "203.0.113.9")];
    eventually("the newer file counts", async || (status(&world, None, &moved).await == 200).then_some(())).await;
    std::fs::write(&file, "no database").unwrap();
    world.gateway.signal("HUP");
    world.gateway.logs("cannot be used").await;
    assert_eq!(status(&world, None, &moved).await, 200);
}

#[tokio::test]
async fn explain_says_of_each_request_what_the_door_does() {
    let policies = r#"policies = [
      { name = "Robots", decision = "non_identity", include = [{ service_token = { token_id = "Robot" } }], require = [{ ip_list = { id = "Offices" } }] },
      { name = "Open days", decision = "bypass", include = [{ geo = { country_code = "PT" } }], exclude = [{ ip = { ip = "198.51.100.0/24" } }] },
      { name = "Posture", decision = "bypass", include = [{ device_posture = { integration_uid = "u" } }] },
      { name = "Not them", decision = "deny", include = [{ email_list = { id = "Contractors" } }], exclude = [{ geo = { country_code = "US" } }] },
      { name = "Admins", decision = "allow", include = [{ oidc = { claim_name = "groups", claim_value = "admins", identity_provider_id = "Built-in people" } }], require = [{ ip_list = { id = "Offices" } }] },
      { name = "Judged", decision = "allow", include = [{ external_evaluation = { evaluate_url = "http://127.0.0.1:9/", keys_url = "http://127.0.0.1:9/keys" } }] },
      { name = "Abroad", decision = "allow", include = [{ email_domain = { domain = "corp.test" } }], require = [{ geo = { country_code = "US" } }] },
    ]"#;
    let world = world_with(policies, LISTS).await;
    let config = world.gateway.folder().join("doorward.toml").display().to_string();
    let mut differences = Vec::new();
    let mut verdicts = std::collections::BTreeSet::new();
    for who in [None, Some(ALICE), Some(ROOT), Some(MALLORY), Some("robot")] {
        for ip in ["10.1.2.3", "192.0.2.1", "198.51.100.1"] {
            for country in [None, Some("PT"), Some("US")] {
                let mut arguments = vec!["explain", "--config", &config, "--json", "--ip", ip];
                let mut from = vec![("X-Forwarded-For", ip)];
                if let Some(country) = country {
                    arguments.extend(["--country", country]);
                    from.push(("Cf-Ipcountry", country));
                }
                match who {
                    None => {}
                    Some("robot") => {
                        arguments.extend(["--service-token", "Robot"]);
                        from.extend(ROBOT);
                    }
                    Some(email) => {
                        arguments.extend(["--user", email]);
                        if email == ALICE {
                            arguments.extend(["--group", "admins"]);
                        }
                    }
                }
                arguments.push("https://rules.localhost/");
                let (code, output, errors) = run(&arguments).await;
                assert_eq!(code, 0, "{errors}");
                let explained: serde_json::Value = serde_json::from_str(&output).unwrap();
                let verdict = explained["verdict"].as_str().unwrap().to_owned();
                let expected = match verdict.as_str() {
                    "allow" | "bypass" | "service_auth" => 200,
                    "login" => 302,
                    _ => 403,
                };
                // A machine that may not enter is never sent to sign in.
                let expected = if who == Some("robot") && expected == 302 { 403 } else { expected };
                let status = status(&world, who.filter(|who| *who != "robot"), &from).await;
                if status != expected {
                    differences.push(format!("{who:?} {ip} {country:?}: {status}, explained as {explained}"));
                }
                verdicts.insert(verdict);
            }
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
    assert_eq!(verdicts.into_iter().collect::<Vec<_>>(), ["allow", "bypass", "deny", "login", "service_auth"]);
    assert_ne!(APP, RULES);
}

#[tokio::test]
async fn selectors_that_need_what_is_not_here_say_so() {
    let policies = r#"policies = [
      { name = "P", decision = "allow", include = [{ device_posture = { integration_uid = "u" } }, { user_risk_score = { user_risk_score = ["low"] } }, { cloudflare_account_member = {} }] },
      { name = "Q", decision = "allow", include = [{ auth_context = { id = "1", ac_id = "c1", identity_provider_id = "Built-in people" } }] },
    ]"#;
    let world = world_with(policies, "").await;
    let config = world.gateway.folder().join("doorward.toml").display().to_string();
    let (_, told, _) = run(&["explain", "--config", &config, "--user", ALICE, "https://rules.localhost/"]).await;
    assert!(told.starts_with("deny"), "{told}");
    for why in ["device client", "Cloudflare", "Entra"] {
        assert!(told.contains(why), "{why}: {told}");
    }
    assert_eq!(status(&world, Some(ALICE), &[]).await, 403);
}
