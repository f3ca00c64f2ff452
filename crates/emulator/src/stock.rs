//! Signing keys for namespaces, which come by the hundred: an RSA key takes a
//! twentieth of a second and more to find, nearly all of it for its two
//! primes. Here every two primes that were found make a key: ten keys found in
//! the usual way give 190.
//!
//! Keys that share a prime are different keys: what one signed, the other
//! refuses. But whoever has the public halves of both can work out the private
//! ones. An emulator hands out tokens to everybody who asks, so that nothing
//! is lost by that; the team of the process itself has keys of its own.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use doorward_model::time::Clock;
use doorward_signer::SigningKey;
use rsa::BoxedUint;

use crate::primes::{Pkcs8, put_together, taken_apart};

/// Keys that lie ready.
const READY: usize = 24;

/// Keys that nobody had yet.
#[derive(Default)]
pub struct Stock {
    ready: Mutex<VecDeque<Pkcs8>>,
    found: Mutex<Found>,
    filling: AtomicBool,
}

/// Primes, and how far they are used up: all pairs before the one of these
/// two places were made keys of.
#[derive(Default)]
struct Found {
    primes: Vec<BoxedUint>,
    low: usize,
    high: usize,
}

impl Stock {
    /// One that lies ready.
    #[must_use]
    pub fn ready(&self) -> Option<Pkcs8> {
        lock(&self.ready).pop_front()
    }

    /// How many lie ready.
    #[must_use]
    pub fn len(&self) -> usize {
        lock(&self.ready).len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A new one. Takes milliseconds, and at times a tenth of a second: call it
    /// on a blocking thread.
    #[must_use]
    pub fn made(&self) -> Pkcs8 {
        loop {
            if let Some((p, q)) = lock(&self.found).pair() {
                return put_together(p, q);
            }
            // Without the lock: whoever needs another one at the same time looks for it beside this one.
            let primes = primes();
            lock(&self.found).primes.extend(primes);
        }
    }

    /// Makes keys until enough lie ready, unless somebody does so already. To
    /// be called on a blocking thread.
    pub fn fill(&self) {
        if self.filling.swap(true, Ordering::AcqRel) {
            return;
        }
        while self.len() < READY {
            let made = self.made();
            lock(&self.ready).push_back(made);
        }
        self.filling.store(false, Ordering::Release);
    }

    /// Whether it is time to [`fill`](Self::fill) it.
    #[must_use]
    pub fn runs_low(&self) -> bool {
        self.len() < READY / 2 && !self.filling.load(Ordering::Acquire)
    }
}

impl Found {
    /// Two primes that were never together before, if there are any.
    fn pair(&mut self) -> Option<(BoxedUint, BoxedUint)> {
        if self.low == self.high {
            (self.low, self.high) = (0, self.high + 1);
        }
        let pair = (self.primes.get(self.low)?.clone(), self.primes.get(self.high)?.clone());
        self.low += 1;
        Some(pair)
    }
}

/// The two of a new key.
fn primes() -> Vec<BoxedUint> {
    let key = SigningKey::generate("found for its primes", Clock::system().now());
    taken_apart(&key.to_pkcs8())
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use doorward_model::time::{Lifetime, Timestamp};

    use super::*;

    #[test]
    fn no_two_keys_of_a_stock_are_the_same_and_each_of_them_signs() {
        let stock = Stock::default();
        let kids: HashSet<String> = (0..7)
            .map(|_| {
                let since = Timestamp::from_secs(1_800_000_000);
                let key =
                    SigningKey::from_pkcs8(&stock.made(), "t1.cloudflareaccess.com", since, Lifetime::from_days(1));
                key.unwrap().kid().to_owned()
            })
            .collect();
        assert_eq!(kids.len(), 7);
        assert_eq!(lock(&stock.found).primes.len(), 6, "seven keys of six primes");
    }

    #[test]
    fn what_lies_ready_is_given_once() {
        let stock = Stock::default();
        assert!(stock.ready().is_none() && stock.runs_low());
        stock.fill();
        assert!(!stock.runs_low());
        let first = stock.ready().unwrap();
        let others: Vec<Pkcs8> = std::iter::from_fn(|| stock.ready()).collect();
        assert_eq!(others.len(), READY - 1);
        assert!(!others.contains(&first));
    }
}
