//! A client's body on its way to the origin: without its trailers, which could
//! carry any header's name, in bounds, and as long as its sender may send.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;

use crate::watch::flow::{Failure, Flow};
use crate::watch::pace::{Kind, Waiting};
use crate::watch::signal::Cut;
use crate::watch::stay::Stay;
use crate::watch::{Watch, Watched};

/// What goes to an origin, or to a form of ours.
pub(crate) enum Upload {
    Client(Sending),
    Nothing,
}

pub(crate) struct Sending {
    incoming: Incoming,
    watch: Arc<Watch>,
    flow: Watched<Flow>,
    /// Bytes that may still come.
    room: u64,
}

/// Why an upload broke off. What is told to the client rests on the flow.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadError {
    #[error(transparent)]
    Client(#[from] hyper::Error),
    #[error("the body is longer than is taken here")]
    TooLarge,
    #[error("{0}")]
    Cut(Cut),
}

/// Whether a body says itself that it is longer than is taken; 0 takes any.
pub(crate) fn is_too_large(body: &Incoming, most: u64) -> bool {
    most != 0 && body.size_hint().lower() > most
}

impl Upload {
    /// `most`: the longest body that is taken, in bytes; 0 for any.
    pub(crate) fn of(incoming: Incoming, watch: &Arc<Watch>, stay: Option<&Arc<Stay>>, most: u64) -> Self {
        if incoming.is_end_stream() && incoming.size_hint().exact() == Some(0) {
            return Self::Nothing;
        }
        let flow = watch.flow(Flow::new(Kind::Upload, stay.cloned(), watch.now()));
        let room = if most == 0 { u64::MAX } else { most };
        Self::Client(Sending { incoming, watch: Arc::clone(watch), flow, room })
    }

    /// What tells how the upload goes on; none where there is nothing to upload.
    pub(crate) fn flow(&self) -> Option<Arc<Flow>> {
        match self {
            Self::Client(sending) => Some(Arc::clone(sending.flow.shared())),
            Self::Nothing => None,
        }
    }
}

impl Sending {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        if let Poll::Ready(cut) = self.flow.signal.poll(cx) {
            return Poll::Ready(Some(Err(UploadError::Cut(cut))));
        }
        let polled = Pin::new(&mut self.incoming).poll_frame(cx);
        let waiting = match &polled {
            Poll::Pending => Waiting::Client,
            Poll::Ready(Some(Ok(_))) => Waiting::Origin,
            Poll::Ready(_) => Waiting::Nobody,
        };
        self.flow.pace.waits_for(waiting, self.watch.now());
        let frame = match ready!(polled) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                self.flow.fail(Failure::Malformed);
                return Poll::Ready(Some(Err(error.into())));
            }
            None => return Poll::Ready(None),
        };
        let length = frame.data_ref().map_or(0, Bytes::len);
        self.flow.pace.moved(length);
        match self.room.checked_sub(length as u64) {
            Some(room) => self.room = room,
            None => {
                self.flow.fail(Failure::TooLarge);
                return Poll::Ready(Some(Err(UploadError::TooLarge)));
            }
        }
        // Trailers are the end of the body, and go no further.
        Poll::Ready((!frame.is_trailers()).then_some(Ok(frame)))
    }
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = UploadError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        match self.get_mut() {
            Self::Client(sending) => sending.poll(cx),
            Self::Nothing => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Client(sending) => sending.incoming.is_end_stream(),
            Self::Nothing => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Client(sending) => sending.incoming.size_hint(),
            Self::Nothing => SizeHint::with_exact(0),
        }
    }
}
