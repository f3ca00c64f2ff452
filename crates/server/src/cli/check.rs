//! `doorward check`: everything that is wrong with a file, in one go.

use std::path::Path;
use std::process::ExitCode;

use super::{complain, configuration, say};
use crate::config::Problems;

pub(super) fn run(path: &Path) -> ExitCode {
    let config = match configuration(path) {
        Ok(config) => config,
        Err(refused) => return refused,
    };
    if !config.warnings.is_empty() {
        complain(&Problems { file: config.file.clone(), found: config.warnings.clone() });
    }
    let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    say(format!(
        "{}: good: {}, {}, {}",
        config.file,
        count(config.apps.len(), "application"),
        count(config.routes.len(), "route"),
        count(config.idps.len() + usize::from(config.has_built_in_provider()), "identity provider"),
    ));
    ExitCode::SUCCESS
}
