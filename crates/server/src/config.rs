//! The configuration: `raw` as written, then `resolved` and checked.
//! Nothing past the start sees the raw form, and a file with any error is
//! refused as a whole, with every problem named (invariant I15).

mod check;
mod document;
mod expand;
mod names;
mod problem;
mod raw;
mod resolve;
mod resolved;

#[cfg(test)]
mod tests;

use std::path::Path;

pub use self::expand::Environment;
pub(crate) use self::expand::escaped;
pub use self::problem::{Problem, Problems, Severity};
pub(crate) use self::raw::{country, label, seed, service};
pub use self::resolved::{Config, Listen, LogSettings, Mode, TeamSettings, TelemetrySettings, TlsFiles, reachable};

/// Reads a file, with `${NAME}` taken from the process's environment.
///
/// # Errors
/// Every problem of the file, when there is at least one error among them.
pub fn read(path: &Path) -> Result<Config, Problems> {
    let file = path.display().to_string();
    let refused =
        |line, text| Problems { file: file.clone(), found: vec![Problem { line, severity: Severity::Error, text }] };
    let bytes = std::fs::read(path)
        .map_err(|error| refused(0, format!("the file cannot be read ({error}); check the path given to --config")))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let read = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + read.iter().filter(|&&byte| byte == b'\n').count();
        refused(line, "this line is not UTF-8; save the file as UTF-8".to_owned())
    })?;
    parse(&text, &file, &|name| std::env::var(name).ok())
}

/// Reads the text of a file that messages call `file`.
///
/// # Errors
/// Every problem of the text, when there is at least one error among them.
pub fn parse(text: &str, file: &str, environment: Environment<'_>) -> Result<Config, Problems> {
    let findings = problem::Findings::default();
    let config = findings_of(text, file, environment, &findings);
    let failed = findings.has_errors();
    let problems = findings.into_problems(file);
    match config {
        Some(config) if !failed => Ok(Config { warnings: problems.found, ..config }),
        _ => Err(problems),
    }
}

fn findings_of(text: &str, file: &str, environment: Environment<'_>, findings: &problem::Findings) -> Option<Config> {
    let lines = document::Lines::of(text);
    let source = document::Source::new(text, &lines, environment, findings);
    let document = source.parse()?;
    let raw = raw::RawFile::read(source, &document);
    check::written(&raw, findings);
    let lines = check::Lines::of_groups(&raw);
    let config = resolve::resolve(raw, file, findings);
    check::resolved(&config, &lines, findings);
    Some(config)
}
