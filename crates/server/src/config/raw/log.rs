//! `[log]`: where requests are told of, and in which form.

use std::path::PathBuf;

use doorward_edge::{Destination, LineFormat};

use super::super::document::{At, Table};
use super::super::problem::suggestion;

/// `[log]`
#[derive(Default)]
pub(in crate::config) struct RawLog {
    /// None is off.
    pub(in crate::config) access: Option<At<Option<Destination>>>,
    pub(in crate::config) access_format: Option<LineFormat>,
    /// 0 is none.
    pub(in crate::config) rule_trees: Option<u32>,
}

impl RawLog {
    pub(super) fn read(table: Table<'_>) -> Self {
        let log = Self {
            access: table.read("access", destination),
            access_format: table.read("access_format", format).map(|at| at.value),
            rule_trees: table.number("rule_trees").map(|at| at.value),
        };
        table.close();
        log
    }

    /// The file, and the line that names it.
    pub(in crate::config) fn file(&self) -> Option<(&PathBuf, usize)> {
        match self.access.as_ref()? {
            At { value: Some(Destination::File(path)), line } => Some((path, *line)),
            _ => None,
        }
    }
}

fn destination(text: &str) -> Result<Option<Destination>, String> {
    match text {
        "off" => Ok(None),
        "stdout" => Ok(Some(Destination::Stdout)),
        "stderr" => Ok(Some(Destination::Stderr)),
        path if path.starts_with('/') => Ok(Some(Destination::File(path.into()))),
        _ => Err(format!(
            "\"{text}\" is no place for a log; write \"off\", \"stdout\", \"stderr\" or a path that begins with /{}",
            suggestion(text, ["off", "stdout", "stderr"])
        )),
    }
}

fn format(text: &str) -> Result<LineFormat, String> {
    match text {
        "text" => Ok(LineFormat::Text),
        "json" => Ok(LineFormat::Json),
        _ => {
            Err(format!("\"{text}\" is not a format; write \"text\" or \"json\"{}", suggestion(text, ["text", "json"])))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{LogSettings, Problems, parse};

    fn log(lines: &str) -> Result<LogSettings, String> {
        let text = format!("mode = \"emulator\"\n[[user]]\nemail = \"a@b.test\"\n[log]\n{lines}");
        let read = parse(&text, "f.toml", &|_| None).map(|config| config.log);
        read.map_err(|problems: Problems| problems.to_string())
    }

    #[test]
    fn requests_are_told_where_the_file_says_and_nowhere_without_it() {
        let told = |destination| LogSettings { access: destination, ..LogSettings::default() };
        assert_eq!(log(""), Ok(told(None)));
        assert_eq!(log("access = \"off\""), Ok(told(None)));
        assert_eq!(log("access = \"stderr\""), Ok(told(Some(Destination::Stderr))));
        let json = LogSettings {
            access: Some(Destination::Stdout),
            access_format: LineFormat::Json,
            ..LogSettings::default()
        };
        assert_eq!(log("access = \"stdout\"\naccess_format = \"json\""), Ok(json));
        assert_eq!(log("rule_trees = 0").map(|log| log.rule_trees), Ok(0));
        assert!(log("rule_trees = -1").is_err());
    }

    #[test]
    fn what_is_no_place_or_form_is_refused_with_the_mend() {
        let refused = |lines: &str| log(lines).unwrap_err();
        assert!(refused("access = \"access.log\"").contains("a path that begins with /"));
        assert!(refused("access = \"stduot\"").contains("stdout"));
        assert!(refused("access_format = \"xml\"").starts_with("f.toml:5: access_format: \"xml\" is not a format"));
        assert!(refused("access = \"/\"").contains("name a file in it"), "{}", refused("access = \"/\""));
    }
}
