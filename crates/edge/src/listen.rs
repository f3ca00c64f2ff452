//! The public listener: threads that each accept from one socket, connections
//! with a deadline before their first byte, and a drain that loses nothing.

pub(crate) mod clients;
pub(crate) mod handshake;
mod serve;

use std::io;
use std::net::{IpAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use crate::arrive::Socket;
use crate::listen::clients::Place;
use crate::listen::handshake::{Handshakes, Told};
use crate::upstream::pool::Pool;
use crate::watch::Watch;
use crate::{Edge, Guests, Worker};

/// The client's side of HTTP/2, whole: a connection that starts with it speaks HTTP/2 (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How often idle connections to origins are looked through.
const POOL_SWEEP: Duration = Duration::from_secs(1);
/// A pause after the machine had no descriptor or memory for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

pub use self::handshake::can_vouch;

/// A bound socket, and the TLS settings if it speaks TLS.
pub struct PublicListener {
    pub socket: StdListener,
    pub tls: Option<Arc<rustls::ServerConfig>>,
}

/// The public listener at work.
pub struct Running {
    stop: watch::Sender<bool>,
    open: Arc<Semaphore>,
    most: usize,
    threads: Vec<JoinHandle<()>>,
}

/// Starts `workers` threads that serve the listener.
///
/// # Errors
/// When the socket cannot be shared or a thread cannot be started.
pub fn serve(edge: &Arc<Edge>, listener: PublicListener, workers: usize) -> io::Result<Running> {
    let (stop, stopped) = watch::channel(false);
    let most = edge.limits.max_connections.clamp(1, Semaphore::MAX_PERMITS);
    let open = Arc::new(Semaphore::new(most));
    listener.socket.set_nonblocking(true)?;
    let tls = listener.tls.map(|tls| Handshakes::new(tls, Arc::clone(edge)));
    let mut threads = Vec::new();
    for number in 0..workers.max(1) {
        let pool = Pool::new(edge.limits);
        let worker = Acceptor {
            socket: listener.socket.try_clone()?,
            tls: tls.clone(),
            open: Arc::clone(&open),
            stopped: stopped.clone(),
            // One looks after the guests of all.
            guests: edge.guests.clone().filter(|_| number == 0),
            worker: Arc::new(Worker {
                edge: Arc::clone(edge),
                shard: edge.metrics.shard(&pool),
                pool,
                watch: Watch::new(&edge.limits),
            }),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name(format!("edge-{number}"));
        threads.push(thread.spawn(move || runtime.block_on(worker.run()))?);
    }
    Ok(Running { stop, open, most, threads })
}

impl Running {
    /// Stops accepting, lets requests in flight end, and closes what is left
    /// when the limit has passed. Returns whether everything ended by itself.
    pub async fn drain(mut self, limit: Duration) -> bool {
        self.stop.send_replace(true);
        let all = u32::try_from(self.most).unwrap_or(u32::MAX);
        let ended = tokio::time::timeout(limit, self.open.acquire_many(all)).await.is_ok();
        self.open.close();
        let threads = std::mem::take(&mut self.threads);
        // A worker ends within moments of the semaphore's closing; joining is for tidiness.
        let _joined =
            tokio::task::spawn_blocking(move || threads.into_iter().for_each(|thread| drop(thread.join()))).await;
        ended
    }
}

impl Drop for Running {
    /// Ends the threads and closes what is open; nobody waits for them.
    fn drop(&mut self) {
        self.stop.send_replace(true);
        self.open.close();
    }
}

/// One worker's accept loop.
struct Acceptor {
    socket: StdListener,
    tls: Option<Arc<Handshakes>>,
    open: Arc<Semaphore>,
    stopped: watch::Receiver<bool>,
    guests: Option<Arc<Guests>>,
    worker: Arc<Worker>,
}

impl Acceptor {
    async fn run(self) {
        let listener = match TcpListener::from_std(self.socket.try_clone().expect("a listening socket can be shared")) {
            Ok(listener) => listener,
            Err(error) => return tracing::error!(%error, "a worker cannot listen"),
        };
        let mut upkeep = JoinSet::new();
        upkeep.spawn(expire(Arc::clone(&self.worker.pool)));
        upkeep.spawn({
            let worker = Arc::clone(&self.worker);
            async move { worker.watch.keep(&worker.edge).await }
        });
        if let Some(guests) = self.guests.clone() {
            upkeep.spawn(async move { guests.keep().await });
        }
        let mut stopped = self.stopped.clone();
        loop {
            // The end comes first in both: draining waits for every place, and
            // whoever asks for one after that would wait behind it.
            let slot = tokio::select! {
                biased;
                () = told_to_stop(&mut stopped) => break,
                slot = Arc::clone(&self.open).acquire_owned() => slot,
            };
            let Ok(slot) = slot else { break };
            let accepted = tokio::select! {
                biased;
                () = told_to_stop(&mut stopped) => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => self.accept(stream, peer.ip().to_canonical(), slot),
                Err(error) => {
                    // Out of descriptors, most likely: wait instead of spinning.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        drop(self.socket);
        self.worker.watch.stop();
        if let Some(guests) = &self.guests {
            guests.stop();
        }
        // Connections of this worker live on this runtime: stay until the last has ended.
        while !self.open.is_closed() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn accept(&self, stream: TcpStream, peer: IpAddr, slot: OwnedSemaphorePermit) {
        let edge = &self.worker.edge;
        // Proxies that are trusted bring everybody's connections.
        let place = match edge.trust.covers(peer) {
            true => None,
            false => Some(edge.clients.admit(peer, edge.limits.max_connections_per_client)),
        };
        if let Some(None) = place {
            edge.metrics.crowded.inc();
            return tracing::debug!(client.ip = %peer, "closed a connection: limits.max_connections_per_client is reached");
        }
        let connection = Opening {
            worker: Arc::clone(&self.worker),
            socket: Socket { peer, tls: self.tls.is_some() },
            stopped: self.stopped.clone(),
            place: place.flatten(),
            slot,
        };
        let (tls, counted) = (self.tls.clone(), edge.metrics.connection());
        tokio::spawn(async move {
            connection.serve(stream, tls).await;
            drop(counted);
        });
    }
}

/// Closes connections to origins that nobody asked for.
async fn expire(pool: Arc<Pool>) {
    let mut tick = tokio::time::interval(POOL_SWEEP);
    loop {
        tick.tick().await;
        pool.expire();
    }
}

/// One client connection, from its first byte.
struct Opening {
    worker: Arc<Worker>,
    socket: Socket,
    stopped: watch::Receiver<bool>,
    place: Option<Place>,
    slot: OwnedSemaphorePermit,
}

impl Opening {
    async fn serve(self, stream: TcpStream, tls: Option<Arc<Handshakes>>) {
        // Without it small answers wait for the client's acknowledgements.
        let _kept_off = stream.set_nodelay(true);
        let limit = self.worker.edge.limits.first_byte_timeout.as_std();
        let mut stopped = self.stopped;
        let now = self.worker.edge.clock.now();
        let opened = async {
            match tls {
                None => {
                    let http2 = speaks_http2(&stream).await?;
                    io::Result::Ok((Transport::Plain(stream), http2, Told::default()))
                }
                Some(tls) => {
                    let (stream, told) = tls.accept(stream, now).await?;
                    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    Ok((Transport::Tls(Box::new(stream)), http2, told))
                }
            }
        };
        let opened = tokio::select! {
            opened = tokio::time::timeout(limit, opened) => opened,
            // Nothing was asked yet, so nothing is lost by closing.
            () = told_to_stop(&mut stopped) => return,
        };
        let Ok(Ok((transport, http2, told))) = opened else { return };
        match transport {
            Transport::Plain(stream) => {
                serve::connection(self.worker, self.socket, told, self.place, self.slot, stream, http2).await
            }
            Transport::Tls(stream) => {
                serve::connection(self.worker, self.socket, told, self.place, self.slot, *stream, http2).await
            }
        }
    }
}

/// Returns when the listener is to end, or is gone.
async fn told_to_stop(stopped: &mut watch::Receiver<bool>) {
    let _gone = stopped.wait_for(|stopped| *stopped).await;
}

enum Transport {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::server::TlsStream<TcpStream>>),
}

/// Looks at the first bytes without taking them.
async fn speaks_http2(stream: &TcpStream) -> io::Result<bool> {
    let mut seen = [0; PREFACE.len()];
    let mut pause = Duration::from_millis(2);
    loop {
        let length = stream.peek(&mut seen).await?;
        if length == 0 || length == PREFACE.len() || seen[..length] != PREFACE[..length] {
            return Ok(length == PREFACE.len() && seen == *PREFACE);
        }
        // A part of the preface: the rest is on its way, or the deadline ends this.
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(200));
    }
}
