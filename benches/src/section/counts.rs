//! What can be counted, and is the same every time: system calls and store
//! queries of an authenticated request.

use rustix::process::Signal;

use crate::Outcome;
use crate::child::Child;
use crate::load::{Order, Work};
use crate::report::{Goal, Report};
use crate::section::Bench;

pub(super) fn run(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let gateway = bench.doorward(&bench.setup())?;
    let token = bench.token(&gateway)?;
    bench.origin.pin(bench.server_core())?;
    let requests = if bench.settings.quick { 5_000 } else { 20_000 };
    let order = Order { work: Work::Requests(requests), ..bench.authenticated(&gateway, &token) };

    let queries = || bench.runtime.block_on(gateway.store_queries());
    let (_, before, after) = order.carry_out(bench.folder.path(), Some(bench.server_core()), queries)?;
    // Reading the metrics asks nothing of the store; what sweeps and refreshes in the background does.
    let background = bench.runtime.block_on(background(&gateway))?;
    report.figure(
        "store queries per authenticated request",
        (after - before - background).max(0.0).round(),
        &format!("{:.0} in {requests} requests", (after - before - background).max(0.0)),
        "",
        Goal::AtMost(0.0, 0.0),
    );

    let summary = bench.folder.path().join("strace.txt");
    let mut tracer: Option<Child> = None;
    let trace = || -> Outcome<()> {
        match tracer.take() {
            None => tracer = Some(attached(bench, gateway.child.id(), &summary)?),
            Some(tracer) => tracer.signal(Signal::INT)?,
        }
        Ok(())
    };
    order.carry_out(bench.folder.path(), Some(bench.server_core()), trace)?;
    let calls = calls(&summary)?;
    let all: f64 = calls.iter().map(|(_, count)| count).sum();
    let each = all / requests as f64;
    report.figure("system calls per authenticated request", each, &format!("{each:.2}"), "", Goal::AtMost(4.3, 5.0));
    let rows = calls.iter().filter(|(_, count)| *count >= all / 200.0);
    let rows = rows.map(|(name, count)| vec![name.clone(), format!("{:.2}", count / requests as f64)]).collect();
    let about = format!("`strace -c -f` over {requests} authenticated requests on 64 connections.");
    report.table("System calls of a request", &about, &["", "per request"], rows);
    Ok(())
}

/// Statements in the same time without any request.
async fn background(gateway: &crate::doorward::Doorward) -> Outcome<f64> {
    let before = gateway.store_queries().await?;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    Ok(gateway.store_queries().await? - before)
}

fn attached(bench: &Bench, process: u32, summary: &std::path::Path) -> Outcome<Child> {
    let log = bench.folder.path().join("strace.log");
    let (summary, process) = (summary.to_string_lossy().into_owned(), process.to_string());
    let words = ["strace", "-c", "-f", "-o", &summary, "-p", &process];
    let tracer = Child::start("strace", Some(bench.server_core()), &words, &log)?;
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !std::fs::read_to_string(&log).unwrap_or_default().contains("attached") {
        if std::time::Instant::now() > end {
            return Err("strace cannot look at the gateway; is tracing forbidden here?".into());
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    Ok(tracer)
}

/// Calls by name, the most frequent first.
fn calls(summary: &std::path::Path) -> Outcome<Vec<(String, f64)>> {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    let text = loop {
        let text = std::fs::read_to_string(summary).unwrap_or_default();
        if text.contains(" total") {
            break text;
        }
        if std::time::Instant::now() > end {
            return Err("strace left no summary".into());
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    };
    let line = |line: &str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let name = *columns.last()?;
        (name != "total").then_some((name.to_owned(), columns.get(3)?.parse().ok()?))
    };
    let mut calls: Vec<(String, f64)> = text.lines().filter_map(line).collect();
    calls.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    Ok(calls)
}
