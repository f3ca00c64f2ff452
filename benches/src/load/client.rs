//! One client of the load: asks, and checks the answer.

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::Request;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::load::{Order, Protocol};
use crate::{Outcome, tls};

/// Clients that share one connection of HTTP/2.
const STREAMS: usize = 8;
/// What a WebSocket client says.
const MESSAGE: &str = "a message of sixty-four bytes, as chats and dashboards send them";

pub(super) enum Client {
    Plain(Http1<TcpStream>),
    Tls(Box<Http1<TlsStream<TcpStream>>>),
    Http2 { sender: http2::SendRequest<Empty<Bytes>>, request: Request<()>, body: usize },
    WebSocket(Box<WebSocketStream<TcpStream>>),
}

/// All clients of an order, each connected.
pub(super) async fn connected(order: &Order) -> Outcome<Vec<Client>> {
    let mut clients = Vec::new();
    while clients.len() < order.clients {
        let stream = TcpStream::connect(("127.0.0.1", order.port)).await?;
        stream.set_nodelay(true)?;
        match order.protocol {
            Protocol::Http1 => clients.push(Client::Plain(Http1::new(stream, order))),
            Protocol::Http1Tls => {
                let stream = secured(order, stream, b"http/1.1").await?;
                clients.push(Client::Tls(Box::new(Http1::new(stream, order))));
            }
            Protocol::Http2Tls => {
                let io = TokioIo::new(secured(order, stream, b"h2").await?);
                let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
                tokio::task::spawn_local(connection);
                for _ in 0..STREAMS {
                    let (sender, body) = (sender.clone(), order.body);
                    clients.push(Client::Http2 { sender, request: http2_request(order)?, body });
                }
            }
            Protocol::WebSocket => {
                let url = format!("ws://{}:{}{}", order.host, order.port, order.path);
                let mut request = url.into_client_request()?;
                for (name, value) in &order.fields {
                    request.headers_mut().insert(http::HeaderName::try_from(name)?, value.parse()?);
                }
                let (socket, _) = tokio_tungstenite::client_async(request, stream).await?;
                clients.push(Client::WebSocket(Box::new(socket)));
            }
        }
    }
    Ok(clients)
}

async fn secured(order: &Order, stream: TcpStream, protocol: &[u8]) -> Outcome<TlsStream<TcpStream>> {
    let cert = order.cert.as_ref().ok_or("TLS needs a certificate to believe")?;
    let name = ServerName::try_from(order.host.clone())?;
    let stream = tls::connector(cert, protocol)?.connect(name, stream).await?;
    match stream.get_ref().1.alpn_protocol() {
        Some(chosen) if chosen == protocol => Ok(stream),
        _ => Err("the server does not speak the protocol that is measured".into()),
    }
}

fn http2_request(order: &Order) -> Outcome<Request<()>> {
    let uri = format!("https://{}:{}{}", order.host, order.port, order.path);
    let fields = order.fields.iter();
    let request = fields.fold(Request::builder().uri(uri), |request, (name, value)| request.header(name, value));
    Ok(request.body(())?)
}

impl Client {
    /// One request and its whole answer, which must be the expected one.
    pub(super) async fn ask(&mut self) -> Outcome<()> {
        match self {
            Self::Plain(connection) => connection.ask().await,
            Self::Tls(connection) => connection.ask().await,
            Self::Http2 { sender, request, body } => {
                sender.ready().await?;
                let response = sender.send_request(request.clone().map(|()| Empty::new())).await?;
                let status = response.status();
                let received = response.into_body().collect().await?.to_bytes();
                let right = status == 200 && received.len() == *body;
                right.then_some(()).ok_or_else(|| format!("{status}, {} bytes", received.len()).into())
            }
            Self::WebSocket(socket) => {
                socket.send(Message::text(MESSAGE)).await?;
                match socket.next().await {
                    Some(Ok(Message::Text(text))) if text.as_str() == MESSAGE => Ok(()),
                    other => Err(format!("no echo but {other:?}").into()),
                }
            }
        }
    }
}

/// A keep-alive connection of HTTP/1.1 and the request that goes over it.
pub(super) struct Http1<S> {
    stream: S,
    request: Vec<u8>,
    body: usize,
    buffer: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Http1<S> {
    fn new(stream: S, order: &Order) -> Self {
        let fields: String = order.fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = format!("GET {} HTTP/1.1\r\nHost: {}:{}\r\n{fields}\r\n", order.path, order.host, order.port);
        Self { stream, request: request.into_bytes(), body: order.body, buffer: vec![0; 256 * 1024] }
    }

    async fn ask(&mut self) -> Outcome<()> {
        self.stream.write_all(&self.request).await?;
        let mut filled = 0;
        let end = loop {
            match self.stream.read(&mut self.buffer[filled..]).await? {
                0 => return Err("the connection ended instead of an answer".into()),
                count => filled += count,
            }
            if let Some(at) = self.buffer[..filled].windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
        };
        let head = &self.buffer[..end];
        if !head.starts_with(b"HTTP/1.1 200 ") || length(head) != Some(self.body) {
            return Err(format!("not the expected answer: {}", String::from_utf8_lossy(&self.buffer[..filled])).into());
        }
        let mut left = self.body - (filled - end);
        while left > 0 {
            match self.stream.read(&mut self.buffer).await? {
                0 => return Err("the connection ended within an answer".into()),
                count => left -= count,
            }
        }
        Ok(())
    }
}

fn length(head: &[u8]) -> Option<usize> {
    head.split(|byte| *byte == b'\n').find_map(|line| {
        let (name, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    })
}
