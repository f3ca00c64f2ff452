//! An upstream that records every byte it is sent and answers as it is told.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::deadline::eventually;
use super::wire::{Head, Wire};

/// A body is recorded up to here; of what follows only the length is kept.
const RECORDED_BODY: usize = 1024 * 1024;

/// What the origin does with the next requests.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// `200 ok`, keeping the connection.
    Ok,
    /// `200` with these header lines and this body.
    With(Vec<(String, String)>, String),
    /// These bytes, then the end of the connection.
    Bytes(Vec<u8>),
    /// These bytes, and the connection stays open.
    BytesAndStay(Vec<u8>),
    /// These bytes; then, when [`Origin::emit_raw`] gives it, something that nobody asked for.
    BytesAndMore(Vec<u8>),
    /// These bytes, and then the connection is reset.
    BytesAndReset(Vec<u8>),
    /// Reads the request and says nothing.
    Silence,
    /// Closes as soon as the request's head was read.
    Close,
    /// A body of this many bytes of `x`.
    Download(usize),
    /// Server-sent events, each sent when [`Origin::emit`] gives it.
    Events,
    /// `200` with the first text that [`Origin::emit`] gives.
    Late,
    /// A WebSocket that sends back what it is sent.
    Echo,
    /// A WebSocket that sends these bytes and then nothing.
    Socket(Vec<u8>),
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
    pub(crate) body_length: usize,
    /// Whether the body came to its proper end.
    pub(crate) complete: bool,
    pub(crate) trailers: Vec<String>,
    /// Counts the connections to this origin: which one brought it.
    pub(crate) connection: usize,
}

impl Seen {
    /// The names of all fields that a CGI-like server could read as ours.
    pub(crate) fn access_fields(&self) -> Vec<&str> {
        let canon = |name: &str| name.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        let names = self.head.fields.iter().map(|(name, _)| name.as_str());
        names.filter(|name| canon(name).starts_with("cf-access-")).collect()
    }

    pub(crate) fn assertion(&self) -> Option<&str> {
        self.head.field("cf-access-jwt-assertion")
    }
}

struct Shared {
    answer: Mutex<Answer>,
    seen: Mutex<Vec<Seen>>,
    connections: AtomicUsize,
    closed: AtomicUsize,
    bytes: AtomicUsize,
    events: broadcast::Sender<String>,
    arriving: watch::Sender<usize>,
}

/// The origin. Dropping it closes its port and every connection.
pub(crate) struct Origin {
    address: SocketAddr,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

impl Origin {
    pub(crate) async fn start() -> Origin {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let shared = Arc::new(Shared {
            answer: Mutex::new(Answer::Ok),
            seen: Mutex::default(),
            connections: AtomicUsize::new(0),
            closed: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            events: broadcast::channel(64).0,
            arriving: watch::channel(0).0,
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, shared.clone()));
        Origin { address, shared, _tasks: tasks }
    }

    /// The value of a route's `service`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on, answers so.
    pub(crate) fn answer(&self, answer: Answer) {
        *self.shared.answer.lock().expect("not poisoned") = answer;
    }

    /// Everything that arrived so far, in order.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().expect("not poisoned").clone()
    }

    /// The one request that must have arrived.
    pub(crate) fn only(&self) -> Seen {
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "exactly one request reaches the origin: {seen:#?}");
        seen.into_iter().next().expect("one")
    }

    pub(crate) fn last(&self) -> Seen {
        self.seen().pop().expect("a request reached the origin")
    }

    /// Forgets what it saw.
    pub(crate) fn forget(&self) {
        self.shared.seen.lock().expect("not poisoned").clear();
        self.shared.bytes.store(0, Ordering::SeqCst);
    }

    /// `U:0` of the attack catalogue: not one byte came in since [`Origin::forget`].
    pub(crate) fn assert_untouched(&self, because_of: &str) {
        assert_eq!(self.shared.bytes.load(Ordering::SeqCst), 0, "{because_of}: reached the origin: {:#?}", self.seen());
    }

    /// How many connections have ended, from whichever side.
    pub(crate) fn closed(&self) -> usize {
        self.shared.closed.load(Ordering::SeqCst)
    }

    /// Sends these bytes on every connection whose answer was to have more.
    pub(crate) fn emit_raw(&self, bytes: &str) {
        self.shared.events.send(bytes.to_owned()).expect("a connection waits for more");
    }

    /// Sends one server-sent event to everyone who listens, once somebody does.
    pub(crate) async fn emit(&self, data: &str) {
        eventually("somebody listens to the events", async || {
            self.shared.events.send(format!("data: {data}\n\n")).ok()
        })
        .await;
    }

    /// How many bytes of bodies have arrived, complete or not.
    pub(crate) async fn body_bytes_reach(&self, count: usize) {
        let mut arriving = self.shared.arriving.subscribe();
        super::deadline::in_time("the upload reaches the origin", arriving.wait_for(|bytes| *bytes >= count))
            .await
            .expect("the origin is there");
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let number = shared.connections.fetch_add(1, Ordering::SeqCst);
        let shared = shared.clone();
        connections.spawn(async move {
            serve(stream, number, shared.clone()).await;
            shared.closed.fetch_add(1, Ordering::SeqCst);
        });
    }
}

async fn serve(stream: TcpStream, connection: usize, shared: Arc<Shared>) {
    let mut wire = Wire::new(stream);
    while let Some(head) = wire.head().await {
        shared.bytes.fetch_add(head.first_line.len(), Ordering::SeqCst);
        let answer = shared.answer.lock().expect("not poisoned").clone();
        if matches!(answer, Answer::Close) {
            record(&shared, Seen::new(head, connection));
            return;
        }
        let mut seen = Seen::new(head.clone(), connection);
        let trailers = wire
            .request_body(&head, |part| {
                seen.body_length += part.len();
                let room = RECORDED_BODY.saturating_sub(seen.body.len()).min(part.len());
                seen.body.extend_from_slice(&part[..room]);
                shared.arriving.send_modify(|bytes| *bytes += part.len());
            })
            .await;
        seen.complete = trailers.is_some();
        seen.trailers = trailers.unwrap_or_default();
        record(&shared, seen);
        if reply(&mut wire, &head, answer, &shared).await.is_none() {
            return;
        }
    }
}

impl Seen {
    fn new(head: Head, connection: usize) -> Seen {
        Seen { head, body: Vec::new(), body_length: 0, complete: false, trailers: Vec::new(), connection }
    }
}

fn record(shared: &Shared, seen: Seen) {
    shared.seen.lock().expect("not poisoned").push(seen);
}

/// Answers one request; `None` when the connection is to be closed.
async fn reply(wire: &mut Wire<TcpStream>, head: &Head, answer: Answer, shared: &Shared) -> Option<()> {
    match answer {
        Answer::Ok => send(wire, ok(&[], "ok").as_bytes()).await,
        Answer::With(fields, body) => send(wire, ok(&fields, &body).as_bytes()).await,
        Answer::Bytes(bytes) => {
            send(wire, &bytes).await;
            None
        }
        Answer::BytesAndStay(bytes) => send(wire, &bytes).await,
        Answer::BytesAndMore(bytes) => {
            let mut more = shared.events.subscribe();
            send(wire, &bytes).await?;
            send(wire, more.recv().await.ok()?.as_bytes()).await
        }
        Answer::BytesAndReset(bytes) => {
            send(wire, &bytes).await;
            wire.stream.set_zero_linger().ok()
        }
        .and(None),
        Answer::Silence => std::future::pending().await,
        Answer::Close => None,
        Answer::Download(length) => download(wire, length).await,
        Answer::Events => events(wire, shared).await,
        Answer::Late => {
            let event = shared.events.subscribe().recv().await.ok()?;
            send(wire, ok(&[], &event).as_bytes()).await
        }
        Answer::Echo => {
            echo(wire, head).await;
            None
        }
        Answer::Socket(bytes) => {
            switch(wire, head).await?;
            send(wire, &bytes).await?;
            wire.rest().await;
            None
        }
    }
}

fn ok(fields: &[(String, String)], body: &str) -> String {
    let fields: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n{fields}Content-Length: {}\r\n\r\n{body}", body.len())
}

async fn send(wire: &mut Wire<TcpStream>, bytes: &[u8]) -> Option<()> {
    wire.stream.write_all(bytes).await.ok()
}

async fn download(wire: &mut Wire<TcpStream>, length: usize) -> Option<()> {
    let part = [b'x'; 64 * 1024];
    send(wire, format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").as_bytes()).await?;
    let mut left = length;
    while left > 0 {
        let count = left.min(part.len());
        send(wire, &part[..count]).await?;
        left -= count;
    }
    Some(())
}

async fn events(wire: &mut Wire<TcpStream>, shared: &Shared) -> Option<()> {
    let mut events = shared.events.subscribe();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    send(wire, head.as_bytes()).await?;
    while let Ok(event) = events.recv().await {
        send(wire, format!("{:x}\r\n{event}\r\n", event.len()).as_bytes()).await?;
    }
    None
}

async fn switch(wire: &mut Wire<TcpStream>, head: &Head) -> Option<()> {
    let accept = derive_accept_key(head.field("sec-websocket-key").unwrap_or_default().as_bytes());
    let switch = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    send(wire, switch.as_bytes()).await
}

async fn echo(wire: &mut Wire<TcpStream>, head: &Head) {
    use futures_util::{SinkExt, StreamExt};
    switch(wire, head).await;
    let mut socket = WebSocketStream::from_raw_socket(&mut wire.stream, Role::Server, None).await;
    while let Some(Ok(message)) = socket.next().await {
        if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
            return;
        }
    }
}
