//! What the store measures of itself: how long callers wait for it, how full
//! its pool is, and how old the revocations in memory are.

use std::fmt;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::Store;

/// The time that statements take, by how they end.
#[derive(Clone, Debug)]
pub(crate) struct Waits(Family<Ended, Histogram, fn() -> Histogram>);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    outcome: &'static str,
}

impl Waits {
    pub(crate) fn observe(&self, waited: Duration, well: bool) {
        let ended = Ended { outcome: if well { "ok" } else { "failed" } };
        self.0.get_or_create(&ended).observe(waited.as_secs_f64());
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        let help = "Time that a statement or a transaction took, waiting for a connection included";
        registry.register("doorward_store_statement_duration_seconds", help, self.0.clone());
    }
}

impl Default for Waits {
    fn default() -> Self {
        Self(Family::new_with_constructor(|| {
            Histogram::new([0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0])
        }))
    }
}

/// What is looked up whenever somebody asks.
pub(crate) struct Looked(pub(crate) Store);

impl fmt::Debug for Looked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Looked")
    }
}

impl Collector for Looked {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let (open, idle) = self.0.database().connections();
        let (name, help) = ("doorward_store_connections", "Connections to the database");
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (state, count) in [("used", open.saturating_sub(idle)), ("idle", idle)] {
            family.encode_family(&[("state", state)])?.encode_gauge(&count)?;
        }
        let (name, help) = ("doorward_revocations_age_seconds", "Time since the revocations in memory were last read");
        let age = self.0.revocations().age().map_or(f64::INFINITY, |age| age.as_secs_f64());
        encoder.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&age)
    }
}
