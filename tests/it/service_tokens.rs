//! Attack catalogue, group M: what proves a machine, and what becomes of one that proves nothing.

use reqwest::Method;
use serde_json::json;

use crate::support::client::{Client, Reply};
use crate::support::config::{ALICE, API, APP, Config, ROBOT};
use crate::support::deadline::eventually;
use crate::support::rows::rows;
use crate::support::token::claims;
use crate::support::world::World;

const SECRET: &str = "cfast_abcdefghijklmnopqrstuvwxyz0123456789ABCD00000000";
const OLD: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Another service token with these lines.
fn token(config: Config, id: &str, lines: &str) -> Config {
    config.and(&format!(
        "[[service_token]]\nname = \"{id}\"\nclient_id = \"{}.access\"\nclient_secret = \"{SECRET}\"\n{lines}\n",
        id.repeat(32)
    ))
}

async fn asked(world: &World, host: &str, id: &str, secret: &str) -> Reply {
    let headers = [("CF-Access-Client-Id", id), ("CF-Access-Client-Secret", secret)];
    world.stranger().request(Method::GET, &world.gateway.at(host, "/job"), &headers, None).await
}

fn id(letter: &str) -> String {
    format!("{}.access", letter.repeat(32))
}

#[tokio::test]
async fn m_01_a_service_token_that_does_not_hold_gets_401_and_one_without_a_policy_403() {
    let world = World::with(|config| {
        let config = token(config, "a", "expires_at = \"2020-01-01T00:00:00Z\"");
        token(config, "b", "enabled = false")
    })
    .await;
    // The second lets people in: it sends no machine to sign in either.
    for host in [API, APP] {
        for (what, id, secret) in [
            ("a wrong secret", ROBOT[0].1.to_owned(), SECRET),
            ("an unknown id", id("f"), SECRET),
            ("one that expired", id("a"), SECRET),
            ("one that is disabled", id("b"), SECRET),
            ("an id that is none", "x".to_owned(), SECRET),
        ] {
            let reply = asked(&world, host, &id, secret).await;
            assert_eq!((reply.status, reply.header("location")), (401, None), "{what} at {host}");
            assert!(reply.header("cf-access-aud").is_some(), "{what} at {host}");
        }
    }
    let reply = asked(&world, APP, ROBOT[0].1, ROBOT[1].1).await;
    assert_eq!((reply.status, reply.header("location")), (403, None));
    world.origin.assert_untouched("service tokens that do not hold");
}

#[tokio::test]
async fn m_02_anything_but_one_whole_pair_is_refused() {
    let world = World::start().await;
    let (id, secret) = (ROBOT[0].1, ROBOT[1].1);
    let spaced = format!("{id} {id}");
    let joined = format!("{id}, {id}");
    let upper = id.to_uppercase();
    for fields in [
        vec![("CF-Access-Client-Id", id)],
        vec![("CF-Access-Client-Secret", secret)],
        vec![("CF-Access-Client-Id", id), ("CF-Access-Client-Id", id), ("CF-Access-Client-Secret", secret)],
        vec![("CF-Access-Client-Id", id), ("CF-Access-Client-Secret", secret), ("CF-Access-Client-Secret", secret)],
        vec![("CF-Access-Client-Id", &joined), ("CF-Access-Client-Secret", secret)],
        vec![("CF-Access-Client-Id", &spaced), ("CF-Access-Client-Secret", secret)],
        vec![("CF-Access-Client-Id", &upper), ("CF-Access-Client-Secret", secret)],
        vec![("CF-Access-Client-Id", ""), ("CF-Access-Client-Secret", "")],
    ] {
        let reply = world.stranger().request(Method::GET, &world.gateway.at(API, "/"), &fields, None).await;
        assert_eq!(reply.status, 401, "{fields:?}");
    }
    world.origin.assert_untouched("service tokens that are none");
}

#[tokio::test]
async fn m_04_a_strict_service_token_gets_no_cookie() {
    let world = World::start().await;
    let reply = asked(&world, API, ROBOT[0].1, ROBOT[1].1).await;
    assert_eq!((reply.status, reply.cookies().len()), (200, 0));
}

#[tokio::test]
async fn m_06_no_secret_is_in_the_database_or_in_the_log() {
    let world = World::with(|config| token(config, "a", "")).await;
    assert_eq!(asked(&world, API, &id("a"), SECRET).await.status, 200);
    assert_eq!(asked(&world, API, &id("a"), OLD).await.status, 401);
    let mut kept: Vec<u8> = Vec::new();
    for file in std::fs::read_dir(world.gateway.folder()).unwrap().map(|file| file.unwrap().path()) {
        if file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("doorward.db")) {
            kept.extend(std::fs::read(file).unwrap());
        }
    }
    assert!(!kept.is_empty());
    kept.extend(world.gateway.log().into_bytes());
    for secret in [SECRET, OLD, ROBOT[1].1] {
        assert!(!kept.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret} is kept somewhere");
    }
}

#[tokio::test]
async fn m_07_a_secret_that_was_replaced_holds_as_long_as_it_was_said() {
    let grace =
        |until: &str| format!("previous_client_secret = \"{OLD}\"\nprevious_client_secret_expires_at = \"{until}\"");
    let world = World::with(|config| {
        let config = token(config, "a", &grace("2099-01-01T00:00:00Z"));
        let config = token(config, "b", &grace("2020-01-01T00:00:00Z"));
        let config = token(config, "c", &format!("{}\nenabled = false", grace("2099-01-01T00:00:00Z")));
        token(config, "d", "")
    })
    .await;
    for (letter, new, old) in [("a", 200, 200), ("b", 200, 401), ("c", 401, 401), ("d", 200, 401)] {
        assert_eq!(asked(&world, API, &id(letter), SECRET).await.status, new, "the new secret of {letter}");
        assert_eq!(asked(&world, API, &id(letter), OLD).await.status, old, "the old secret of {letter}");
    }
}

#[tokio::test]
async fn when_a_service_token_was_used_is_written_down_once_a_minute() {
    let world = World::start().await;
    let database = world.gateway.folder().join("doorward.db");
    for _ in 0..3 {
        assert_eq!(asked(&world, API, ROBOT[0].1, ROBOT[1].1).await.status, 200);
    }
    eventually("the use is written down", async || (rows(&database)["service_token_uses"] == 1).then_some(())).await;
}

/// An app that people and machines may enter.
const BOTH: &str = r#"
[[app]]
name = "Both"
type = "self_hosted"
domain = "other.localhost/both"
policies = [
  { name = "Machines", decision = "non_identity", include = [{ any_valid_service_token = {} }] },
  { name = "Corp", decision = "allow", include = [{ email_domain = { domain = "corp.test" } }] },
]
"#;

async fn legacy() -> World {
    let domain = "domain = \"acme.cloudflareaccess.com\"";
    World::with(|config| config.with(domain, &format!("{domain}\nstrict_service_token_auth = false")).and(BOTH)).await
}

#[tokio::test]
async fn in_legacy_mode_a_machine_gets_a_cookie_where_people_are_let_in_too() {
    let world = legacy().await;
    let reply = asked(&world, API, ROBOT[0].1, ROBOT[1].1).await;
    assert_eq!((reply.status, reply.cookies().len()), (200, 0), "machines alone show their credential each time");
    let mut robot = world.stranger();
    let url = world.gateway.at("other.localhost", "/both");
    let reply = robot.request(Method::GET, &url, &ROBOT, None).await;
    assert_eq!(reply.status, 200);
    let cookie = reply.cookie("CF_Authorization").expect("a token to come back with");
    assert_eq!(claims(&cookie.value)["common_name"], ROBOT[0].1);
    assert!(reply.header("cache-control").unwrap().contains("no-store"));
    assert_eq!(robot.get(&url).await.status, 200, "it is enough from then on");
    let strict = World::with(|config| config.and(BOTH)).await;
    let reply =
        strict.stranger().request(Method::GET, &strict.gateway.at("other.localhost", "/both"), &ROBOT, None).await;
    assert_eq!((reply.status, reply.cookies().len()), (200, 0));
}

#[tokio::test]
async fn in_legacy_mode_a_machine_that_may_not_enter_is_sent_to_sign_in_like_anybody() {
    let world = legacy().await;
    for (what, id, secret) in [("no policy names it", ROBOT[0].1, ROBOT[1].1), ("a wrong secret", ROBOT[0].1, SECRET)] {
        let reply = asked(&world, APP, id, secret).await;
        world.assert_asked_to_sign_in(&reply, "App", what);
        let meta = reply.location().query_pairs().find(|(name, _)| name == "meta").unwrap().1.into_owned();
        let told = ["auth_status", "service_token_status"].map(|name| claims(&meta)[name].clone());
        let holds = secret == ROBOT[1].1;
        assert_eq!(told, [json!(if holds { "NONE" } else { "SERVICE_TOKEN_INVALID" }), json!(holds)], "{what}");
    }
    assert_eq!(asked(&world, API, ROBOT[0].1, SECRET).await.status, 403, "machines alone have nowhere to sign in");
    let token = world.token(ALICE, "App").await;
    let mut alice = Client::holding(&world.gateway, APP, &token);
    let wrong = [ROBOT[0], ("CF-Access-Client-Secret", SECRET)];
    let reply = alice.request(Method::GET, &world.app("/"), &wrong, None).await;
    assert_eq!(reply.status, 200, "what does not hold counts for nothing");
    assert!(world.origin.only().head.field("cf-access-client-secret").is_none());
}
