//! Telling a task to end: one word, and a wake-up for whoever has to hear it.

use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

/// Why something is ended before its own end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Cut {
    /// The head of a request took too long.
    SlowHead = 1,
    /// A connection without a request, kept for too long.
    Idle,
    /// A client that neither takes what it asked for nor sends what it announced.
    SlowClient,
    /// An origin that began an answer and does not go on.
    SlowOrigin,
    /// The session, or what let it in, is over.
    Ended,
    /// Whether it is over cannot be said any more: nothing goes on unchecked.
    Unchecked,
}

const ALL: [Cut; 6] = [Cut::SlowHead, Cut::Idle, Cut::SlowClient, Cut::SlowOrigin, Cut::Ended, Cut::Unchecked];
/// The process ends: finish what was begun, and begin nothing new.
const STOP: u8 = 0x40;

impl Cut {
    /// The word for metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::SlowHead => "slow_head",
            Self::Idle => "idle",
            Self::SlowClient => "slow_client",
            Self::SlowOrigin => "slow_origin",
            Self::Ended => "session_ended",
            Self::Unchecked => "unchecked",
        }
    }

    /// The words for the log.
    pub(crate) const fn why(self) -> &'static str {
        match self {
            Self::SlowHead => "the head of the request took too long",
            Self::Idle => "nothing was asked for too long",
            Self::SlowClient => "the client was too slow",
            Self::SlowOrigin => "the origin did not go on",
            Self::Ended => "its session or its policy ended",
            Self::Unchecked => "revocations could not be read",
        }
    }
}

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.why())
    }
}

impl std::error::Error for Cut {}

/// The word itself. One task listens at a time; the last one is woken.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    word: AtomicU8,
    waker: AtomicWaker,
}

impl Signal {
    /// End at once. The first reason stays.
    pub(crate) fn cut(&self, cut: Cut) {
        let first = self
            .word
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |word| (word & !STOP == 0).then_some(word | cut as u8));
        if first.is_ok() {
            self.waker.wake();
        }
    }

    /// End when what was begun is done.
    pub(crate) fn stop(&self) {
        self.word.fetch_or(STOP, Ordering::AcqRel);
        self.waker.wake();
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.reason().is_some()
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.word.load(Ordering::Acquire) & STOP != 0
    }

    pub(crate) fn reason(&self) -> Option<Cut> {
        let word = self.word.load(Ordering::Acquire) & !STOP;
        ALL.into_iter().find(|cut| *cut as u8 == word)
    }

    /// The reason, once there is one. The task is woken by either word.
    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<Cut> {
        self.waker.register(context.waker());
        self.reason().map_or(Poll::Pending, Poll::Ready)
    }

    /// Something to do: `Some` to end at once, `None` when the process ends.
    pub(crate) async fn heard(&self) -> Option<Cut> {
        std::future::poll_fn(|context| {
            self.waker.register(context.waker());
            match self.word.load(Ordering::Acquire) {
                0 => Poll::Pending,
                _ => Poll::Ready(self.reason()),
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_stays_and_stopping_hides_none() {
        let signal = Signal::default();
        assert_eq!((signal.reason(), signal.is_stopping()), (None, false));
        signal.stop();
        assert_eq!((signal.reason(), signal.is_stopping()), (None, true));
        signal.cut(Cut::Ended);
        signal.cut(Cut::Idle);
        assert_eq!((signal.reason(), signal.is_stopping()), (Some(Cut::Ended), true));
    }
}
