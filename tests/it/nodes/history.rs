//! What was acknowledged while nodes were killed, and whether all that was
//! answered is consistent with it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

/// How long a node that runs may take to hear of what another one ended. A
/// notification takes milliseconds; the poll, which catches what is lost, a second.
const PROPAGATION: Duration = Duration::from_secs(3);

/// One process, from its start to its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    pub(crate) began: Instant,
    pub(crate) killed: Option<Instant>,
}

/// Something that was asked of one process, or, for a sign-in through all its pages, of several.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) who: usize,
    pub(crate) lives: Vec<usize>,
    pub(crate) begun: Instant,
    pub(crate) ended: Instant,
    pub(crate) what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Signing in; whether it was acknowledged.
    SignIn(bool),
    /// Signing out, or being revoked; whether it was acknowledged.
    End(bool),
    /// A request with a token of an acknowledged sign-in.
    Request(Answer),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Passed,
    /// Sent to sign in, or cut off under way because the session had ended.
    Refused,
    Other(u16),
    Nothing,
}

#[derive(Default)]
pub(crate) struct History {
    lives: Mutex<Vec<Life>>,
    events: Mutex<Vec<Event>>,
}

impl History {
    pub(crate) fn begins(&self) -> usize {
        let mut lives = self.lives.lock().expect("not poisoned");
        lives.push(Life { began: Instant::now(), killed: None });
        lives.len() - 1
    }

    /// To be noted before it is done.
    pub(crate) fn is_killed(&self, life: usize) {
        self.lives.lock().expect("not poisoned")[life].killed = Some(Instant::now());
    }

    pub(crate) fn add(&self, event: Event) {
        self.events.lock().expect("not poisoned").push(event);
    }

    /// Acknowledged sign-ins, acknowledged ends, requests that passed, and those that were refused.
    pub(crate) fn counts(&self) -> [usize; 4] {
        let events = self.events.lock().expect("not poisoned");
        let of = |what| events.iter().filter(|event| event.what == what).count();
        [
            of(What::SignIn(true)),
            of(What::End(true)),
            of(What::Request(Answer::Passed)),
            of(What::Request(Answer::Refused)),
        ]
    }

    /// Everything that should not be.
    pub(crate) fn violations(&self) -> Vec<String> {
        violations(&self.lives.lock().expect("not poisoned"), &self.events.lock().expect("not poisoned"))
    }
}

fn violations(lives: &[Life], events: &[Event]) -> Vec<String> {
    let mut ends: BTreeMap<usize, &Event> = BTreeMap::new();
    for event in events.iter().filter(|event| matches!(event.what, What::End(_))) {
        ends.insert(event.who, event);
    }
    let problem = |event: &Event| {
        let end = ends.get(&event.who).copied();
        match event.what {
            What::SignIn(true) | What::End(true) => None,
            What::SignIn(false) | What::End(false) | What::Request(Answer::Nothing) => {
                (!met_a_kill(event, lives)).then_some("failed, and no node was killed under it")
            }
            What::Request(Answer::Other(_)) => Some("was answered by an error"),
            What::Request(Answer::Refused) => {
                end.is_none_or(|end| event.ended < end.begun).then_some("was refused, and nothing had ended it")
            }
            What::Request(Answer::Passed) => {
                end.is_some_and(|end| must_be_known(end, event, lives)).then_some("passed, and had been ended")
            }
        }
    };
    let told = events.iter().filter_map(|event| Some((event, problem(event)?)));
    told.map(|(event, problem)| format!("{problem}: {event:?}; its end: {:?}", ends.get(&event.who))).collect()
}

fn met_a_kill(event: &Event, lives: &[Life]) -> bool {
    event.lives.iter().any(|life| lives[*life].killed.is_some_and(|killed| killed <= event.ended))
}

/// Whether the node that answered this request must have known of that end: it
/// acknowledged it, or began after it, or had time to hear of it.
fn must_be_known(end: &Event, request: &Event, lives: &[Life]) -> bool {
    let (told, asked) = (end.lives[0], request.lives[0]);
    let time = if told == asked || lives[asked].began > end.ended { Duration::ZERO } else { PROPAGATION };
    end.what == What::End(true) && request.begun > end.ended + time
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At these tenths of a second, on this life.
    fn event(start: Instant, life: usize, begun: u64, ended: u64, what: What) -> Event {
        let at = |tenths| start + Duration::from_millis(100 * tenths);
        Event { who: 0, lives: vec![life], begun: at(begun), ended: at(ended), what }
    }

    #[test]
    fn the_checker_sees_what_should_not_be_and_nothing_else() {
        use Answer::{Nothing, Other, Passed, Refused};
        use What::{End, Request, SignIn};
        let start = Instant::now();
        let at = |tenths: u64| start + Duration::from_millis(100 * tenths);
        let lives = [
            Life { began: start, killed: Some(at(60)) },
            Life { began: start, killed: None },
            Life { began: at(21), killed: None },
        ];
        let end = event(start, 0, 10, 20, End(true));
        for (event, wrong) in [
            (event(start, 0, 1, 9, Request(Passed)), false),
            (event(start, 0, 1, 9, Request(Refused)), true),
            (event(start, 0, 9, 11, Request(Refused)), false),
            (event(start, 0, 21, 22, Request(Passed)), true),
            (event(start, 1, 21, 22, Request(Passed)), false),
            (event(start, 1, 51, 52, Request(Passed)), true),
            (event(start, 2, 22, 23, Request(Passed)), true),
            (event(start, 2, 22, 23, Request(Refused)), false),
            (event(start, 1, 22, 23, Request(Other(503))), true),
            (event(start, 1, 50, 70, Request(Nothing)), true),
            (event(start, 0, 50, 70, Request(Nothing)), false),
            (event(start, 0, 50, 59, SignIn(false)), true),
            (event(start, 0, 50, 61, SignIn(false)), false),
        ] {
            let found = violations(&lives, &[end.clone(), event.clone()]);
            assert_eq!(!found.is_empty(), wrong, "{event:?} {found:?}");
        }
        let unknown = event(start, 0, 50, 70, End(false));
        for answer in [Passed, Refused] {
            let request = event(start, 1, 80, 81, Request(answer));
            assert!(violations(&lives, &[unknown.clone(), request]).is_empty(), "nobody knows whether it was done");
        }
    }
}
