//! Attack catalogue, group J at the application's door: which policy decides,
//! and that what decided is asked again whenever it may have changed.

use reqwest::Method;
use serde_json::json;

use crate::support::client::Client;
use crate::support::config::{ALICE, APP, Config, ROBOT, app};
use crate::support::deadline::eventually;
use crate::support::gateway::run;
use crate::support::origin::Origin;
use crate::support::world::World;

const TRUSTING: &str = "[listen]\ntrusted_proxies = [\"127.0.0.0/8\"]";

/// Allow A, Block B, Service Auth C, Bypass D, Allow E; each about somebody of its own and of its neighbours'.
const ORDER: &str = r#"policies = [
  { name = "A", decision = "allow", include = [{ email = { email = "a@corp.test" } }, { email = { email = "ab@corp.test" } }] },
  { name = "B", decision = "deny", include = [{ email = { email = "ab@corp.test" } }, { email = { email = "be@corp.test" } }] },
  { name = "C", decision = "non_identity", include = [{ any_valid_service_token = {} }] },
  { name = "D", decision = "bypass", include = [{ ip = { ip = "10.0.0.0/8" } }] },
  { name = "E", decision = "allow", include = [{ email_domain = { domain = "corp.test" } }] },
]"#;

#[tokio::test]
async fn j_09_machines_then_bypasses_then_people_in_their_order_and_the_first_match_ends() {
    let world =
        World::with(|config| config.with("[listen]", TRUSTING).and(&app("Order", "app.localhost/order", ORDER))).await;
    let url = world.app("/order");
    let inside = [("X-Forwarded-For", "10.1.2.3")];
    for (email, headers, status, told) in [
        (None, [ROBOT.as_slice(), &inside].concat(), 200, Some("common_name")),
        (Some("be@corp.test"), inside.to_vec(), 200, None),
        (None, inside.to_vec(), 200, None),
        (Some("ab@corp.test"), vec![], 200, Some("email")),
        (Some("be@corp.test"), vec![], 403, None),
        (Some("e@corp.test"), vec![], 200, Some("email")),
        (Some("x@evil.test"), vec![], 403, None),
        (None, vec![], 302, None),
    ] {
        world.origin.forget();
        let mut client = world.stranger();
        if let Some(email) = email {
            client.jar.set(APP, "CF_Authorization", &world.token(email, "Order").await);
        }
        let reply = client.request(Method::GET, &url, &headers, None).await;
        assert_eq!(reply.status, status, "{email:?} {headers:?}");
        if status == 200 {
            let seen = world.origin.only();
            let claims = seen.assertion().map(crate::support::token::claims);
            assert_eq!(claims.is_some(), told.is_some(), "{email:?} {headers:?}: {claims:?}");
            assert!(told.is_none_or(|claim| claims.is_some_and(|claims| claims[claim].is_string())), "{email:?}");
        } else {
            world.origin.assert_untouched("somebody who may not enter");
        }
    }
}

#[tokio::test]
async fn j_09_what_says_nothing_about_who_may_enter_lets_nobody_in() {
    let origin = Origin::start().await;
    for (what, lines) in [
        ("no policies", "policies = []"),
        ("no include", r#"policies = [{ name = "P", decision = "allow", include = [] }]"#),
        (
            "only a require",
            r#"policies = [{ name = "P", decision = "allow", include = [], require = [{ everyone = {} }] }]"#,
        ),
        (
            "a group that is gone",
            r#"policies = [{ name = "P", decision = "bypass", include = [{ group = { id = "Gone" } }] }]"#,
        ),
        (
            "not met but excluded",
            r#"policies = [{ name = "P", decision = "bypass", include = [{ everyone = {} }], exclude = [{ everyone = {} }] }]"#,
        ),
    ] {
        let config = Config::standard(&origin).and(&app("Empty", "app.localhost/empty", lines));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("doorward.toml");
        std::fs::write(&path, config.text(folder.path())).unwrap();
        let (code, _, _) = run(&["check", "--config", path.to_str().unwrap()]).await;
        if code != 0 {
            assert_eq!(code, 2, "{what}: a file like this does not start at all");
            continue;
        }
        let gateway = crate::support::gateway::Gateway::serve(&config).await;
        let token = gateway.token(json!({ "app": "Empty", "email": ALICE })).await;
        for mut client in [Client::new(&gateway), Client::holding(&gateway, APP, &token)] {
            let reply = client.get(&gateway.at(APP, "/empty")).await;
            assert!(matches!(reply.status, 302 | 403), "{what}: {}", reply.status);
        }
        origin.assert_untouched(what);
    }
}

#[tokio::test]
async fn j_11_the_address_is_asked_on_every_request() {
    let rules = r#"policies = [{ name = "Office", decision = "allow", include = [{ email_domain = { domain = "corp.test" } }], require = [{ ip = { ip = "10.0.0.0/8" } }] }]"#;
    let world =
        World::with(|config| config.with("[listen]", TRUSTING).and(&app("Office", "app.localhost/office", rules)))
            .await;
    let token = world.token(ALICE, "Office").await;
    for (from, status) in [("10.1.2.3", 200), ("192.0.2.1", 403), ("10.9.9.9", 200), ("192.0.2.1", 403)] {
        let mut alice = Client::holding(&world.gateway, APP, &token).with_header("X-Forwarded-For", from);
        assert_eq!(alice.get(&world.app("/office")).await.status, status, "from {from}");
    }
}

#[tokio::test]
async fn j_11_what_changes_about_somebody_holds_from_their_next_sign_in_and_their_removal_at_once() {
    let world = World::start().await;
    let person = |name: &str| json!({ "email": ALICE, "name": name, "groups": [] });
    let mut alice = world.signed_in(ALICE).await;
    world.gateway.control("PUT", &format!("/users/{ALICE}"), person("Alice Renamed")).await;
    assert_eq!(alice.get(&world.app("/")).await.status, 200, "the session is as it was");
    let identity = async |client: &mut Client| client.get(&world.app("/cdn-cgi/access/get-identity")).await.json();
    assert_eq!(identity(&mut alice).await["groups"], json!(["admins"]), "what was true at the sign-in");
    let mut again = world.signed_in(ALICE).await;
    assert_ne!(identity(&mut again).await["groups"], json!(["admins"]), "and is not at the next");
    world.gateway.control("DELETE", &format!("/users/{ALICE}"), json!({})).await;
    for mut client in [alice, again] {
        let reply = client.get(&world.app("/")).await;
        world.origin.forget();
        assert!(reply.sends_to_sign_in(), "somebody who was removed is out: {}", reply.status);
    }
}

#[tokio::test]
async fn j_11_a_sign_in_with_a_provider_that_an_app_stops_allowing_is_none_to_it() {
    let lying = crate::support::lying::Lying::start().await;
    let with_provider = |config: Config| config.and(&lying.config("Other provider"));
    let world = World::with(with_provider).await;
    let token = world.token(ALICE, "App").await;
    let mut alice = Client::holding(&world.gateway, APP, &token);
    assert_eq!(alice.get(&world.app("/")).await.status, 200);
    let narrowed = with_provider(Config::standard(&world.origin))
        .with("session_duration = \"24h\"", "session_duration = \"24h\"\nallowed_idps = [\"Other provider\"]");
    world.gateway.rewrite(&narrowed);
    world.gateway.signal("HUP");
    let out = async || (alice.get(&world.app("/")).await.status != 200).then_some(());
    eventually("her sign-in does not count any more", out).await;
    world.origin.forget();
    let reply = alice.get(&world.app("/")).await;
    world.assert_asked_to_sign_in(&reply, "App", "a sign-in with another provider");
}
