//! `doorward import`: an account of somewhere else as a configuration file.
//! What was written is read again at once, as `doorward check` would.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use doorward_carry::{Carried, Like, Mode, Placeholder, carried};
use doorward_emulator::names::Authority;
use doorward_model::id::AccountId;
use url::Url;

use super::admin::wait;
use super::remote::{CLOUDFLARE, Read, Remote};
use super::{complain, say};
use crate::config::{self, Problems, Severity};

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, Subcommand)]
enum From {
    /// From an account with Cloudflare's API, which is read and never changed. Its token is in CLOUDFLARE_API_TOKEN
    Cloudflare(CloudflareArgs),
}

#[derive(Debug, Args)]
struct CloudflareArgs {
    /// The account's id: 32 hex characters
    #[arg(long, value_name = "ID", value_parser = account_id)]
    account: AccountId,
    /// Where the API is
    #[arg(long, value_name = "URL", env = "CLOUDFLARE_BASE_URL", default_value = CLOUDFLARE, value_parser = base_url)]
    base_url: Url,
    /// What the file is for
    #[arg(long, value_enum, default_value_t = For::Production)]
    mode: For,
    #[command(flatten)]
    out: OutArgs,
}

/// Where the answer goes.
#[derive(Debug, Args)]
pub(super) struct OutArgs {
    /// Writes to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replaces the file if it is there
    #[arg(long, requires = "out")]
    force: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum For {
    /// A gateway that protects
    Production,
    /// Development and tests
    Emulator,
}

pub(super) fn account_id(text: &str) -> Result<AccountId, String> {
    let mend = "the dashboard has it in its address, behind dash.cloudflare.com/";
    AccountId::try_from(text.to_owned()).map_err(|error| format!("{error}; {mend}"))
}

pub(super) fn base_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(Url::has_host);
    url.ok_or_else(|| format!("it is no address of an API; write it like {CLOUDFLARE}"))
}

pub(super) fn run(args: &ImportArgs) -> ExitCode {
    let From::Cloudflare(args) = &args.from;
    match imported(args) {
        Ok(code) => code,
        Err(problem) => {
            complain(&format!("doorward import: {problem}"));
            ExitCode::FAILURE
        }
    }
}

fn imported(args: &CloudflareArgs) -> Result<ExitCode, String> {
    args.out.check()?;
    let remote = Remote::of(&args.base_url, args.account.clone())?;
    let Read { account, is_whole } = wait(remote.account())?;
    let mode = match args.mode {
        For::Production => Mode::Production,
        For::Emulator => Mode::Emulator,
    };
    let file = carried(&account, mode);
    args.out.write(&file.text)?;
    tell(&file);
    let certificate = Authority::random().pem().to_owned();
    let read = config::parse(&file.text, &args.out.name(), &filled_in(&file.placeholders, &certificate));
    let Err(problems) = read else { return Ok(ending(is_whole)) };
    // Warnings are said by whoever checks the file for use.
    let found = problems.found.into_iter().filter(|problem| problem.severity == Severity::Error).collect();
    complain(&format!("these have to be mended by hand:\n{}", Problems { file: problems.file, found }));
    Ok(ExitCode::FAILURE)
}

/// How a command ends that wrote what the token let it read.
pub(super) fn ending(is_whole: bool) -> ExitCode {
    if is_whole {
        return ExitCode::SUCCESS;
    }
    let why = "this is not the whole account: the token may not read all of it";
    complain(&format!("{why}; give it the permissions named above, and ask again"));
    ExitCode::from(3)
}

fn tell(file: &Carried) {
    for left in &file.left {
        complain(&format!("not carried over: {}: {}", left.what, left.why));
    }
    for placeholder in &file.placeholders {
        complain(&format!("to be filled in: {}: {}", placeholder.name, placeholder.what));
    }
}

/// The environment in which a file would be read whose placeholders are filled in.
fn filled_in(placeholders: &[Placeholder], certificate: &str) -> impl Fn(&str) -> Option<String> {
    move |name| {
        let placeholder = placeholders.iter().find(|placeholder| placeholder.name == name)?;
        Some(match placeholder.like {
            Like::Secret => "0".repeat(64),
            Like::Url => "https://placeholder.invalid".to_owned(),
            Like::Certificate => certificate.to_owned(),
            Like::Word => "placeholder".to_owned(),
        })
    }
}

impl OutArgs {
    /// Said before the account is asked.
    pub(super) fn check(&self) -> Result<(), String> {
        let Some(path) = &self.out else { return Ok(()) };
        if path.is_dir() {
            return Err(format!("{} is a folder; name a file in it", path.display()));
        }
        if !self.force && path.exists() {
            return Err(format!("{} is there already; name another file, or add --force", path.display()));
        }
        match path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
            Some(folder) => Err(format!("there is no folder {}; make it, or name another file", folder.display())),
            None => Ok(()),
        }
    }

    pub(super) fn write(&self, text: &str) -> Result<(), String> {
        let Some(path) = &self.out else {
            say(text.trim_end());
            return Ok(());
        };
        let written = match self.force {
            true => std::fs::write(path, text),
            // Another process may have been faster since the check.
            false => std::fs::File::create_new(path)
                .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes())),
        };
        written.map_err(|error| format!("{} cannot be written: {error}", path.display()))
    }

    /// What messages call it.
    fn name(&self) -> String {
        self.out.as_deref().unwrap_or(Path::new("standard output")).display().to_string()
    }
}

#[cfg(test)]
mod tests;
