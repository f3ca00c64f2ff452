//! A collector of traces: OTLP over HTTP with protobuf, as much of it as is sent.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use prost::Message as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::deadline::eventually;
use super::wire::Wire;

/// A span with its ids as they are written in `traceparent`.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) name: String,
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) service: String,
    /// An emulator's; empty for the process's own team.
    pub(crate) namespace: String,
    /// 2 is a server's, 3 a client's.
    pub(crate) kind: i32,
    pub(crate) is_error: bool,
    pub(crate) attributes: BTreeMap<String, String>,
}

pub(crate) struct Collector {
    address: SocketAddr,
    spans: Arc<Mutex<Vec<Span>>>,
    _tasks: JoinSet<()>,
}

impl Collector {
    pub(crate) async fn start() -> Collector {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let spans = Arc::<Mutex<Vec<Span>>>::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&spans)));
        Collector { address, spans, _tasks: tasks }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        self.spans.lock().expect("not poisoned").clone()
    }

    /// The spans, once there are so many.
    pub(crate) async fn collected(&self, count: usize) -> Vec<Span> {
        eventually(&format!("{count} spans"), async || Some(self.spans()).filter(|spans| spans.len() >= count)).await
    }
}

async fn accept(listener: TcpListener, spans: Arc<Mutex<Vec<Span>>>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, Arc::clone(&spans)));
    }
}

async fn serve(stream: TcpStream, spans: Arc<Mutex<Vec<Span>>>) {
    let mut wire = Wire::new(stream);
    while let Some(head) = wire.head().await {
        let mut body = Vec::new();
        wire.request_body(&head, |part| body.extend_from_slice(part)).await.expect("a whole body");
        assert_eq!(head.first_line, "POST /v1/traces HTTP/1.1");
        let request = ExportTraceServiceRequest::decode(&*body).expect("a message of OTLP");
        spans.lock().expect("not poisoned").extend(read(request));
        let answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n";
        if wire.stream.write_all(answer).await.is_err() {
            return;
        }
    }
}

fn read(request: ExportTraceServiceRequest) -> Vec<Span> {
    let mut read = Vec::new();
    for resource in request.resource_spans {
        let of_resource = texts(resource.resource.unwrap_or_default().attributes);
        let spans = resource.scope_spans.into_iter().flat_map(|scope| {
            let of_scope = texts(scope.scope.unwrap_or_default().attributes);
            let namespace = of_scope.get("doorward.namespace").cloned().unwrap_or_default();
            scope.spans.into_iter().map(move |span| (namespace.clone(), span))
        });
        for (namespace, span) in spans {
            read.push(Span {
                namespace,
                name: span.name,
                trace: hex(&span.trace_id),
                id: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
                service: of_resource.get("service.name").cloned().unwrap_or_default(),
                kind: span.kind,
                is_error: span.status.is_some_and(|status| status.code == 2),
                attributes: texts(span.attributes),
            });
        }
    }
    read
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Option<AnyValue>| match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    attributes.into_iter().map(|pair| (pair.key, text(pair.value))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
