//! A Postgres cluster for one run: a temporary folder, a socket in it, no port.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::Outcome;
use crate::child::Child;
use crate::doorward::folder;

pub(crate) struct Postgres {
    // Ends before its folder goes.
    _server: Child,
    folder: TempDir,
}

impl Postgres {
    pub(crate) fn start() -> Outcome<Self> {
        let folder = folder()?;
        let socket = folder.path().to_string_lossy().into_owned();
        if is_root() {
            let given = Command::new("chown").args(["postgres:postgres", &socket]).status();
            given.map_err(|error| format!("Postgres cannot be given its folder: {error}"))?;
        }
        let data = format!("{socket}/data");
        let initdb = [&*tool("initdb"), "-D", &data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"];
        let made = run(&initdb).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !made.is_ok_and(|status| status.success()) {
            return Err("initdb makes no cluster; install the package postgresql".into());
        }
        let server = [&*tool("postgres"), "-D", &data, "-k", &socket, "-c", "listen_addresses="];
        let words = as_owner(&server);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let server = Child::start("Postgres", None, &words, Path::new("/dev/null"))?;
        let end = Instant::now() + Duration::from_secs(20);
        let answers =
            || run(&[&*tool("pg_isready"), "-q", "-h", &socket]).status().is_ok_and(|status| status.success());
        while !answers() {
            if Instant::now() > end {
                return Err("Postgres does not start".into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(Self { _server: server, folder })
    }

    /// The URL of its one database.
    pub(crate) fn url(&self) -> String {
        format!("postgres:///postgres?host={}&user=postgres", self.folder.path().display())
    }
}

/// Postgres refuses to run as root; then everything of it runs as the user its package made.
fn as_owner(words: &[&str]) -> Vec<String> {
    let prefix: &[&str] =
        if is_root() { &["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] } else { &[] };
    prefix.iter().chain(words).map(|&word| word.to_owned()).collect()
}

fn run(words: &[&str]) -> Command {
    let words = as_owner(words);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).current_dir("/");
    command
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Debian keeps the server's tools out of the path.
fn tool(name: &str) -> String {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> =
        versions.map(|dir| dir.path().join("bin").join(name)).filter(|path| path.is_file()).collect();
    found.sort();
    found.pop().map_or_else(|| name.to_owned(), |path| path.to_string_lossy().into_owned())
}
