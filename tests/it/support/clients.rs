//! Clients of Access that are not ours: each a program that reads tokens and says what it believes of them.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::config::ROBOT;
use super::deadline::in_time;
use super::peers::{self, script};

/// In which language a client is, which says what runs it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Language {
    Node,
    Python,
    Rust,
    Go,
}

/// A running client, configured with a team domain and an audience tag.
pub(crate) struct Client {
    _process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    /// Of the package that was installed.
    pub(crate) version: String,
}

impl Client {
    /// `environment` leads it to an emulator.
    pub(crate) async fn start(
        language: Language,
        name: &str,
        domain: &str,
        audience: &str,
        environment: &[(String, String)],
    ) -> Client {
        let mut command = Command::new(match language {
            Language::Node => "node".into(),
            Language::Python => peers::python(),
            Language::Rust => peers::rust(),
            Language::Go => peers::go(),
        });
        match language {
            Language::Node => command.arg(script("node/clients.mjs")),
            Language::Python => command.arg(script("python/clients.py")),
            Language::Rust | Language::Go => &mut command,
        };
        command
            .envs(environment.iter().cloned())
            .env("PACKAGES", peers::node_folder())
            .env("SERVICE_TOKEN", ROBOT[0].1);
        command.args([name, domain, audience]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.kill_on_drop(true).spawn().expect("it runs");
        let input = process.stdin.take().expect("piped");
        let output = BufReader::new(process.stdout.take().expect("piped")).lines();
        let mut client = Client { _process: process, input, output, version: String::new() };
        let about = client.line(name).await;
        client.version = about["version"].as_str().expect("a version").to_owned();
        client
    }

    /// What it believes: `caller` and, where it asks for one, `identity`; or why it refuses.
    pub(crate) async fn believes(&mut self, token: &str) -> Value {
        self.input.write_all(format!("{token}\n").as_bytes()).await.expect("it reads");
        self.line("an answer").await
    }

    async fn line(&mut self, what: &str) -> Value {
        let line = in_time(what, self.output.next_line()).await.expect("text");
        let line = line.unwrap_or_else(|| panic!("{what}: the client ended; run it by hand to see why"));
        serde_json::from_str(&line).expect("JSON")
    }
}
