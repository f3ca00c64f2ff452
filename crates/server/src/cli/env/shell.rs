//! Variables in the words of a shell, or of a file that something reads.

use std::fmt::Write as _;

use clap::ValueEnum;

/// Who reads them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Shell {
    /// bash, zsh, dash and their like
    #[default]
    Sh,
    Fish,
    /// PowerShell
    Pwsh,
    /// NAME=value lines, as for --env-file
    Dotenv,
    /// The environment of a service in a compose file
    Compose,
}

/// A variable and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variable {
    name: &'static str,
    value: String,
    /// A file that it names, which must be where it says.
    file: Option<String>,
}

impl Variable {
    pub(super) fn new(name: &'static str, value: &str) -> Self {
        Self { name, value: value.to_owned(), file: None }
    }

    /// One whose value is, or contains, the path of a file.
    pub(super) fn naming(name: &'static str, value: &str, file: &str) -> Self {
        Self { name, value: value.to_owned(), file: Some(file.to_owned()) }
    }
}

impl Shell {
    pub(super) fn written(self, variables: &[Variable]) -> String {
        let mut text = String::new();
        if self == Self::Compose {
            text.push_str(
                "# The proxy listens on this machine's loopback address alone.\nnetwork_mode: host\nenvironment:\n",
            );
        }
        for Variable { name, value, .. } in variables {
            let line = match self {
                Self::Sh => format!("export {name}='{}'", value.replace('\'', r"'\''")),
                Self::Fish => format!("set -gx {name} '{}';", value.replace('\\', r"\\").replace('\'', r"\'")),
                Self::Pwsh => format!("$Env:{name} = '{}'", value.replace('\'', "''")),
                // Docker takes quotes literally, other readers take them off.
                Self::Dotenv => format!("{name}={value}"),
                Self::Compose => {
                    let value = value.replace('$', "$$");
                    format!("  {name}: {}", serde_json::to_string(&value).unwrap_or_default())
                }
            };
            writeln!(text, "{line}").expect("a String takes everything");
        }
        if self == Self::Compose {
            let mut files: Vec<&str> = variables.iter().filter_map(|variable| variable.file.as_deref()).collect();
            files.dedup();
            text.push_str("volumes:\n");
            for file in files {
                let mount = serde_json::to_string(&format!("{file}:{file}:ro")).unwrap_or_default();
                writeln!(text, "  - {mount}").expect("a String takes everything");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_what_it_is_in_every_shell() {
        let odd = [Variable::new("A", r"it's $HOME \ `x`")];
        assert_eq!(Shell::Sh.written(&odd), "export A='it'\\''s $HOME \\ `x`'\n");
        assert_eq!(Shell::Fish.written(&odd), "set -gx A 'it\\'s $HOME \\\\ `x`';\n");
        assert_eq!(Shell::Pwsh.written(&odd), "$Env:A = 'it''s $HOME \\ `x`'\n");
        assert_eq!(Shell::Dotenv.written(&odd), "A=it's $HOME \\ `x`\n");
        assert!(Shell::Compose.written(&odd).contains(r#"  A: "it's $$HOME \\ `x`""#));
    }

    #[test]
    fn a_compose_service_gets_the_files_too() {
        let options = Variable::naming("NODE_OPTIONS", "--require=\"/a/c.cjs\"", "/a/c.cjs");
        let text = Shell::Compose.written(&[Variable::naming("SSL_CERT_FILE", "/a/b.pem", "/a/b.pem"), options]);
        let volumes = "volumes:\n  - \"/a/b.pem:/a/b.pem:ro\"\n  - \"/a/c.cjs:/a/c.cjs:ro\"\n";
        assert!(text.ends_with(volumes), "{text}");
    }
}
