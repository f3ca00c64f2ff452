//! Bodies flow through in both directions as they come, whatever their length.

use crate::support::config::{ALICE, APP};
use crate::support::origin::Answer;
use crate::support::raw::Raw;
use crate::support::world::World;

/// An open connection on which a request's head was sent, as alice.
async fn begun(world: &World, head: &str) -> Raw {
    let token = world.token(ALICE, "App").await;
    let mut raw = Raw::connect(world.public()).await;
    raw.send(format!("{head}Host: {APP}\r\nCookie: CF_Authorization={token}\r\n\r\n")).await;
    raw
}

#[tokio::test]
async fn server_sent_events_arrive_one_by_one() {
    let world = World::start().await;
    world.origin.answer(Answer::Events);
    let mut raw = begun(&world, "GET /events HTTP/1.1\r\n").await;
    let head = raw.head().await.unwrap();
    assert_eq!((head.status(), head.field("content-type")), (200, Some("text/event-stream")));
    for number in 0..5 {
        world.origin.emit(&number.to_string()).await;
        let event = raw.chunk().await.unwrap();
        assert_eq!(event, format!("data: {number}\n\n").as_bytes(), "an event is there before the next is sent");
    }
}

#[tokio::test]
async fn an_upload_reaches_the_origin_before_it_has_ended() {
    let world = World::start().await;
    let mut raw = begun(&world, "POST /upload HTTP/1.1\r\nContent-Length: 300000\r\n").await;
    raw.send(vec![b'a'; 100_000]).await;
    world.origin.body_bytes_reach(100_000).await;
    raw.send(vec![b'b'; 200_000]).await;
    assert_eq!(raw.reply().await.unwrap().status(), 200);
    let seen = world.origin.only();
    assert_eq!((seen.body_length, seen.complete), (300_000, true));
    assert_eq!(seen.head.field("content-length"), Some("300000"));
}

#[tokio::test]
async fn an_upload_of_unknown_length_is_sent_on_in_chunks() {
    let world = World::start().await;
    let mut raw = begun(&world, "POST /upload HTTP/1.1\r\nTransfer-Encoding: chunked\r\n").await;
    raw.send("5\r\nhello\r\n").await;
    world.origin.body_bytes_reach(5).await;
    raw.send("6\r\n world\r\n0\r\n\r\n").await;
    assert_eq!(raw.reply().await.unwrap().status(), 200);
    let seen = world.origin.only();
    assert_eq!((seen.body.as_slice(), seen.complete), (b"hello world".as_slice(), true));
    assert_eq!((seen.head.field("transfer-encoding"), seen.head.field("content-length")), (Some("chunked"), None));
}

#[tokio::test]
async fn an_upload_that_breaks_off_ends_as_broken_at_the_origin() {
    let world = World::start().await;
    let mut raw = begun(&world, "POST /upload HTTP/1.1\r\nContent-Length: 1000\r\n").await;
    raw.send("abc").await;
    world.origin.body_bytes_reach(3).await;
    drop(raw);
    let seen = crate::support::deadline::eventually("the origin notices", async || world.origin.seen().pop()).await;
    assert!(!seen.complete, "half an upload is never a whole one");
}

#[tokio::test]
async fn a_download_of_a_gigabyte_needs_no_memory() {
    const LENGTH: usize = 1024 * 1024 * 1024;
    let world = World::start().await;
    world.origin.answer(Answer::Ok);
    begun(&world, "GET /warm HTTP/1.1\r\n").await.reply().await.unwrap();
    let before = world.gateway.peak_memory();
    world.origin.answer(Answer::Download(LENGTH));
    let mut raw = begun(&world, "GET /big HTTP/1.1\r\n").await;
    let head = raw.head().await.unwrap();
    assert_eq!(head.field("content-length"), Some(LENGTH.to_string().as_str()));
    assert_eq!(raw.body_length(&head).await, (LENGTH, true));
    let grown = world.gateway.peak_memory() - before;
    assert!(grown < 32 * 1024, "{grown} KiB more at the peak");
}

#[tokio::test]
async fn a_head_request_has_the_length_of_the_answer_and_no_body() {
    let world = World::start().await;
    world.origin.answer(Answer::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n".to_vec()));
    let mut raw = begun(&world, "HEAD /big HTTP/1.1\r\n").await;
    let head = raw.head().await.unwrap();
    assert_eq!((head.status(), head.field("content-length")), (200, Some("1234")));
    assert_eq!(world.origin.only().head.method(), "HEAD");
}
