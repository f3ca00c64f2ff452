//! WebSockets: the policies are asked at the handshake, then bytes flow both ways.

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::admin::metric;
use crate::support::config::{ALICE, APP, OTHER};
use crate::support::deadline::in_time;
use crate::support::origin::Answer;
use crate::support::raw::Raw;
use crate::support::world::World;

pub(crate) type Socket = WebSocketStream<TcpStream>;

pub(crate) async fn handshake(world: &World, host: &str, token: Option<&str>) -> Result<Socket, Error> {
    let mut request = format!("ws://{host}:{}/socket", world.public().port()).into_client_request().unwrap();
    if let Some(token) = token {
        request.headers_mut().insert("Cookie", format!("CF_Authorization={token}").parse().unwrap());
    }
    let stream = TcpStream::connect(world.public()).await.unwrap();
    in_time("a handshake", client_async(request, stream)).await.map(|(socket, _)| socket)
}

#[tokio::test]
async fn a_member_talks_to_the_origin_over_a_websocket() {
    let world = World::start().await;
    world.origin.answer(Answer::Echo);
    let token = world.token(ALICE, "App").await;
    let mut socket = handshake(&world, APP, Some(&token)).await.expect("the handshake is answered with 101");
    for text in ["one", "two", &"three".repeat(50_000)] {
        socket.send(Message::text(text)).await.unwrap();
        let echo = in_time("an echo", socket.next()).await.unwrap().unwrap();
        assert_eq!(echo, Message::text(text));
    }
    let seen = world.origin.only();
    assert_eq!(seen.assertion(), Some(token.as_str()));
    assert_eq!(seen.head.field("upgrade").map(str::to_ascii_lowercase).as_deref(), Some("websocket"));
    socket.close(None).await.unwrap();
}

#[tokio::test]
async fn a_stranger_gets_no_websocket() {
    let world = World::start().await;
    world.origin.answer(Answer::Echo);
    let other = world.token(ALICE, "Other").await;
    for token in [None, Some("junk"), Some(other.as_str())] {
        match handshake(&world, APP, token).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), 302, "{token:?}"),
            answer => panic!("{token:?}: {answer:?}"),
        }
    }
    world.origin.assert_untouched("a stranger's handshake");
    let _other = handshake(&world, OTHER, Some(&other)).await.expect("it is good at its own app");
}

#[tokio::test]
async fn an_origin_that_speaks_no_websocket_answers_as_it_likes() {
    let world = World::start().await;
    let token = world.token(ALICE, "App").await;
    match handshake(&world, APP, Some(&token)).await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 200),
        answer => panic!("{answer:?}"),
    }
}

#[tokio::test]
async fn f_01_what_follows_a_handshake_is_a_request_of_its_own_until_the_origin_agrees() {
    let world = World::start().await;
    let token = world.token(ALICE, "App").await;
    let upgrade = format!(
        "GET /socket HTTP/1.1\r\nHost: {APP}\r\nCookie: CF_Authorization={token}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\
         GET /admin HTTP/1.1\r\nHost: {APP}\r\n\r\n"
    );
    let mut raw = Raw::connect(world.public()).await;
    raw.send(upgrade).await;
    assert_eq!(raw.reply().await.unwrap().status(), 200, "the origin did not switch");
    if let Some(second) = raw.reply().await {
        assert_eq!(second.status(), 302, "the second request is a stranger's");
    }
    assert_eq!(world.origin.only().head.target(), "/socket");
}

#[tokio::test]
async fn e_10_h2c_and_other_upgrades_never_reach_the_origin() {
    let world = World::start().await;
    let token = world.token(ALICE, "App").await;
    let cookie = format!("Cookie: CF_Authorization={token}");
    for upgrade in ["h2c", "foo", "websocket, h2c", "HTTP/2.0"] {
        world.origin.forget();
        let fields = [
            cookie.as_str(),
            "Connection: Upgrade, HTTP2-Settings",
            &format!("Upgrade: {upgrade}"),
            "HTTP2-Settings: AAMAAABkAAQAAP__",
        ];
        let reply = world.raw_get("/", &fields).await;
        assert_eq!(reply.status(), 200, "{upgrade}");
        let seen = world.origin.only();
        assert_eq!((seen.head.field("upgrade"), seen.head.field("http2-settings")), (None, None), "{upgrade}");
    }
}

#[tokio::test]
async fn r_12_an_open_websocket_is_counted_and_is_told_of_the_end_of_the_process() {
    let mut world = World::start().await;
    world.origin.answer(Answer::Echo);
    let token = world.token(ALICE, "App").await;
    let mut socket = handshake(&world, APP, Some(&token)).await.expect("the handshake is answered with 101");
    socket.send(Message::text("here")).await.unwrap();
    in_time("an echo", socket.next()).await.unwrap().unwrap();
    assert_eq!(metric(&world, "doorward_tunnels").await, 1);
    world.gateway.signal("TERM");
    let end = in_time("the end of the tunnel", socket.next()).await;
    let Some(Ok(Message::Close(Some(frame)))) = end else { panic!("{end:?}") };
    assert_eq!(frame.code, CloseCode::Away, "1001: the gateway goes away (R-12)");
    assert!(world.gateway.exit().await.success());
}
