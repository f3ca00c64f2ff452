//! The way to the origin: a request that only a permit can make, a pooled
//! connection that never crosses trust, an answer that says nothing it should not.

pub(crate) mod answer;
mod carried;
pub(crate) mod connect;
pub(crate) mod download;
pub(crate) mod exchange;
pub(crate) mod pool;
pub(crate) mod request;
pub(crate) mod spare;
pub(crate) mod tcp;
pub(crate) mod tunnel;
pub(crate) mod upgrade;
pub(crate) mod upload;
