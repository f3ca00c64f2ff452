//! What must not cross from one to another: connections, cookies, readings of a path, tokens of another time.

use crate::support::client::Client;
use crate::support::config::{ALICE, APP, Config, OTHER};
use crate::support::deadline::eventually;
use crate::support::origin::Answer;
use crate::support::raw::Raw;
use crate::support::world::World;

/// Tokens of `App` live for an hour and are renewed in place.
async fn renewing() -> World {
    let lines = "session_duration = \"1h\"\nrefresh = \"edge\"";
    World::with(|config| config.with("session_duration = \"24h\"", lines)).await
}

#[tokio::test]
async fn c_13_a_path_parameter_opens_no_other_application() {
    let world = World::start().await;
    for target in [
        "/public/..;/admin",
        "/public/%2e%2e;/admin",
        "/public/..;x=1/admin",
        "/public/..%3b/admin",
        "/public/%e0%80%ae/x",
    ] {
        assert_eq!(world.raw_get(target, &[]).await.status(), 400, "{target}");
    }
    // Below `/`, which alice may enter, a server that knows parameters sees `/admin`, which she may not.
    let cookie = format!("Cookie: CF_Authorization={}", world.token(ALICE, "App").await);
    for target in ["/admin;x", "/;x/admin", "/admin%3Bx"] {
        assert_eq!(world.raw_get(target, &[&cookie]).await.status(), 400, "{target}");
    }
    world.origin.assert_untouched("a path with two readings");
    assert_eq!(world.raw_get("/page;v=1", &[&cookie]).await.status(), 200, "a parameter alone is no harm");
}

#[tokio::test]
async fn i6_a_connection_that_authenticated_itself_is_used_once() {
    let world = World::start().await;
    // One connection of a client stays with one worker, and so with one pool.
    let mut client = Raw::connect(world.public()).await;
    let mut connection = async |field: &str| {
        world.origin.forget();
        client.send(format!("GET /public HTTP/1.1\r\nHost: {APP}\r\n{field}\r\n")).await;
        assert_eq!(client.reply().await.map(|reply| reply.status()), Some(200));
        world.origin.only().connection
    };
    let first = connection("").await;
    assert_eq!(connection("").await, first, "usually a connection serves the next request too");
    let authenticated = connection("Authorization: NTLM TlRMTVNTUAAD\r\n").await;
    assert_ne!(connection("").await, authenticated, "nobody inherits it");

    world.origin.answer(Answer::With(vec![("WWW-Authenticate".into(), "Negotiate".into())], "ok".into()));
    let challenged = connection("").await;
    assert_ne!(connection("").await, challenged);
}

#[tokio::test]
async fn an_origin_cannot_set_the_gateways_cookies() {
    let world = World::start().await;
    let cookies = ["CF_Authorization=evil; Domain=localhost", "CF_AppSession=evil", "CF_Login_1_a=evil", "sid=mine"];
    let fields = cookies.map(|cookie| ("Set-Cookie".to_owned(), cookie.to_owned()));
    world.origin.answer(Answer::With(fields.to_vec(), "ok".into()));
    let reply = world.stranger().get(&world.app("/public")).await;
    let names: Vec<String> = reply.cookies().into_iter().map(|cookie| cookie.name).collect();
    assert_eq!(names, ["sid"]);
}

#[tokio::test]
async fn a_renewed_token_is_not_for_caches() {
    let world = renewing().await;
    let mut alice = world.signed_in(ALICE).await;
    world.gateway.control("PUT", "/clock", serde_json::json!({ "advance": "58m" })).await;
    world.origin.answer(Answer::With(vec![("Cache-Control".into(), "public, max-age=31536000".into())], "ok".into()));
    let reply = alice.get(&world.app("/asset.js")).await;
    assert!(reply.cookie("CF_Authorization").is_some(), "the token is renewed");
    assert_eq!(reply.header("cache-control"), Some("private, no-store"));
}

#[tokio::test]
async fn a_cookie_in_another_encoding_locks_nobody_out() {
    let world = World::start().await;
    let token = world.token(ALICE, "App").await;
    let mut request = format!("GET / HTTP/1.1\r\nHost: {APP}\r\nCookie: name=M").into_bytes();
    request.extend_from_slice(b"\xfc");
    request.extend_from_slice(format!("ller; CF_Authorization={token}\r\n\r\n").as_bytes());
    assert_eq!(world.raw(request).await.status(), 200);
}

#[tokio::test]
async fn an_application_that_gets_another_audience_takes_no_older_token() {
    let world = World::start().await;
    let token = world.token(ALICE, "Other").await;
    let mut alice = Client::holding(&world.gateway, OTHER, &token);
    assert_eq!(alice.get(&world.gateway.at(OTHER, "/")).await.status, 200);
    let line = format!("domain = \"{OTHER}\"\n");
    let aud = "a".repeat(64);
    world.gateway.rewrite(&Config::standard(&world.origin).with(&line, &format!("{line}aud = \"{aud}\"\n")));
    world.gateway.signal("HUP");
    eventually("the old token is refused", async || {
        (alice.get(&world.gateway.at(OTHER, "/")).await.status == 302).then_some(())
    })
    .await;
}

#[tokio::test]
async fn i10_signing_out_wins_over_a_renewal_at_the_same_moment() {
    let world = renewing().await;
    for _ in 0..20 {
        let alice = world.signed_in(ALICE).await;
        world.gateway.control("PUT", "/clock", serde_json::json!({ "advance": "58m" })).await;
        let (mut renewing, mut leaving) = (alice.clone(), alice);
        let (root, logout) = (world.app("/"), world.app("/cdn-cgi/access/logout"));
        let (renewed, _) = tokio::join!(renewing.get(&root), leaving.get(&logout));
        if renewed.cookie("CF_Authorization").is_some_and(|cookie| !cookie.removes()) {
            assert_eq!(renewing.get(&root).await.status, 302, "a token that was renewed on the way out is dead");
        }
    }
}

#[tokio::test]
async fn an_upload_may_take_longer_than_an_answer() {
    let world =
        World::with(|config| config.with("[team]", "[limits]\nupstream_response_timeout = \"1s\"\n\n[team]")).await;
    let mut upload = Raw::connect(world.public()).await;
    upload.send(format!("POST /public HTTP/1.1\r\nHost: {APP}\r\nContent-Length: 8\r\n\r\n")).await;
    // Each part is sent after a good part of the limit, all of it takes longer than the limit.
    let mut beat = tokio::time::interval(std::time::Duration::from_millis(500));
    for sent in 1..=8 {
        beat.tick().await;
        upload.send("x").await;
        world.origin.body_bytes_reach(sent).await;
    }
    assert_eq!(upload.reply().await.map(|reply| reply.status()), Some(200));
    assert!(world.origin.only().complete);
}
