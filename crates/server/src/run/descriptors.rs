//! How many descriptors the process may open, and so how many connections it
//! can serve: one that waits to be accepted is better than one that starves
//! those who are being served.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for everything but connections: the store, the listeners, files.
const RESERVE: u64 = 64;

/// Lifts the soft limit to the hard one, and gives how many client connections fit.
pub(super) fn room_for_connections(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let lifted = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let descriptors = if lifted.is_ok() { limit.maximum } else { limit.current };
    let room = fitting(descriptors, wanted);
    if room < wanted {
        tracing::warn!(
            "max_connections is {room} instead of {wanted}: the process may open {} descriptors; raise the limit (ulimit -n)",
            descriptors.unwrap_or_default()
        );
    }
    room
}

/// A connection needs another one to its origin.
fn fitting(descriptors: Option<u64>, wanted: usize) -> usize {
    let Some(descriptors) = descriptors else { return wanted };
    let room = usize::try_from(descriptors.saturating_sub(RESERVE) / 2).unwrap_or(usize::MAX);
    wanted.min(room.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn q_06_no_more_connections_are_served_than_there_are_descriptors_for() {
        assert_eq!(fitting(Some(1024), 10_000), 480);
        assert_eq!(fitting(Some(1_000_000), 10_000), 10_000);
        assert_eq!(fitting(None, 10_000), 10_000);
        assert_eq!(fitting(Some(32), 10_000), 1);
    }
}
