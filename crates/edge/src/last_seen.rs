//! When a service token was last used, written down once a minute at most and
//! never on the way of a request.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use doorward_model::id::ServiceTokenId;
use doorward_model::time::Timestamp;

use crate::Edge;

/// Tokens whose minute is known without a lock.
const CAPACITY: usize = 4096;

pub(crate) struct LastSeen {
    minutes: quick_cache::sync::Cache<ServiceTokenId, i64>,
    /// The minute that was last written for each token.
    written: Mutex<HashMap<ServiceTokenId, i64>>,
}

impl LastSeen {
    pub(crate) fn new() -> Self {
        Self { minutes: quick_cache::sync::Cache::new(CAPACITY), written: Mutex::default() }
    }

    /// The first look of each token in each minute, whoever asks at the same time.
    fn is_news(&self, token: ServiceTokenId, now: Timestamp) -> bool {
        let minute = now.secs().div_euclid(60);
        if self.minutes.get(&token) == Some(minute) {
            return false;
        }
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        self.minutes.insert(token, minute);
        written.insert(token, minute) != Some(minute)
    }
}

/// Notes that a service token proved itself.
pub(crate) fn note(edge: &Edge, token: ServiceTokenId, now: Timestamp) {
    if edge.last_seen.is_news(token, now) {
        let store = edge.store.clone();
        edge.control.spawn(async move {
            if let Err(error) = store.service_token_seen(token, now).await {
                tracing::warn!(%error, "when a service token was last seen could not be written down");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_news_once_a_minute() {
        let (seen, one, other) = (LastSeen::new(), ServiceTokenId::random(), ServiceTokenId::random());
        let at = Timestamp::from_secs;
        assert!(seen.is_news(one, at(60)) && seen.is_news(other, at(60)));
        assert!(!seen.is_news(one, at(119)) && !seen.is_news(other, at(61)));
        assert!(seen.is_news(one, at(120)));
    }
}
