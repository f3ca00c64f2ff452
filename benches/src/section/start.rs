//! `doorward dev` from exec to ready.

use std::time::Instant;

use crate::Outcome;
use crate::child::Child;
use crate::doorward::folder;
use crate::report::{Goal, Report};
use crate::section::Bench;
use crate::spread::Spread;

pub(super) fn run(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let times = if bench.settings.quick { 3 } else { 15 };
    let kept = folder()?;
    let kept = kept.path().join("data").to_string_lossy().into_owned();
    ready(bench, Some(&kept))?;
    let with = (0..times).map(|_| ready(bench, Some(&kept))).collect::<Outcome<Vec<f64>>>()?;
    let without = (0..times).map(|_| ready(bench, None)).collect::<Outcome<Vec<f64>>>()?;
    for (name, times, goal) in [
        ("`doorward dev` from exec to ready, keys to be made", without, Goal::AtMost(150.0, 600.0)),
        ("… keys there", with, Goal::AtMost(40.0, 300.0)),
    ] {
        let times = Spread::of(times);
        report.figure(name, times.median(), &times.to_string(), " ms", goal);
    }
    Ok(())
}

fn ready(bench: &Bench, data: Option<&str>) -> Outcome<f64> {
    let program = bench.settings.doorward.to_string_lossy().into_owned();
    let mut words = vec![&*program, "dev", "--port", "0", "--admin-port", "0", "--ready-json"];
    words.extend(data.into_iter().flat_map(|folder| ["--data", folder]));
    let began = Instant::now();
    let mut child = Child::start("doorward dev", None, &words, &bench.folder.path().join("dev.log"))?;
    child.line()?;
    Ok(began.elapsed().as_secs_f64() * 1000.0)
}
