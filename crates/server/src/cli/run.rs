//! `doorward serve`, and what it shares with `dev`: a process in the
//! foreground, told by signals to read its file again or to end.

use std::path::Path;
use std::process::ExitCode;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{ReadyArgs, ServeArgs, complain, configuration, say};
use crate::config::{self, Config, Problem, Problems, Severity};
use crate::ready::Ready;
use crate::run::{self, RunOptions, Running};

/// Threads for sign-ins, the admin listener and chores; requests to
/// applications have threads of their own.
const CONTROL_THREADS: usize = 2;

pub(super) fn serve(args: &ServeArgs) -> ExitCode {
    let path = &args.config.config;
    match configuration(path) {
        Ok(config) => foreground(config, &args.ready, Some(path), |_| {}),
        Err(refused) => refused,
    }
}

/// Runs until a signal ends it: 0 after a drain, 1 when it could not start.
pub(super) fn foreground(
    config: Config,
    ready: &ReadyArgs,
    file: Option<&Path>,
    announce: impl FnOnce(&Ready),
) -> ExitCode {
    log_all(&Problems { file: config.file.clone(), found: config.warnings.clone() });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(CONTROL_THREADS)
        .thread_name("doorward-control")
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(life(config, ready, file, announce)),
        Err(error) => Err(format!("threads could not be started: {error}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("doorward: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn life(
    config: Config,
    ready: &ReadyArgs,
    file: Option<&Path>,
    announce: impl FnOnce(&Ready),
) -> Result<(), String> {
    if let Some(path) = &ready.ready_file {
        // What an earlier process left there must not be taken for ours.
        let _absent = std::fs::remove_file(path);
    }
    if config.mode.is_emulator() && file.is_some() {
        tracing::warn!("this is an emulator: whoever reaches it can be anybody, and it protects nothing");
    }
    // Before anything that takes time, so that no signal is missed.
    let mut signals = Signals::new().map_err(|error| format!("signals cannot be received: {error}"))?;
    let options = RunOptions { leave_token: true, ..RunOptions::default() };
    let mut running = tokio::select! {
        started = run::start(config, options) => started.map_err(|error| error.to_string())?,
        () = signals.end() => return Ok(()),
    };
    if let Some(path) = &ready.ready_file {
        let written = running.ready.write(path);
        written.map_err(|error| format!("--ready-file {} cannot be written: {error}", path.display()))?;
    }
    if ready.ready_json {
        say(running.ready.to_json());
    } else {
        announce(&running.ready);
    }
    tracing::info!(public = running.ready.public, admin = running.ready.admin, "ready");
    while let Wish::Reload = signals.next().await {
        running.reopen_access_log();
        reload(&mut running, file).await;
    }
    tracing::info!("stopping; requests in flight may finish");
    tokio::select! {
        () = running.shutdown() => Ok(()),
        () = signals.end() => Err("stopped by a second signal; some requests were cut off".into()),
    }
}

/// Reads the file again. One with an error changes nothing and says so.
async fn reload(running: &mut Running, file: Option<&Path>) {
    let Some(path) = file else { return tracing::warn!("there is no configuration file to read again") };
    match config::read(path) {
        Ok(config) => {
            log_all(&Problems { file: config.file.clone(), found: config.warnings.clone() });
            match running.reload(config).await {
                Ok(kept) => kept
                    .into_iter()
                    .for_each(|setting| tracing::warn!("{setting} was changed, which takes effect after a restart")),
                Err(error) => {
                    tracing::error!("{error}");
                    tracing::error!("the configuration was not reloaded; the old one stays in force");
                }
            }
        }
        Err(problems) => {
            log_all(&problems);
            tracing::error!("the configuration was not reloaded; the old one stays in force");
        }
    }
}

fn log_all(problems: &Problems) {
    for (place, Problem { severity, text, .. }) in problems.places() {
        match severity {
            Severity::Error => tracing::error!("{place}: {text}"),
            Severity::Warning => tracing::warn!("{place}: {text}"),
        }
    }
}

/// What a signal asks for.
enum Wish {
    End,
    Reload,
}

/// The signals we listen to.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    reload: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            reload: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.terminate.recv() => Wish::End,
            _ = self.interrupt.recv() => Wish::End,
            _ = self.reload.recv() => Wish::Reload,
        }
    }

    /// Somebody wants us to end, whatever else they want.
    async fn end(&mut self) {
        while let Wish::Reload = self.next().await {}
    }
}
