//! Two nodes on one Postgres: a sign-out on the first, and how long the second
//! still lets the token in.

use std::time::{Duration, Instant};

use crate::Outcome;
use crate::doorward::{Doorward, Setup, WIKI};
use crate::postgres::Postgres;
use crate::report::{Goal, Report};
use crate::section::Bench;
use crate::spread::{Spread, short};

pub(super) fn run(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let postgres = Postgres::start()?;
    let url = postgres.url();
    let setup = Setup { store: Some(&url), ..bench.setup() };
    let first = Doorward::start(&bench.settings.doorward, &setup, None)?;
    let setup = Setup { team_port: Some(first.port), ..setup };
    let second = Doorward::start(&bench.settings.doorward, &setup, None)?;
    let times = if bench.settings.quick { 30 } else { 300 };
    let mut spent = Vec::new();
    for _ in 0..times {
        spent.push(bench.runtime.block_on(seen_after(&first, &second))?);
    }
    let spent = Spread::of(spent);
    let p99 = spent.percentile(0.99);
    let measured = format!("p50 {}, p99 {}", short(spent.median()), short(p99));
    let name = "sign-out on one node, seen on another (Postgres)";
    report.figure(name, p99, &measured, " ms", Goal::AtMost(100.0, 1000.0));
    Ok(())
}

/// Milliseconds from the answer to a sign-out until the other node refuses the token.
async fn seen_after(first: &Doorward, second: &Doorward) -> Outcome<f64> {
    let browser = first.signed_in().await?;
    // Both nodes are one team: the name is the same, the port is not.
    let mut watcher = browser.elsewhere(first.port, second.port);
    let status = watcher.status(&first.url(WIKI)).await?;
    if status != 200 {
        return Err(format!("the second node does not know who signed in on the first: {status}").into());
    }
    let mut leaver = browser;
    leaver.visit(&format!("{}cdn-cgi/access/logout", first.url(WIKI))).await?;
    let told = Instant::now();
    while watcher.status(&first.url(WIKI)).await? == 200 {
        if told.elapsed() > Duration::from_secs(30) {
            return Err("a sign-out is not seen on the other node".into());
        }
    }
    Ok(told.elapsed().as_secs_f64() * 1000.0)
}
