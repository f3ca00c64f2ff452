//! What the store counts, shown among the metrics when they are asked for.

use doorward_store::Store;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;

/// Statements run so far. Requests that are let in as before add nothing to it.
pub(super) struct StoreQueries(pub(super) Store);

impl std::fmt::Debug for StoreQueries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreQueries")
    }
}

impl Collector for StoreQueries {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let counter = ConstCounter::new(self.0.queries());
        let help = "Statements the store has run";
        counter.encode(encoder.encode_descriptor("doorward_store_queries", help, None, counter.metric_type())?)
    }
}
