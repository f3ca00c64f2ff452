//! HTTP on one connection: its requests go to the gate one by one or side by
//! side, and a word of the watch or the end of the process ends it.

use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt as _;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use prometheus_client::metrics::counter::Counter;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::OwnedSemaphorePermit;

use crate::arrive::Socket;
use crate::body::Body;
use crate::gate::gate;
use crate::listen::clients::Place;
use crate::listen::handshake::Told;
use crate::record::Record;
use crate::watch::connection::{Connection, Line, Turn};
use crate::watch::served::Served;
use crate::{Entrance, Worker, emulation, respond};

/// Serves a connection to its end.
pub(super) async fn connection(
    worker: Arc<Worker>,
    socket: Socket,
    told: Told,
    place: Option<Place>,
    slot: OwnedSemaphorePermit,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    http2: bool,
) {
    let watched = worker.watch.connection(http2);
    let line = TokioIo::new(Line { stream, connection: Arc::clone(watched.shared()) });
    let limits = worker.edge.limits;
    let (connection, place, slot) = (Arc::clone(watched.shared()), place.map(Arc::new), Arc::new(slot));
    let entrance = Arc::new(Entrance { worker, connection, socket, told, place, _slot: slot });
    let service = service_fn(|request| {
        let entrance = entrance.to(&request);
        async move { Ok::<_, Infallible>(answer(&entrance, request).await) }
    });
    let ended = if http2 {
        let served = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(Duration::from_secs(30))
            .keep_alive_timeout(Duration::from_secs(20))
            .max_concurrent_streams(u32::try_from(limits.max_streams).unwrap_or(u32::MAX))
            .max_header_list_size(u32::try_from(limits.max_header_size).unwrap_or(u32::MAX))
            .serve_connection(line, service);
        driven(served, |served| served.graceful_shutdown(), &watched).await
    } else {
        // The watch bounds the time for a head.
        let served = http1::Builder::new()
            .header_read_timeout(None)
            .max_buf_size(limits.max_header_size)
            .serve_connection(line, service)
            .with_upgrades();
        driven(served, |served| served.graceful_shutdown(), &watched).await
    };
    Record::unparsed(&entrance.worker, socket, ended);
}

/// Drives a connection to its end, of which a word of the watch is one.
async fn driven<C>(connection: C, end_well: impl Fn(Pin<&mut C>), watched: &Connection) -> hyper::Result<()>
where
    C: Future<Output = hyper::Result<()>>,
{
    let mut connection = pin!(connection);
    let mut stopping = false;
    std::future::poll_fn(|context| {
        if watched.signal.poll(context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        if !stopping && watched.signal.is_stopping() {
            stopping = true;
            end_well(connection.as_mut());
        }
        connection.as_mut().poll(context)
    })
    .await
}

/// One request, of which is told when it ends. More than can be served are
/// told to come again; a fault of ours costs the one request that met it.
async fn answer(entrance: &Arc<Entrance>, request: Request<Incoming>) -> Response<Served> {
    let edge = &entrance.worker.edge;
    let mut record = Record::begun(&entrance.worker, entrance.socket, &request);
    let turn = Turn::begun(entrance);
    let mut response = if turn.is_within(&edge.limits) {
        unharmed(&edge.metrics.panics, gate(entrance, request, &mut record)).await
    } else {
        edge.metrics.shed.inc();
        respond::overloaded()
    };
    emulation::mark(edge, &mut response);
    record.answered(response).map(|body| Served::new(body, &entrance.worker.watch, turn))
}

/// The answer, or a plain one where making it met a fault of ours.
async fn unharmed(panics: &Counter, answer: impl Future<Output = Response<Body>>) -> Response<Body> {
    // What the fault left behind belongs to this request alone; what is shared
    // is behind locks that are taken over as they are.
    AssertUnwindSafe(answer).catch_unwind().await.unwrap_or_else(|_panic| {
        panics.inc();
        tracing::error!("a request met a fault of the gateway; its message stands above");
        respond::fault()
    })
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[tokio::test]
    async fn a_panic_costs_the_one_request_that_met_it_and_is_counted() {
        let panics = Counter::default();
        let response = unharmed(&panics, async { panic!("a fault, on purpose") }).await;
        assert_eq!((response.status(), panics.get()), (StatusCode::INTERNAL_SERVER_ERROR, 1));
        let response = unharmed(&panics, async { respond::overloaded() }).await;
        assert_eq!((response.status(), panics.get()), (StatusCode::SERVICE_UNAVAILABLE, 1));
    }
}
