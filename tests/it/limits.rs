//! Attack catalogue, group Q: who is slow, greedy or many is bounded, and
//! nobody else notices.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::admin::{metric, metric_or_zero};
use crate::support::config::{ALICE, APP, Config};
use crate::support::deadline::{eventually, in_time, pace};
use crate::support::frames::{END_HEADERS, END_STREAM, Frames, HEADERS, SETTINGS, fields};
use crate::support::origin::Answer;
use crate::support::raw::{Raw, exchange};
use crate::support::world::World;

/// As the defaults, but a test does not wait as long.
const SHORT: &str = r#"[limits]
first_byte_timeout = "1s"
header_read_timeout = "1s"
client_idle_timeout = "1s"
client_stall_timeout = "1s"
upstream_body_timeout = "1s"
tunnel_idle_timeout = "1s"

[team]"#;

/// How long a limit of a second takes at the most: five looks in each second, on a busy machine.
const SOON: Duration = Duration::from_secs(8);

fn short(config: Config) -> Config {
    config.with("[team]", SHORT)
}

fn limits(lines: &str) -> impl FnOnce(Config) -> Config {
    move |config| config.with("[team]", &format!("[limits]\n{lines}\n\n[team]"))
}

/// Waits until the gateway closes, reading what it still says.
async fn closed(mut stream: TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    let read = tokio::time::timeout(SOON, stream.read_to_end(&mut rest)).await;
    // A reset is an end too.
    let _ended = read.expect("the gateway closes soon");
    rest
}

async fn connected(world: &World, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(world.public()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

#[tokio::test]
async fn q_01_a_connection_that_does_not_come_to_its_first_request_is_closed() {
    let world = World::with(short).await;
    for begun in ["", "P", "PRI", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HT", "GET / HTTP/1.1\r\nHost: a"] {
        let rest = closed(connected(&world, begun.as_bytes()).await).await;
        assert!(!rest.starts_with(b"HTTP/1.1 2"), "{begun:?}");
    }
    assert_eq!(world.raw_get("/public", &[]).await.status(), 200);
}

#[tokio::test]
async fn q_01_a_head_that_comes_byte_by_byte_is_not_waited_for() {
    let world = World::with(short).await;
    let mut stream = connected(&world, b"").await;
    let head = format!("GET /public HTTP/1.1\r\nHost: {APP}\r\nX: ").into_bytes();
    let dripping = async {
        for byte in head.iter().chain(std::iter::repeat(&b'a')) {
            pace(Duration::from_millis(100)).await;
            if stream.write_all(&[*byte]).await.is_err() {
                return;
            }
        }
    };
    tokio::time::timeout(SOON, dripping).await.expect("the gateway closes although bytes keep coming");
}

#[tokio::test]
async fn q_01_an_idle_connection_is_closed() {
    let world = World::with(short).await;
    let mut raw = Raw::connect(world.public()).await;
    raw.send(format!("GET /public HTTP/1.1\r\nHost: {APP}\r\n\r\n")).await;
    assert_eq!(raw.reply().await.unwrap().status(), 200);
    let rest = tokio::time::timeout(SOON, raw.rest()).await.expect("it is closed soon");
    assert_eq!(rest, b"");
    assert_eq!(metric(&world, "doorward_cut_off_total{reason=\"idle\"}").await, 1);
}

#[tokio::test]
async fn q_01_an_idle_http_2_connection_is_closed() {
    let world = World::with(short).await;
    let mut frames = Frames::connect(world.public()).await;
    let head = fields(&[(":method", "GET"), (":scheme", "http"), (":authority", APP), (":path", "/public")]);
    frames.request(1, &head, &[]).await;
    let end = tokio::time::timeout(SOON, frames.end()).await;
    end.expect("it is closed soon");
}

#[tokio::test]
async fn q_02_a_body_that_is_announced_and_does_not_come_is_408_and_reaches_no_end() {
    let world = World::with(short).await;
    let mut raw = Raw::connect(world.public()).await;
    raw.send(format!("POST /public HTTP/1.1\r\nHost: {APP}\r\nContent-Length: 1000000000\r\n\r\nabc")).await;
    let reply = tokio::time::timeout(SOON, raw.reply()).await.expect("an answer soon").unwrap();
    assert_eq!(reply.status(), 408);
    assert_eq!(raw.rest().await, b"", "and the connection is closed");
    let seen = eventually("the origin notices", async || world.origin.seen().pop()).await;
    assert!(!seen.complete);
}

#[tokio::test]
async fn q_02_a_body_that_drips_is_not_waited_for() {
    let world = World::with(limits("client_stall_timeout = \"1s\"\nclient_min_rate = 1000")).await;
    let mut stream =
        connected(&world, format!("POST /public HTTP/1.1\r\nHost: {APP}\r\nContent-Length: 100000\r\n\r\n").as_bytes())
            .await;
    let (mut reading, mut writing) = stream.split();
    let mut answer = Vec::new();
    let dripping = async {
        while writing.write_all(b"a").await.is_ok() {
            pace(Duration::from_millis(50)).await;
        }
    };
    let ended = async {
        tokio::select! {
            () = dripping => {}
            _read = reading.read_to_end(&mut answer) => {}
        }
    };
    tokio::time::timeout(SOON, ended).await.expect("a byte every 50 ms is not taken for ever");
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn q_02_a_client_that_does_not_read_is_cut_off_and_little_is_kept_for_it() {
    let world = World::with(short).await;
    world.origin.answer(Answer::Download(1024 * 1024 * 1024));
    let cut = "doorward_cut_off_total{reason=\"slow_client\"}";
    let _first = stalled(&world, 8).await;
    eventually("the first are cut off", async || (metric_or_zero(&world, cut).await >= 8).then_some(())).await;
    // What stalled clients need once is there; from here on each counts.
    let before = world.gateway.peak_memory();
    let _more = stalled(&world, 24).await;
    eventually("all are cut off", async || (metric_or_zero(&world, cut).await >= 32).then_some(())).await;
    let grown = world.gateway.peak_memory() - before;
    assert!(grown < 24 * 1024, "{grown} KiB more for 24 clients");
}

/// Clients that ask for the download and read nothing of it.
async fn stalled(world: &World, count: usize) -> Vec<TcpStream> {
    let request = format!("GET /public HTTP/1.1\r\nHost: {APP}\r\n\r\n");
    let mut stalled = Vec::new();
    for _ in 0..count {
        // A small window, so that the kernel keeps little.
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut stream = socket.connect(world.public()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stalled.push(stream);
    }
    stalled
}

#[tokio::test]
async fn e_08_an_http_2_client_that_leaves_no_room_in_its_streams_is_cut_off() {
    let world = World::with(short).await;
    world.origin.answer(Answer::Download(10_000_000));
    let mut frames = Frames::connect(world.public()).await;
    // SETTINGS_INITIAL_WINDOW_SIZE = 0
    frames.send(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]).await;
    let head = fields(&[(":method", "GET"), (":scheme", "http"), (":authority", APP), (":path", "/public")]);
    for stream in [1, 3, 5] {
        frames.send(HEADERS, END_HEADERS | END_STREAM, stream, &head).await;
    }
    tokio::time::timeout(SOON, frames.end()).await.expect("the connection ends soon");
}

#[tokio::test]
async fn e_08_an_answer_that_was_made_and_is_not_taken_holds_no_place_for_ever() {
    let world = World::with(short).await;
    let mut frames = Frames::connect(world.public()).await;
    frames.send(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]).await;
    for (stream, path) in [(1, "/public"), (3, "/"), (5, "/cdn-cgi/access/certs"), (7, "/nothing")] {
        let head = fields(&[(":method", "GET"), (":scheme", "http"), (":authority", APP), (":path", path)]);
        frames.send(HEADERS, END_HEADERS | END_STREAM, stream, &head).await;
    }
    tokio::time::timeout(SOON, frames.end()).await.expect("the connection ends soon");
    assert!(metric(&world, "doorward_cut_off_total{reason=\"slow_client\"}").await >= 1);
}

#[tokio::test]
async fn q_02_a_form_of_ours_is_not_waited_for_either() {
    let world = World::with(short).await;
    let host = world.gateway.team_host();
    let mut raw = Raw::connect(world.public()).await;
    let kind = "Content-Type: application/x-www-form-urlencoded";
    raw.send(format!(
        "POST /cdn-cgi/doorward/idp/authorize HTTP/1.1\r\nHost: {host}\r\n{kind}\r\nContent-Length: 500\r\n\r\nabc"
    ))
    .await;
    tokio::time::timeout(SOON, raw.rest()).await.expect("its end soon");
}

#[tokio::test]
async fn e_08_who_floods_with_pings_and_never_reads_the_answers_is_cut_off() {
    let world = World::with(short).await;
    let mut stream = connected(&world, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
    let ping = b"\0\0\x08\x06\0\0\0\0\0abcdefgh".repeat(1000);
    let flood = async {
        for _ in 0..100_000 {
            if stream.write_all(&ping).await.is_err() {
                return true;
            }
        }
        false
    };
    let before = world.gateway.peak_memory();
    assert!(tokio::time::timeout(SOON, flood).await.expect("it is cut off soon"), "it takes every ping");
    assert!(world.gateway.peak_memory() - before < 20 * 1024);
    assert_eq!(world.raw_get("/public", &[]).await.status(), 200);
}

#[tokio::test]
async fn f_08_an_origin_that_stops_in_the_middle_of_its_answer_is_not_waited_for() {
    let world = World::with(short).await;
    world.origin.answer(Answer::BytesAndStay(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_vec()));
    let mut raw = Raw::connect(world.public()).await;
    raw.send(format!("GET /public HTTP/1.1\r\nHost: {APP}\r\n\r\n")).await;
    let reply = tokio::time::timeout(SOON, raw.reply()).await.expect("its end soon").unwrap();
    assert_eq!((reply.status(), reply.complete), (200, false), "it does not look whole");
}

#[tokio::test]
async fn a_websocket_on_which_nobody_speaks_is_closed() {
    let world = World::with(short).await;
    world.origin.answer(Answer::Echo);
    let token = world.token(ALICE, "App").await;
    let mut socket = crate::websocket::handshake(&world, APP, Some(&token)).await.expect("101");
    let end = tokio::time::timeout(SOON, futures_util::StreamExt::next(&mut socket)).await.expect("it is closed soon");
    assert!(end.is_some_and(|message| message.is_ok_and(|message| message.is_close())));
}

#[tokio::test]
async fn q_03_a_body_that_is_longer_than_is_taken_is_413_announced_or_not() {
    let world = World::with(limits("max_body_size = 1000")).await;
    let post = |fields: &str, body: &str| format!("POST /public HTTP/1.1\r\nHost: {APP}\r\n{fields}\r\n\r\n{body}");
    let (fits, long) = ("a".repeat(1000), "a".repeat(1001));
    let reply = world.raw(post("Content-Length: 1000", &fits)).await;
    assert_eq!(reply.status(), 200);
    world.origin.forget();
    assert_eq!(world.raw(post("Content-Length: 1001", &long)).await.status(), 413);
    world.origin.assert_untouched("what says that it is too long");
    let chunked = format!("3e9\r\n{long}\r\n0\r\n\r\n");
    assert_eq!(world.raw(post("Transfer-Encoding: chunked", &chunked)).await.status(), 413);
}

#[tokio::test]
async fn one_client_has_no_more_connections_than_it_may_and_others_are_served() {
    let world = World::with(limits("max_connections_per_client = 4")).await;
    let request = format!("GET /public HTTP/1.1\r\nHost: {APP}\r\n\r\n");
    let mut held = Vec::new();
    for _ in 0..4 {
        let mut raw = Raw::connect(world.public()).await;
        raw.send(&request).await;
        assert_eq!(raw.reply().await.unwrap().status(), 200);
        held.push(raw);
    }
    assert!(exchange(world.public(), &request).await.is_none(), "the fifth is closed");
    let from_elsewhere = async || {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.9:0".parse().unwrap()).unwrap();
        let mut stream = socket.connect(world.public()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        first
    };
    assert_eq!(in_time("an answer", from_elsewhere()).await, *b"HTTP/1.1 200");
    held.pop();
    eventually("a place that was given back is free", async || exchange(world.public(), &request).await).await;
}

#[tokio::test]
async fn more_requests_than_are_served_at_once_are_503_and_take_nothing_from_the_others() {
    for limit in ["max_requests = 2", "max_requests_per_client = 2"] {
        more_than_two(limit).await;
    }
}

async fn more_than_two(limit: &'static str) {
    let world = World::with(limits(limit)).await;
    world.origin.answer(Answer::Events);
    let request = format!("GET /public HTTP/1.1\r\nHost: {APP}\r\n\r\n");
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut raw = Raw::connect(world.public()).await;
        raw.send(&request).await;
        assert_eq!(raw.head().await.unwrap().status(), 200);
        held.push(raw);
    }
    let reply = exchange(world.public(), &request).await.unwrap();
    assert_eq!((reply.status(), reply.head.field("retry-after")), (503, Some("2")));
    for raw in &mut held {
        world.origin.emit("still").await;
        assert!(raw.chunk().await.is_some());
    }
    drop(held);
    world.origin.answer(Answer::Ok);
    let served = async || exchange(world.public(), &request).await.filter(|reply| reply.status() == 200);
    eventually("their places are free again", served).await;
}

#[tokio::test]
async fn a_websocket_keeps_the_place_of_the_connection_it_was() {
    let world = World::with(limits("max_connections_per_client = 1")).await;
    world.origin.answer(Answer::Echo);
    let token = world.token(ALICE, "App").await;
    let socket = crate::websocket::handshake(&world, APP, Some(&token)).await.expect("101");
    let request = format!("GET /public HTTP/1.1\r\nHost: {APP}\r\n\r\n");
    assert!(exchange(world.public(), &request).await.is_none(), "its client has no other place");
    drop(socket);
    world.origin.answer(Answer::Ok);
    eventually("the place is free again", async || exchange(world.public(), &request).await).await;
}

#[tokio::test]
async fn e_08_a_client_that_leaves_room_for_one_byte_is_cut_off_too() {
    let world = World::with(limits("client_stall_timeout = \"1s\"")).await;
    let mut frames = Frames::connect(world.public()).await;
    // SETTINGS_INITIAL_WINDOW_SIZE = 1
    frames.send(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 1]).await;
    for stream in [1, 3, 5, 7, 9, 11, 13, 15] {
        let head =
            fields(&[(":method", "GET"), (":scheme", "http"), (":authority", "nobody.localhost"), (":path", "/")]);
        frames.send(HEADERS, END_HEADERS | END_STREAM, stream, &head).await;
    }
    tokio::time::timeout(SOON, frames.end()).await.expect("the connection ends soon");
    assert_eq!(metric(&world, "doorward_cut_off_total{reason=\"slow_client\"}").await, 1);
}
