//! What all guests of a process counted, added up under no name of theirs:
//! whoever makes namespaces chooses their names, and must not make series.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;

use super::shown::{count, counter, gauge};
use super::{CLASSES, Count, Reason, Shard, Tally};
use crate::guests::Guests;

/// Counts that outlive those who counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Together {
    forwarded: u64,
    bypassed: u64,
    refused: [u64; Reason::ALL.len()],
    answered: [u64; CLASSES.len()],
}

impl Together {
    pub(crate) fn add(&mut self, shard: &Shard) {
        shard.tallies().iter().for_each(|tally| self.add_tally(tally));
    }

    pub(crate) fn add_sums(&mut self, more: &Self) {
        self.forwarded += more.forwarded;
        self.bypassed += more.bypassed;
        self.refused.iter_mut().zip(more.refused).for_each(|(sum, more)| *sum += more);
        self.answered.iter_mut().zip(more.answered).for_each(|(sum, more)| *sum += more);
    }

    fn add_tally(&mut self, tally: &Tally) {
        self.forwarded += tally.forwarded.get();
        self.bypassed += tally.bypassed.get();
        add_each(&mut self.refused, &tally.refused);
        add_each(&mut self.answered, &tally.answered);
    }
}

fn add_each<const N: usize>(sums: &mut [u64; N], counts: &[Count; N]) {
    sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count.get());
}

/// The guests of all listeners. Each guest is at every one of them.
pub struct GuestMetrics(pub Vec<Arc<Guests>>);

impl fmt::Debug for GuestMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GuestMetrics")
    }
}

impl Collector for GuestMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let encoder = &mut encoder;
        let (mut sums, mut there) = (Together::default(), 0);
        for guests in &self.0 {
            there = guests.counted(&mut sums).max(there);
        }
        let there = i64::try_from(there).unwrap_or(i64::MAX);
        gauge(encoder, "doorward_namespaces", "Namespaces of the emulator at this moment", there)?;
        let (name, help) =
            ("doorward_namespace_requests_forwarded", "Requests of all namespaces forwarded with an identity");
        counter(encoder, name, help, sums.forwarded)?;
        let (name, help) =
            ("doorward_namespace_requests_bypassed", "Requests of all namespaces forwarded by a Bypass policy");
        counter(encoder, name, help, sums.bypassed)?;
        let (name, help) = ("doorward_namespace_requests_refused", "Requests of all namespaces refused, by reason");
        by_word(encoder, name, help, "reason", Reason::ALL.map(Reason::as_str).into_iter().zip(sums.refused))?;
        let (name, help) = ("doorward_namespace_responses", "Answers of all namespaces by class of status");
        by_word(encoder, name, help, "class", CLASSES.into_iter().zip(sums.answered))
    }
}

/// A counter by one of a fixed set of words. Those that never counted are left out.
fn by_word(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    label: &str,
    values: impl Iterator<Item = (&'static str, u64)>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (word, value) in values.filter(|(_, value)| *value > 0) {
        count(&mut family.encode_family(&[(label, word)])?, value)?;
    }
    Ok(())
}
