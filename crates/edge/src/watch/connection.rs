//! A client's connection as it is watched: how long it may say nothing, how
//! long a head may take, how long the client may leave what it is sent unread.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::Entrance;
use crate::limits::Limits;
use crate::listen::clients;
use crate::watch::signal::{Cut, Signal};
use crate::watch::{Bounds, Ticks, Watch, passed};

/// What a connection is doing, as far as a limit depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Phase {
    /// The head of a request is on its way, or the first one is waited for.
    Head,
    /// A request is being served.
    Busy,
    /// Nothing is asked.
    Idle,
}

/// Not waiting for the client to take what was sent.
const NEVER: Ticks = Ticks::MAX;

/// One connection. Its fields are written by its own task and read by the worker's watch.
pub(crate) struct Connection {
    watch: Arc<Watch>,
    http2: bool,
    phase: AtomicU8,
    since: AtomicU32,
    requests: AtomicU32,
    /// Since when the client takes nothing of what is written.
    unread_since: AtomicU32,
    /// Bytes of bodies that HTTP was given, and bytes that left. HTTP/2 keeps
    /// the end of an answer for a client that leaves no room, long after the
    /// answer itself is over here.
    given: AtomicU64,
    left: AtomicU64,
    /// Since when more was given than left, and what had left by then; the watch's own.
    behind_since: AtomicU32,
    left_then: AtomicU64,
    pub(crate) signal: Signal,
}

impl Connection {
    pub(super) fn new(watch: Arc<Watch>, http2: bool) -> Self {
        Self {
            http2,
            phase: AtomicU8::new(Phase::Head as u8),
            since: AtomicU32::new(watch.now()),
            requests: AtomicU32::new(0),
            unread_since: AtomicU32::new(NEVER),
            given: AtomicU64::new(0),
            left: AtomicU64::new(0),
            behind_since: AtomicU32::new(NEVER),
            left_then: AtomicU64::new(0),
            signal: Signal::default(),
            watch,
        }
    }

    /// Why the connection must end, if it must.
    pub(super) fn overdue(&self, now: Ticks, bounds: &Bounds) -> Option<Cut> {
        if self.signal.is_cut() {
            return None;
        }
        let since = self.since.load(Ordering::Relaxed);
        let unread = self.unread_since.load(Ordering::Relaxed);
        let unread = unread != NEVER && passed(unread, now, bounds.stall);
        if unread || self.falls_behind(now, bounds) {
            return Some(Cut::SlowClient);
        }
        match self.phase.load(Ordering::Relaxed) {
            phase if phase == Phase::Head as u8 => passed(since, now, bounds.head).then_some(Cut::SlowHead),
            phase if phase == Phase::Idle as u8 => passed(since, now, bounds.idle).then_some(Cut::Idle),
            _ => None,
        }
    }

    /// Whether the client takes what it was answered more slowly than it may.
    fn falls_behind(&self, now: Ticks, bounds: &Bounds) -> bool {
        let left = self.left.load(Ordering::Relaxed);
        if self.given.load(Ordering::Relaxed) <= left {
            self.behind_since.store(NEVER, Ordering::Relaxed);
            return false;
        }
        let since = self.behind_since.load(Ordering::Relaxed);
        if since == NEVER {
            self.behind_since.store(now, Ordering::Relaxed);
            self.left_then.store(left, Ordering::Relaxed);
            return false;
        }
        let taken = left - self.left_then.load(Ordering::Relaxed);
        passed(since, now, bounds.stall) && taken <= u64::from(now - since) * bounds.rate
    }

    /// HTTP was given so much of a body to send.
    pub(crate) fn given(&self, bytes: usize) {
        self.given.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn enter(&self, phase: Phase) {
        self.since.store(self.watch.now(), Ordering::Relaxed);
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// Bytes came in. After a pause they are the beginning of a head; frames
    /// of HTTP/2 may be anything, there the first request tells.
    fn read(&self) {
        if !self.http2 && self.phase.load(Ordering::Relaxed) == Phase::Idle as u8 {
            self.enter(Phase::Head);
        }
    }

    fn wrote(&self, polled: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes)) = polled {
            self.left.fetch_add(*bytes as u64, Ordering::Relaxed);
        }
        self.written(polled.is_pending());
    }

    fn written(&self, pending: bool) {
        let unread = self.unread_since.load(Ordering::Relaxed);
        match (pending, unread) {
            (true, NEVER) => self.unread_since.store(self.watch.now(), Ordering::Relaxed),
            (false, since) if since != NEVER => self.unread_since.store(NEVER, Ordering::Relaxed),
            _ => {}
        }
    }
}

/// A request that is being served. It ends with its answer's last byte.
pub(crate) struct Turn {
    entrance: Arc<Entrance>,
    /// How many others were being served when it began: on all connections, and for the same client.
    others: usize,
    of_client: usize,
}

impl Turn {
    pub(crate) fn begun(entrance: &Arc<Entrance>) -> Self {
        let connection = &entrance.connection;
        connection.requests.fetch_add(1, Ordering::Relaxed);
        connection.enter(Phase::Busy);
        let others = clients::enter(&entrance.worker.edge.requests);
        let of_client = entrance.place.as_ref().map_or(0, |place| clients::enter(place.requests()));
        Self { entrance: Arc::clone(entrance), others, of_client }
    }

    /// Whether it may be served beside those others.
    pub(crate) const fn is_within(&self, limits: &Limits) -> bool {
        let most_of_client = limits.max_requests_per_client;
        self.others < limits.max_requests && (most_of_client == 0 || self.of_client < most_of_client)
    }

    pub(crate) fn connection(&self) -> &Arc<Connection> {
        &self.entrance.connection
    }

    pub(crate) fn is_http2(&self) -> bool {
        self.entrance.connection.http2
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Entrance { worker, connection, place, .. } = &*self.entrance;
        clients::leave(&worker.edge.requests);
        if let Some(place) = place {
            clients::leave(place.requests());
        }
        if connection.requests.fetch_sub(1, Ordering::Relaxed) == 1 {
            connection.enter(Phase::Idle);
        }
    }
}

/// The client's bytes on their way through, noticed and left as they are.
pub(crate) struct Line<S> {
    pub(crate) stream: S,
    pub(crate) connection: Arc<Connection>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Line<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.connection.read();
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Line<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.connection.wrote(&polled);
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.connection.wrote(&polled);
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // TLS buffers what it is given: for it flushing is the writing.
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        self.connection.written(polled.is_pending());
        polled
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use doorward_model::time::Lifetime;

    use super::*;

    // One second is five ticks.
    const SECOND: Ticks = 5;

    fn bounds() -> Bounds {
        Bounds::of(&Limits {
            header_read_timeout: Lifetime::from_secs(10),
            client_idle_timeout: Lifetime::from_secs(75),
            client_stall_timeout: Lifetime::from_secs(30),
            ..Limits::default()
        })
    }

    fn connection(http2: bool) -> Connection {
        Connection::new(Watch::new(&Limits::default()), http2)
    }

    #[test]
    fn q_01_a_head_has_less_time_than_an_idle_connection() {
        let connection = connection(false);
        assert_eq!(connection.overdue(10 * SECOND + 1, &bounds()), Some(Cut::SlowHead), "the first head");
        connection.enter(Phase::Busy);
        assert_eq!(connection.overdue(1000 * SECOND, &bounds()), None, "a request may take its time");
        connection.enter(Phase::Idle);
        assert_eq!(connection.overdue(75 * SECOND, &bounds()), None);
        assert_eq!(connection.overdue(75 * SECOND + 1, &bounds()), Some(Cut::Idle));
        connection.read();
        assert_eq!(connection.overdue(10 * SECOND + 1, &bounds()), Some(Cut::SlowHead), "a byte begins the next head");
    }

    #[test]
    fn e_08_a_client_that_is_answered_and_leaves_no_room_is_cut_off_although_it_asks_for_nothing() {
        let connection = connection(true);
        connection.enter(Phase::Idle);
        connection.given(10_000);
        connection.left.store(10, Ordering::Relaxed);
        assert_eq!(connection.overdue(SECOND, &bounds()), None, "it is behind from here on");
        assert_eq!(connection.overdue(31 * SECOND, &bounds()), None);
        connection.left.store(20, Ordering::Relaxed);
        assert_eq!(
            connection.overdue(31 * SECOND + 1, &bounds()),
            Some(Cut::SlowClient),
            "a byte now and then is not enough"
        );
        connection.left.store(10_000, Ordering::Relaxed);
        assert_eq!(connection.overdue(31 * SECOND + 2, &bounds()), None);
    }

    #[test]
    fn a_client_that_goes_on_taking_a_long_answer_is_never_cut_off() {
        let connection = connection(true);
        connection.enter(Phase::Busy);
        for second in 0..300 {
            connection.given(10_000);
            connection.left.store(u64::from(second) * 9_000, Ordering::Relaxed);
            assert_eq!(connection.overdue(second * SECOND, &bounds()), None);
        }
    }

    #[test]
    fn frames_of_http_2_between_requests_begin_no_head() {
        let connection = connection(true);
        connection.enter(Phase::Idle);
        connection.read();
        assert_eq!(connection.overdue(75 * SECOND, &bounds()), None);
    }

    #[test]
    fn e_08_a_client_that_takes_nothing_of_what_is_written_is_cut_off_even_while_it_asks() {
        let connection = connection(true);
        connection.enter(Phase::Busy);
        connection.written(true);
        assert_eq!(connection.overdue(30 * SECOND, &bounds()), None);
        assert_eq!(connection.overdue(30 * SECOND + 1, &bounds()), Some(Cut::SlowClient));
        connection.written(false);
        assert_eq!(connection.overdue(30 * SECOND + 1, &bounds()), None);
    }
}
