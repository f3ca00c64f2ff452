//! The `doorward` program: its command line and nothing else.

use clap::Parser as _;
use doorward_server::cli;

fn main() -> std::process::ExitCode {
    cli::run(cli::Cli::parse())
}
