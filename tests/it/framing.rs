//! Attack catalogue, group D: one message, framed one way, whatever its bytes try.

use crate::support::config::{ALICE, APP, ROOT};
use crate::support::raw::{Raw, RawReply};
use crate::support::token;
use crate::support::world::World;

/// What would be smuggled: a request that reaches the origin without any credential.
const SMUGGLED: &str = "GET /public/smuggled HTTP/1.1\r\nHost: app.localhost\r\n\r\n";

/// The common head of the catalogue's rows, `H0`: a `POST /x` of alice's, without its last line.
async fn head(world: &World) -> String {
    let token = world.token(ALICE, "App").await;
    format!("POST /x HTTP/1.1\r\nHost: {APP}\r\nCookie: CF_Authorization={token}\r\n")
}

/// Everything the gateway says to these bytes, until it closes.
async fn said(world: &World, bytes: &[u8]) -> (Option<RawReply>, Vec<u8>) {
    let mut raw = Raw::connect(world.public()).await;
    raw.try_send(bytes).await;
    (raw.reply().await, raw.rest().await)
}

/// `R400`: refused, nothing reached the origin, and the connection ends without another answer.
async fn assert_refused(world: &World, bytes: &[u8]) {
    let shown = String::from_utf8_lossy(bytes).into_owned();
    let (reply, rest) = said(world, bytes).await;
    let status = reply.unwrap_or_else(|| panic!("an answer to {shown:?}")).status();
    assert!(matches!(status, 400 | 505), "{shown:?}: {status}");
    assert_eq!(String::from_utf8_lossy(&rest), "", "{shown:?}: nothing follows");
    world.origin.assert_untouched(&shown);
}

/// The refusal of a body that broke after its head went on: `400`, the end of
/// the connection, and no whole request at the origin.
async fn assert_broken(world: &World, bytes: &[u8]) {
    let shown = String::from_utf8_lossy(bytes).into_owned();
    let (reply, rest) = said(world, &[bytes, SMUGGLED.as_bytes()].concat()).await;
    let reply = reply.unwrap_or_else(|| panic!("an answer to {shown:?}"));
    assert_eq!(reply.status(), 400, "{shown:?}");
    assert_eq!(String::from_utf8_lossy(&rest), "", "{shown:?}: nothing follows");
    // Once this has come back, what came before it has been recorded.
    assert_eq!(world.raw_get("/public/after", &[]).await.status(), 200);
    for seen in world.origin.seen() {
        let whole = seen.complete && seen.head.target() != "/public/after";
        assert!(!whole, "{shown:?} reached the origin as {seen:#?}");
    }
    world.origin.forget();
}

#[tokio::test]
async fn d_01_a_length_beside_chunks_frames_nothing() {
    let world = World::start().await;
    let head = head(&world).await;
    let body = format!("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG{SMUGGLED}");
    assert_one_reading(&world, &format!("{head}{body}")).await;
    // The other way round, and a length that would swallow the next request.
    let body = format!("Transfer-Encoding: chunked\r\nContent-Length: 300\r\n\r\n0\r\n\r\n{SMUGGLED}");
    assert_one_reading(&world, &format!("{head}{body}")).await;
}

#[tokio::test]
async fn d_02_chunks_beside_a_length_are_read_as_chunks_or_not_at_all() {
    let world = World::start().await;
    let head = head(&world).await;
    let inner = format!("GPOST /admin HTTP/1.1\r\nHost: {APP}\r\nContent-Length: 15\r\n\r\nx=1");
    for length in ["4", "abc"] {
        let size = inner.len();
        let body = format!(
            "Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n\r\n{size:x}\r\n{inner}\r\n0\r\n\r\n{SMUGGLED}"
        );
        assert_one_reading(&world, &format!("{head}{body}")).await;
    }
}

/// Refused; or read by its chunks alone, sent on without a length, and the end of its connection.
async fn assert_one_reading(world: &World, bytes: &str) {
    world.origin.forget();
    let (reply, rest) = said(world, bytes.as_bytes()).await;
    let status = reply.unwrap_or_else(|| panic!("an answer to {bytes:?}")).status();
    assert_eq!(String::from_utf8_lossy(&rest), "", "{bytes:?}: nothing follows");
    if status == 400 {
        return world.origin.assert_untouched(bytes);
    }
    assert_eq!(status, 200, "{bytes:?}");
    let seen = world.origin.only();
    assert_eq!((seen.head.target(), seen.complete), ("/x", true), "{bytes:?}");
    assert_eq!(seen.head.field("content-length"), None, "{bytes:?}");
}

#[tokio::test]
async fn d_03_a_transfer_coding_in_disguise_is_refused() {
    let world = World::start().await;
    let head = head(&world).await;
    for disguise in [
        "Transfer-Encoding : chunked",
        "Transfer-Encoding:\x0bchunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding:\r\n chunked",
        "Transfer-Encoding:\x00chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: \"chunked\"",
        " Transfer-Encoding: chunked",
    ] {
        let bytes = format!("{head}Content-Length: 5\r\n{disguise}\r\n\r\n0\r\n\r\n{SMUGGLED}");
        assert_refused(&world, bytes.as_bytes()).await;
    }
}

#[tokio::test]
async fn d_05_a_length_that_is_no_number_is_refused() {
    let world = World::start().await;
    let head = head(&world).await;
    for length in [
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5, 6",
        "Content-Length: +5",
        "Content-Length: 0x5",
        "Content-Length: -0",
        "Content-Length:",
        "Content-Length: 5 5",
        "Content-Length: 18446744073709551616",
        "Content-Length: 5,",
    ] {
        assert_refused(&world, format!("{head}{length}\r\n\r\nhello{SMUGGLED}").as_bytes()).await;
    }
}

#[tokio::test]
async fn d_06_a_length_said_oddly_is_refused_or_said_anew() {
    let world = World::start().await;
    let head = head(&world).await;
    for length in ["Content-Length: 005", "Content-Length: 5\r\nContent-Length: 5", "Content-Length: 5, 5"] {
        world.origin.forget();
        let mut raw = Raw::connect(world.public()).await;
        raw.send(format!("{head}{length}\r\n\r\nhello")).await;
        let status = raw.reply().await.unwrap_or_else(|| panic!("an answer to {length:?}")).status();
        if status == 400 {
            world.origin.assert_untouched(length);
            continue;
        }
        assert_eq!(status, 200, "{length:?}");
        let seen = world.origin.only();
        assert_eq!(seen.head.all("content-length").collect::<Vec<_>>(), ["5"], "{length:?}");
        assert_eq!(seen.body, b"hello", "{length:?}");
    }
}

#[tokio::test]
async fn d_07_a_chunk_size_that_is_no_number_breaks_the_request() {
    let world = World::start().await;
    let head = head(&world).await;
    for size in ["0x5", "+5", " 5", "-5", "5_0", "10000000000000005", "", "g", "5 5"] {
        let bytes = format!("{head}Transfer-Encoding: chunked\r\n\r\n{size}\r\nhello\r\n0\r\n\r\n");
        assert_broken(&world, bytes.as_bytes()).await;
    }
}

#[tokio::test]
async fn d_08_a_chunk_that_does_not_end_as_it_says_breaks_the_request() {
    let world = World::start().await;
    let head = head(&world).await;
    for chunks in [
        "5;\nhello\r\n0\r\n\r\n",
        "5;a\rb\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhelloXX\r\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\rhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
    ] {
        let bytes = format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunks}");
        assert_broken(&world, bytes.as_bytes()).await;
    }
}

#[tokio::test]
async fn d_09_the_body_of_a_request_that_usually_has_none_is_a_body() {
    let world = World::start().await;
    let token = world.token(ALICE, "App").await;
    for method in ["GET", "OPTIONS", "HEAD", "DELETE"] {
        for chunked in [false, true] {
            world.origin.forget();
            let framing = if chunked {
                format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{SMUGGLED}\r\n0\r\n\r\n", SMUGGLED.len())
            } else {
                format!("Content-Length: {}\r\n\r\n{SMUGGLED}", SMUGGLED.len())
            };
            let mut raw = Raw::connect(world.public()).await;
            raw.send(format!("{method} /x HTTP/1.1\r\nHost: {APP}\r\nCookie: CF_Authorization={token}\r\n{framing}"))
                .await;
            let status = raw.head().await.map(|head| head.status());
            let seen = world.origin.seen();
            assert!(seen.len() <= 1, "{method}, chunked: {chunked}: {seen:#?}");
            match seen.first() {
                Some(seen) => {
                    assert_eq!((status, seen.head.target()), (Some(200), "/x"), "{method}, chunked: {chunked}");
                    assert_eq!(String::from_utf8_lossy(&seen.body), SMUGGLED, "{method}, chunked: {chunked}");
                }
                None => assert_eq!(status, Some(400), "{method}, chunked: {chunked}"),
            }
        }
    }
}

#[tokio::test]
async fn d_10_the_rest_of_a_request_that_was_answered_early_is_no_request() {
    let world = World::start().await;
    for target in ["/x", "/cdn-cgi/access/certs", "/cdn-cgi/access/get-identity", "/cdn-cgi/access/nothing"] {
        let begun = format!("POST {target} HTTP/1.1\r\nHost: {APP}\r\nContent-Length: 5000\r\n\r\n");
        // All of the body, in the same segment or after the answer; then only a part of it.
        let whole: String = SMUGGLED.chars().cycle().take(5000).collect();
        for (first, after) in [(whole.as_str(), ""), ("", whole.as_str()), (SMUGGLED, SMUGGLED)] {
            let mut raw = Raw::connect(world.public()).await;
            raw.try_send(format!("{begun}{first}")).await;
            let reply = raw.reply().await.unwrap_or_else(|| panic!("an answer to {target}"));
            assert_ne!(reply.status(), 200, "{target}");
            raw.try_send(after).await;
            // Whoever goes on reading a body would answer what comes behind it.
            raw.try_send("GET /x HTTP/1.1\r\nHost: app.localhost\r\nConnection: close\r\n\r\n").await;
            raw.finish().await;
            raw.rest().await;
            world.origin.assert_untouched(target);
        }
    }
}

#[tokio::test]
async fn d_13_a_head_that_breaks_the_grammar_is_refused() {
    let world = World::start().await;
    let host = format!("Host: {APP}\r\n");
    for bytes in [
        format!("POST /public HTTP/1.0\r\n{host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        format!("GET /public HTTP/1.2\r\n{host}\r\n"),
        format!("GET /public HTTP/0.9\r\n{host}\r\n"),
        format!("GET /public HTTP/2.0\r\n{host}\r\n"),
        format!("GET /public\r\n{host}\r\n"),
        format!("GET  /public HTTP/1.1\r\n{host}\r\n"),
        format!("GET\t/public\tHTTP/1.1\r\n{host}\r\n"),
        format!("GET /public HTTP/1.1 \r\n{host}\r\n"),
        format!("GET /public HTTP/1.1\r\n{host}no colon\r\n\r\n"),
        format!("GET /public HTTP/1.1\r\n{host}: y\r\n\r\n"),
        format!("GET /public HTTP/1.1\r\n{host}X : y\r\n\r\n"),
        format!("GET /public HTTP/1.1\r\n X: y\r\n{host}\r\n"),
        format!("GET /public HTTP/1.1\r\n{host}X: a\r\n b\r\n\r\n"),
        format!("GET /public HTTP/1.1\r\n{host}X: a\rb\r\n\r\n"),
        format!("GET /public HTTP/1.1\r\n{host}X: a\0b\r\n\r\n"),
        format!("GET /public HTTP/1.1\r\n{host}X: a\x7fb\r\n\r\n"),
        format!("GET /public HTTP/1.1\r\n{host}X\0: a\r\n\r\n"),
        format!("GET ?x HTTP/1.1\r\n{host}\r\n"),
        format!("GET public HTTP/1.1\r\n{host}\r\n"),
        format!("GET * HTTP/1.1\r\n{host}\r\n"),
        format!("OPTIONS * HTTP/1.1\r\n{host}\r\n"),
        format!("G\x01T /public HTTP/1.1\r\n{host}\r\n"),
    ] {
        assert_refused(&world, bytes.as_bytes()).await;
    }
}

#[tokio::test]
async fn d_13_bare_line_feeds_are_refused_or_written_anew() {
    let world = World::start().await;
    let reply = world.raw(format!("GET /public HTTP/1.1\nHost: {APP}\nX-Mine: 1\n\n")).await;
    if reply.status() == 400 {
        return world.origin.assert_untouched("bare line feeds");
    }
    // The origin reads by the letter: had they been handed through, no head would have ended.
    let seen = world.origin.only();
    assert_eq!((reply.status(), seen.head.first_line.as_str()), (200, "GET /public HTTP/1.1"));
    assert_eq!(seen.head.field("x-mine"), Some("1"));
}

#[tokio::test]
async fn d_14_three_requests_of_one_connection_are_three_peoples() {
    let world = World::start().await;
    let (alice, root) = (world.token(ALICE, "App").await, world.token(ROOT, "App").await);
    let mut raw = Raw::connect(world.public()).await;
    for (token, email) in [(Some(&alice), Some(ALICE)), (None, None), (Some(&root), Some(ROOT))] {
        world.origin.forget();
        let cookie = token.map(|token| format!("Cookie: CF_Authorization={token}\r\n")).unwrap_or_default();
        raw.send(format!("GET / HTTP/1.1\r\nHost: {APP}\r\n{cookie}\r\n")).await;
        let reply = raw.reply().await.expect("the connection lives on");
        match email {
            Some(email) => {
                assert_eq!(reply.status(), 200);
                assert_eq!(token::claims(world.origin.only().assertion().unwrap())["email"], email);
            }
            None => {
                world.assert_sent_to_sign_in(reply.status(), reply.head.field("location"), "App", "nobody's request");
            }
        }
    }
}
