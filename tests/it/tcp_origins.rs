//! Origins behind a WebSocket that ends at the gateway: SSH, databases, remote
//! desktops. They are as protected as any other.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::support::config::{ALICE, Config, MALLORY, ROBOT, app, route};
use crate::support::deadline::{eventually, in_time};
use crate::support::gateway::Gateway;
use crate::support::origin::Origin;
use crate::support::raw::{Raw, exchange};
use crate::support::tcp::TcpOrigin;
use crate::websocket::Socket;

const HOST: &str = "ssh.localhost";
const POLICIES: &str = r#"policies = [
    { name = "Corp", decision = "allow", include = [{ email_domain = { domain = "corp.test" } }] },
    { name = "Machines", decision = "non_identity", include = [{ any_valid_service_token = {} }] },
]"#;

/// A gateway in front of an origin that speaks no HTTP.
struct Place {
    gateway: Gateway,
    origin: TcpOrigin,
    _http: Origin,
}

impl Place {
    async fn start() -> Place {
        Self::with(|config, origin| config.and(&route(HOST, &origin.url()))).await
    }

    async fn with(change: impl FnOnce(Config, &TcpOrigin) -> Config) -> Place {
        let (http, origin) = (Origin::start().await, TcpOrigin::start().await);
        let config = change(Config::standard(&http), &origin).and(&app("Ssh", HOST, POLICIES));
        Place { gateway: Gateway::serve(&config).await, origin, _http: http }
    }

    async fn token(&self) -> String {
        self.gateway.token(json!({ "app": "Ssh", "email": ALICE })).await
    }

    /// A handshake with these headers.
    async fn handshake(&self, fields: &[(&'static str, &str)]) -> Result<Socket, Error> {
        let address = self.gateway.public();
        let mut request = format!("ws://{HOST}:{}/", address.port()).into_client_request().unwrap();
        for (name, value) in fields {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        let stream = TcpStream::connect(address).await.unwrap();
        in_time("a handshake", client_async(request, stream)).await.map(|(socket, _)| socket)
    }

    async fn socket(&self) -> Socket {
        let token = self.token().await;
        self.handshake(&[("Cf-Access-Token", &token)]).await.expect("the handshake is answered with 101")
    }

    /// The status and the text with which a handshake is refused.
    async fn refused(&self, fields: &[(&'static str, &str)]) -> (u16, String) {
        // The whole of it comes with the head.
        let fields = &[fields, &[("Accept", "application/json")]].concat();
        match self.handshake(fields).await {
            Err(Error::Http(response)) => {
                let text = response.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default();
                (response.status().as_u16(), text.into_owned())
            }
            answer => panic!("{fields:?}: {answer:?}"),
        }
    }

    fn assert_untouched(&self) {
        assert_eq!(self.origin.heard(), [], "nobody was connected");
    }
}

/// What the origin says, until it is as long as this.
async fn said(socket: &mut Socket, length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < length {
        match in_time("the origin says something", socket.next()).await {
            Some(Ok(Message::Binary(part))) => bytes.extend_from_slice(&part),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            other => panic!("{other:?}"),
        }
    }
    bytes
}

async fn echoes(socket: &mut Socket, text: &str) {
    socket.send(Message::binary(text.to_owned())).await.unwrap();
    assert_eq!(said(socket, text.len()).await, text.as_bytes());
}

/// The code with which it is closed; what comes before is passed over.
async fn close_code(socket: &mut Socket) -> Option<CloseCode> {
    loop {
        match in_time("it is closed", socket.next()).await {
            Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code),
            Some(Ok(_)) => {}
            _ => return None,
        }
    }
}

#[tokio::test]
async fn cf_9_bytes_go_both_ways_in_order_whatever_the_messages_that_carry_them() {
    let place = Place::start().await;
    let mut socket = place.socket().await;
    echoes(&mut socket, "SSH-2.0-test\r\n").await;
    socket.send(Message::text("text is bytes, too")).await.unwrap();
    assert_eq!(said(&mut socket, 18).await, b"text is bytes, too");
    // More than all buffers on the way hold: each side waits for the other.
    let much: Vec<u8> = (0..8 * 1024 * 1024_u32).map(|number| (number >> 3) as u8).collect();
    let (mut to, mut from) = socket.split();
    let sending = async {
        for part in much.chunks(100_000) {
            to.send(Message::binary(part.to_vec())).await.unwrap();
        }
    };
    let receiving = async {
        let mut bytes = Vec::new();
        while bytes.len() < much.len() {
            bytes.extend_from_slice(&from.next().await.unwrap().unwrap().into_data());
        }
        bytes
    };
    let ((), received) = in_time("everything comes back", async { tokio::join!(sending, receiving) }).await;
    assert!(received == much, "nothing is lost, and nothing changes its place");
    let (_, metrics) = place.gateway.admin_call("GET", "/metrics", None).await;
    assert!(metrics.as_str().unwrap().contains("\ndoorward_tunnels 1\n"), "{metrics}");
}

#[tokio::test]
async fn cf_9_who_has_no_token_gets_no_connection_and_a_machine_needs_a_service_token_that_holds() {
    let place = Place::start().await;
    let mallory = place.gateway.token(json!({ "app": "App", "email": ALICE })).await;
    for fields in [&[][..], &[("Cf-Access-Token", "junk")], &[("Cf-Access-Token", mallory.as_str())]] {
        let (status, _) = place.refused(fields).await;
        assert_eq!(status, 302, "{fields:?}");
    }
    let wrong = [ROBOT[0], ("CF-Access-Client-Secret", "not-its-secret")];
    assert_eq!(place.refused(&wrong).await.0, 401);
    let denied = place.gateway.token(json!({ "app": "Ssh", "email": MALLORY })).await;
    assert_ne!(place.refused(&[("Cf-Access-Token", &denied)]).await.0, 101);
    place.assert_untouched();
    let mut robot = place.handshake(&ROBOT).await.expect("the service token holds");
    echoes(&mut robot, "whoami\n").await;
    // cloudflared sends both along when the service token did not help.
    let token = place.token().await;
    let both = [ROBOT[0], ROBOT[1], ("Cf-Access-Token", token.as_str())];
    echoes(&mut place.handshake(&both).await.unwrap(), "both\n").await;
}

#[tokio::test]
async fn a_tcp_origin_is_served_in_production_too() {
    let (http, origin) = (Origin::start().await, TcpOrigin::start().await);
    let provider = "\n[[identity_provider]]\nname = \"Nobody\"\ntype = \"oidc\"\n\
        config = { client_id = \"x\", client_secret = \"y\", auth_url = \"https://idp.test/a\", token_url = \"https://idp.test/t\", certs_url = \"https://idp.test/c\" }\n\
        \n[keys]\nencryption_key = \"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"\n\
        \n[api]\ntoken = \"only-this-test-knows-this-one-0123456789\"\n";
    let config = Config::standard(&http).in_production().and(&route(HOST, &origin.url()));
    let config = config.and(&app("Ssh", HOST, POLICIES)).and(provider);
    let place = Place { gateway: Gateway::serve(&config).await, origin, _http: http };
    assert_eq!(place.refused(&[]).await.0, 302);
    place.assert_untouched();
    echoes(&mut place.handshake(&ROBOT).await.expect("the service token holds"), "hello\n").await;
}

#[tokio::test]
async fn a_client_that_closes_ends_what_the_origin_hears_and_an_origin_that_ends_closes_normally() {
    let place = Place::start().await;
    let mut closing = place.socket().await;
    echoes(&mut closing, "bye\n").await;
    closing.close(None).await.unwrap();
    eventually("the origin hears the end", async || place.origin.heard()[0].ended.then_some(())).await;

    let mut silent = place.socket().await;
    echoes(&mut silent, "gone\n").await;
    drop(silent);
    eventually("the origin hears that one, too", async || place.origin.heard()[1].ended.then_some(())).await;

    let mut left = place.socket().await;
    left.send(Message::binary("leave\n")).await.unwrap();
    assert_eq!(close_code(&mut left).await, Some(CloseCode::Normal));
}

#[tokio::test]
async fn after_its_last_word_an_origin_still_hears_its_client() {
    let place = Place::start().await;
    let mut socket = place.socket().await;
    let (mut to, mut from) = {
        socket.send(Message::binary("end\n")).await.unwrap();
        assert_eq!(said(&mut socket, 4).await, b"end\n");
        socket.split()
    };
    // Not reading, the client does not know yet that the other direction is closed.
    to.send(Message::binary("one thing more")).await.unwrap();
    let last = async || place.origin.heard()[0].bytes.ends_with(b"one thing more").then_some(());
    eventually("the origin hears it", last).await;
    assert!(
        matches!(in_time("the close", from.next()).await, Some(Ok(Message::Close(Some(frame)))) if frame.code == CloseCode::Normal)
    );
}

#[tokio::test]
async fn pings_are_answered_and_reach_no_origin() {
    let place = Place::start().await;
    let mut socket = place.socket().await;
    socket.send(Message::Ping("there?".into())).await.unwrap();
    assert_eq!(in_time("a pong", socket.next()).await.unwrap().unwrap(), Message::Pong("there?".into()));
    echoes(&mut socket, "x").await;
    assert_eq!(place.origin.heard()[0].bytes, b"x");
}

#[tokio::test]
async fn q_02_a_client_that_answers_no_ping_is_ended_and_one_that_does_may_be_silent() {
    let limit = |config: Config| config.with("[team]", "[limits]\ntunnel_idle_timeout = \"1s\"\n\n[team]");
    let place = Place::with(|config, origin| limit(config).and(&route(HOST, &origin.url()))).await;
    let token = place.token().await;
    let mut answering = place.handshake(&[("Cf-Access-Token", &token)]).await.unwrap();
    let mut mute = Raw::connect(place.gateway.public()).await;
    mute.send(format!(
        "GET / HTTP/1.1\r\nHost: {HOST}\r\nCf-Access-Token: {token}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ))
    .await;
    let head = mute.head().await.unwrap();
    assert_eq!((head.status(), head.field("sec-websocket-accept")), (101, Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")));
    let ended = tokio::select! {
        ended = mute.rest() => ended,
        message = async { loop { if !matches!(answering.next().await, Some(Ok(Message::Ping(_)))) { break } } } => {
            panic!("the silence of one that answers is no reason: {message:?}")
        }
    };
    assert!(ended.starts_with(&[0x89, 0]), "it was asked: {ended:?}");
    assert!(ended.ends_with(&[0x88, 2, 0x03, 0xe9]), "and told 1001: {ended:?}");
    echoes(&mut answering, "still here").await;
}

#[tokio::test]
async fn f_05_a_revocation_closes_the_tcp_connections_of_its_person_and_nobody_elses() {
    let place = Place::start().await;
    let mut alice = place.socket().await;
    echoes(&mut alice, "one").await;
    let mut robot = place.handshake(&ROBOT).await.unwrap();
    place.gateway.control("POST", "/revocations", json!({ "email": ALICE })).await;
    assert_eq!(close_code(&mut alice).await, Some(CloseCode::Policy));
    eventually("the origin's side ends", async || place.origin.heard()[0].ended.then_some(())).await;
    echoes(&mut robot, "still here").await;
}

#[tokio::test]
async fn f_05_a_message_under_way_to_a_client_is_never_broken_by_our_close() {
    let place = Place::start().await;
    let mut alice = place.socket().await;
    // So much that the client, who does not read, stalls it within a message.
    let (mut to, mut from) = {
        echoes(&mut alice, "x").await;
        alice.split()
    };
    let filling = async {
        loop {
            to.send(Message::binary(vec![7; 64 * 1024])).await.unwrap();
        }
    };
    let _stalled = tokio::time::timeout(Duration::from_millis(300), filling).await;
    place.gateway.control("POST", "/revocations", json!({ "email": ALICE })).await;
    let code = in_time("the end", async {
        loop {
            match from.next().await {
                Some(Ok(Message::Binary(part))) => assert!(part.iter().all(|byte| *byte == 7)),
                Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code),
                Some(Ok(_)) => {}
                // Gone without a word, as it did not listen for a second.
                Some(Err(Error::Io(_) | Error::Protocol(_))) | None => return None,
                Some(Err(error)) => panic!("{error}"),
            }
        }
    })
    .await;
    assert!(matches!(code, None | Some(CloseCode::Policy)), "{code:?}");
}

#[tokio::test]
async fn a_page_of_another_site_gets_no_connection_with_its_visitors_cookie() {
    let place = Place::start().await;
    let cookie = format!("CF_Authorization={}", place.token().await);
    for origin in ["https://evil.test", "null", "http://ssh.localhost.evil.test", "http://ssh.localhost"] {
        let (status, text) = place.refused(&[("Cookie", &cookie), ("Origin", origin)]).await;
        assert_eq!(status, 403, "{origin}: {text}");
    }
    place.assert_untouched();
    let own = format!("http://{HOST}:{}", place.gateway.public().port());
    place.handshake(&[("Cookie", &cookie), ("Origin", &own)]).await.expect("its own pages may");
}

#[tokio::test]
async fn what_is_no_websocket_is_told_how_to_come() {
    let place = Place::start().await;
    let token = place.token().await;
    let request =
        format!("GET /?cloudflared_token_check=true HTTP/1.1\r\nHost: {HOST}\r\nCf-Access-Token: {token}\r\n\r\n");
    let reply = exchange(place.gateway.public(), request).await.unwrap();
    assert_eq!(
        (reply.status(), reply.head.field("upgrade")),
        (426, Some("websocket")),
        "a token check passes all the same"
    );
    assert!(reply.text().contains("cloudflared access tcp --hostname ssh.localhost"), "{}", reply.text());
    place.assert_untouched();
}

#[tokio::test]
async fn an_origin_that_nobody_listens_for_is_502_before_anything_is_switched() {
    let place = Place::with(|config, _| config.and(&route(HOST, "tcp://127.0.0.1:1"))).await;
    let token = place.token().await;
    let (status, text) = place.refused(&[("Cf-Access-Token", &token)]).await;
    assert_eq!(status, 502);
    assert!(!text.contains("127.0.0.1"), "nothing is said about the inside: {text}");
}

/// A bastion that may lead to the origin by its address, and to two names of this machine.
async fn bastion() -> Place {
    Place::with(|config, origin| {
        let port = origin.port();
        let allowed = format!(
            "allowed_destinations = [\"127.0.0.1:{port}\", \"localhost:{port}\", \"metadata.localhost:80\", \"0.0.0.0/0:{port}\"]\n"
        );
        config.and(&(route(HOST, "bastion") + &allowed))
    })
    .await
}

#[tokio::test]
async fn a_bastion_leads_where_its_client_wants_to_go_and_may() {
    let place = bastion().await;
    let (token, port) = (place.token().await, place.origin.port());
    for destination in ["127.0.0.1", "ssh://127.0.0.1", "localhost", "0x7f.1", "[::ffff:127.0.0.1]"] {
        let destination = format!("{destination}:{port}");
        let fields = [("Cf-Access-Token", token.as_str()), ("Cf-Access-Jump-Destination", &destination)];
        let mut socket = place.handshake(&fields).await.unwrap_or_else(|error| panic!("{destination}: {error}"));
        echoes(&mut socket, &destination).await;
    }
    place.gateway.logs("opened a TCP connection").await;
}

#[tokio::test]
async fn p_08_a_bastion_leads_nowhere_else_whatever_the_client_writes() {
    let place = bastion().await;
    let (token, port) = (place.token().await, place.origin.port());
    let other = TcpOrigin::start().await;
    for destination in [
        format!("127.0.0.1:{}", other.port()),
        format!("127.0.0.2:{port}"),
        format!("[::1]:{port}"),
        format!("0.0.0.0:{port}"),
        format!("0:{port}"),
        // Listed, but its name leads to this machine.
        "metadata.localhost:80".to_owned(),
        // In a network that is listed, but next to this machine.
        format!("169.254.169.254:{port}"),
        format!("ssh.localhost:{port}"),
        format!("127.0.0.1.:{}", other.port()),
    ] {
        let fields = [("Cf-Access-Token", token.as_str()), ("Cf-Access-Jump-Destination", &destination)];
        let (status, text) = place.refused(&fields).await;
        assert_eq!(status, 403, "{destination}: {text}");
        assert!(!text.contains("127.0.0.1"), "what is listed is told to nobody: {text}");
    }
    place.gateway.logs("refused to lead there").await;
    place.assert_untouched();
    assert_eq!(other.heard(), []);
}

#[tokio::test]
async fn p_08_a_bastion_asks_for_one_destination_that_can_be_read() {
    let place = bastion().await;
    let (token, port) = (place.token().await, place.origin.port());
    let good = format!("127.0.0.1:{port}");
    let header = "Cf-Access-Jump-Destination";
    let none = &[][..];
    for jumps in [none, &["127.0.0.1"], &["nonsense"], &["user@127.0.0.1:22"], &[good.as_str(), good.as_str()]] {
        let jumps = jumps.iter().map(|jump| (header, *jump));
        let fields: Vec<_> = [("Cf-Access-Token", token.as_str())].into_iter().chain(jumps).collect();
        let (status, text) = place.refused(&fields).await;
        assert_eq!(status, 400, "{fields:?}: {text}");
        assert!(text.contains("--destination"), "it says what to do: {text}");
    }
    assert_eq!(place.refused(&[(header, &good)]).await.0, 302, "who nobody is gets to sign in first");
    place.assert_untouched();
}
