//! Whether many applications make a request slower, and how long it takes
//! until a change of one of them is in force.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::Outcome;
use crate::doorward::{Doorward, Setup};
use crate::report::{Goal, Report};
use crate::rounds::{Target, measure};
use crate::section::Bench;
use crate::spread::{Spread, short};

const SIZES: [(&str, usize, usize); 4] = [
    ("1 application", 1, 1),
    ("100 applications", 100, 1),
    ("5 000 applications", 5_000, 1),
    ("500 applications of 20 policies", 500, 20),
];

pub(super) fn run(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let setups = SIZES.map(|(_, apps, policies)| Setup { apps, policies, ..bench.setup() });
    let gateways = setups.iter().map(|setup| bench.doorward(setup)).collect::<Outcome<Vec<_>>>()?;
    let tokens = gateways.iter().map(|gateway| bench.token(gateway)).collect::<Outcome<Vec<_>>>()?;
    let targets: Vec<Target<'_>> = SIZES
        .iter()
        .zip(gateways.iter().zip(&tokens))
        .map(|((name, _, _), (gateway, token))| Target {
            name,
            child: &gateway.child,
            order: bench.authenticated(gateway, token),
        })
        .collect();
    let measured = measure(&targets, bench.plan(bench.server_core())?)?;
    let [one, _, many, _] = SIZES.map(|(name, _, _)| name);
    let ratio = measured.ratio(many, one);
    report.figure(
        "request with 5 000 applications relative to one",
        ratio.median(),
        &ratio.to_string(),
        "",
        Goal::AtMost(1.1, 1.5),
    );
    let mut rows = Vec::new();
    for ((name, _, _), (gateway, setup)) in SIZES.iter().zip(gateways.iter().zip(&setups)) {
        let change = changed(gateway, setup, bench.settings.rounds)?;
        rows.push(vec![
            (*name).to_owned(),
            measured.micros(name).to_string(),
            measured.ratio(name, one).to_string(),
            change.to_string(),
            short(gateway.child.memory()),
        ]);
    }
    let about = "An authenticated request through gateways of these sizes, all on one core; and how long a changed \
                 file takes from SIGHUP until it is in force, reading and checking the whole file included.";
    let columns = ["", "CPU µs", "relative to one", "change in force, ms", "memory, MiB"];
    report.table("Many applications", about, &columns, rows);
    Ok(())
}

/// How long a change of one application takes, in milliseconds.
fn changed(gateway: &Doorward, setup: &Setup<'_>, times: usize) -> Outcome<Spread> {
    let file = fs::read_to_string(&gateway.config)?;
    let mut spent = Vec::new();
    let told = |log: &str| log.matches("the configuration was reloaded").count();
    for round in 0..times {
        let host = format!("domain = {:?}", crate::doorward::WIKI);
        let session = format!("{host}\nsession_duration = \"{}h\"", round + 1);
        fs::write(&gateway.config, file.replace(&host, &session))?;
        let before = told(&gateway.log());
        let began = Instant::now();
        gateway.child.signal(Signal::HUP)?;
        while told(&gateway.log()) == before {
            if began.elapsed() > Duration::from_secs(20) {
                return Err(format!("a change among {} applications is not taken over", setup.apps).into());
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        spent.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(Spread::of(spent))
}
