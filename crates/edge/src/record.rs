//! What is remembered of one request while it lasts, and told of it when it
//! is over. A record begins with the request's head, goes along through the
//! gate, rides on the body of the answer, and ends with that body, however
//! that ends: bytes, durations and clients that left are right for that reason.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use doorward_model::app::App;
use doorward_model::arrival::Arrival;
use doorward_model::id::RayId;
use doorward_model::time::Timestamp;
use doorward_policy::{Permit, Refusal};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::{Body as _, Frame, SizeHint};

use crate::Worker;
use crate::access_log::entry::{Asked, Entry, Outcome, Who};
use crate::arrive::Socket;
use crate::body::{Body, BoxError};
use crate::caller::Caller;
use crate::metrics::{Reason, Shard, Stage, Tally};
use crate::trace::{Spans, TraceId, TraceParent};
use crate::upstream::exchange::Trouble;
use crate::watch::flow::Flow;
use crate::watch::stay::Stay;

/// In the place of a status, when the client left before there was one.
const CLIENT_LEFT: u16 = 499;

/// One request, to be told when this is dropped.
pub(crate) struct Record {
    pub(crate) ray: RayId,
    pub(crate) now: Timestamp,
    /// None once it rides on a body or in a tunnel.
    noted: Option<Box<Noted>>,
}

struct Noted {
    /// None when nobody wants to be told.
    told: Option<ToTell>,
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

/// What only the access log and the trace ask for.
struct ToTell {
    time: Timestamp,
    ray: RayId,
    client: IpAddr,
    asked: Option<Asked>,
    trace: Option<TraceId>,
    spans: Option<Spans>,
    app: Option<Arc<App>>,
    outcome: Outcome,
    who: Who,
    origin: Option<Duration>,
}

impl Record {
    pub(crate) fn begun<B>(worker: &Worker, socket: Socket, request: &Request<B>) -> Self {
        let mut record = Self::of(worker, socket, request.method().clone());
        record.tell(|told| {
            told.asked = Some(Asked::of(request));
            told.spans = worker.shard.tracer.as_ref().map(|tracer| Spans::begun(tracer, request));
            told.trace = match &told.spans {
                Some(spans) => Some(spans.trace_id()),
                None => TraceParent::of(request.headers()).map(|parent| parent.trace),
            };
        });
        record
    }

    /// How a connection ended: with bytes that were no request, sometimes.
    /// The answer to them is the HTTP library's own.
    pub(crate) fn unparsed(worker: &Worker, socket: Socket, ended: hyper::Result<()>) {
        let Err(error) = ended else { return };
        if error.is_parse() {
            let mut record = Self::of(worker, socket, Method::default());
            record.unreadable();
            let too_large = error.is_parse_too_large();
            let status = if too_large { StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE } else { StatusCode::BAD_REQUEST };
            record.ends_with(status);
        }
    }

    fn of(worker: &Worker, socket: Socket, method: Method) -> Self {
        let began = Instant::now();
        let (ray, now) = (worker.edge.rays.next(), worker.edge.clock.now());
        worker.shard.in_flight.enter();
        let noted = Noted {
            told: worker.shard.has_listeners().then(|| ToTell::of(ray, now, socket)),
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
        Self { ray, now, noted: Some(Box::new(noted)) }
    }

    /// It cannot be said what the request is for.
    pub(crate) fn unreadable(&mut self) {
        self.note(|noted| noted.shard.unreadable.inc());
        self.tell(|told| told.outcome = Outcome::Unreadable);
    }

    /// No application covers the address.
    pub(crate) fn unmatched(&mut self) {
        self.note(|noted| noted.shard.unmatched.inc());
        self.tell(|told| told.outcome = Outcome::Unmatched);
    }

    /// It is known from where it comes, and for which application; for none on the team's domain.
    pub(crate) fn arrived(&mut self, arrival: &Arrival) {
        self.note(|noted| {
            if let Some(app) = &arrival.app {
                noted.tally = noted.shard.app(&app.name);
            }
        });
        self.tell(|told| {
            told.client = arrival.client_ip;
            told.app.clone_from(&arrival.app);
        });
    }

    /// It is known who calls.
    pub(crate) fn found(&mut self, caller: &Caller) {
        self.note(|noted| _ = noted.ended(Stage::Caller));
        self.tell(|told| told.who = caller.into());
    }

    pub(crate) fn admitted(&mut self, permit: &Permit) {
        self.note(|noted| {
            noted.ended(Stage::Verdict);
            noted.tally.admitted(permit.grant());
        });
        self.tell(|told| told.outcome = Outcome::Admitted(permit.clone()));
    }

    pub(crate) fn refused(&mut self, caller: &Caller, refusal: &Refusal) {
        let reason = Reason::of(caller, refusal.kind);
        self.note(|noted| {
            noted.ended(Stage::Verdict);
            noted.tally.refused(reason);
        });
        self.tell(|told| told.outcome = Outcome::Refused(reason, refusal.policy.clone()));
    }

    /// What of the request's body goes on to the origin.
    pub(crate) fn uploads(&mut self, flow: Option<Arc<Flow>>) {
        self.note(|noted| noted.upload = flow);
    }

    /// The origin is about to be asked; in these headers it is told within which trace.
    pub(crate) fn calls_origin(&mut self, headers: &mut HeaderMap) {
        self.note(|noted| {
            let spans = noted.told.as_mut().and_then(|told| told.spans.as_mut());
            if let (Some(spans), Some(tracer)) = (spans, &noted.shard.tracer) {
                spans.call_origin(tracer, headers);
            }
        });
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
            let waited = noted.ended(Stage::Origin);
            noted.from_origin = true;
            match (trouble, &mut noted.told) {
                (Some(trouble), _) => noted.tally.trouble(trouble),
                (None, Some(told)) => told.origin = Some(waited),
                (None, None) => {}
            }
        });
        self.tell(|told| {
            if let Some(spans) = &mut told.spans {
                spans.origin_answered(trouble);
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
            let empty = response.body().is_end_stream() || response.body().size_hint().exact() == Some(0);
            noted.complete = bodiless || empty || noted.method == Method::HEAD;
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

    fn tell(&mut self, what: impl FnOnce(&mut ToTell)) {
        if let Some(told) = self.noted.as_mut().and_then(|noted| noted.told.as_mut()) {
            what(told);
        }
    }
}

impl ToTell {
    const fn of(ray: RayId, time: Timestamp, socket: Socket) -> Self {
        Self {
            time,
            ray,
            client: socket.peer,
            asked: None,
            trace: None,
            spans: None,
            app: None,
            outcome: Outcome::Own,
            who: Who::Nobody,
            origin: None,
        }
    }
}

impl Noted {
    /// Says how long the stage took.
    fn ended(&mut self, stage: Stage) -> Duration {
        let now = Instant::now();
        let took = now - self.last;
        self.shard.stage(stage).observe(took);
        self.last = now;
        took
    }

    fn entry(&mut self, told: ToTell, received: u64) -> Entry {
        Entry {
            time: told.time,
            ray: told.ray,
            client: told.client,
            version: told.asked.as_ref().map(|asked| asked.version).unwrap_or_default(),
            // What nginx writes when a client left before there was an answer.
            status: self.status.map_or(CLIENT_LEFT, |status| status.as_u16()),
            aborted: !self.complete,
            received,
            sent: self.sent,
            duration: self.last - self.began,
            origin: told.origin,
            app: told.app,
            outcome: told.outcome,
            who: told.who,
            trace: told.trace,
            words: told.asked.map(|asked| asked.words()).unwrap_or_default(),
        }
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
        match self.status {
            Some(_) => _ = self.ended(Stage::Body),
            None => self.last = Instant::now(),
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
        if let Some(mut told) = self.told.take() {
            let spans = told.spans.take();
            let entry = self.entry(told, received);
            if let Some(spans) = spans {
                spans.ended(&entry);
            }
            if let Some(teller) = &self.shard.teller {
                teller.tell(entry);
            }
        }
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
