//! What was begun ends when the right to it ends: open WebSockets, events and
//! downloads are looked at again while they last (F-05).

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::support::config::{ALICE, API, APP, Config, ROBOT, ROOT};
use crate::support::deadline::eventually;
use crate::support::origin::Answer;
use crate::support::raw::Raw;
use crate::support::world::World;
use crate::websocket::{Socket, handshake};

/// Within this time a stream ends that may not go on.
const SOON: Duration = Duration::from_secs(5);

async fn events(world: &World, host: &str, path: &str, fields: &str) -> Raw {
    world.origin.answer(Answer::Events);
    let mut raw = Raw::connect(world.public()).await;
    raw.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n")).await;
    assert_eq!(raw.head().await.unwrap().status(), 200);
    raw
}

async fn events_of(world: &World, email: &str) -> Raw {
    let token = world.token(email, "App").await;
    events(world, APP, "/events", &format!("Cookie: CF_Authorization={token}\r\n")).await
}

async fn socket_of(world: &World, email: &str) -> Socket {
    world.origin.answer(Answer::Echo);
    let token = world.token(email, "App").await;
    let mut socket = handshake(world, APP, Some(&token)).await.expect("the handshake is answered with 101");
    assert!(echoes(&mut socket).await);
    socket
}

async fn echoes(socket: &mut Socket) -> bool {
    socket.send(Message::text("there?")).await.is_ok()
        && matches!(socket.next().await, Some(Ok(Message::Text(text))) if text == "there?")
}

/// The code with which it is closed.
async fn close_code(socket: &mut Socket) -> Option<CloseCode> {
    let closed = async {
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Close(frame) = message {
                return frame.map(|frame| frame.code);
            }
        }
        None
    };
    tokio::time::timeout(SOON, closed).await.expect("it is closed soon")
}

/// The stream ends, and not as a whole answer does.
async fn assert_cut_off(raw: &mut Raw, what: &str) {
    let end = tokio::time::timeout(SOON, async { while raw.chunk().await.is_some_and(|chunk| !chunk.is_empty()) {} });
    end.await.unwrap_or_else(|_| panic!("{what}: it is closed soon"));
    assert_eq!(raw.chunk().await, None, "{what}: it does not look whole");
}

/// Whether an event sent now arrives; those that were sent to others come first.
async fn still_flows(world: &World, raw: &mut Raw) -> bool {
    let event = format!("{:?}", std::time::Instant::now());
    world.origin.emit(&event).await;
    while let Some(chunk) = raw.chunk().await {
        if chunk == format!("data: {event}\n\n").as_bytes() {
            return true;
        }
    }
    false
}

#[tokio::test]
async fn f_05_a_revocation_closes_the_websockets_of_its_person_and_nobody_elses() {
    let world = World::start().await;
    let (mut alice, mut root) = (socket_of(&world, ALICE).await, socket_of(&world, ROOT).await);
    world.gateway.control("POST", "/revocations", json!({ "email": ALICE })).await;
    assert_eq!(close_code(&mut alice).await, Some(CloseCode::Policy));
    assert!(echoes(&mut root).await);
}

#[tokio::test]
async fn f_05_a_revocation_ends_the_events_of_its_person_and_nobody_elses() {
    let world = World::start().await;
    let (mut alice, mut root) = (events_of(&world, ALICE).await, events_of(&world, ROOT).await);
    assert!(still_flows(&world, &mut alice).await);
    world.gateway.control("POST", "/revocations", json!({ "email": ALICE })).await;
    assert_cut_off(&mut alice, "alice").await;
    assert!(still_flows(&world, &mut root).await);
    world.gateway.logs("closed a stream: its session or its policy ended").await;
}

#[tokio::test]
async fn f_05_signing_out_ends_what_was_begun_before() {
    let world = World::start().await;
    let mut alice = world.signed_in(ALICE).await;
    let token = alice.jar.value(APP, "CF_Authorization").unwrap().to_owned();
    let mut stream = events(&world, APP, "/events", &format!("Cookie: CF_Authorization={token}\r\n")).await;
    assert!(still_flows(&world, &mut stream).await);
    assert_eq!(alice.get(&world.app("/cdn-cgi/access/logout")).await.status, 200);
    assert_cut_off(&mut stream, "after signing out").await;
}

#[tokio::test]
async fn f_05_a_stream_lives_no_longer_than_its_token() {
    let world = World::start().await;
    let mut stream = events_of(&world, ALICE).await;
    world.gateway.control("PUT", "/clock", json!({ "advance": "23h" })).await;
    assert!(still_flows(&world, &mut stream).await);
    world.gateway.control("PUT", "/clock", json!({ "advance": "2h" })).await;
    assert_cut_off(&mut stream, "after 25 hours").await;
}

#[tokio::test]
async fn f_05_a_changed_policy_ends_what_it_does_not_allow_any_more_and_nothing_else() {
    let world = World::start().await;
    let (mut alice, mut root) = (events_of(&world, ALICE).await, events_of(&world, ROOT).await);
    let mut open = events(&world, APP, "/public", "").await;
    let robot: String = ROBOT.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let mut robot = events(&world, API, "/", &robot).await;
    let corp = "include = [{ email_domain = { domain = \"corp.test\" } }]";
    let only_root = "include = [{ email = { email = \"root@corp.test\" } }]";
    world.gateway.rewrite(&Config::standard(&world.origin).with(corp, only_root));
    world.gateway.signal("HUP");
    assert_cut_off(&mut alice, "alice").await;
    for stream in [&mut root, &mut open, &mut robot] {
        assert!(still_flows(&world, stream).await);
    }
}

#[tokio::test]
async fn f_05_an_app_that_is_gone_and_a_service_token_that_is_disabled_end_their_streams() {
    let world = World::start().await;
    let mut open = events(&world, APP, "/public", "").await;
    let fields: String = ROBOT.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let mut robot = events(&world, API, "/", &fields).await;
    let config = Config::standard(&world.origin)
        .with("app.localhost/public", "app.localhost/elsewhere")
        .with("name = \"Robot\"", "name = \"Robot\"\nenabled = false");
    world.gateway.rewrite(&config);
    world.gateway.signal("HUP");
    assert_cut_off(&mut open, "the app").await;
    assert_cut_off(&mut robot, "the service token").await;
}

#[tokio::test]
async fn f_05_a_long_download_ends_with_its_session() {
    let world = World::start().await;
    world.origin.answer(Answer::Download(1 << 40));
    let token = world.token(ALICE, "App").await;
    let mut raw = Raw::connect(world.public()).await;
    raw.send(format!("GET /big HTTP/1.1\r\nHost: {APP}\r\nCookie: CF_Authorization={token}\r\n\r\n")).await;
    let head = raw.head().await.unwrap();
    assert_eq!(head.status(), 200);
    world.gateway.control("POST", "/revocations", json!({ "email": ALICE })).await;
    let ended = tokio::time::timeout(SOON, raw.body_length(&head)).await.expect("it is closed soon");
    assert!(!ended.1, "it does not look whole");
}

#[tokio::test]
async fn f_05_an_answer_that_was_waited_for_is_not_for_somebody_who_is_out_by_then() {
    let world = World::start().await;
    let token = world.token(ALICE, "App").await;
    world.origin.answer(Answer::Late);
    let mut raw = Raw::connect(world.public()).await;
    raw.send(format!("GET /poll HTTP/1.1\r\nHost: {APP}\r\nCookie: CF_Authorization={token}\r\n\r\n")).await;
    eventually("the origin is asked", async || (!world.origin.seen().is_empty()).then_some(())).await;
    world.gateway.control("POST", "/revocations", json!({ "email": ALICE })).await;
    world.origin.emit("secret").await;
    let reply = raw.reply().await.unwrap();
    assert_eq!(reply.status(), 403);
    assert!(!reply.text().contains("secret") && reply.text().contains("ended"), "{}", reply.text());
}

#[tokio::test]
async fn f_05_an_upload_of_somebody_who_is_out_reaches_no_end() {
    let world = World::start().await;
    let token = world.token(ALICE, "App").await;
    let mut raw = Raw::connect(world.public()).await;
    raw.send(format!(
        "POST /up HTTP/1.1\r\nHost: {APP}\r\nCookie: CF_Authorization={token}\r\nContent-Length: 9\r\n\r\nabc"
    ))
    .await;
    world.origin.body_bytes_reach(3).await;
    world.gateway.control("POST", "/revocations", json!({ "email": ALICE })).await;
    assert_eq!(raw.reply().await.unwrap().status(), 403);
    let seen = eventually("the origin notices", async || world.origin.seen().pop()).await;
    assert!(!seen.complete);
}

#[tokio::test]
async fn a_close_frame_of_ours_never_stands_inside_a_frame_of_the_origin() {
    let world = World::start().await;
    // One frame of a binary message whose second half never comes by itself.
    let frame = [&[0x82, 126, 0, 200][..], &[7; 100]].concat();
    world.origin.answer(Answer::Socket(frame.clone()));
    let token = world.token(ALICE, "App").await;
    let mut raw = Raw::connect(world.public()).await;
    raw.send(format!(
        "GET /socket HTTP/1.1\r\nHost: {APP}\r\nCookie: CF_Authorization={token}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ))
    .await;
    assert_eq!(raw.head().await.unwrap().status(), 101);
    world.gateway.control("POST", "/revocations", json!({ "email": ALICE })).await;
    let received = raw.rest().await;
    assert_eq!(received, frame, "what was begun is not completed with bytes of ours");
}
