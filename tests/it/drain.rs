//! SIGTERM and SIGINT: what is under way ends well, nothing new begins, and the exit is clean.

use std::time::Duration;

use crate::support::config::APP;
use crate::support::deadline::{eventually, within};
use crate::support::origin::Answer;
use crate::support::raw::{Raw, exchange};
use crate::support::world::World;

#[tokio::test]
async fn an_idle_gateway_ends_at_once_and_cleanly() {
    for signal in ["TERM", "INT"] {
        let mut world = World::start().await;
        world.gateway.signal(signal);
        assert_eq!(world.gateway.exit().await.code(), Some(0), "{signal}: {}", world.gateway.log());
    }
}

#[tokio::test]
async fn r_12_an_idle_keep_alive_connection_does_not_hold_the_exit_up() {
    let mut world = World::start().await;
    let mut raw = Raw::connect(world.public()).await;
    raw.send(format!("GET /public HTTP/1.1\r\nHost: {APP}\r\n\r\n")).await;
    assert_eq!(raw.reply().await.unwrap().status(), 200);
    let started = tokio::time::Instant::now();
    world.gateway.signal("TERM");
    assert_eq!(world.gateway.exit().await.code(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(5), "it took {:?}", started.elapsed());
}

#[tokio::test]
async fn r_12_a_request_under_way_ends_well_and_nothing_new_is_accepted() {
    let mut world = World::start().await;
    world.origin.answer(Answer::Events);
    let mut raw = Raw::connect(world.public()).await;
    raw.send(format!("GET /public HTTP/1.1\r\nHost: {APP}\r\n\r\n")).await;
    assert_eq!(raw.head().await.unwrap().status(), 200);
    assert!(world.gateway.accepts());

    world.gateway.signal("TERM");
    let closed = async || (!world.gateway.accepts()).then_some(());
    within(Duration::from_secs(10), "no new connection is accepted", closed).await;

    world.origin.emit("to the end").await;
    assert_eq!(raw.chunk().await.unwrap(), b"data: to the end\n\n", "what is under way goes on");
    drop(raw);
    assert_eq!(world.gateway.exit().await.code(), Some(0));
}

#[tokio::test]
async fn r_12_the_port_closes_at_once_however_many_are_knocking() {
    let mut world = World::start().await;
    world.origin.answer(Answer::Events);
    let mut raw = Raw::connect(world.public()).await;
    raw.send(format!("GET /public HTTP/1.1\r\nHost: {APP}\r\n\r\n")).await;
    assert_eq!(raw.head().await.unwrap().status(), 200);
    let public = world.public();
    let mut knocking = tokio::task::JoinSet::new();
    for _ in 0..16 {
        knocking.spawn(async move { while tokio::net::TcpStream::connect(public).await.is_ok() {} });
    }
    world.gateway.signal("TERM");
    let closed = async || (!world.gateway.accepts()).then_some(());
    within(Duration::from_secs(5), "the port is closed while a request is under way", closed).await;
    drop(knocking);
    drop(raw);
    assert_eq!(world.gateway.exit().await.code(), Some(0));
}

#[tokio::test]
async fn r_12_a_draining_gateway_says_that_it_is_not_ready() {
    let mut world = World::start().await;
    world.origin.answer(Answer::Events);
    let admin = world.gateway.admin();
    let ready = || exchange(admin, "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    assert_eq!(ready().await.unwrap().status(), 200);
    let mut raw = Raw::connect(world.public()).await;
    raw.send(format!("GET /public HTTP/1.1\r\nHost: {APP}\r\n\r\n")).await;
    raw.head().await.unwrap();
    world.gateway.signal("TERM");
    eventually("it says so", async || ready().await.filter(|reply| reply.status() == 503)).await;
    drop(raw);
    assert_eq!(world.gateway.exit().await.code(), Some(0));
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_off_at_the_limit() {
    let mut world = World::with(|config| config.with("[team]", "[limits]\ndrain = \"200ms\"\n\n[team]")).await;
    world.origin.answer(Answer::Events);
    let mut raw = Raw::connect(world.public()).await;
    raw.send(format!("GET /public HTTP/1.1\r\nHost: {APP}\r\n\r\n")).await;
    raw.head().await.unwrap();
    world.gateway.signal("TERM");
    assert_eq!(world.gateway.exit().await.code(), Some(0));
    assert_eq!(raw.chunk().await, None, "the client sees that the answer is not whole");
}

#[tokio::test]
async fn r_12_of_two_hundred_requests_in_flight_none_is_lost() {
    let mut world = World::start().await;
    let token = world.token(crate::support::config::ALICE, "App").await;
    world.origin.answer(Answer::Late);
    let head = format!("Host: {APP}\r\nCookie: CF_Authorization={token}\r\n");
    let mut waiting = Vec::new();
    for number in 0..200 {
        let mut raw = Raw::connect(world.public()).await;
        let request = match number % 2 {
            0 => format!("GET /poll HTTP/1.1\r\n{head}\r\n"),
            _ => format!("POST /upload HTTP/1.1\r\n{head}Content-Length: 6\r\n\r\nabc"),
        };
        raw.send(request).await;
        waiting.push(raw);
    }
    let polls = async || (world.origin.seen().len() == 100).then_some(());
    eventually("every poll has reached the origin", polls).await;
    world.origin.body_bytes_reach(300).await;

    world.gateway.signal("TERM");
    eventually("the port is closed", async || (!world.gateway.accepts()).then_some(())).await;
    for raw in waiting.iter_mut().skip(1).step_by(2) {
        raw.send("def").await;
    }
    eventually("every upload is whole", async || (world.origin.seen().len() == 200).then_some(())).await;
    world.origin.emit("late").await;
    for raw in &mut waiting {
        let reply = raw.reply().await.expect("an answer");
        assert_eq!((reply.status(), reply.complete), (200, true), "{}", reply.text());
    }
    assert_eq!(world.gateway.exit().await.code(), Some(0));
}
