//! Configuration files, honest and otherwise.

use doorward_server::config;

/// A file is taken or refused, the same way each time, and every problem says where it is.
pub(crate) fn configuration(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let environment = |name: &str| (name == "SECRET").then(|| "the value of a variable".to_owned());
    let read = || config::parse(text, "doorward.toml", &environment);
    let problems = match read() {
        Ok(config) => {
            let team = config.team(([127, 0, 0, 1], 8787).into());
            assert!(!config.issuers(&team).is_empty(), "{text}");
            let catalog = config.catalog(team, 1, None);
            assert_eq!(catalog.apps().count(), config.apps.len(), "{text}: no application is lost");
            config.warnings
        }
        Err(problems) => {
            assert!(!problems.found.is_empty(), "a refusal says why: {text}");
            problems.found
        }
    };
    for problem in &problems {
        assert!(problem.line <= text.lines().count() + 1, "{problem:?} is beyond the end of {text}");
        assert!(!problem.text.is_empty(), "{text}");
    }
    let again = read().map_or_else(|problems| problems.found, |config| config.warnings);
    assert_eq!(format!("{again:?}"), format!("{problems:?}"), "{text}: read again");
}
