//! Whether many stored sign-ins make a request or a sign-in slower.

use std::process::{Command, Stdio};

use crate::Outcome;
use crate::doorward::Doorward;
use crate::report::Report;
use crate::rounds::{Target, measure};
use crate::section::Bench;
use crate::spread::short;

const SIZES: [(&str, usize); 3] = [("1 000", 1_000), ("100 000", 100_000), ("1 000 000", 1_000_000)];

pub(super) fn run(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let sizes = &SIZES[..if bench.settings.quick { 2 } else { 3 }];
    let gateways = sizes.iter().map(|(_, number)| filled(bench, *number)).collect::<Outcome<Vec<_>>>()?;
    let tokens = gateways.iter().map(|gateway| bench.token(gateway)).collect::<Outcome<Vec<_>>>()?;
    let targets: Vec<Target<'_>> = sizes
        .iter()
        .zip(gateways.iter().zip(&tokens))
        .map(|((name, _), (gateway, token))| Target {
            name,
            child: &gateway.child,
            order: bench.authenticated(gateway, token),
        })
        .collect();
    let measured = measure(&targets, bench.plan(bench.server_core())?)?;
    let mut rows = Vec::new();
    for ((name, _), gateway) in sizes.iter().zip(&gateways) {
        let before = gateway.child.cpu();
        bench.sign_ins(gateway, 200)?;
        let sign_in = (gateway.child.cpu() - before).as_secs_f64() * 1e6 / 200.0;
        rows.push(vec![
            (*name).to_owned(),
            measured.micros(name).to_string(),
            measured.ratio(name, sizes[0].0).to_string(),
            short(sign_in),
            short(gateway.child.memory()),
        ]);
    }
    let about = "SQLite with this many sign-ins that are still in force: an authenticated request, all on one core, and \
                 a whole sign-in, which reads and writes the store.";
    let columns = ["stored sessions", "CPU µs", "relative to 1 000", "CPU µs of a sign-in", "memory, MiB"];
    report.table("Many sessions", about, &columns, rows);
    Ok(())
}

/// A gateway whose store has this many sign-ins: made once by the gateway
/// itself, then filled while it does not run.
fn filled(bench: &Bench, number: usize) -> Outcome<Doorward> {
    let binary = bench.settings.doorward.to_string_lossy().into_owned();
    let first = bench.doorward(&bench.setup())?;
    bench.runtime.block_on(first.signed_in())?;
    let Doorward { child, folder, .. } = first;
    drop(child);
    let database = folder.path().join("doorward.db");
    let rows = format!(
        "PRAGMA journal_mode = WAL; BEGIN; \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {number}) \
         INSERT INTO sessions (nonce, user_id, email, identity, created_at, expires_at) \
         SELECT lower(hex(randomblob(8))), s.user_id, 'stored-' || i || '@example.com', s.identity, s.created_at, s.expires_at \
         FROM n, (SELECT * FROM sessions LIMIT 1) AS s; COMMIT;"
    );
    let filled = Command::new("sqlite3").arg(&database).arg(rows).stdout(Stdio::null()).status();
    let filled = filled.map_err(|error| format!("sqlite3 cannot be run ({error}); install the package sqlite3"))?;
    if !filled.success() {
        return Err("the store cannot be filled".into());
    }
    Doorward::start_in(folder, &[&binary], &bench.setup(), Some(bench.server_core()))
}
