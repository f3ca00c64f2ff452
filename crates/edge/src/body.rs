//! The bodies that leave the public listener: our own pages, what the routers
//! behind us made, and an origin's answer handed through as it arrives.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::upstream::download::Download;
use crate::watch::stay::Stay;

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

pub(crate) enum Body {
    /// A page or text of ours.
    Own(Option<Bytes>),
    /// What a router answered.
    Router(axum::body::Body),
    /// An origin's answer.
    Origin(Download),
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
            Self::Origin(download) => download.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(bytes) => bytes.is_none(),
            Self::Router(body) => http_body::Body::is_end_stream(body),
            Self::Origin(download) => download.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Router(body) => http_body::Body::size_hint(body),
            Self::Origin(download) => download.size_hint(),
        }
    }
}

impl Body {
    /// Whose answer it is, where somebody's right to it has to hold.
    pub(crate) const fn stay(&self) -> Option<&Arc<Stay>> {
        match self {
            Self::Origin(download) => Some(download.stay()),
            Self::Own(_) | Self::Router(_) => None,
        }
    }
}
