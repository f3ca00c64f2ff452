//! What ties a request to the requests before and behind it (W3C Trace
//! Context), and the spans that are told of it where somebody collects them.

mod spans;

use std::fmt;

use http::header::{HeaderMap, HeaderName};
use serde::{Serialize, Serializer};

pub(crate) use self::spans::Spans;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Names everything that one action of a user set off: 16 bytes, not all zero.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceId(pub(crate) [u8; 16]);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for TraceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Where a request says that it comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceParent {
    pub(crate) trace: TraceId,
    span: [u8; 8],
    flags: u8,
}

impl TraceParent {
    /// The one well-formed `traceparent` of a request. Anything else is as if
    /// there were none: the trace begins here.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(TRACEPARENT).iter();
        let value = values.next()?.as_bytes();
        if values.next().is_some() {
            return None;
        }
        Self::parse(value)
    }

    fn parse(value: &[u8]) -> Option<Self> {
        let [version] = hex(value.get(..2)?)?;
        // Version 0 is this long; what later versions add comes behind a hyphen.
        let whole = match version {
            0 => value.len() == 55,
            0xff => false,
            _ => value.get(55).is_none_or(|byte| *byte == b'-'),
        };
        let hyphens = [2, 35, 52].into_iter().all(|place| value.get(place) == Some(&b'-'));
        let (trace, span): ([u8; 16], [u8; 8]) = (hex(value.get(3..35)?)?, hex(value.get(36..52)?)?);
        let [flags] = hex(value.get(53..55)?)?;
        let named = trace != [0; 16] && span != [0; 8];
        (whole && hyphens && named).then_some(Self { trace: TraceId(trace), span, flags })
    }
}

/// Lower-case digits alone: other spellings are malformed.
fn hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    if digits.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn read(value: &str) -> Option<String> {
        TraceParent::parse(value.as_bytes()).map(|parent| format!("{} {}", parent.trace, parent.flags))
    }

    #[test]
    fn a_well_formed_parent_is_read() {
        assert_eq!(read(GOOD).as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736 1"));
        assert!(read(&GOOD.replace("00-4", "01-4")).is_some(), "a later version");
        assert!(read(&format!("{}-more", GOOD.replace("00-4", "cc-4"))).is_some(), "a later version that says more");
    }

    #[test]
    fn a_malformed_parent_is_none() {
        for wrong in [
            "",
            "00",
            &GOOD[..54],
            &format!("{GOOD}-more"),
            &format!("{}more", GOOD.replace("00-4", "01-4")),
            &GOOD.replace("00-4", "ff-4"),
            &GOOD.to_uppercase(),
            &GOOD.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            &GOOD.replace("00f067aa0ba902b7", &"0".repeat(16)),
            &GOOD.replace('-', "_"),
            &GOOD.replace("4b", "4g"),
            &GOOD.replace("4b", "\u{e9}"),
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        let twice: HeaderMap = [(TRACEPARENT, GOOD.parse().unwrap())].into_iter().collect();
        let mut twice = twice;
        assert!(TraceParent::of(&twice).is_some());
        twice.append(TRACEPARENT, GOOD.parse().unwrap());
        assert!(TraceParent::of(&twice).is_none(), "two parents are none");
    }
}
