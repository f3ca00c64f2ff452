//! When the signing key changes, and how long its predecessor is still
//! believed (Access docs, "validating JSON web tokens"). Who makes the next
//! key, and keeps the nodes in step, is the server's work.

use doorward_model::time::{Lifetime, Timestamp};

/// How long one key signs, where nothing else was decided.
pub const INTERVAL: Lifetime = Lifetime::from_days(6 * 7);

/// What else may be decided (Access API, `key_rotation_interval_days`).
pub const SHORTEST_INTERVAL_DAYS: u32 = 21;
pub const LONGEST_INTERVAL_DAYS: u32 = 365;

/// How long the key before it stays published and accepted.
pub const OVERLAP: Lifetime = Lifetime::from_days(7);

/// Whether a key that has signed since `activated_at` has signed long enough.
#[must_use]
pub fn due(activated_at: Timestamp, interval: Lifetime, now: Timestamp) -> bool {
    now >= activated_at.plus(interval)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_signs_for_its_interval_which_is_six_weeks() {
        let activated_at = Timestamp::from_secs(1_800_000_000);
        for interval in [INTERVAL, Lifetime::from_days(21)] {
            assert!(!due(activated_at, interval, activated_at));
            assert!(!due(activated_at, interval, Timestamp(activated_at.plus(interval).0 - 1)));
            assert!(due(activated_at, interval, activated_at.plus(interval)));
        }
        assert_eq!(INTERVAL, Lifetime::from_days(42));
    }
}
