//! A histogram of durations that is written without a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper bounds in seconds: from what a look-up costs to what a person gives up at.
pub(super) const BOUNDS: [f64; 12] = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0, 30.0];

/// The same in nanoseconds, in which durations are compared.
const NANOS: [u64; BOUNDS.len()] = [
    100_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    100_000_000,
    250_000_000,
    1_000_000_000,
    5_000_000_000,
    30_000_000_000,
];

/// Durations by size. The last place is for what exceeds every bound.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    places: [AtomicU64; BOUNDS.len() + 1],
    nanos: AtomicU64,
}

impl Histogram {
    pub(crate) fn observe(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let place = NANOS.iter().position(|bound| nanos <= *bound).unwrap_or(NANOS.len());
        self.places[place].fetch_add(1, Ordering::Relaxed);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }
}

/// Several histograms added up.
#[derive(Debug, Default)]
pub(super) struct Sum {
    places: [u64; BOUNDS.len() + 1],
    nanos: u64,
}

impl Sum {
    pub(super) fn add(&mut self, histogram: &Histogram) {
        for (sum, place) in self.places.iter_mut().zip(&histogram.places) {
            *sum += place.load(Ordering::Relaxed);
        }
        self.nanos = self.nanos.wrapping_add(histogram.nanos.load(Ordering::Relaxed));
    }

    pub(super) fn count(&self) -> u64 {
        self.places.iter().sum()
    }

    pub(super) fn seconds(&self) -> f64 {
        Duration::from_nanos(self.nanos).as_secs_f64()
    }

    /// Each place with its upper bound; the encoder adds them up.
    pub(super) fn buckets(&self) -> Vec<(f64, u64)> {
        BOUNDS.into_iter().chain([f64::MAX]).zip(self.places).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_are_the_same_in_both_units() {
        for (seconds, nanos) in BOUNDS.into_iter().zip(NANOS) {
            assert_eq!(Duration::from_secs_f64(seconds), Duration::from_nanos(nanos));
        }
    }

    #[test]
    fn a_duration_is_counted_at_the_first_bound_that_holds_it() {
        let histogram = Histogram::default();
        for millis in [1, 1, 3, 60_000] {
            histogram.observe(Duration::from_millis(millis));
        }
        let mut sum = Sum::default();
        sum.add(&histogram);
        let filled: Vec<_> = sum.buckets().into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(filled, [(0.001, 2), (0.005, 1), (f64::MAX, 1)]);
        assert_eq!((sum.count(), sum.seconds()), (4, 60.005));
    }
}
