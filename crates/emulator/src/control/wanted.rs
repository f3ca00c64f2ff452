//! Reading a call's body: JSON of exactly the fields the call knows.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
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
        let read = from(&mut reader)?;
        reader.end().map_err(|error| malformed(&error))?;
        Ok(Self(read))
    }
}

/// Reads JSON that says by a path where it is wrong.
pub(super) fn from<'a, T, D>(json: D) -> Result<T, Refusal>
where
    T: Deserialize<'a>,
    D: Deserializer<'a, Error = serde_json::Error>,
{
    serde_path_to_error::deserialize(json).map_err(|error| {
        let (path, error) = (error.path().to_string(), error.into_inner());
        match error.classify() {
            Category::Data => Refusal::unusable(&placed(&path, &plain(&error))),
            Category::Io | Category::Syntax | Category::Eof => malformed(&error),
        }
    })
}

fn malformed(error: &serde_json::Error) -> Refusal {
    let (line, column) = (error.line(), error.column());
    Refusal::malformed(&format!("the body is not JSON: {}, in line {line}, column {column}", plain(error)))
        .hint("send JSON")
}

/// Without the position that the library adds: of a value that is JSON, its path says more.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&position).unwrap_or(&text).to_owned()
}

/// An unknown or missing field is named by the error itself; `.` is the body as a whole.
fn placed(path: &str, error: &str) -> String {
    let field = path.rsplit(['.', '[', ']']).next().unwrap_or_default();
    if path == "." || (!field.is_empty() && error.contains(&format!("`{field}`"))) {
        return error.to_owned();
    }
    format!("{path}: {error}")
}
