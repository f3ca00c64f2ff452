//! An answer while it is served: the request's turn lasts as long, and what
//! takes long is watched. What comes whole with its head needs no watching,
//! but for HTTP/2, where even the last part can lie waiting for the client.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};

use crate::body::BoxError;
use crate::record::Told;
use crate::watch::connection::Turn;
use crate::watch::flow::Flow;
use crate::watch::pace::Waiting;
use crate::watch::{Watch, Watched};

pub(crate) struct Served {
    /// None after it was cut off: what it held is let go at once.
    body: Option<Told>,
    watch: Arc<Watch>,
    flow: Option<Watched<Flow>>,
    turn: Turn,
}

impl Served {
    pub(crate) fn new(body: Told, watch: &Arc<Watch>, turn: Turn) -> Self {
        let mut served = Self { body: Some(body), watch: Arc::clone(watch), flow: None, turn };
        if served.turn.is_http2() && !served.is_end_stream() {
            served.waits_for(Waiting::Client, None);
        }
        served
    }

    fn waits_for(&mut self, whom: Waiting, context: Option<&Context<'_>>) {
        let now = self.watch.now();
        let flow = match &self.flow {
            Some(flow) => flow,
            None => {
                let stay = self.body.as_ref().and_then(Told::stay).cloned();
                let flow = self.watch.flow(Flow::download(stay, self.turn.connection(), now));
                // From here on the end may be told: be there to hear it.
                if let Some(context) = context {
                    let _not_yet = flow.signal.poll(context);
                }
                self.flow.insert(flow)
            }
        };
        flow.pace.waits_for(whom, now);
    }
}

impl http_body::Body for Served {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let served = self.get_mut();
        if let Some(flow) = &served.flow
            && let Poll::Ready(cut) = flow.signal.poll(cx)
        {
            served.body = None;
            return Poll::Ready(Some(Err(cut.into())));
        }
        let Some(body) = &mut served.body else { return Poll::Ready(None) };
        let polled = Pin::new(&mut *body).poll_frame(cx);
        let lasts = served.turn.is_http2() || !body.is_end_stream();
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            served.turn.connection().given(frame.data_ref().map_or(0, Bytes::len));
        }
        match &polled {
            Poll::Pending => served.waits_for(Waiting::Origin, Some(cx)),
            Poll::Ready(Some(Ok(frame))) if lasts => {
                served.waits_for(Waiting::Client, Some(cx));
                if let (Some(flow), Some(data)) = (&served.flow, frame.data_ref()) {
                    flow.pace.moved(data.len());
                }
            }
            Poll::Ready(_) => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, http_body::Body::size_hint)
    }
}
