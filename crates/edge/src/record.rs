//! What is remembered of one request while it lasts, and told of it when it
//! is over. A record begins with the request's head, goes along through the
//! gate, rides on the body of the answer, and ends with that body, however
//! that ends: bytes, durations and clients that left are right for that reason.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use doorward_model::app::App;
use doorward_model::id::RayId;
use doorward_model::time::Timestamp;
use doorward_policy::{Permit, Refusal};
use http::{Method, Request, Response, StatusCode};
use http_body::{Body as _, Frame, SizeHint};

use crate::Worker;
use crate::body::{Body, BoxError};
use crate::caller::Caller;
use crate::metrics::{Reason, Shard, Stage, Tally};
use crate::upstream::exchange::Trouble;
use crate::watch::flow::Flow;
use crate::watch::stay::Stay;

/// One request, to be told when this is dropped.
pub(crate) struct Record {
    pub(crate) ray: RayId,
    pub(crate) now: Timestamp,
    /// None once it rides on a body or in a tunnel.
    noted: Option<Box<Noted>>,
}

struct Noted {
    shard: Arc<Shard>,
    tally: Arc<Tally>,
    method: Method,
    began: Instant,
    /// When the last stage ended.
    last: Instant,
    status: Option<StatusCode>,
    upload: Option<Arc<Flow>>,
    received: u64,
    sent: u64,
    /// The answer is an origin's.
    from_origin: bool,
    /// The answer came to its end.
    complete: bool,
}

impl Record {
    pub(crate) fn begun<B>(worker: &Worker, request: &Request<B>) -> Self {
        Self::of(worker, request.method().clone())
    }

    /// How a connection ended: with bytes that were no request, sometimes.
    /// The answer to them is the HTTP library's own.
    pub(crate) fn unparsed(worker: &Worker, ended: hyper::Result<()>) {
        let Err(error) = ended else { return };
        if error.is_parse() {
            let mut record = Self::of(worker, Method::default());
            record.unreadable();
            let too_large = error.is_parse_too_large();
            let status = if too_large { StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE } else { StatusCode::BAD_REQUEST };
            record.ends_with(status);
        }
    }

    fn of(worker: &Worker, method: Method) -> Self {
        let began = Instant::now();
        worker.shard.in_flight.enter();
        let noted = Noted {
            shard: Arc::clone(&worker.shard),
            tally: worker.shard.nobody(),
            method,
            began,
            last: began,
            status: None,
            upload: None,
            received: 0,
            sent: 0,
            from_origin: false,
            complete: false,
        };
        Self { ray: worker.edge.rays.next(), now: worker.edge.clock.now(), noted: Some(Box::new(noted)) }
    }

    /// It cannot be said what the request is for.
    pub(crate) fn unreadable(&mut self) {
        self.note(|noted| noted.shard.unreadable.inc());
    }

    /// No application covers the address.
    pub(crate) fn unmatched(&mut self) {
        self.note(|noted| noted.shard.unmatched.inc());
    }

    /// It is for this application; for none on the team's domain.
    pub(crate) fn belongs_to(&mut self, app: Option<&Arc<App>>) {
        self.note(|noted| {
            if let Some(app) = app {
                noted.tally = noted.shard.app(&app.name);
            }
        });
    }

    /// It is known who calls.
    pub(crate) fn found(&mut self, _caller: &Caller) {
        self.note(|noted| noted.ended(Stage::Caller));
    }

    pub(crate) fn admitted(&mut self, permit: &Permit) {
        self.note(|noted| {
            noted.ended(Stage::Verdict);
            noted.tally.admitted(permit.grant());
        });
    }

    pub(crate) fn refused(&mut self, caller: &Caller, refusal: &Refusal) {
        self.note(|noted| {
            noted.ended(Stage::Verdict);
            noted.tally.refused(Reason::of(caller, refusal.kind));
        });
    }

    /// What of the request's body goes on to the origin.
    pub(crate) fn uploads(&mut self, flow: Option<Arc<Flow>>) {
        self.note(|noted| noted.upload = flow);
    }

    /// A connection to the origin was opened, or could not be.
    pub(crate) fn connected(&mut self, opened: bool) {
        self.note(|noted| {
            noted.tally.connects.inc();
            if !opened {
                noted.tally.connect_failures.inc();
            }
        });
    }

    /// The head of the origin's answer is there, or there will be none.
    pub(crate) fn origin_answered(&mut self, trouble: Option<&Trouble>) {
        self.note(|noted| {
            noted.ended(Stage::Origin);
            noted.from_origin = true;
            if let Some(trouble) = trouble {
                noted.tally.trouble(trouble);
            }
        });
    }

    /// For whoever goes on with the connection after a 101: the record ends with that.
    pub(crate) fn of_tunnel(&mut self) -> Self {
        self.ends_with(StatusCode::SWITCHING_PROTOCOLS);
        Self { noted: self.noted.take(), ..*self }
    }

    /// What a tunnel carried to the origin and back.
    pub(crate) fn carried(&mut self, received: u64, sent: u64) {
        self.note(|noted| (noted.received, noted.sent) = (received, sent));
    }

    /// The answer, on whose body the record rides from here on.
    pub(crate) fn answered(mut self, response: Response<Body>) -> Response<Told> {
        let status = response.status();
        self.note(|noted| {
            noted.answered(status);
            let bodiless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
            noted.complete = bodiless || noted.method == Method::HEAD || response.body().is_end_stream();
        });
        response.map(|body| Told { body, noted: self.noted.take() })
    }

    /// This is the whole answer, as far as can be seen from here.
    fn ends_with(&mut self, status: StatusCode) {
        self.note(|noted| {
            noted.answered(status);
            noted.complete = true;
        });
    }

    fn note(&mut self, what: impl FnOnce(&mut Noted)) {
        if let Some(noted) = &mut self.noted {
            what(noted);
        }
    }
}

impl Noted {
    fn ended(&mut self, stage: Stage) {
        let now = Instant::now();
        self.shard.stage(stage).observe(now - self.last);
        self.last = now;
    }

    fn answered(&mut self, status: StatusCode) {
        if !self.from_origin {
            self.ended(Stage::Own);
        }
        self.status = Some(status);
        self.tally.answered(status);
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        if self.status.is_some() {
            self.ended(Stage::Body);
        }
        self.shard.in_flight.leave();
        let tally = &self.tally;
        if !self.complete {
            tally.aborted.inc();
        }
        let received = self.upload.as_ref().map_or(self.received, |upload| upload.pace.length());
        if received > 0 {
            tally.received.add(received);
        }
        if self.sent > 0 {
            tally.sent.add(self.sent);
        }
        tally.duration.observe(self.last - self.began);
    }
}

/// A body of which will be told.
pub(crate) struct Told {
    body: Body,
    noted: Option<Box<Noted>>,
}

impl Told {
    /// Whose answer it is, where somebody's right to it has to hold.
    pub(crate) const fn stay(&self) -> Option<&Arc<Stay>> {
        self.body.stay()
    }
}

impl http_body::Body for Told {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Self { body, noted } = self.get_mut();
        let frame = std::task::ready!(Pin::new(&mut *body).poll_frame(cx));
        if let Some(noted) = noted {
            match &frame {
                None => noted.complete = true,
                Some(Ok(frame)) => {
                    noted.sent += frame.data_ref().map_or(0, |data| data.len() as u64);
                    noted.complete |= body.is_end_stream();
                }
                Some(Err(_)) => {}
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
