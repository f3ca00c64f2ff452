//! How a body or a tunnel gets on: whom it waits for, since when, how much has
//! come through, and whether that is too slow.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

use crate::watch::signal::Cut;
use crate::watch::{Bounds, Ticks, passed};

/// What moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Download,
    Upload,
    Tunnel,
}

/// Whom it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Waiting {
    Nobody,
    Client,
    Origin,
}

/// Written by the task that moves the bytes, read by the worker's watch.
#[derive(Debug)]
pub(crate) struct Pace {
    kind: Kind,
    waiting: AtomicU8,
    since: AtomicU32,
    /// Spent waiting for the client so far.
    waited: AtomicU32,
    moved: AtomicU64,
}

impl Pace {
    pub(crate) const fn new(kind: Kind, now: Ticks) -> Self {
        Self {
            kind,
            waiting: AtomicU8::new(Waiting::Nobody as u8),
            since: AtomicU32::new(now),
            waited: AtomicU32::new(0),
            moved: AtomicU64::new(0),
        }
    }

    /// From now on it waits for this side.
    pub(crate) fn waits_for(&self, whom: Waiting, now: Ticks) {
        let since = self.since.swap(now, Ordering::Relaxed);
        if self.waiting.swap(whom as u8, Ordering::Relaxed) == Waiting::Client as u8 {
            self.waited.fetch_add(now.saturating_sub(since), Ordering::Relaxed);
        }
    }

    /// So many bytes came through.
    pub(crate) fn moved(&self, bytes: usize) {
        self.moved.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// How many bytes came through.
    pub(crate) fn length(&self) -> u64 {
        self.moved.load(Ordering::Relaxed)
    }

    pub(crate) fn is_waiting_for(&self, whom: Waiting) -> bool {
        self.waiting.load(Ordering::Relaxed) == whom as u8
    }

    /// When the last part came through, or was asked for.
    pub(crate) fn since(&self) -> Ticks {
        self.since.load(Ordering::Relaxed)
    }

    /// Why it must end, if it takes too long.
    pub(super) fn overdue(&self, now: Ticks, bounds: &Bounds) -> Option<Cut> {
        let since = self.since();
        if self.kind == Kind::Tunnel {
            return passed(since, now, bounds.tunnel).then_some(Cut::Idle);
        }
        if self.is_waiting_for(Waiting::Origin) {
            // An upload that its origin does not take is bounded by the time for the answer.
            return (self.kind == Kind::Download && passed(since, now, bounds.answer)).then_some(Cut::SlowOrigin);
        }
        if !self.is_waiting_for(Waiting::Client) {
            return None;
        }
        let wait = now.saturating_sub(since);
        let waited = self.waited.load(Ordering::Relaxed).saturating_add(wait);
        let too_slow = waited > bounds.stall && self.length() < u64::from(waited) * bounds.rate;
        (wait > bounds.stall || too_slow).then_some(Cut::SlowClient)
    }
}

#[cfg(test)]
mod tests;
