//! Moments, durations and the clock. Rules receive a [`Timestamp`]; only doors
//! hold a [`Clock`], and read it once per request.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, RwLock};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Milliseconds since 1970-01-01T00:00:00Z, as the store keeps them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Whole seconds, rounded down: what a JWT carries (RFC 7519 §2, `NumericDate`).
    #[must_use]
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    #[must_use]
    pub const fn plus(self, lifetime: Lifetime) -> Self {
        Self(self.0.saturating_add(lifetime.millis()))
    }

    #[must_use]
    pub const fn minus(self, lifetime: Lifetime) -> Self {
        Self(self.0.saturating_sub(lifetime.millis()))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    #[must_use]
    pub fn since(self, earlier: Timestamp) -> Lifetime {
        Lifetime::from_millis(self.0.saturating_sub(earlier.0).max(0))
    }

    /// RFC 3339 in UTC, with whole seconds.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        OffsetDateTime::from_unix_timestamp(self.secs())
            .ok()
            .and_then(|moment| moment.format(&Rfc3339).ok())
            .unwrap_or_else(|| format!("@{}", self.secs()))
    }

    /// `None` when the text is not RFC 3339.
    #[must_use]
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        i64::try_from(moment.unix_timestamp_nanos() / 1_000_000).ok().map(Self)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

/// A length of time in milliseconds, never negative, written as Go writes
/// durations (`24h`, `1h30m`, `300ms`): the form Cloudflare's API uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Lifetime(i64);

impl Lifetime {
    pub const ZERO: Self = Self(0);

    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(if millis < 0 { 0 } else { millis })
    }

    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Self::from_millis(seconds.saturating_mul(1000))
    }

    #[must_use]
    pub const fn from_hours(hours: i64) -> Self {
        Self::from_secs(hours.saturating_mul(3600))
    }

    #[must_use]
    pub const fn from_days(days: i64) -> Self {
        Self::from_hours(days.saturating_mul(24))
    }

    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    #[must_use]
    pub const fn secs(self) -> i64 {
        self.0 / 1000
    }

    #[must_use]
    pub const fn as_std(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0.unsigned_abs())
    }
}

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a duration; write it like 24h, 1h30m or 300ms")]
pub struct InvalidLifetime(String);

impl FromStr for Lifetime {
    type Err = InvalidLifetime;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidLifetime(text.to_owned());
        if text == "0" {
            return Ok(Self::ZERO);
        }
        let mut rest = text;
        let mut nanos = 0_f64;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(invalid)?;
            let value: f64 = rest[..digits].parse().map_err(|_| invalid())?;
            rest = &rest[digits..];
            let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
            nanos += value * unit_nanos(&rest[..unit]).ok_or_else(invalid)?;
            rest = &rest[unit..];
        }
        // A century is more than any duration here may be; beyond it sums would overflow.
        let millis = nanos / 1e6;
        if text.is_empty() || millis > 3.2e12 {
            return Err(invalid());
        }
        #[expect(clippy::cast_possible_truncation, reason = "bounded by a century just above")]
        Ok(Self(millis as i64))
    }
}

fn unit_nanos(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1.0,
        "us" | "µs" | "μs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "m" => 60e9,
        "h" => 3600e9,
        _ => return None,
    })
}

impl TryFrom<String> for Lifetime {
    type Error = InvalidLifetime;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Lifetime> for String {
    fn from(lifetime: Lifetime) -> Self {
        lifetime.to_string()
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        for (unit, size) in [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
            let count = match unit {
                "h" => self.0 / size,
                "m" => self.0 % 3_600_000 / size,
                "s" => self.0 % 60_000 / size,
                _ => self.0 % 1000,
            };
            if count > 0 {
                write!(f, "{count}{unit}")?;
            }
        }
        Ok(())
    }
}

/// Where a door reads the time. Cloning it gives another handle to the same clock.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(Arc<RwLock<Manual>>),
}

/// The state of a clock that tests and the emulator move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manual {
    /// The system's time plus this many milliseconds.
    Running {
        offset: i64,
    },
    Frozen {
        at: i64,
    },
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that runs with the machine's until it is moved or frozen.
    #[must_use]
    pub fn movable() -> Self {
        Self(Source::Manual(Arc::new(RwLock::new(Manual::Running { offset: 0 }))))
    }

    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self.state() {
            None => system_now(),
            Some(Manual::Running { offset }) => Timestamp(system_now().0.saturating_add(offset)),
            Some(Manual::Frozen { at }) => Timestamp(at),
        }
    }

    #[must_use]
    pub fn is_frozen(&self) -> bool {
        matches!(self.state(), Some(Manual::Frozen { .. }))
    }

    /// Makes it `now`. `false`: this is the machine's clock, which cannot be moved.
    #[must_use]
    pub fn set(&self, now: Timestamp) -> bool {
        self.change(|state| match state {
            Manual::Running { .. } => Manual::Running { offset: now.0.saturating_sub(system_now().0) },
            Manual::Frozen { .. } => Manual::Frozen { at: now.0 },
        })
    }

    /// Moves it forward. `false`: this is the machine's clock.
    #[must_use]
    pub fn advance(&self, by: Lifetime) -> bool {
        self.set(self.now().plus(by))
    }

    /// Stops or restarts it at the moment it shows. `false`: this is the machine's clock.
    #[must_use]
    pub fn freeze(&self, frozen: bool) -> bool {
        let now = self.now().0;
        self.change(|_| match frozen {
            true => Manual::Frozen { at: now },
            false => Manual::Running { offset: now.saturating_sub(system_now().0) },
        })
    }

    /// Back to the machine's time. `false`: this is the machine's clock.
    #[must_use]
    pub fn reset(&self) -> bool {
        self.change(|_| Manual::Running { offset: 0 })
    }

    fn state(&self) -> Option<Manual> {
        match &self.0 {
            Source::System => None,
            Source::Manual(state) => Some(*state.read().unwrap_or_else(std::sync::PoisonError::into_inner)),
        }
    }

    fn change(&self, change: impl FnOnce(Manual) -> Manual) -> bool {
        let Source::Manual(state) = &self.0 else { return false };
        let mut state = state.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        *state = change(*state);
        true
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
fn system_now() -> Timestamp {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_as_go_does() {
        for (text, millis, written) in [
            ("24h", 86_400_000, "24h"),
            ("1h30m", 5_400_000, "1h30m"),
            ("300ms", 300, "300ms"),
            ("1.5h", 5_400_000, "1h30m"),
            ("90s", 90_000, "1m30s"),
            ("0", 0, "0s"),
            ("0m", 0, "0s"),
        ] {
            let lifetime: Lifetime = text.parse().unwrap();
            assert_eq!((lifetime.millis(), lifetime.to_string().as_str()), (millis, written), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_duration_is_refused() {
        for text in ["", "24", "h", "1d", "-1h", "1h-1m", "999999999h", "1 h", "..h"] {
            assert!(text.parse::<Lifetime>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_movable_clock_goes_where_it_is_put_and_stays_when_frozen() {
        let clock = Clock::movable();
        assert!(clock.freeze(true));
        let start = clock.now();
        assert!(clock.advance(Lifetime::from_hours(25)));
        assert_eq!(clock.now(), start.plus(Lifetime::from_hours(25)));
        assert!(clock.set(Timestamp::from_secs(1_800_000_000)));
        assert_eq!(clock.now().to_rfc3339(), "2027-01-15T08:00:00Z");
    }

    #[test]
    fn the_system_clock_cannot_be_moved() {
        assert!(!Clock::system().advance(Lifetime::from_hours(1)));
    }
}
