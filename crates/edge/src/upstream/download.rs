//! An origin's answer on its way to the client, as long as whoever asked for
//! it may have it and both sides get on.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;

use crate::body::BoxError;
use crate::upstream::pool::Lease;
use crate::watch::connection::Connection;
use crate::watch::flow::Flow;
use crate::watch::pace::Waiting;
use crate::watch::stay::Stay;
use crate::watch::{Watch, Watched};

pub(crate) struct Download {
    incoming: Incoming,
    /// Goes back to its pool when the body ends as its framing said; a body
    /// that breaks takes its connection with it.
    lease: Option<Lease>,
    watched: Watching,
}

enum Watching {
    /// What comes whole with its head needs no watching.
    NotYet(Arc<Watch>, Arc<Stay>, Arc<Connection>),
    Flow(Arc<Watch>, Watched<Flow>),
}

impl Download {
    pub(crate) fn of(
        incoming: Incoming,
        lease: Lease,
        watch: &Arc<Watch>,
        stay: &Arc<Stay>,
        connection: &Arc<Connection>,
    ) -> Self {
        let watched = Watching::NotYet(Arc::clone(watch), Arc::clone(stay), Arc::clone(connection));
        let mut download = Self { incoming, lease: Some(lease), watched };
        if download.is_end_stream() {
            download.give_back();
        }
        download
    }

    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Watching::Flow(_, flow) = &self.watched
            && let Poll::Ready(cut) = flow.signal.poll(cx)
        {
            drop(self.lease.take());
            return Poll::Ready(Some(Err(cut.into())));
        }
        match Pin::new(&mut self.incoming).poll_frame(cx) {
            Poll::Pending => {
                self.watched.waits_for(Waiting::Origin, cx);
                Poll::Pending
            }
            Poll::Ready(Some(Ok(frame))) if !self.incoming.is_end_stream() => {
                self.watched.waits_for(Waiting::Client, cx);
                self.watched.moved(&frame);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                drop(self.lease.take());
                Poll::Ready(Some(Err(error.into())))
            }
            Poll::Ready(last) => {
                self.give_back();
                Poll::Ready(last.map(|frame| frame.map_err(Into::into)))
            }
        }
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }

    fn give_back(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.give_back();
        }
    }
}

impl Watching {
    fn waits_for(&mut self, whom: Waiting, cx: &Context<'_>) {
        if let Self::NotYet(watch, stay, connection) = self {
            let flow = watch.flow(Flow::download(stay, connection, watch.now()));
            // From here on the end may be told: be there to hear it.
            let _not_yet = flow.signal.poll(cx);
            *self = Self::Flow(Arc::clone(watch), flow);
        }
        if let Self::Flow(watch, flow) = self {
            flow.pace.waits_for(whom, watch.now());
        }
    }

    fn moved(&self, frame: &Frame<Bytes>) {
        if let Self::Flow(_, flow) = self {
            flow.pace.moved(frame.data_ref().map_or(0, Bytes::len));
        }
    }
}
