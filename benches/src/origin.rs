//! The origin behind every server that is measured: it answers from memory and
//! does as little as an origin can, so that what is left is the servers' work.
//!
//! `/` has 13 bytes, `/bytes/N` has N, `/auth` none (with its length, else
//! nginx gives the connection up), `/head` the head it was sent. A WebSocket
//! gets its messages back.

use std::collections::HashMap;
use std::rc::Rc;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::Outcome;

/// What most requests are answered with.
pub(crate) const SMALL: usize = 13;
/// The sizes that `/bytes/N` knows.
pub(crate) const LARGE: [usize; 2] = [64 * 1024, 1024 * 1024];

/// The largest head that is read.
const LONGEST_HEAD: usize = 64 * 1024;

/// Serves on a free port, which is printed, until its input ends.
pub(crate) fn run() -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        let answers = Rc::new(answers());
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::task::spawn_local(serve(stream, Rc::clone(&answers)));
        }
    })
}

type Answers = HashMap<Vec<u8>, Vec<u8>>;

/// Whole answers by the path of the request.
fn answers() -> Answers {
    let sized = LARGE.iter().map(|&size| (format!("/bytes/{size}").into_bytes(), answer(&vec![b'x'; size])));
    sized.chain([(b"/".to_vec(), answer(&[b'x'; SMALL])), (b"/auth".to_vec(), answer(b""))]).collect()
}

fn answer(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// One connection, until its client ends it.
async fn serve(mut stream: TcpStream, answers: Rc<Answers>) {
    let mut buffer = Vec::with_capacity(LONGEST_HEAD);
    loop {
        let end = loop {
            if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            if buffer.len() >= LONGEST_HEAD || !matches!(stream.read_buf(&mut buffer).await, Ok(1..)) {
                return;
            }
        };
        let head: Vec<u8> = buffer.drain(..end).collect();
        if let Some(key) = websocket_key(&head) {
            return echo(stream, &key).await;
        }
        let path = head.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
        let sent = match answers.get(path) {
            Some(answer) => stream.write_all(answer).await,
            None => stream.write_all(&answer(&head)).await,
        };
        if sent.is_err() {
            return;
        }
    }
}

fn websocket_key(head: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(head).ok()?;
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find_map(|(name, value)| name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.trim().to_owned()))
}

/// Sends every message back.
async fn echo(mut stream: TcpStream, key: &str) {
    let accepted = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
        derive_accept_key(key.as_bytes())
    );
    if stream.write_all(accepted.as_bytes()).await.is_err() {
        return;
    }
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    while let Some(Ok(message)) = socket.next().await {
        if message.is_close() || socket.send(message).await.is_err() {
            return;
        }
    }
}
