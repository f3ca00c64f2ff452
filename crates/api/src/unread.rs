//! What a caller sent and nobody read. A refusal may come before anything looks
//! at the body, and a connection with an unread body is not used again. So what
//! is left is read and thrown away, as far as it is short and comes soon.

use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{StatusCode, header};
use http_body::{Body as _, Frame, SizeHint};

use crate::BODY_LIMIT;

/// How long an answer waits for the rest of what it answers.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) async fn discard(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    // Who waits for leave to send has sent nothing, and sends nothing after a refusal.
    let waits = parts.headers.contains_key(header::EXPECT);
    if waits || body.is_end_stream() || body.size_hint().lower() > BODY_LIMIT as u64 {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let sent = Shared(Arc::new(Mutex::new(body)));
    let response = next.run(Request::from_parts(parts, Body::new(sent.clone()))).await;
    if response.status() != StatusCode::PAYLOAD_TOO_LARGE {
        let _in_time = tokio::time::timeout(PATIENCE, sent.read_the_rest()).await;
    }
    response
}

/// A body that is still at hand when its request is gone.
#[derive(Clone)]
struct Shared(Arc<Mutex<Body>>);

impl Shared {
    async fn read_the_rest(mut self) {
        let mut left = BODY_LIMIT;
        while !self.is_end_stream() {
            let frame = std::future::poll_fn(|context| pin!(&mut self).poll_frame(context)).await;
            let Some(Ok(frame)) = frame else { return };
            let read = frame.data_ref().map_or(0, Bytes::len);
            let Some(less) = left.checked_sub(read) else { return };
            left = less;
        }
    }

    fn body(&self) -> MutexGuard<'_, Body> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl http_body::Body for Shared {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut *self.body()).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body().size_hint()
    }
}
