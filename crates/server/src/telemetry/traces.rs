//! Spans on their way to a collector, over OTLP with protobuf in HTTP. They
//! wait in a bounded queue of the SDK, whose own thread sends them: when the
//! collector is slow or away, spans are lost, and no request knows of it.

use std::time::Duration;

use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tokio::runtime::Handle;

use crate::config::TelemetrySettings;

/// How long a collector may take to take spans over.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the last spans may take.
const LAST_SPANS: Duration = Duration::from_secs(2);
/// Where OTLP over HTTP expects spans, below the collector's address.
const TRACES: &str = "/v1/traces";

/// The way to the collector. Clones are handles to the same, of which one ends it.
#[derive(Clone)]
pub(crate) struct Traces {
    provider: SdkTracerProvider,
    /// Whose requests they are told of, where it is not the process's own team.
    namespace: Option<String>,
}

/// Why no span could ever be sent.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    #[error("the collector's client could not be made: {0}")]
    Client(#[from] reqwest::Error),
    #[error(transparent)]
    Exporter(#[from] ExporterBuildError),
}

impl Traces {
    /// None unless the file names a collector. What the file does not say, the
    /// `OTEL_*` variables may: sampling, name, attributes, headers, batches.
    pub(crate) fn start(settings: &TelemetrySettings, runtime: Handle) -> Result<Option<Self>, TracesError> {
        let Some(endpoint) = &settings.otlp_endpoint else { return Ok(None) };
        let client =
            reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none()).build()?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Sender { client, runtime })
            .with_endpoint(with_path(endpoint.as_str()))
            .build()?;
        let mut provider = SdkTracerProvider::builder().with_resource(resource(settings)).with_batch_exporter(exporter);
        if let Some(ratio) = settings.sample_ratio {
            provider = provider.with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(ratio))));
        }
        Ok(Some(Self { provider: provider.build(), namespace: None }))
    }

    pub(crate) fn tracer(&self) -> BoxedTracer {
        let scope = InstrumentationScope::builder("doorward");
        let named = self.namespace.clone().map(|name| KeyValue::new("doorward.namespace", name));
        BoxedTracer::new(Box::new(self.provider.tracer_with_scope(scope.with_attributes(named).build())))
    }

    /// For the requests of an emulator's namespace.
    pub(crate) fn of_namespace(&self, name: &str) -> Self {
        Self { namespace: Some(name.to_owned()), ..self.clone() }
    }

    /// Sends what is waiting.
    pub(crate) async fn end(self) {
        let ended = tokio::task::spawn_blocking(move || self.provider.shutdown_with_timeout(LAST_SPANS)).await;
        if !ended.is_ok_and(|ended| ended.is_ok()) {
            tracing::warn!("the last spans could not be sent within {LAST_SPANS:?}");
        }
    }
}

fn with_path(endpoint: &str) -> String {
    let base = endpoint.trim_end_matches('/');
    if base.ends_with(TRACES) { base.to_owned() } else { format!("{base}{TRACES}") }
}

fn resource(settings: &TelemetrySettings) -> Resource {
    let resource = Resource::builder();
    let named = std::env::var_os("OTEL_SERVICE_NAME").is_some();
    match &settings.service_name {
        Some(name) => resource.with_service_name(name.clone()),
        None if named => resource,
        None => resource.with_service_name("doorward"),
    }
    .build()
}

/// Sends with the HTTP client that everything else here uses. It needs a
/// runtime, and the SDK's thread has none.
#[derive(Debug)]
struct Sender {
    client: reqwest::Client,
    runtime: Handle,
}

#[async_trait::async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, HttpError> {
        let client = self.client.clone();
        self.runtime.spawn(async move { client.send_bytes(request).await }).await?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_named_with_or_without_the_path_of_spans() {
        for written in ["http://c:4318", "http://c:4318/", "http://c:4318/v1/traces"] {
            assert_eq!(with_path(written), "http://c:4318/v1/traces");
        }
        assert_eq!(with_path("https://c/otlp/"), "https://c/otlp/v1/traces");
    }
}
