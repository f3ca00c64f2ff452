//! `doorward doctor`: what stands between a client and a running emulator, and
//! the mend.

mod checks;
mod environment;

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::admin::{AdminArgs, wait};
use super::say;

#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    admin: AdminArgs,
    /// The findings as one JSON object
    #[arg(long)]
    json: bool,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    state: State,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Good,
    /// Works, and may surprise.
    Odd,
    /// Clients fail for it.
    Wrong,
}

impl Finding {
    fn good(what: &'static str, text: impl Into<String>) -> Self {
        Self { what, state: State::Good, text: text.into(), mend: None }
    }

    fn odd(what: &'static str, text: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { what, state: State::Odd, text: text.into(), mend: Some(mend.into()) }
    }

    fn wrong(what: &'static str, text: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { what, state: State::Wrong, text: text.into(), mend: Some(mend.into()) }
    }
}

/// 0 when no client fails for what was found, 1 otherwise.
pub(super) fn run(args: &DoctorArgs) -> ExitCode {
    let findings = wait(async { Ok(checks::all(&args.admin).await) });
    let findings = findings.unwrap_or_else(|problem| vec![Finding::wrong("doctor", problem, "try again")]);
    if args.json {
        say(json!({ "findings": findings }));
    } else {
        findings.iter().for_each(show);
    }
    let fails = findings.iter().any(|finding| finding.state == State::Wrong);
    if fails { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn show(finding: &Finding) {
    let state = match finding.state {
        State::Good => "good ",
        State::Odd => "odd  ",
        State::Wrong => "WRONG",
    };
    say(format!("{state}  {:9}  {}", finding.what, finding.text));
    if let Some(mend) = &finding.mend {
        say(format!("                  → {mend}"));
    }
}
