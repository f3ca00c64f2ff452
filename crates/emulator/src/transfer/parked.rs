//! What was sealed for a command line and is not picked up yet.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use doorward_model::time::{Clock, Lifetime, Timestamp};
use tokio::sync::Notify;

use super::Transfer;

/// How long it waits; by the machine's clock, as the command line does.
const LIFE: Lifetime = Lifetime::from_secs(600);
/// The oldest make room.
const MOST_PARKED: usize = 1024;

/// Everything that waits.
#[derive(Default)]
pub(crate) struct Parked {
    waiting: Mutex<VecDeque<One>>,
    arrived: Notify,
    closing: AtomicBool,
}

struct One {
    key: [u8; 32],
    until: Timestamp,
    transfer: Transfer,
}

impl Parked {
    pub(super) fn leave(&self, key: [u8; 32], transfer: Transfer) {
        let until = Clock::system().now().plus(LIFE);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|one| one.key != key);
        if waiting.len() >= MOST_PARKED {
            waiting.pop_front();
        }
        waiting.push_back(One { key, until, transfer });
        drop(waiting);
        self.arrived.notify_waiters();
    }

    /// What is there for this key, or comes within this time. It is there once.
    pub(super) async fn within(&self, key: &[u8; 32], hold: Duration) -> Option<Transfer> {
        let waited = async {
            loop {
                let arrived = self.arrived.notified();
                tokio::pin!(arrived);
                // Before looking, so that what comes in between is not missed.
                arrived.as_mut().enable();
                if let Some(found) = self.take(key) {
                    return Some(found);
                }
                if self.closing.load(Ordering::SeqCst) {
                    return None;
                }
                arrived.await;
            }
        };
        tokio::time::timeout(hold, waited).await.ok().flatten()
    }

    /// Lets nobody wait any longer: the process is about to end.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
        self.arrived.notify_waiters();
    }

    fn take(&self, key: &[u8; 32]) -> Option<Transfer> {
        let now = Clock::system().now();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|one| one.until > now);
        let place = waiting.iter().position(|one| one.key == *key)?;
        waiting.remove(place).map(|one| one.transfer)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn transfer() -> Transfer {
        Transfer { body: "sealed".into(), service_key: HeaderValue::from_static("k") }
    }

    #[tokio::test]
    async fn what_is_there_is_given_once_and_to_its_own_key_alone() {
        let parked = Parked::default();
        parked.leave([1; 32], transfer());
        assert!(parked.within(&[2; 32], Duration::ZERO).await.is_none());
        assert!(parked.within(&[1; 32], Duration::from_secs(1)).await.is_some());
        assert!(parked.within(&[1; 32], Duration::ZERO).await.is_none());
    }

    #[tokio::test]
    async fn a_poll_wakes_up_when_something_comes_and_when_the_process_ends() {
        let parked = Parked::default();
        let (found, ()) = tokio::join!(parked.within(&[1; 32], Duration::from_secs(20)), async {
            tokio::task::yield_now().await;
            parked.leave([1; 32], transfer());
        });
        assert!(found.is_some());
        let (found, ()) = tokio::join!(parked.within(&[1; 32], Duration::from_secs(20)), async {
            tokio::task::yield_now().await;
            parked.close();
        });
        assert!(found.is_none());
    }
}
