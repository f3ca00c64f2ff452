//! The spans of one request: ours, below whatever the client says it comes
//! from, and below it the one in which the origin is asked. What they say is
//! what the access log says, without people: a collector is somebody else's.

use http::header::{HeaderMap, HeaderValue};
use http::{Method, Request};
use opentelemetry::global::{BoxedSpan, BoxedTracer};
use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceState,
    Tracer as _,
};
use opentelemetry::{Context, KeyValue};

use super::{TRACEPARENT, TRACESTATE, TraceId, TraceParent};
use crate::access_log::entry::Entry;
use crate::upstream::exchange::Trouble;

/// The longest `tracestate` that is handed on (W3C Trace Context §3.3.1.5).
const LONGEST_STATE: usize = 512;

pub(crate) struct Spans {
    server: BoxedSpan,
    origin: Option<BoxedSpan>,
}

impl Spans {
    /// Begins with the request's head. The collector's sampling decides once,
    /// here; a client that was sampled decides for us.
    pub(crate) fn begun<B>(tracer: &BoxedTracer, request: &Request<B>) -> Self {
        let builder = SpanBuilder::from_name(span_name(request.method())).with_kind(SpanKind::Server);
        // No parent is not the same as one that is not valid, which would decide against sampling.
        let parent = parent(request.headers());
        let parent = parent.map_or_else(Context::new, |parent| Context::new().with_remote_span_context(parent));
        Self { server: tracer.build_with_context(builder, &parent), origin: None }
    }

    pub(crate) fn trace_id(&self) -> TraceId {
        TraceId(self.server.span_context().trace_id().to_bytes())
    }

    /// Tells the origin that it is asked from within this trace, in the place
    /// of what the client said.
    pub(crate) fn call_origin(&mut self, tracer: &BoxedTracer, headers: &mut HeaderMap) {
        let builder = SpanBuilder::from_name("origin").with_kind(SpanKind::Client);
        let parent = Context::new().with_remote_span_context(self.server.span_context().clone());
        let span = tracer.build_with_context(builder, &parent);
        write(span.span_context(), headers);
        self.origin = Some(span);
    }

    /// The head of the origin's answer is there, or there will be none.
    pub(crate) fn origin_answered(&mut self, trouble: Option<&Trouble>) {
        if let Some(mut span) = self.origin.take() {
            if let Some(trouble) = trouble {
                span.set_status(Status::error(trouble.as_str()));
            }
            span.end();
        }
    }

    /// The request is over.
    pub(crate) fn ended(mut self, entry: &Entry) {
        if self.server.is_recording() {
            self.server.set_attributes(attributes(entry));
            if entry.status >= 500 || entry.aborted {
                self.server.set_status(Status::error(if entry.aborted { "aborted" } else { "" }));
            }
        }
        self.server.end();
    }
}

/// By the names of OpenTelemetry's conventions, and below `doorward.` what they do not know.
/// A method that no standard names is anybody's text; names of spans are few (OpenTelemetry, HTTP spans).
fn span_name(method: &Method) -> &'static str {
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::PATCH]
        .iter()
        .zip(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
        .find_map(|(known, name)| (known == method).then_some(name))
        .unwrap_or("HTTP")
}

fn attributes(entry: &Entry) -> Vec<KeyValue> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let words = &entry.words;
    let mut attributes = vec![
        KeyValue::new("http.request.method", text(words.method())),
        KeyValue::new("url.path", text(words.path())),
        KeyValue::new("server.address", text(words.host())),
        KeyValue::new("client.address", entry.client.to_string()),
        KeyValue::new("http.response.status_code", i64::from(entry.status)),
        KeyValue::new("doorward.outcome", entry.outcome.as_str()),
        KeyValue::new("doorward.ray_id", entry.ray.to_string()),
    ];
    let mut add = |key, value: Option<&str>| {
        attributes.extend(value.map(|value| KeyValue::new(key, value.to_owned())));
    };
    add("doorward.app", entry.app());
    add("doorward.policy", entry.outcome.policy());
    add("doorward.reason", entry.outcome.reason());
    attributes
}

/// Where the request says that it comes from; nowhere, when it says it badly.
fn parent(headers: &HeaderMap) -> Option<SpanContext> {
    let parent = TraceParent::of(headers)?;
    Some(SpanContext::new(
        opentelemetry::trace::TraceId::from_bytes(parent.trace.0),
        SpanId::from_bytes(parent.span),
        TraceFlags::new(parent.flags & TraceFlags::SAMPLED.to_u8()),
        true,
        state(headers).unwrap_or_default(),
    ))
}

fn state(headers: &HeaderMap) -> Option<TraceState> {
    let values: Vec<&str> =
        headers.get_all(TRACESTATE).iter().map(HeaderValue::to_str).collect::<Result<_, _>>().ok()?;
    let state = values.join(",");
    (state.len() <= LONGEST_STATE).then(|| state.parse().ok())?
}

fn write(span: &SpanContext, headers: &mut HeaderMap) {
    let parent = format!("00-{}-{}-{:02x}", span.trace_id(), span.span_id(), span.trace_flags());
    headers.insert(TRACEPARENT, HeaderValue::try_from(parent).expect("hex digits and hyphens"));
    headers.remove(TRACESTATE);
    let state = span.trace_state().header();
    if let Some(state) = HeaderValue::try_from(state).ok().filter(|state| !state.is_empty()) {
        headers.insert(TRACESTATE, state);
    }
}
