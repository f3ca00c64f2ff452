//! SIGHUP: a new configuration serves at once and whole, a bad one not at all.

use crate::support::client::Client;
use crate::support::config::{ALICE, APP, Config, app};
use crate::support::deadline::eventually;
use crate::support::origin::Answer;
use crate::support::raw::Raw;
use crate::support::world::World;

#[tokio::test]
async fn a_new_app_is_served_after_a_reload_and_sessions_live_on() {
    let world = World::start().await;
    let token = world.token(ALICE, "App").await;
    assert_eq!(world.raw_get("/new", &[]).await.status(), 302);
    let open = r#"policies = [{ name = "Open", decision = "bypass", include = [{ everyone = {} }] }]"#;
    world.gateway.rewrite(&Config::standard(&world.origin).and(&app("New", "app.localhost/new", open)));
    world.gateway.signal("HUP");
    eventually("the new app is served", async || (world.raw_get("/new", &[]).await.status() == 200).then_some(()))
        .await;
    let mut alice = Client::holding(&world.gateway, APP, &token);
    assert_eq!(alice.get(&world.app("/")).await.status, 200);
}

#[tokio::test]
async fn a_policy_that_was_tightened_holds_for_the_tokens_that_are_out() {
    let world = World::start().await;
    let token = world.token(ALICE, "App").await;
    let mut alice = Client::holding(&world.gateway, APP, &token);
    assert_eq!(alice.get(&world.app("/")).await.status, 200);
    world.gateway.rewrite(&Config::standard(&world.origin).with("corp.test\" }", "elsewhere.test\" }"));
    world.gateway.signal("HUP");
    eventually("alice is out", async || (alice.get(&world.app("/")).await.status == 403).then_some(())).await;
}

#[tokio::test]
async fn r_10_a_bad_file_leaves_the_old_configuration_serving_and_says_so() {
    let world = World::start().await;
    let token = world.token(ALICE, "App").await;
    let good = Config::standard(&world.origin);
    let twice = good.clone().and(&crate::support::config::route(APP, "http://127.0.0.1:9"));
    let refusals = async |count: usize| {
        let refused = async || (world.gateway.log().matches("was not reloaded").count() == count).then_some(());
        eventually("the gateway says that it kept the old configuration", refused).await;
    };
    let mut count = 0;
    for (bad, word) in [
        (Some("this is no TOML [".to_owned()), "doorward.toml:1"),
        (Some(good.clone().and("\n[unheard_of]\nx = 1").text(world.gateway.folder())), "unheard_of"),
        (Some(twice.text(world.gateway.folder())), "routed by"),
        (Some(String::new()), "doorward.toml:1"),
        (None, "doorward.toml"),
    ] {
        let before = world.gateway.log().len();
        match &bad {
            Some(text) => world.gateway.rewrite_text(text),
            None => std::fs::remove_file(world.gateway.folder().join("doorward.toml")).unwrap(),
        }
        world.gateway.signal("HUP");
        count += 1;
        refusals(count).await;
        assert!(world.gateway.log()[before..].contains(word), "{word}: {}", &world.gateway.log()[before..]);
        let mut alice = Client::holding(&world.gateway, APP, &token);
        assert_eq!(alice.get(&world.app("/")).await.status, 200, "{bad:?}");
    }
    world.gateway.rewrite(&good);
    world.gateway.signal("HUP");
    world.gateway.logs("configuration was reloaded").await;
}

#[tokio::test]
async fn a_warning_of_the_file_is_one_word_in_the_log() {
    let world =
        World::with(|config| config.and(&crate::support::config::route("lonely.localhost", "http://127.0.0.1:9")))
            .await;
    world.gateway.logs("no [[app]] covers lonely.localhost").await;
    assert!(!world.gateway.log().contains("warning: "), "{}", world.gateway.log());
}

#[tokio::test]
async fn a_request_under_way_survives_a_reload() {
    let world = World::start().await;
    world.origin.answer(Answer::Events);
    let mut raw = Raw::connect(world.public()).await;
    raw.send(format!("GET /public HTTP/1.1\r\nHost: {APP}\r\n\r\n")).await;
    assert_eq!(raw.head().await.unwrap().status(), 200);
    world.gateway.signal("HUP");
    world.gateway.logs("was reloaded").await;
    world.origin.emit("still here").await;
    assert_eq!(raw.chunk().await.unwrap(), b"data: still here\n\n");
}
