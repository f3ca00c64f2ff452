//! The comparison itself: all servers up at once, visited in turn, in reversed
//! order on odd rounds. Ratios are formed inside a round, where whatever else
//! the machine did met both sides.

use std::path::Path;
use std::time::Duration;

use crate::Outcome;
use crate::child::Child;
use crate::load::{Order, Work};
use crate::spread::Spread;

/// One server and what it is asked.
pub(crate) struct Target<'a> {
    pub(crate) name: &'static str,
    pub(crate) child: &'a Child,
    pub(crate) order: Order,
}

/// How the comparison is made.
#[derive(Clone, Copy)]
pub(crate) struct Plan<'a> {
    pub(crate) rounds: usize,
    /// How long each visit lasts.
    pub(crate) visit: Duration,
    /// The core of the load.
    pub(crate) core: usize,
    pub(crate) folder: &'a Path,
}

/// What one visit showed.
#[derive(Clone, Copy, Debug)]
struct Visit {
    /// CPU time of the server for each request, in µs.
    micros: f64,
    /// Requests in a second.
    rate: f64,
    p99: f64,
}

/// All rounds.
pub(crate) struct Measured {
    names: Vec<&'static str>,
    rounds: Vec<Vec<Visit>>,
}

/// Visits every target in every round.
pub(crate) fn measure(targets: &[Target<'_>], plan: Plan<'_>) -> Outcome<Measured> {
    let mut rounds = Vec::new();
    for round in 0..plan.rounds {
        let mut visits = vec![None; targets.len()];
        let mut turns: Vec<usize> = (0..targets.len()).collect();
        if round % 2 == 1 {
            turns.reverse();
        }
        for turn in turns {
            let target = &targets[turn];
            let order = Order { work: Work::For(plan.visit), ..target.order.clone() };
            let (done, before, after) = order
                .carry_out(plan.folder, Some(plan.core), || Ok(target.child.cpu()))
                .map_err(|failure| format!("{}: {failure}", target.name))?;
            let micros = after.saturating_sub(before).as_secs_f64() * 1e6 / done.requests as f64;
            visits[turn] = Some(Visit { micros, rate: done.requests as f64 / done.seconds, p99: done.p99 });
        }
        rounds.push(visits.into_iter().flatten().collect());
    }
    Ok(Measured { names: targets.iter().map(|target| target.name).collect(), rounds })
}

impl Measured {
    pub(crate) fn names(&self) -> &[&'static str] {
        &self.names
    }

    /// CPU µs for each request.
    pub(crate) fn micros(&self, name: &str) -> Spread {
        Spread::of(self.each(name).map(|visit| visit.micros))
    }

    pub(crate) fn rate(&self, name: &str) -> Spread {
        Spread::of(self.each(name).map(|visit| visit.rate))
    }

    pub(crate) fn p99(&self, name: &str) -> Spread {
        Spread::of(self.each(name).map(|visit| visit.p99))
    }

    /// CPU time relative to another server, round by round.
    pub(crate) fn ratio(&self, name: &str, to: &str) -> Spread {
        Spread::of(self.each(name).zip(self.each(to)).map(|(a, b)| a.micros / b.micros))
    }

    /// CPU µs more than another one, round by round.
    pub(crate) fn difference(&self, name: &str, from: &str) -> Spread {
        Spread::of(self.each(name).zip(self.each(from)).map(|(a, b)| a.micros - b.micros))
    }

    fn each(&self, name: &str) -> impl Iterator<Item = &Visit> {
        let place = self.names.iter().position(|known| *known == name).expect("a name that was measured");
        self.rounds.iter().map(move |round| &round[place])
    }
}
