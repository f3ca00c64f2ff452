//! One body or tunnel as it is watched: how it gets on, and whose right to it
//! has to hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use doorward_model::time::Timestamp;

use crate::Edge;
use crate::watch::connection::Connection;
use crate::watch::pace::{Kind, Pace};
use crate::watch::signal::{Cut, Signal};
use crate::watch::stay::Stay;
use crate::watch::{Bounds, Ticks};

/// Why an upload does not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Failure {
    /// It is framed wrongly, or the client broke it off.
    Malformed = 1,
    /// It is longer than is taken here.
    TooLarge,
}

pub(crate) struct Flow {
    pub(crate) pace: Pace,
    /// None where nobody's right is asked for: pages and forms of ours.
    stay: Option<Arc<Stay>>,
    /// Ended with the flow where the client takes nothing any more: HTTP/2
    /// does not ask a body whose stream has no room.
    connection: Option<Arc<Connection>>,
    failure: AtomicU8,
    /// Whether its right was asked for since it began: what changed just before that is no change any more.
    asked: AtomicBool,
    pub(crate) signal: Signal,
}

impl Flow {
    pub(crate) fn download(stay: Option<Arc<Stay>>, connection: &Arc<Connection>, now: Ticks) -> Self {
        Self { connection: Some(Arc::clone(connection)), ..Self::new(Kind::Download, stay, now) }
    }

    pub(crate) fn new(kind: Kind, stay: Option<Arc<Stay>>, now: Ticks) -> Self {
        Self {
            pace: Pace::new(kind, now),
            stay,
            connection: None,
            failure: AtomicU8::new(0),
            asked: AtomicBool::new(false),
            signal: Signal::default(),
        }
    }

    pub(crate) fn fail(&self, failure: Failure) {
        self.failure.store(failure as u8, Ordering::Relaxed);
    }

    pub(crate) fn failure(&self) -> Option<Failure> {
        let failure = self.failure.load(Ordering::Relaxed);
        [Failure::Malformed, Failure::TooLarge].into_iter().find(|one| *one as u8 == failure)
    }

    /// Why it must end now, if it must. `changed`: something that permits rest on is another than before.
    pub(super) fn verdict(
        &self,
        edge: &Edge,
        changed: bool,
        now: Timestamp,
        tick: Ticks,
        bounds: &Bounds,
    ) -> Option<Cut> {
        let slow = self.pace.overdue(tick, bounds);
        if self.signal.is_cut() {
            // A stream without room hears nothing; then its connection has to.
            return slow.filter(|slow| *slow == Cut::SlowClient);
        }
        let first = !self.asked.swap(true, Ordering::Relaxed);
        slow.or_else(|| {
            let stay = self.stay.as_ref()?;
            if changed || first { stay.standing(edge, now).err() } else { stay.in_time(now).err() }
        })
    }

    pub(super) fn end(&self, cut: Cut, now: Timestamp) {
        if let (Some(stay), Cut::Ended | Cut::Unchecked) = (&self.stay, cut) {
            stay.log_end(cut, now);
        }
        self.signal.cut(cut);
        if let (Cut::SlowClient, Some(connection)) = (cut, &self.connection) {
            connection.signal.cut(cut);
        }
    }
}
