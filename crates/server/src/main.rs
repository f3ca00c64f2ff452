//! The `doorward` program: its command line and nothing else, on an allocator
//! that takes the buffers of a proxy lightly.

use clap::Parser as _;
use doorward_server::cli;

/// Each request takes and gives back buffers of 8 KiB, for which the system's
/// allocator (glibc) tidies up its small blocks every time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::run(cli::Cli::parse())
}
