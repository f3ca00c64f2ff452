//! One request to an origin and its answer: from the pool or over a fresh
//! connection, once, or again where that cannot do harm.

use std::pin::pin;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;

use crate::Worker;
use crate::record::Record;
use crate::upstream::connect::{ConnectError, connect};
use crate::upstream::pool::{Lease, PoolKey};
use crate::upstream::spare::Spare;
use crate::upstream::upload::Upload;
use crate::watch::flow::{Failure, Flow};
use crate::watch::pace::Waiting;
use crate::watch::signal::Cut;
use crate::watch::{TICK, Watch};

/// Why an origin gave no answer.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Nobody listens, the name is unknown, TLS failed.
    Unreachable(String),
    /// It did not answer in time.
    Slow,
    /// It closed early, or what it said was not HTTP.
    Broken(String),
    /// The client's body cannot be passed on: the origin is not to blame.
    Upload(Failure),
    /// The client's body was ended here.
    Cut(Cut),
}

impl Trouble {
    /// Whose fault it is that there was no answer.
    fn of(error: &hyper::Error, upload: Option<&Flow>) -> Self {
        if let Some(failure) = upload.and_then(Flow::failure) {
            return Self::Upload(failure);
        }
        match upload.and_then(|upload| upload.signal.reason()) {
            Some(cut) => Self::Cut(cut),
            None => Self::Broken(error.to_string()),
        }
    }
}

impl From<ConnectError> for Trouble {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Timeout => Self::Slow,
            ConnectError::Failed(error) => Self::Unreachable(error.to_string()),
        }
    }
}

/// Sends the request and waits for the head of the answer.
///
/// An idle connection may turn out to be closed by its origin just as we write
/// to it. What was never sent is then sent over a fresh one; what was sent is
/// repeated only where that cannot do harm (RFC 9110 §9.2.2).
pub(crate) async fn exchange(
    worker: &Worker,
    key: PoolKey,
    request: Request<Upload>,
    record: &mut Record,
) -> Result<(Response<Incoming>, Lease), Trouble> {
    let limit = worker.edge.limits.upstream_response_timeout.as_std();
    let upload = request.body().flow();
    let upload = upload.as_deref();
    let (request, key) = match worker.pool.take(&key) {
        None => (request, key),
        Some(sender) => {
            let mut lease = Lease::new(&worker.pool, key, sender);
            let spare = Spare::of(&request);
            match in_time(limit, &worker.watch, upload, lease.sender.try_send_request(request)).await {
                None => return Err(Trouble::Slow),
                Some(Ok(response)) => return Ok((response, lease)),
                Some(Err(mut error)) => match error.take_message().or_else(|| spare?.request()) {
                    Some(request) if !error.error().is_parse() => (request, lease.into_key()),
                    _ => return Err(Trouble::of(error.error(), upload)),
                },
            }
        }
    };
    let limit_to_connect = worker.edge.limits.upstream_connect_timeout.as_std();
    let opened = connect(&key.service, &worker.edge.tls, limit_to_connect).await;
    record.connected(opened.is_ok());
    let mut lease = Lease::new(&worker.pool, key, opened?);
    match in_time(limit, &worker.watch, upload, lease.sender.send_request(request)).await {
        None => Err(Trouble::Slow),
        Some(Ok(response)) => Ok((response, lease)),
        Some(Err(error)) => Err(Trouble::of(&error, upload)),
    }
}

/// The head of the answer, unless it takes longer than the limit from the last
/// part of the upload on. While the client is waited for, the origin is not late.
async fn in_time<F: Future>(limit: Duration, watch: &Watch, upload: Option<&Flow>, answer: F) -> Option<F::Output> {
    let mut answer = pin!(answer);
    let mut patience = limit;
    loop {
        if let Ok(answer) = tokio::time::timeout(patience, answer.as_mut()).await {
            return Some(answer);
        }
        let pace = &upload?.pace;
        patience = match pace.is_waiting_for(Waiting::Client) {
            true => limit,
            false => {
                let waited = TICK * watch.now().saturating_sub(pace.since());
                limit.checked_sub(waited).filter(|left| !left.is_zero())?
            }
        };
    }
}
