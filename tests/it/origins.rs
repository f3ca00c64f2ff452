//! An origin that is down, slow, rude or silly: a clear answer, and never somebody else's bytes.

use crate::support::config::{ALICE, APP, Config, ROOT, route};
use crate::support::origin::Answer;
use crate::support::raw::RawReply;
use crate::support::reserved::Reserved;
use crate::support::world::World;

/// A page that says nothing about the inside and carries a ray id (S-02).
fn assert_plain_trouble(reply: &RawReply, status: u16, world: &World) {
    assert_eq!(reply.status(), status, "{}", reply.text());
    let (page, ray) = (reply.text(), reply.head.field("cf-ray").expect("a ray id"));
    assert!(page.contains(ray), "the page shows the ray id");
    let service = world.origin.url();
    let (_, address) = service.split_once("://").unwrap();
    for inside in [address, "127.0.0.1", "hyper", "tokio", "Connection refused", "os error"] {
        assert!(!page.contains(inside), "{inside} is in the page");
    }
    assert!(reply.head.field("cache-control").is_some_and(|value| value.contains("no-store")));
    assert!(reply.complete);
}

fn patience(config: Config) -> Config {
    config.with(
        "[team]",
        "[limits]\nupstream_response_timeout = \"300ms\"\nupstream_connect_timeout = \"300ms\"\n\n[team]",
    )
}

#[tokio::test]
async fn an_origin_that_is_down_is_502() {
    let gone = Reserved::port();
    let world = World::with(|config| {
        config.and(&route("down.localhost", &gone.url())).with("app.localhost/public", "down.localhost")
    })
    .await;
    let reply = world.raw("GET / HTTP/1.1\r\nHost: down.localhost\r\n\r\n").await;
    assert_plain_trouble(&reply, 502, &world);
    // What the page keeps to itself, the log says.
    world.gateway.logs("the origin cannot be reached").await;
}

#[tokio::test]
async fn an_origin_that_says_nothing_is_504() {
    let world = World::with(patience).await;
    world.origin.answer(Answer::Silence);
    assert_plain_trouble(&world.raw_get("/public", &[]).await, 504, &world);
}

#[tokio::test]
async fn an_origin_that_closes_without_an_answer_is_502_and_asked_once() {
    let world = World::start().await;
    world.origin.answer(Answer::Close);
    let post = format!("POST /public HTTP/1.1\r\nHost: {APP}\r\nContent-Length: 3\r\n\r\nabc");
    assert_plain_trouble(&world.raw(post).await, 502, &world);
    assert_eq!(world.origin.seen().len(), 1, "what may have had an effect is not repeated");
}

#[tokio::test]
async fn f_06_an_answer_that_is_no_http_is_502() {
    let world = World::start().await;
    for garbage in [
        "garbage\r\n\r\n".to_owned(),
        "HTTP/1.1\r\n\r\n".to_owned(),
        "SSH-2.0-OpenSSH_9.2\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 2\r\n\r\nzyx".to_owned(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nzyx\r\n0\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nab".to_owned(),
        format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(3000)),
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\nConnection: upgrade\r\n\r\n".to_owned(),
    ] {
        world.origin.answer(Answer::Bytes(garbage.clone().into_bytes()));
        let reply = world.raw_get("/public", &[]).await;
        assert_plain_trouble(&reply, 502, &world);
        assert!(!reply.text().contains("zyx") && !reply.text().contains("OpenSSH"), "{garbage:?} is not shown");
        world.origin.answer(Answer::Ok);
        assert_eq!(world.raw_get("/public", &[]).await.text(), "ok", "the next request is served after {garbage:?}");
    }
}

#[tokio::test]
async fn f_08_an_answer_that_breaks_off_never_looks_whole() {
    let world = World::start().await;
    for broken in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npartial",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\npartial\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\npartial",
    ] {
        world.origin.answer(Answer::Bytes(broken.as_bytes().to_vec()));
        let reply = world.raw_get("/public", &[]).await;
        assert_eq!(reply.status(), 200);
        assert!(!reply.complete, "{broken:?} came as a whole answer: {:?}", reply.text());
    }
}

#[tokio::test]
async fn f_07_what_an_origin_says_unasked_is_never_the_next_persons_answer() {
    let world = World::start().await;
    let (alice, root) = (world.token(ALICE, "App").await, world.token(ROOT, "App").await);
    let secret = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nalices bytes";
    for first in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\n\r\n",
    ] {
        world.origin.answer(Answer::BytesAndStay(format!("{first}{secret}").into_bytes()));
        world.raw_get("/", &[&format!("Cookie: CF_Authorization={alice}")]).await;
        world.origin.answer(Answer::Ok);
        let reply = world.raw_get("/", &[&format!("Cookie: CF_Authorization={root}")]).await;
        assert_eq!((reply.status(), reply.text().as_str()), (200, "ok"), "after {first:?}");
    }
}

#[tokio::test]
async fn i6_connections_to_an_origin_are_kept_and_never_shared_between_apps() {
    let world = World::start().await;
    let port = world.public().port();
    let mut app = crate::support::raw::Raw::connect(world.public()).await;
    for _ in 0..3 {
        app.send(format!("GET /public HTTP/1.1\r\nHost: {APP}:{port}\r\n\r\n")).await;
        assert_eq!(app.reply().await.unwrap().status(), 200);
    }
    let alice = world.token(ALICE, "App").await;
    app.send(format!("GET / HTTP/1.1\r\nHost: {APP}:{port}\r\nCookie: CF_Authorization={alice}\r\n\r\n")).await;
    assert_eq!(app.reply().await.unwrap().status(), 200);
    let used: Vec<usize> = world.origin.seen().iter().map(|seen| seen.connection).collect();
    assert!(used[0] == used[1] && used[1] == used[2], "a connection is used again: {used:?}");
    assert_ne!(used[3], used[0], "another app has its own: {used:?}");
}

#[tokio::test]
async fn a_connection_that_the_origin_closed_while_idle_is_no_error() {
    let world = World::start().await;
    let kept = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec();
    for _ in 0..5 {
        world.origin.answer(Answer::Bytes(kept.clone()));
        let mut raw = crate::support::raw::Raw::connect(world.public()).await;
        for _ in 0..2 {
            raw.send(format!("GET /public HTTP/1.1\r\nHost: {APP}\r\n\r\n")).await;
            assert_eq!(raw.reply().await.unwrap().status(), 200);
        }
    }
}

#[tokio::test]
async fn an_error_of_the_origin_is_the_origins_own() {
    let world = World::start().await;
    world
        .origin
        .answer(Answer::Bytes(b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nbusy".to_vec()));
    let reply = world.raw_get("/public", &[]).await;
    assert_eq!((reply.status(), reply.text().as_str(), reply.head.field("retry-after")), (503, "busy", Some("7")));
}

#[tokio::test]
async fn early_hints_of_an_origin_do_no_harm() {
    let world = World::start().await;
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    world.origin.answer(Answer::Bytes(hints.as_bytes().to_vec()));
    let reply = world.raw_get("/public", &[]).await;
    assert_eq!((reply.status(), reply.text().as_str()), (200, "ok"));
}
