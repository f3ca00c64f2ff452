//! What all workers counted, added up whenever somebody asks.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use doorward_model::live::LiveCatalog;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::histogram::Sum;
use super::{CLASSES, Count, Histogram, Reason, Shard, Stage, TROUBLES, Tally};

/// The metrics of all workers.
pub(super) struct Shown {
    pub(super) shards: Arc<Mutex<Vec<Arc<Shard>>>>,
    pub(super) catalog: LiveCatalog,
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shown")
    }
}

/// The tallies of each application, by its name; the empty name is for requests of none.
type ByApp = BTreeMap<Box<str>, Vec<Arc<Tally>>>;

impl Collector for Shown {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let apps = self.by_app(&shards);
        requests(&mut encoder, &shards, &apps)?;
        answers(&mut encoder, &shards, &apps)?;
        origins(&mut encoder, &shards, &apps)
    }
}

impl Shown {
    /// Applications that are gone take their series with them: names come and
    /// go with the configuration, and must not add up for ever.
    fn by_app(&self, shards: &[Arc<Shard>]) -> ByApp {
        let catalog = self.catalog.load();
        let known: HashSet<&str> = catalog.apps().map(|app| app.name.as_str()).collect();
        let mut found = ByApp::new();
        for shard in shards {
            found.entry("".into()).or_default().push(shard.nobody());
            let mut apps = shard.apps.lock().unwrap_or_else(PoisonError::into_inner);
            apps.retain(|name, _| known.contains(&**name));
            for (name, tally) in apps.iter() {
                found.entry(name.clone()).or_default().push(Arc::clone(tally));
            }
        }
        found
    }
}

fn requests(encoder: &mut DescriptorEncoder<'_>, shards: &[Arc<Shard>], apps: &ByApp) -> fmt::Result {
    let name = "doorward_requests_forwarded";
    by_app(encoder, name, "Requests forwarded with an identity", apps, |tally| &tally.forwarded)?;
    let name = "doorward_requests_bypassed";
    by_app(encoder, name, "Requests forwarded by a Bypass policy", apps, |tally| &tally.bypassed)?;
    let reasons = Reason::ALL.map(Reason::as_str);
    let (name, help) = ("doorward_requests_refused", "Requests refused, by reason");
    by_kind(encoder, name, help, ("reason", &reasons), apps, |tally| &tally.refused)?;
    let unmatched = total(shards, |shard| shard.unmatched.get());
    counter(encoder, "doorward_requests_unmatched", "Requests for addresses no application covers", unmatched)?;
    let unreadable = total(shards, |shard| shard.unreadable.get());
    counter(encoder, "doorward_requests_unreadable", "Requests refused before they had a place", unreadable)?;
    let in_flight = shards.iter().map(|shard| shard.in_flight.get()).sum();
    gauge(encoder, "doorward_requests_in_flight", "Requests whose answer has not ended", in_flight)
}

fn answers(encoder: &mut DescriptorEncoder<'_>, shards: &[Arc<Shard>], apps: &ByApp) -> fmt::Result {
    let (name, help) = ("doorward_responses", "Answers by class of status; without app: of no application");
    by_kind(encoder, name, help, ("class", &CLASSES), apps, |tally| &tally.answered)?;
    let (name, help) =
        ("doorward_requests_aborted", "Requests whose client left, or whose origin broke off, before the end");
    by_app(encoder, name, help, apps, |tally| &tally.aborted)?;
    let (name, help) = ("doorward_received_bytes", "Bytes of request bodies");
    by_app(encoder, name, help, apps, |tally| &tally.received)?;
    by_app(encoder, "doorward_sent_bytes", "Bytes of answers' bodies", apps, |tally| &tally.sent)?;
    let (name, help) = ("doorward_request_duration_seconds", "From a request's head to the end of its answer");
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
    for (app, tallies) in apps {
        histogram(&mut family, ("app", app), tallies.iter().map(|tally| &tally.duration))?;
    }
    let (name, help) = ("doorward_request_stage_duration_seconds", "Time in each stage of a request");
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
    for stage in Stage::ALL {
        histogram(&mut family, ("stage", stage.as_str()), shards.iter().map(|shard| shard.stage(stage)))?;
    }
    Ok(())
}

fn origins(encoder: &mut DescriptorEncoder<'_>, shards: &[Arc<Shard>], apps: &ByApp) -> fmt::Result {
    let (name, help) = ("doorward_origin_trouble", "Requests that got no answer from their origin");
    by_kind(encoder, name, help, ("reason", &TROUBLES), apps, |tally| &tally.trouble)?;
    let (name, help) = ("doorward_origin_connects", "Connections to origins that were tried to open");
    by_app(encoder, name, help, apps, |tally| &tally.connects)?;
    let (name, help) = ("doorward_origin_connect_failures", "Connections to origins that could not be opened");
    by_app(encoder, name, help, apps, |tally| &tally.connect_failures)?;
    let pools: Vec<_> = shards.iter().filter_map(|shard| shard.pool.upgrade()).collect();
    let used = pools.iter().map(|pool| pool.in_use()).sum();
    gauge(encoder, "doorward_origin_connections_used", "Connections to origins in use", used)?;
    let idle: usize = pools.iter().map(|pool| pool.idle()).sum();
    let help = "Connections to origins kept for the next request";
    gauge(encoder, "doorward_origin_connections_idle", help, i64::try_from(idle).unwrap_or(i64::MAX))
}

fn total(shards: &[Arc<Shard>], of: impl Fn(&Shard) -> u64) -> u64 {
    shards.iter().map(|shard| of(shard)).sum()
}

/// A counter by application. Those that never counted are left out.
fn by_app(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    apps: &ByApp,
    of: impl Fn(&Tally) -> &Count,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (app, tallies) in apps {
        let value: u64 = tallies.iter().map(|tally| of(tally).get()).sum();
        if value > 0 {
            count(&mut family.encode_family(&[("app", &**app)])?, value)?;
        }
    }
    Ok(())
}

/// A counter by application and one of a fixed set of words.
fn by_kind<const N: usize>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    (label, words): (&str, &[&str; N]),
    apps: &ByApp,
    of: impl Fn(&Tally) -> &[Count; N],
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (app, tallies) in apps {
        for (place, word) in words.iter().enumerate() {
            let value: u64 = tallies.iter().map(|tally| of(tally)[place].get()).sum();
            if value > 0 {
                count(&mut family.encode_family(&[("app", &**app), (label, word)])?, value)?;
            }
        }
    }
    Ok(())
}

fn histogram<'a>(
    family: &mut MetricEncoder<'_>,
    label: (&str, &str),
    all: impl Iterator<Item = &'a Histogram>,
) -> fmt::Result {
    let mut sum = Sum::default();
    all.for_each(|histogram| sum.add(histogram));
    if sum.count() == 0 {
        return Ok(());
    }
    let labels = [label];
    let mut series = family.encode_family(&labels)?;
    series.encode_histogram::<NoLabelSet>(sum.seconds(), sum.count(), &sum.buckets(), None)
}

pub(super) fn counter(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    count(&mut encoder.encode_descriptor(name, help, None, MetricType::Counter)?, value)
}

pub(super) fn count(encoder: &mut MetricEncoder<'_>, value: u64) -> fmt::Result {
    encoder.encode_counter::<NoLabelSet, _, u64>(&value, None)
}

pub(super) fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: i64) -> fmt::Result {
    encoder.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
}
