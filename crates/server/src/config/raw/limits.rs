//! `[limits]`: what is absent keeps the edge's own default.

use std::ops::RangeInclusive;

use doorward_edge::Limits;
use doorward_model::time::Lifetime;

use super::super::document::Table;

/// Smaller heads than this are ordinary; larger ones are nobody's.
const HEADER_SIZES: RangeInclusive<usize> = 8192..=1_048_576;

pub(super) fn read(table: &Table<'_>) -> Limits {
    let mut limits = Limits::default();
    for (key, limit) in durations(&mut limits) {
        let positive = |text: &str| match text.parse::<Lifetime>() {
            Ok(Lifetime::ZERO) => Err("0 would end everything at once; write how long it may take".to_owned()),
            Ok(limit) => Ok(limit),
            Err(error) => Err(error.to_string()),
        };
        if let Some(written) = table.read(key, positive) {
            *limit = written.value;
        }
    }
    let any = 0..=usize::MAX;
    let some = 1..=usize::MAX;
    number(table, "max_connections", &some, &mut limits.max_connections);
    number(table, "max_connections_per_client", &any, &mut limits.max_connections_per_client);
    number(table, "max_requests", &some, &mut limits.max_requests);
    number(table, "max_requests_per_client", &any, &mut limits.max_requests_per_client);
    number(table, "max_streams", &some, &mut limits.max_streams);
    number(table, "max_header_size", &HEADER_SIZES, &mut limits.max_header_size);
    number(table, "max_body_size", &(0..=u64::MAX), &mut limits.max_body_size);
    number(table, "client_min_rate", &(0..=u64::MAX), &mut limits.client_min_rate);
    number(table, "upstream_idle_connections", &any, &mut limits.upstream_idle_connections);
    limits
}

fn durations(limits: &mut Limits) -> [(&'static str, &mut Lifetime); 10] {
    [
        ("first_byte_timeout", &mut limits.first_byte_timeout),
        ("header_read_timeout", &mut limits.header_read_timeout),
        ("client_idle_timeout", &mut limits.client_idle_timeout),
        ("client_stall_timeout", &mut limits.client_stall_timeout),
        ("upstream_connect_timeout", &mut limits.upstream_connect_timeout),
        ("upstream_response_timeout", &mut limits.upstream_response_timeout),
        ("upstream_body_timeout", &mut limits.upstream_body_timeout),
        ("tunnel_idle_timeout", &mut limits.tunnel_idle_timeout),
        ("upstream_idle_timeout", &mut limits.upstream_idle_timeout),
        ("drain", &mut limits.drain),
    ]
}

fn number<T>(table: &Table<'_>, key: &'static str, range: &RangeInclusive<T>, limit: &mut T)
where
    T: TryFrom<i64> + PartialOrd + std::fmt::Display,
{
    let Some(written) = table.number::<T>(key) else { return };
    if range.contains(&written.value) {
        *limit = written.value;
        return;
    }
    let (least, most) = (range.start(), range.end());
    table.findings().error(written.line, format!("{key}: {} is not between {least} and {most}", written.value));
}
