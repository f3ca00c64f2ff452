//! The body of a call: an object, in which `null` is the same as nothing.

use std::collections::BTreeSet;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use serde_json::{Map, Value};

use super::refusal::Refusal;
use super::unambiguous;

/// What a caller wrote. No body is an empty object: SDKs send the content type
/// with calls that have none.
pub(super) struct Written {
    pub(super) fields: Map<String, Value>,
    /// Fields that were written as `null`.
    pub(super) nulls: BTreeSet<String>,
}

impl<S: Send + Sync> FromRequest<S> for Written {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let bytes = Bytes::from_request(request, state).await;
        Self::read(&bytes.map_err(Refusal::unread)?)
    }
}

/// Several of them, in a list.
pub(super) struct WrittenList(pub(super) Vec<Written>);

impl<S: Send + Sync> FromRequest<S> for WrittenList {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let bytes = Bytes::from_request(request, state).await;
        let value = json(&bytes.map_err(Refusal::unread)?)?;
        let Value::Array(items) = value else { return Err(Refusal::unreadable("the body is not a list")) };
        items.into_iter().map(Written::of).collect::<Result<_, _>>().map(Self)
    }
}

fn json(bytes: &[u8]) -> Result<Value, Refusal> {
    match bytes.trim_ascii() {
        [] => Ok(Value::Object(Map::new())),
        bytes => {
            unambiguous::read(bytes).map_err(|error| Refusal::unreadable(format!("the body is not JSON: {error}")))
        }
    }
}

impl Written {
    /// An object inside what was written, of which the nulls are gone already.
    pub(super) fn part(fields: Map<String, Value>) -> Self {
        Self { fields, nulls: BTreeSet::new() }
    }

    fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        Self::of(json(bytes)?)
    }

    fn of(value: Value) -> Result<Self, Refusal> {
        let Value::Object(fields) = value else { return Err(Refusal::unreadable("the body is not an object")) };
        let nulls = fields.iter().filter(|(_, value)| value.is_null()).map(|(name, _)| name.clone()).collect();
        let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
        Ok(Self { fields: fields.map(|(name, value)| (name, without_nulls(value))).collect(), nulls })
    }
}

/// Terraform writes `null` for what a rule does not have.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, without_nulls(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}
