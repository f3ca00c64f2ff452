//! Attack catalogue, group C: one path, read one way, and what was matched is what is sent.

use crate::support::config::{APP, app};
use crate::support::raw::exchange;
use crate::support::world::World;

/// The path is decided by this app, whose policies ask for a sign-in.
async fn assert_decided_by(world: &World, target: &str, app: &str) {
    let reply = world.raw_get(target, &[]).await;
    world.assert_sent_to_sign_in(reply.status(), reply.head.field("location"), app, target);
}

/// `R400`, or as [`assert_decided_by`].
async fn assert_refused_or_decided_by(world: &World, target: &str, app: &str) {
    let reply = world.raw_get(target, &[]).await;
    if reply.status() == 400 {
        world.origin.assert_untouched(target);
    } else {
        world.assert_sent_to_sign_in(reply.status(), reply.head.field("location"), app, target);
    }
}

async fn assert_refused(world: &World, target: &[u8]) {
    let head = [b"GET ".as_slice(), target, b" HTTP/1.1\r\nHost: ", APP.as_bytes(), b"\r\n\r\n"].concat();
    let shown = String::from_utf8_lossy(target).into_owned();
    let reply = exchange(world.public(), head).await.unwrap_or_else(|| panic!("an answer to {shown}"));
    assert_eq!(reply.status(), 400, "{shown}");
    world.origin.assert_untouched(&shown);
}

#[tokio::test]
async fn c_01_dot_segments_are_resolved_before_anything_is_decided() {
    let world = World::start().await;
    for target in ["/public/../admin", "/public/./../admin", "/public/x/../../admin"] {
        assert_decided_by(&world, target, "Admin").await;
    }
}

#[tokio::test]
async fn c_02_encoded_dots_are_dots() {
    let world = World::start().await;
    for target in ["/public/%2e%2e/admin", "/public/.%2E/admin", "/%61dmin"] {
        assert_decided_by(&world, target, "Admin").await;
    }
    assert_refused_or_decided_by(&world, "/public/%2e%2e%2fadmin", "Admin").await;
}

#[tokio::test]
async fn c_03_encoded_slashes_and_backslashes_are_refused() {
    let world = World::start().await;
    for target in ["/public%2f..%2fadmin", "/public/..%2fadmin", "/public\\..\\admin", "/public/..%5cadmin"] {
        assert_refused(&world, target.as_bytes()).await;
    }
}

#[tokio::test]
async fn c_05_repeated_slashes_are_one() {
    let world = World::start().await;
    for target in ["//admin", "/public//../admin", "///admin/", "/admin//"] {
        assert_refused_or_decided_by(&world, target, "Admin").await;
    }
}

#[tokio::test]
async fn c_06_a_path_is_decoded_at_most_once() {
    let world = World::start().await;
    let reply = world.raw_get("/public/%252e%252e/admin", &[]).await;
    assert_eq!(reply.status(), 200, "it stays below /public");
    assert_eq!(world.origin.only().head.target(), "/public/%252e%252e/admin");
    world.origin.forget();
    assert_decided_by(&world, "/%2561dmin", "App").await;
}

#[tokio::test]
async fn c_07_a_path_covers_what_is_below_it_and_nothing_beside_it() {
    let world = World::with(|config| {
        let open = r#"policies = [{ name = "Open", decision = "bypass", include = [{ everyone = {} }] }]"#;
        config.and(&app("Below", "app.localhost/alpha/*", open))
    })
    .await;
    for (target, app) in [
        ("/Admin", "App"),
        ("/adminx", "App"),
        ("/admin.json", "App"),
        ("/admin", "Admin"),
        ("/admin/", "Admin"),
        ("/admin/x", "Admin"),
        ("/alpha", "App"),
        ("/publicx", "App"),
        ("/Public", "App"),
    ] {
        assert_decided_by(&world, target, app).await;
    }
    assert_eq!(world.raw_get("/alpha/one", &[]).await.status(), 200);
}

#[tokio::test]
async fn c_08_a_fragment_decides_nothing() {
    let world = World::start().await;
    let reply = world.raw_get("/public#/admin", &[]).await;
    if reply.status() == 200 {
        assert_eq!(world.origin.only().head.target(), "/public", "what was matched is what is sent");
    } else {
        assert_eq!(reply.status(), 400);
        world.origin.assert_untouched("a fragment");
    }
    world.origin.forget();
    assert_refused_or_decided_by(&world, "/admin#/public", "Admin").await;
    assert_decided_by(&world, "/adm%23in", "App").await;
}

#[tokio::test]
async fn c_09_neither_the_query_nor_a_header_changes_the_path() {
    let world = World::start().await;
    for target in ["/admin?x=/public", "/admin?/public/"] {
        assert_decided_by(&world, target, "Admin").await;
    }
    let lies = [
        "X-Original-URL: /admin",
        "X-Rewrite-URL: /admin",
        "X-Forwarded-Uri: /admin",
        "X-Envoy-Original-Path: /admin",
        "X-Forwarded-Prefix: /admin",
        "X_Original_URL: /admin",
    ];
    assert_eq!(world.raw_get("/public?x=/admin", &lies).await.status(), 200);
    let seen = world.origin.only();
    assert_eq!(seen.head.target(), "/public?x=/admin");
    let reached: Vec<_> = seen.head.fields.iter().filter(|(_, value)| value == "/admin").collect();
    assert!(reached.is_empty(), "{reached:?}");
}

#[tokio::test]
async fn c_12_bytes_that_have_no_place_in_a_path_are_refused() {
    let world = World::start().await;
    for target in [
        b"/admin%00".as_slice(),
        b"/admin%00/../public",
        b"/public/%zz",
        b"/public/a%0d%0aX:y",
        b"/%c0%ae%c0%ae/admin",
        b"/public/\xff",
        "/public/\u{e9}".as_bytes(),
        b"/public/%",
        b"/public/%f",
    ] {
        assert_refused(&world, target).await;
    }
}

#[tokio::test]
async fn c_13_what_reaches_the_origin_reads_the_same_again() {
    let world = World::start().await;
    let pieces = ["a", ".", "..", "%2e", "%2E%2e", "%61dmin", "admin", "public", "", ";x", "%25", "%20"];
    for first in pieces {
        for second in pieces {
            let target = format!("/public/{first}/{second}");
            world.origin.forget();
            let reply = world.raw_get(&target, &[]).await;
            if reply.status() != 200 {
                world.origin.assert_untouched(&target);
                continue;
            }
            let sent = world.origin.only().head.target().to_owned();
            world.origin.forget();
            assert_eq!(world.raw_get(&sent, &[]).await.status(), 200, "{target} was sent as {sent}");
            assert_eq!(world.origin.only().head.target(), sent);
            assert!(sent == "/public" || sent.starts_with("/public/"), "{target} was sent as {sent}");
        }
    }
}
