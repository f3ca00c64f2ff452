//! The CONNECT proxy (RFC 9110 §9.3.6) that clients with a fixed idea of their
//! address are pointed at. A name of ours leads to the gateway's own listener
//! for these names; everything else goes where it wants to go, untouched.
//!
//! It takes TLS without a CONNECT as well, for clients whose only liberty is
//! another address to dial.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use doorward_model::host::Host;
use http::header::{CONNECTION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;

use super::certificates::Emulates;

/// Connections at once; more wait to be accepted.
const MOST_CONNECTIONS: usize = 1024;
/// How long a client may take to say where it wants to go, and a host to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// A pause after the machine had no descriptor or memory for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// The first byte of a TLS handshake (RFC 8446 §5.1).
const HANDSHAKE: u8 = 0x16;

/// Where connections are led.
#[derive(Clone)]
pub struct Ways {
    /// Which names are ours.
    pub emulates: Emulates,
    /// The listener that speaks TLS under these names.
    pub encrypted: SocketAddr,
    /// The listener that speaks plain HTTP.
    pub plain: SocketAddr,
}

/// A proxy at work. It ends, with all its tunnels, when it is dropped.
pub struct Proxy {
    accepting: JoinHandle<()>,
    _end: watch::Sender<()>,
}

/// What each connection is given.
#[derive(Clone)]
struct Guest {
    ways: Arc<Ways>,
    /// Its place among all connections, for as long as a part of it lives.
    _place: Arc<OwnedSemaphorePermit>,
    end: watch::Receiver<()>,
}

impl Proxy {
    /// Serves a listening socket.
    ///
    /// # Errors
    /// When the socket cannot be used.
    pub fn serve(socket: StdListener, ways: Ways) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let listener = TcpListener::from_std(socket)?;
        let (end, ended) = watch::channel(());
        Ok(Self { accepting: tokio::spawn(accept(listener, Arc::new(ways), ended)), _end: end })
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, ways: Arc<Ways>, end: watch::Receiver<()>) {
    let free = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&free).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let guest = Guest { ways: Arc::clone(&ways), _place: Arc::new(place), end: end.clone() };
                tokio::spawn(guest.clone().until_the_end(async move {
                    // How a connection ended is its client's affair.
                    let _ended = connection(stream, &guest).await;
                }));
            }
            Err(error) => {
                tracing::warn!(%error, "the proxy cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

impl Guest {
    async fn until_the_end(mut self, work: impl Future<Output = ()>) {
        tokio::select! {
            () = work => {}
            _gone = self.end.changed() => {}
        }
    }
}

async fn connection(stream: TcpStream, guest: &Guest) -> io::Result<()> {
    let _kept_off = stream.set_nodelay(true);
    let mut first = [0];
    let seen = tokio::time::timeout(PATIENCE, stream.peek(&mut first)).await.map_err(|_| io::ErrorKind::TimedOut)??;
    if seen == 1 && first[0] == HANDSHAKE {
        return joined(stream, TcpStream::connect(guest.ways.encrypted).await?).await;
    }
    let service = service_fn(|request| {
        let guest = guest.clone();
        async move { Ok::<_, Infallible>(answer(request, guest).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    served.await.map_err(io::Error::other)
}

/// What the client hears about its wish; the tunnel begins after it.
async fn answer(request: Request<Incoming>, guest: Guest) -> Response<String> {
    if request.method() != Method::CONNECT {
        let text = "This proxy tunnels alone (CONNECT). Set HTTPS_PROXY to it, and leave HTTP_PROXY as it is.\n";
        return refusal(StatusCode::METHOD_NOT_ALLOWED, text);
    }
    let Some((host, port)) = target(request.uri()) else {
        return refusal(StatusCode::BAD_REQUEST, "A CONNECT names a host and a port, as in app.example.com:443.\n");
    };
    if (guest.ways.emulates)(&host) {
        let ours = Destination::Ours(Arc::clone(&guest.ways));
        tokio::spawn(guest.until_the_end(tunnelled(request, ours)));
        return Response::new(String::new());
    }
    match tokio::time::timeout(PATIENCE, dial(&host, port)).await {
        Ok(Ok(stream)) => {
            tokio::spawn(guest.until_the_end(tunnelled(request, Destination::Elsewhere(stream))));
            Response::new(String::new())
        }
        Ok(Err(error)) => refusal(
            StatusCode::BAD_GATEWAY,
            &format!("{} is not emulated, and cannot be reached: {error}\n", host.name()),
        ),
        Err(_) => {
            refusal(StatusCode::GATEWAY_TIMEOUT, &format!("{} is not emulated, and does not answer\n", host.name()))
        }
    }
}

enum Destination {
    /// Whether it speaks TLS is seen by its first byte.
    Ours(Arc<Ways>),
    Elsewhere(TcpStream),
}

async fn tunnelled(request: Request<Incoming>, destination: Destination) {
    let Ok(upgraded) = hyper::upgrade::on(request).await else { return };
    let mut client = TokioIo::new(upgraded);
    let ended: io::Result<()> = async {
        let mut origin = match destination {
            Destination::Elsewhere(stream) => stream,
            Destination::Ours(ways) => {
                let mut first = [0; 4096];
                let length = tokio::time::timeout(PATIENCE, client.read(&mut first))
                    .await
                    .map_err(|_| io::ErrorKind::TimedOut)??;
                let encrypted = first[..length].first() == Some(&HANDSHAKE);
                let mut stream = TcpStream::connect(if encrypted { ways.encrypted } else { ways.plain }).await?;
                stream.set_nodelay(true)?;
                stream.write_all(&first[..length]).await?;
                stream
            }
        };
        copy_bidirectional(&mut client, &mut origin).await.map(drop)
    }
    .await;
    if let Err(error) = ended {
        tracing::debug!(%error, "a tunnel ended early");
    }
}

async fn joined(mut client: TcpStream, mut origin: TcpStream) -> io::Result<()> {
    origin.set_nodelay(true)?;
    copy_bidirectional(&mut client, &mut origin).await.map(drop)
}

fn target(uri: &Uri) -> Option<(Host, u16)> {
    let authority = uri.authority()?;
    Some((authority.as_str().parse().ok()?, authority.port_u16()?))
}

/// Names below `localhost` are this machine (RFC 6761 §6.3), whatever the resolver says.
async fn dial(host: &Host, port: u16) -> io::Result<TcpStream> {
    let name = host.name().trim_matches(['[', ']']);
    if name == "localhost" || name.ends_with(".localhost") {
        return TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await;
    }
    TcpStream::connect((name, port)).await
}

fn refusal(status: StatusCode, text: &str) -> Response<String> {
    let mut response = Response::new(text.to_owned());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
