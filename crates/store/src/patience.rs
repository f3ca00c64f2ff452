//! How long a node waits for its database, and how long it does without.

use std::time::Duration;

use crate::revocations::FRESH_FOR;

/// How patient a node is with its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How long a Postgres server that is not up yet is waited for.
    pub start: Duration,
    /// How long what is known of revocations is believed without news from the
    /// database. More than the default is taken for the default (I10).
    pub freshness: Duration,
}

impl Patience {
    /// The longest that revocations are believed without news.
    pub const MOST_FRESHNESS: Duration = FRESH_FOR;
    /// Less would be missed by a single slow answer: the database is asked every second.
    pub const LEAST_FRESHNESS: Duration = Duration::from_secs(2);
}

impl Default for Patience {
    fn default() -> Self {
        Self { start: Duration::from_secs(30), freshness: Self::MOST_FRESHNESS }
    }
}
