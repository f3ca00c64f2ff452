//! Heap allocations of an authenticated request, counted by the allocator of
//! this program with the gateway running inside it. The gateway's own binary
//! knows nothing of it.

use std::io::BufRead as _;
use std::path::Path;

use doorward_server::config;
use doorward_server::run::{RunOptions, start};

use crate::doorward::Doorward;
use crate::load::{Order, Work};
use crate::report::{Goal, Report};
use crate::section::Bench;
use crate::{ALLOCATIONS, Outcome};

pub(super) fn run(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let mut gateway = Doorward::counted(&bench.setup())?;
    let token = bench.token(&gateway)?;
    let requests = if bench.settings.quick { 5_000 } else { 50_000 };
    let order = Order { work: Work::Requests(requests), ..bench.authenticated(&gateway, &token) };
    let count = || -> Outcome<(f64, f64)> {
        gateway.child.say("count")?;
        let line = gateway.child.line()?;
        let (count, bytes) = line.trim().split_once(' ').ok_or("the gateway tells two numbers")?;
        Ok((count.parse()?, bytes.parse()?))
    };
    let (_, before, after) = order.carry_out(bench.folder.path(), None, count)?;
    let (each, bytes) = ((after.0 - before.0) / requests as f64, (after.1 - before.1) / requests as f64);
    let measured = format!("{each:.1}, {bytes:.0} bytes");
    report.figure("heap allocations per authenticated request", each, &measured, "", Goal::Told);
    Ok(())
}

/// The gateway within this program. Answers every line of its input with what
/// was allocated so far: how often, and how many bytes.
pub(crate) fn gateway(config: &Path) -> Outcome<()> {
    let config = config::read(config).map_err(|problems| problems.to_string())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    doorward_server::telemetry::start(doorward_server::telemetry::LogFormat::Text);
    runtime.block_on(async {
        let running = start(config, RunOptions { workers: 1, ..RunOptions::default() }).await?;
        println!("{}", running.ready.to_json());
        tokio::task::block_in_place(|| {
            for _line in std::io::stdin().lock().lines() {
                let stats = ALLOCATIONS.stats();
                println!("{} {}", stats.allocations + stats.reallocations, stats.bytes_allocated);
            }
        });
        running.shutdown().await;
        Ok(())
    })
}
