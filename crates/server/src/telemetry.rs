//! Logs on standard error, as text for people or as JSON for machines, and
//! traces for whoever collects them.

mod lines;
pub(crate) mod traces;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::IsTerminal as _;
use std::panic::PanicHookInfo;
use std::time::Duration;

use tracing::Level;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use self::lines::Kind;
pub(crate) use self::lines::LINES;

/// How long the last lines may take.
const LAST_LINES: Duration = Duration::from_secs(2);

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// What is logged unless `RUST_LOG` says otherwise: decisions, and what an
/// operator should look at.
const DEFAULT_FILTER: &str = "info,sqlx=warn,hyper=warn,rustls=warn,opentelemetry=warn";

/// Starts logging. The first call of a process counts; tests may call it often.
pub fn start(format: LogFormat) {
    let (filter, refused) = filter(std::env::var(EnvFilter::DEFAULT_ENV).ok().as_deref());
    let colours = std::io::stderr().is_terminal();
    let builder = fmt().with_env_filter(filter).with_ansi(colours).with_writer(LINES.clone());
    // A second subscriber is refused, which is what is wanted here.
    let _already_started = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    if let Err(error) = LINES.start(std::io::stderr()) {
        tracing::warn!(%error, "the log has no thread: who reads it slowly slows down requests");
    }
    std::panic::set_hook(Box::new(tell_of_panic));
    if let Some(why) = refused {
        tracing::warn!("{why}");
    }
}

/// Says something to whoever started the process, after what was logged before.
pub(crate) fn say(text: impl std::fmt::Display) {
    LINES.add(Kind::Trouble, format!("{text}\n").as_bytes());
}

/// Lets the last lines be written, unless nobody takes them.
pub(crate) fn end() {
    let _taken = LINES.flush(LAST_LINES);
}

/// The standard library would write to standard error itself, and wait there.
fn tell_of_panic(panic: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    let what = panic.to_string().replace('\n', " ");
    if tracing::enabled!(Level::ERROR) {
        tracing::error!(thread.name = thread.name(), backtrace, "a fault of Doorward's own: {what}");
    } else {
        say(&what);
    }
    if thread.name() == Some("main") {
        end();
    }
}

/// The filter that `RUST_LOG` asks for; what it does not say well is not taken
/// in part, and said.
fn filter(asked: Option<&str>) -> (EnvFilter, Option<String>) {
    let default = || EnvFilter::new(DEFAULT_FILTER);
    let Some(asked) = asked.filter(|asked| !asked.is_empty()) else { return (default(), None) };
    match EnvFilter::try_new(asked) {
        Ok(filter) => (filter, None),
        Err(error) => {
            let why = format!("RUST_LOG=\"{asked}\" is not used: {error}; write it like info,doorward_edge=debug");
            (default(), Some(why))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_cannot_be_read_is_named() {
        for good in [None, Some(""), Some("debug"), Some("info,doorward_edge=debug")] {
            assert_eq!(filter(good).1, None, "{good:?}");
        }
        let (used, why) = filter(Some("info,doorward_edge=loud"));
        assert_eq!(used.to_string(), EnvFilter::new(DEFAULT_FILTER).to_string());
        assert!(why.is_some_and(|why| why.contains("RUST_LOG") && why.contains("loud")));
    }
}
