//! The metrics as a scraper reads them.

use std::collections::{BTreeMap, BTreeSet};

use super::gateway::Gateway;
use super::raw::exchange;

/// One answer of `/metrics`.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// Each series as it is written, `name{label="value"}`, with its value.
    series: BTreeMap<String, f64>,
    /// The names that series may have, whether there are any yet or not.
    pub(crate) names: BTreeSet<String>,
}

impl Metrics {
    pub(crate) async fn of(gateway: &Gateway) -> Metrics {
        let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        let text = exchange(gateway.admin(), request).await.expect("an answer").text();
        assert!(text.ends_with("# EOF\n"), "{text}");
        let series = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("a value in {line:?}"));
            (series.to_owned(), value.parse().unwrap_or_else(|_| panic!("a number in {line:?}")))
        });
        let families = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        let names = families.flat_map(|(family, kind)| {
            let suffixes: &[&str] = match kind {
                "counter" => &["_total"],
                "histogram" => &["_bucket", "_count", "_sum"],
                "info" => &["_info"],
                _ => &[""],
            };
            suffixes.iter().map(move |suffix| format!("{family}{suffix}"))
        });
        Metrics { series: series.collect(), names: names.collect() }
    }

    /// The value of a series; one that never counted is not shown.
    pub(crate) fn get(&self, series: &str) -> f64 {
        self.series.get(series).copied().unwrap_or_default()
    }

    /// The series whose text has all these parts.
    pub(crate) fn having(&self, parts: &[&str]) -> Vec<&str> {
        let found = self.series.keys().filter(|series| parts.iter().all(|part| series.contains(part)));
        found.map(String::as_str).collect()
    }
}
