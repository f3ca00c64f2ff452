//! Resident memory: just started, and with many people who use it.

use crate::Outcome;
use crate::report::{Goal, Report};
use crate::section::Bench;
use crate::spread::short;

pub(super) fn run(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let gateway = bench.doorward(&bench.setup())?;
    let idle = gateway.child.memory();
    report.figure("resident memory, idle", idle, &short(idle), " MiB", Goal::AtMost(25.0, 60.0));
    let people = if bench.settings.quick { 500 } else { 10_000 };
    // Each sign-in ends with the first page: its token is verified and remembered.
    bench.sign_ins(&gateway, people)?;
    let full = gateway.child.memory();
    let name = format!("resident memory with {people} live sessions");
    report.figure(&name, full, &short(full), " MiB", Goal::AtMost(60.0, 200.0));
    Ok(())
}
