//! Attack catalogue, group F: upgrades that are none, and answers of an origin
//! that would be read in two ways or belong to nobody.

use crate::support::config::{ALICE, APP, ROOT};
use crate::support::deadline::eventually;
use crate::support::origin::Answer;
use crate::support::raw::Raw;
use crate::support::world::World;

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

fn handshake(world: &World, token: &str, lines: &str) -> String {
    format!(
        "GET /socket HTTP/1.1\r\nHost: {APP}:{}\r\nCookie: CF_Authorization={token}\r\n{lines}\r\n",
        world.public().port()
    )
}

fn honest() -> String {
    format!("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n")
}

#[tokio::test]
async fn f_01_nothing_is_tunnelled_before_the_origin_agrees_and_everything_after() {
    let world = World::start().await;
    let token = world.token(ALICE, "App").await;
    let smuggled = format!("GET /public/smuggled HTTP/1.1\r\nHost: {APP}\r\n\r\n");
    let both = format!("{}{smuggled}", handshake(&world, &token, &honest()));
    // Answers that are no agreement: the second request is judged by itself, as a stranger's.
    for refusal in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nno",
    ] {
        world.origin.forget();
        world.origin.answer(Answer::Bytes(refusal.as_bytes().to_vec()));
        let mut raw = Raw::connect(world.public()).await;
        raw.send(&both).await;
        let status = raw.reply().await.map(|reply| reply.status());
        assert!(matches!(status, Some(200 | 426)), "{refusal:?}: {status:?}");
        if let Some(second) = raw.reply().await {
            assert_eq!(Some(second.status()), status, "a request of its own, to the part that is open");
            assert_eq!(world.origin.last().head.target(), "/public/smuggled");
            assert_eq!(world.origin.last().assertion(), None, "it is nobody's");
        }
        let bodies: usize = world.origin.seen().iter().map(|seen| seen.body_length).sum();
        assert_eq!(bodies, 0, "{refusal:?}: nothing was forwarded early");
    }
    // An agreement: what came early is what the tunnel begins with, and no request.
    world.origin.forget();
    world.origin.answer(Answer::Echo);
    let mut raw = Raw::connect(world.public()).await;
    raw.send(both).await;
    assert_eq!(raw.head().await.unwrap().status(), 101);
    assert_eq!(world.origin.only().head.target(), "/socket");
}

#[tokio::test]
async fn f_02_a_handshake_that_is_none_goes_on_as_plain_http_at_most() {
    let world = World::start().await;
    let token = world.token(ALICE, "App").await;
    let base = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    for lines in [
        format!("{base}Sec-WebSocket-Version: 777\r\nSec-WebSocket-Key: {KEY}\r\n"),
        format!("{base}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 777\r\nSec-WebSocket-Key: {KEY}\r\n"),
        format!("{base}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n"),
        format!("{base}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Key: {KEY}\r\n"),
        format!("{base}Sec-WebSocket-Version: 13\r\n"),
        format!("Connection: Upgrade\r\nUpgrade: foo\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n"),
        format!("Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n"),
        format!("{}Content-Length: 0\r\n", honest()),
    ] {
        assert_plain(&world, handshake(&world, &token, &lines), &lines).await;
    }
    let post = handshake(&world, &token, &honest()).replacen("GET", "POST", 1);
    assert_plain(&world, post, "a POST").await;
    let old = handshake(&world, &token, &honest()).replacen("HTTP/1.1", "HTTP/1.0", 1);
    assert_plain(&world, old, "HTTP/1.0").await;
}

/// The origin is not told of an upgrade; and when it agrees to one all the same, there is no tunnel.
async fn assert_plain(world: &World, request: String, what: &str) {
    world.origin.forget();
    world.origin.answer(Answer::Ok);
    let mut raw = Raw::connect(world.public()).await;
    raw.send(&request).await;
    let reply = raw.reply().await.unwrap_or_else(|| panic!("an answer to {what}"));
    if reply.status() == 200 && world.origin.only().head.field("upgrade").is_some() {
        // A whole handshake after all: `Content-Length: 0` makes it none the less one.
        assert!(what.contains("Content-Length: 0"), "{what}: {:#?}", world.origin.only().head);
        return;
    }
    assert!(matches!(reply.status(), 200 | 400), "{what}: {}", reply.status());
    let agreed = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nsecret";
    world.origin.answer(Answer::BytesAndStay(agreed.as_bytes().to_vec()));
    let mut raw = Raw::connect(world.public()).await;
    raw.send(request).await;
    let reply = raw.reply().await.unwrap_or_else(|| panic!("an answer to {what}"));
    assert!(matches!(reply.status(), 400 | 502), "{what}: {}", reply.status());
    assert!(!reply.text().contains("secret"), "{what}: the connection stays HTTP");
}

#[tokio::test]
async fn f_06_an_answer_with_two_readings_is_502_and_ends_its_connection() {
    let world = World::start().await;
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n".repeat(5000);
    for answer in [
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nzyx\r\n0\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 2\r\n\r\nzyx".to_owned(),
        "HTTP/1.1 200 OK\r\nX: zyx\r\n folded\r\nContent-Length: 2\r\n\r\nok".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok".to_owned(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\nContent-Length: 2\r\n\r\nok".to_owned(),
        format!("HTTP/1.1 200 OK\r\n{}Content-Length: 2\r\n\r\nok", "X: y\r\n".repeat(3000)),
        format!("HTTP/1.1 200 OK\r\nX: {}\r\nContent-Length: 2\r\n\r\nok", "y".repeat(1_000_000)),
        "ok\r\n\r\n".to_owned(),
        format!("{hints}garbage\r\n\r\n"),
    ] {
        let what: String = answer.chars().take(90).collect();
        let closed = world.origin.closed();
        world.origin.answer(Answer::BytesAndStay(answer.into_bytes()));
        let reply = world.raw_get("/public", &[]).await;
        assert_eq!(reply.status(), 502, "{what:?}");
        assert!(reply.complete && !reply.text().contains("zyx"), "{what:?} is not shown");
        for library in ["hyper", "invalid HTTP", "ambiguous", "framing", "parse"] {
            assert!(!reply.text().contains(library), "{what:?}: {library} is the library's word");
        }
        eventually("the connection is closed", async || (world.origin.closed() > closed).then_some(())).await;
    }
}

#[tokio::test]
async fn f_07_what_comes_between_two_requests_is_nobodys_answer() {
    let world = World::start().await;
    let (alice, root) = (world.token(ALICE, "App").await, world.token(ROOT, "App").await);
    // One client connection stays with one worker, and so with one pool.
    let mut client = Raw::connect(world.public()).await;
    let mut ask = async |token: &str| {
        let port = world.public().port();
        let cookie = format!("Cookie: CF_Authorization={token}");
        client.send(format!("GET / HTTP/1.1\r\nHost: {APP}:{port}\r\n{cookie}\r\n\r\n")).await;
        client.reply().await.expect("an answer")
    };
    world.origin.answer(Answer::BytesAndMore(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec()));
    assert_eq!(ask(&alice).await.text(), "ok");
    world.origin.emit_raw("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nalices bytes");
    eventually("the gateway closes what spoke unasked", async || (world.origin.closed() > 0).then_some(())).await;
    world.origin.answer(Answer::Ok);
    let reply = ask(&root).await;
    assert_eq!((reply.status(), reply.text().as_str()), (200, "ok"));
    let connections: Vec<usize> = world.origin.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [0, 1], "the next request has a connection of its own");
}

#[tokio::test]
async fn f_08_a_connection_that_is_reset_in_the_middle_never_looks_whole() {
    let world = World::start().await;
    for (head, body) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", "partial"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "7\r\npartial\r\n"),
        ("HTTP/1.1 200 OK\r\n\r\n", "partial"),
    ] {
        world.origin.forget();
        world.origin.answer(Answer::BytesAndReset(format!("{head}{body}").into_bytes()));
        let post = format!("POST /public HTTP/1.1\r\nHost: {APP}\r\nContent-Length: 3\r\n\r\nabc");
        let reply = world.raw(post).await;
        // A reset may overtake the head; then nothing of it may be shown as an answer.
        assert!(!reply.complete || reply.status() == 502, "{head:?} came as a whole answer: {:?}", reply.text());
        assert_eq!(world.origin.seen().len(), 1, "what may have had an effect is not repeated");
    }
}
