//! Whole sign-ins through the provider, from the stranger's first request to
//! the first page: what they cost the gateway. The provider's time is its own.

use crate::Outcome;
use crate::report::{Goal, Report};
use crate::section::Bench;
use crate::spread::Spread;

pub(super) fn run(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let gateway = bench.doorward(&bench.setup())?;
    let (batches, each) = if bench.settings.quick { (3, 100) } else { (bench.settings.rounds, 500) };
    bench.sign_ins(&gateway, 50)?;
    let mut costs = Vec::new();
    for _ in 0..batches {
        let before = gateway.child.cpu();
        bench.sign_ins(&gateway, each)?;
        costs.push((gateway.child.cpu() - before).as_secs_f64() / each as f64);
    }
    let rate = Spread::of(costs.iter().map(|cost| 1.0 / cost));
    let goal = Goal::AtLeast(900.0, 400.0);
    report.figure("sign-ins per second and core", rate.median(), &rate.to_string(), "", goal);
    Ok(())
}
