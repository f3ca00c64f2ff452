//! The bodies that leave the public listener: our own pages, what the routers
//! behind us made, and an origin's answer handed through as it arrives.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;

use crate::upstream::pool::Lease;

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

pub(crate) enum Body {
    /// A page or text of ours.
    Own(Option<Bytes>),
    /// What a router answered.
    Router(axum::body::Body),
    /// An origin's answer; the connection goes back to its pool when it ends.
    Origin(Incoming, Option<Lease>),
}

/// What goes to an origin: a client's body as it arrives, without its
/// trailers, which could carry any header's name.
pub(crate) enum Upload {
    Client(Incoming, Arc<Progress>),
    Nothing,
}

impl Upload {
    pub(crate) fn of(incoming: Incoming) -> Self {
        if http_body::Body::is_end_stream(&incoming) && incoming.size_hint().exact() == Some(0) {
            return Self::Nothing;
        }
        Self::Client(incoming, Arc::new(Progress::begun()))
    }

    /// What tells how the upload goes on; none where there is nothing to upload.
    pub(crate) fn progress(&self) -> Option<Arc<Progress>> {
        match self {
            Self::Client(_, progress) => Some(Arc::clone(progress)),
            Self::Nothing => None,
        }
    }
}

/// When the last part of an upload went on to the origin: until its end, an
/// origin cannot be late with its answer.
#[derive(Debug)]
pub(crate) struct Progress {
    began: Instant,
    last_part: AtomicU64,
    bytes: AtomicU64,
}

impl Progress {
    fn begun() -> Self {
        Self { began: Instant::now(), last_part: AtomicU64::new(0), bytes: AtomicU64::new(0) }
    }

    fn note(&self, length: usize) {
        self.bytes.fetch_add(length as u64, Ordering::Relaxed);
        let millis = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_part.store(millis, Ordering::Relaxed);
    }

    /// What went on so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn last_part(&self) -> Instant {
        self.began + Duration::from_millis(self.last_part.load(Ordering::Relaxed))
    }
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Self::Client(incoming, progress) = self.get_mut() else { return Poll::Ready(None) };
        let frame = std::task::ready!(Pin::new(incoming).poll_frame(cx));
        let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
        progress.note(data.map_or(0, Bytes::len));
        Poll::Ready(frame.filter(|frame| !matches!(frame, Ok(frame) if frame.is_trailers())))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Client(incoming, _) => http_body::Body::is_end_stream(incoming),
            Self::Nothing => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Client(incoming, _) => http_body::Body::size_hint(incoming),
            Self::Nothing => SizeHint::with_exact(0),
        }
    }
}

impl Body {
    pub(crate) const fn empty() -> Self {
        Self::Own(None)
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::Own(Some(Bytes::from(text)))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.get_mut() {
            Self::Own(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Router(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            Self::Origin(incoming, lease) => {
                let frame = std::task::ready!(Pin::new(&mut *incoming).poll_frame(cx));
                match &frame {
                    Some(Ok(_)) if !http_body::Body::is_end_stream(incoming) => {}
                    Some(Ok(_)) | None => {
                        if let Some(lease) = lease.take() {
                            lease.give_back();
                        }
                    }
                    // A broken body: the connection is dropped with the lease.
                    Some(Err(_)) => drop(lease.take()),
                }
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(bytes) => bytes.is_none(),
            Self::Router(body) => http_body::Body::is_end_stream(body),
            Self::Origin(incoming, _) => http_body::Body::is_end_stream(incoming),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Router(body) => http_body::Body::size_hint(body),
            Self::Origin(incoming, _) => http_body::Body::size_hint(incoming),
        }
    }
}
