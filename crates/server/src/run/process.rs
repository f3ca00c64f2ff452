//! The process itself among the metrics, by the names that every Prometheus
//! client gives them, and how old the key is that signs.

use std::fmt;
use std::sync::Arc;

use doorward_model::time::{Clock, Timestamp};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue};
use prometheus_client::metrics::MetricType;
use rustix::process::{Resource, getrlimit};

use crate::keys::Keys;

/// What is looked up whenever somebody asks.
pub(super) struct Process {
    pub(super) started: Timestamp,
    pub(super) keys: Arc<Keys>,
    pub(super) clock: Clock,
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Process")
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let (age, left) = self.keys.age(self.clock.now());
        let help = "How long the current key has signed";
        gauge(&mut encoder, "doorward_signing_key_age_seconds", help, age)?;
        let help = "Time until the signing key is rotated; negative when that is overdue";
        gauge(&mut encoder, "doorward_signing_key_rotation_due_seconds", help, left)?;
        let help = "When the process started, in seconds since 1970";
        gauge(&mut encoder, "process_start_time_seconds", help, self.started.secs())?;
        if let Some(bytes) = resident_memory() {
            gauge(&mut encoder, "process_resident_memory_bytes", "Memory in use", bytes)?;
        }
        if let Some(open) = open_descriptors() {
            gauge(&mut encoder, "process_open_fds", "Open descriptors", open)?;
        }
        match getrlimit(Resource::Nofile).current {
            Some(most) => gauge(&mut encoder, "process_max_fds", "Descriptors that may be open", most),
            None => Ok(()),
        }
    }
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: impl EncodeGaugeValue) -> fmt::Result {
    encoder.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
}

/// Where the system tells: Linux does.
fn resident_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

fn open_descriptors() -> Option<u64> {
    // The one that lists them is among them.
    Some((std::fs::read_dir("/proc/self/fd").ok()?.count() as u64).saturating_sub(1))
}
