//! The command line: what there is to type, and what each command answers to
//! the shell. A command's work is in its own file.

mod admin;
mod api_token;
mod ca;
mod check;
mod client;
mod cloudflared;
mod dev;
mod doctor;
mod env;
mod explain;
mod export;
mod import;
mod migrate;
mod probe;
mod remote;
mod run;
mod token;

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use doorward_model::email::Email;
use doorward_model::time::Lifetime;

use crate::config::country;
use crate::telemetry::LogFormat;

/// Cloudflare Access you can run yourself: a gateway in front of your applications,
/// and the same thing on your machine for development and tests.
#[derive(Debug, Parser)]
#[command(name = "doorward", version, propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// The form of log lines on standard error; RUST_LOG chooses which there are
    // After whatever a command has of its own.
    #[arg(long, global = true, value_enum, default_value_t, display_order = 1000)]
    log_format: LogFormat,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Access on this machine, with nothing to configure
    Dev(dev::DevArgs),
    /// The gateway from a configuration file
    Serve(ServeArgs),
    /// Reads and cross-checks a configuration file, and lists every problem
    Check(ConfigArg),
    /// The verdict on a request and the rules that led to it, without a server
    Explain(ExplainArgs),
    /// A token from a running emulator
    Token(TokenArgs),
    /// The variables that lead unmodified clients to a running emulator
    Env(env::EnvArgs),
    /// cloudflared, signed in to a running emulator without a browser
    Cloudflared(cloudflared::CloudflaredArgs),
    /// What stands between clients and a running emulator, and the mend
    Doctor(doctor::DoctorArgs),
    /// Whether an origin really verifies its token
    Probe(probe::ProbeArgs),
    /// The local certificate authority of the emulator
    Ca(ca::CaArgs),
    /// Brings the store to this version's schema
    Migrate(ConfigArg),
    /// Makes, lists and ends tokens of the management API
    ApiToken(api_token::ApiTokenArgs),
    /// A configuration file of what an account somewhere else has
    Import(import::ImportArgs),
    /// What a configuration file or an account has, for other tools
    Export(export::ExportArgs),
}

#[derive(Debug, Args)]
struct ConfigArg {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// How a started process tells that it is ready.
#[derive(Debug, Args)]
struct ReadyArgs {
    /// Writes where everything is as JSON to this file, once all listeners accept
    #[arg(long, value_name = "PATH")]
    ready_file: Option<PathBuf>,
    /// Writes the same as one line to standard output
    #[arg(long)]
    ready_json: bool,
}

#[derive(Debug, Args)]
struct ServeArgs {
    #[command(flatten)]
    config: ConfigArg,
    #[command(flatten)]
    ready: ReadyArgs,
}

#[derive(Debug, Args)]
struct ExplainArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// Who signed in; without it, the request of somebody who has not
    #[arg(long, value_name = "EMAIL")]
    user: Option<Email>,
    /// A group of theirs, as their identity provider names it (repeatable)
    #[arg(long, value_name = "G", requires = "user")]
    group: Vec<String>,
    /// A claim of theirs; values that are JSON are taken as JSON (repeatable)
    #[arg(long, value_name = "K=V", requires = "user", value_parser = pair)]
    claim: Vec<(String, String)>,
    /// The identity provider they signed in with; the first one of the file if it is not given
    #[arg(long, value_name = "NAME", requires = "user")]
    idp: Option<String>,
    /// The service token the request carries
    #[arg(long, value_name = "NAME")]
    service_token: Option<String>,
    /// The common name of the client certificate it presents, which counts on this host
    #[arg(long, value_name = "NAME")]
    common_name: Option<String>,
    /// The application whose token it carries in Cf-Access-Token
    #[arg(long, value_name = "APP")]
    linked_app: Option<String>,
    /// Where the request comes from
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1")]
    ip: IpAddr,
    /// The country it comes from, two letters
    #[arg(long, value_name = "CC", value_parser = country)]
    country: Option<String>,
    /// The answer as one JSON object
    #[arg(long)]
    json: bool,
    /// The address that is asked for, such as `https://wiki.example.com/page`
    #[arg(value_parser = web_url)]
    url: url::Url,
}

#[derive(Debug, Args)]
struct TokenArgs {
    /// The application's host name
    #[arg(long, value_name = "HOST")]
    app: String,
    /// For this person
    #[arg(long, value_name = "EMAIL", required_unless_present = "service_token", conflicts_with = "service_token")]
    user: Option<Email>,
    /// For this service token
    #[arg(long, value_name = "NAME")]
    service_token: Option<String>,
    #[command(flatten)]
    admin: admin::AdminArgs,
    /// How long it is valid, like 1h or 30m
    #[arg(long, value_name = "DURATION")]
    ttl: Option<Lifetime>,
    /// The emulator's whole answer: token, cookie, storage state and expiry
    #[arg(long)]
    json: bool,
}

/// Runs a command. Messages for people go to standard error, answers to standard output.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    crate::telemetry::start(cli.log_format);
    let code = work(cli.command);
    crate::telemetry::end();
    code
}

fn work(command: Command) -> ExitCode {
    match command {
        Command::Dev(args) => dev::run(args),
        Command::Serve(args) => run::serve(&args),
        Command::Check(args) => check::run(&args.config),
        Command::Explain(args) => explain::run(&args),
        Command::Token(args) => token::run(args),
        Command::Env(args) => env::run(&args),
        Command::Cloudflared(args) => cloudflared::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Probe(args) => probe::run(&args),
        Command::Ca(args) => ca::run(&args),
        Command::Migrate(args) => migrate::run(&args.config),
        Command::ApiToken(args) => api_token::run(args),
        Command::Import(args) => import::run(&args),
        Command::Export(args) => export::run(&args),
    }
}

/// Reads the file, or lists its problems: exit 2, as for a mistyped flag.
fn configuration(path: &std::path::Path) -> Result<crate::config::Config, ExitCode> {
    crate::config::read(path).map_err(|problems| {
        complain(&problems);
        ExitCode::from(2)
    })
}

/// Standard output, for what the command was asked for.
fn say(text: impl std::fmt::Display) {
    use std::io::Write as _;
    // A reader that went away, as `| head` does, is no failure of ours.
    let _gone = writeln!(std::io::stdout(), "{text}");
}

/// Standard error, for what went wrong.
fn complain(text: &impl std::fmt::Display) {
    crate::telemetry::say(text);
}

fn pair(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .filter(|(key, _)| !key.is_empty())
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .ok_or_else(|| format!("\"{text}\" has no =; write it like department=sales"))
}

/// An address to ask. A host alone is none, or one with a scheme that nobody meant.
fn web_url(text: &str) -> Result<url::Url, String> {
    match url::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.host_str().is_some() => Ok(url),
        _ if text.contains("://") => Err("only http:// and https:// addresses can be asked".into()),
        _ => Err(format!("it has no scheme; did you mean http://{text}?")),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn a_token_is_for_a_person_or_for_a_machine() {
        let accepts = |flags: &str| {
            let words = ["doorward", "token", "--app", "wiki.localhost"].into_iter().chain(flags.split_whitespace());
            super::Cli::command().try_get_matches_from(words).is_ok()
        };
        assert!(accepts("--user alice@example.com --admin http://127.0.0.1:1 --ttl 1h --json"));
        assert!(accepts("--service-token robot"));
        assert!(!accepts("") && !accepts("--user alice@example.com --service-token robot"));
    }

    #[test]
    fn what_is_the_same_everywhere_is_last_in_the_help() {
        let mut cli = super::Cli::command();
        cli.build();
        for command in cli.get_subcommands_mut().filter(|command| command.get_name() != "help") {
            let help = command.render_long_help().to_string();
            let options: Vec<&str> = help
                .lines()
                .filter_map(|line| line.trim_start().split("--").nth(1)?.split([' ', '<']).next())
                .collect();
            let format = options.iter().position(|option| *option == "log-format").unwrap();
            assert!(options[format + 1..].iter().all(|option| ["help", "version"].contains(option)), "{options:?}");
        }
    }

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        super::Cli::command().debug_assert();
    }

    #[test]
    fn an_address_without_a_scheme_is_told_with_one() {
        for (text, told) in [
            ("wiki.example.com/page", "did you mean http://wiki.example.com/page?"),
            ("localhost:3000", "did you mean http://localhost:3000?"),
            ("ftp://a.test", "only http:// and https://"),
        ] {
            let error = super::web_url(text).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
        assert!(super::web_url("https://wiki.example.com/page").is_ok());
    }
}
