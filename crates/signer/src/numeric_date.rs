//! A moment as a token states it: a JSON number of seconds, with or without a
//! fraction (RFC 7519 §2).

use std::fmt;

use doorward_model::time::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

/// A moment between 1970 and the end of the year 9999. Texts, `null`,
/// infinities and numbers beyond are not moments (CVE-2026-25537: a wrong type
/// must not count as an absent claim).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NumericDate(pub(crate) Timestamp);

const LAST_SECOND: i64 = 253_402_300_799;

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Seconds).map(Self)
    }
}

struct Seconds;

impl Visitor<'_> for Seconds {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("seconds since 1970, before the year 10000")
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Timestamp, E> {
        match seconds {
            0..=LAST_SECOND => Ok(Timestamp::from_secs(seconds)),
            _ => Err(E::custom("out of range")),
        }
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<Timestamp, E> {
        self.visit_i64(i64::try_from(seconds).map_err(E::custom)?)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "within the range, which is far below 2^53 milliseconds"
    )]
    fn visit_f64<E: Error>(self, seconds: f64) -> Result<Timestamp, E> {
        if (0.0..=LAST_SECOND as f64).contains(&seconds) {
            Ok(Timestamp((seconds * 1000.0).floor() as i64))
        } else {
            Err(E::custom("out of range"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_read_with_and_without_a_fraction() {
        for (json, millis) in [("0", 0), ("1800000000", 1_800_000_000_000), ("1800000000.9", 1_800_000_000_900)] {
            assert_eq!(serde_json::from_str::<NumericDate>(json).unwrap(), NumericDate(Timestamp(millis)), "{json}");
        }
    }

    #[test]
    fn k_05_what_is_not_a_moment_is_refused() {
        for json in ["\"1999999999\"", "\"never\"", "null", "-1", "-0.5", "1e300", "9223372036854775808", "[]", "true"]
        {
            assert!(serde_json::from_str::<NumericDate>(json).is_err(), "{json}");
        }
    }
}
