//! Measures the gateway beside the servers it is compared with, on this
//! machine, and writes what it found to `docs/performance.md`.
//!
//! It starts everything itself: the gateway in production mode, nginx,
//! haproxy and Apache from their packages, an origin, an OpenID provider, and
//! load. What is measured, and how, is each section's own business.

#![expect(clippy::print_stdout, reason = "its output is what a person runs it for")]

mod browser;
mod child;
mod doorward;
mod load;
mod machine;
mod origin;
mod peers;
mod postgres;
mod provider;
mod report;
mod rounds;
mod section;
mod spread;
mod tls;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::report::Report;
use crate::section::{Bench, Section};

/// Whatever goes wrong ends the run with a line that says what.
type Failure = Box<dyn std::error::Error + Send + Sync>;
type Outcome<T> = Result<T, Failure>;

/// Counts what the gateway allocates when it runs within this program (`gateway`).
#[global_allocator]
static ALLOCATIONS: &stats_alloc::StatsAlloc<std::alloc::System> = &stats_alloc::INSTRUMENTED_SYSTEM;

/// Measures Doorward beside nginx, haproxy and Apache
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    /// Fewer and shorter rounds, for developing; the figures are coarse
    #[arg(long)]
    quick: bool,
    /// Only these sections (repeatable); nothing is written to the document then
    #[arg(long, value_enum)]
    section: Vec<Section>,
    /// Rounds of each comparison
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,
    /// The gateway's release binary
    #[arg(long, value_name = "FILE", default_value = "target/release/doorward")]
    doorward: PathBuf,
    /// Another build of it, to be held against the first
    #[arg(long, value_name = "FILE")]
    versus: Option<PathBuf>,
    /// Where the figures are written after a whole run
    #[arg(long, value_name = "FILE", default_value = "docs/performance.md")]
    write: PathBuf,
    #[command(subcommand)]
    part: Option<Part>,
}

/// The other processes that take part; started by the program itself.
#[derive(Debug, Subcommand)]
enum Part {
    #[command(hide = true)]
    Origin,
    #[command(hide = true)]
    Load { order: PathBuf },
    #[command(hide = true)]
    Gateway { config: PathBuf },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.part {
        Some(Part::Origin) => origin::run(),
        Some(Part::Load { order }) => load::run(&order),
        Some(Part::Gateway { config }) => section::allocations::gateway(&config),
        None => whole(arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn whole(arguments: Arguments) -> Outcome<()> {
    let sections = match arguments.section.as_slice() {
        [] => Section::ALL.to_vec(),
        chosen => chosen.to_vec(),
    };
    let (rounds, visit) = if arguments.quick { (3, 400) } else { (7, 1500) };
    let bench = Bench::start(section::Settings {
        quick: arguments.quick,
        rounds: arguments.rounds.unwrap_or(rounds),
        visit: Duration::from_millis(visit),
        doorward: arguments.doorward,
        versus: arguments.versus,
    })?;
    let mut report = Report::default();
    for section in sections {
        eprintln!("==> {section}");
        section.run(&bench, &mut report)?;
    }
    println!("{}", report.text());
    if arguments.section.is_empty() && !arguments.quick {
        std::fs::write(&arguments.write, report.document())
            .map_err(|error| format!("{} cannot be written: {error}", arguments.write.display()))?;
        println!("written to {}", arguments.write.display());
    }
    Ok(())
}
