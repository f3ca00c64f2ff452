//! When the signing key changes, and how long its predecessor is still
//! believed (Access docs, "validating JSON web tokens"). Who makes the next
//! key, and keeps the nodes in step, is the server's work.

use doorward_model::time::{Lifetime, Timestamp};

/// How long one key signs.
pub const INTERVAL: Lifetime = Lifetime::from_days(6 * 7);

/// How long the key before it stays published and accepted.
pub const OVERLAP: Lifetime = Lifetime::from_days(7);

/// Whether a key that has signed since `activated_at` has signed long enough.
#[must_use]
pub fn due(activated_at: Timestamp, now: Timestamp) -> bool {
    now >= activated_at.plus(INTERVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_signs_for_six_weeks() {
        let activated_at = Timestamp::from_secs(1_800_000_000);
        assert!(!due(activated_at, activated_at));
        assert!(!due(activated_at, Timestamp(activated_at.plus(INTERVAL).0 - 1)));
        assert!(due(activated_at, activated_at.plus(Lifetime::from_days(42))));
    }
}
