//! An origin's answer on its way to the client.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;

use crate::body::BoxError;
use crate::upstream::pool::Lease;
use crate::watch::stay::Stay;

pub(crate) struct Download {
    incoming: Incoming,
    /// Goes back to its pool when the body ends as its framing said; a body
    /// that breaks takes its connection with it.
    lease: Option<Lease>,
    /// Whose answer it is.
    stay: Arc<Stay>,
}

impl Download {
    pub(crate) fn of(incoming: Incoming, lease: Lease, stay: &Arc<Stay>) -> Self {
        let mut download = Self { incoming, lease: Some(lease), stay: Arc::clone(stay) };
        if download.is_end_stream() {
            download.give_back();
        }
        download
    }

    pub(crate) const fn stay(&self) -> &Arc<Stay> {
        &self.stay
    }

    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(Pin::new(&mut self.incoming).poll_frame(cx));
        // Trailers are the end of the body, and go no further.
        let frame = frame.filter(|frame| !frame.as_ref().is_ok_and(Frame::is_trailers));
        match &frame {
            Some(Ok(_)) if !self.incoming.is_end_stream() => {}
            Some(Err(_)) => drop(self.lease.take()),
            _ => self.give_back(),
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
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
