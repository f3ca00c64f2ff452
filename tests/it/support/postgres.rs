//! A Postgres cluster of our own: a temporary folder, a socket in it, no port.
//! It is made once for a test run and every test gets a database in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::OnceCell;

use super::deadline::eventually;
use super::tied::Tied;

struct Cluster {
    _server: Tied,
    folder: PathBuf,
    databases: AtomicUsize,
}

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();

/// The URL of a fresh database.
pub(crate) async fn database() -> String {
    let cluster = CLUSTER.get_or_init(start).await;
    let name = format!("doorward{}", cluster.databases.fetch_add(1, Ordering::SeqCst));
    let folder = &cluster.folder;
    assert!(create_database(folder, &name), "a database can be created");
    format!("postgres:///{name}?host={}&user=postgres", folder.display())
}

async fn start() -> Cluster {
    let folder = tempfile::Builder::new().prefix("doorward-pg-").tempdir().expect("a temporary folder");
    // Statics are never dropped; the server's keeper removes the folder.
    let folder = folder.keep();
    let path = folder.as_path();
    own(path);
    let data = path.join("data");
    let data = data.to_str().expect("UTF-8");
    let initdb = tool("initdb");
    let made = as_owner(&[initdb.as_str(), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"])
        .stdout(Stdio::null())
        .status()
        .expect("initdb runs");
    assert!(made.success(), "initdb makes a cluster");
    let server = as_owner_words(&[
        &tool("postgres"),
        "-D",
        data,
        "-k",
        path.to_str().expect("UTF-8"),
        "-c",
        "listen_addresses=",
        "-c",
        "fsync=off",
    ]);
    let words: Vec<&str> = server.iter().map(String::as_str).collect();
    let server = Tied::start_in(&words, Stdio::null(), path.to_str().expect("UTF-8"));
    eventually("Postgres accepts", async || {
        let probe = as_owner(&[&tool("pg_isready"), "-q", "-h", path.to_str()?]).status().ok()?;
        probe.success().then_some(())
    })
    .await;
    Cluster { _server: server, folder, databases: AtomicUsize::new(0) }
}

fn create_database(socket: &Path, name: &str) -> bool {
    let socket = socket.to_str().expect("UTF-8");
    as_owner(&[&tool("createdb"), "-h", socket, "-U", "postgres", name]).status().is_ok_and(|status| status.success())
}

/// Postgres refuses to run as root; then everything of it runs as the user its package made.
fn as_owner_words(words: &[&str]) -> Vec<String> {
    let prefix: &[&str] =
        if is_root() { &["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] } else { &[] };
    prefix.iter().chain(words).map(|&word| word.to_owned()).collect()
}

fn as_owner(words: &[&str]) -> Command {
    let words = as_owner_words(words);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).current_dir("/");
    command
}

fn own(folder: &Path) {
    if is_root() {
        let given = Command::new("chown").arg("postgres:postgres").arg(folder).status();
        assert!(given.is_ok_and(|status| status.success()), "the user postgres exists");
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id is there");
    id.stdout.starts_with(b"0\n")
}

/// Debian keeps the server's tools out of the path.
fn tool(name: &str) -> String {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> =
        versions.map(|dir| dir.path().join("bin").join(name)).filter(|p| p.is_file()).collect();
    found.sort();
    found.pop().map_or_else(|| name.to_owned(), |path| path.to_str().expect("UTF-8").to_owned())
}
