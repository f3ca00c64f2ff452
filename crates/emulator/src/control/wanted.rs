//! Reading a call's body: JSON of exactly the fields the call knows.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::refusal::Refusal;

/// A body that was read. No body at all is an empty object.
pub(super) struct Wanted<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Wanted<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|rejection| Refusal::with_status(rejection.status(), &rejection.body_text()))?;
        let text: &[u8] = if body.is_empty() { b"{}" } else { &body };
        let mut reader = serde_json::Deserializer::from_slice(text);
        let read = T::deserialize(&mut reader).and_then(|wanted| reader.end().map(|()| wanted));
        read.map(Self).map_err(|error| match error.classify() {
            Category::Data => Refusal::unusable(&error.to_string()),
            _ => Refusal::malformed(&format!("the body is not JSON: {error}")).hint("send one JSON object"),
        })
    }
}
