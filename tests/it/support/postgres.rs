//! A Postgres cluster of our own: a temporary folder, a socket in it, no port.
//! It is made once for a test run and every test gets a database in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::OnceCell;

use super::deadline::eventually;
use super::tied::Tied;

/// One server. It ends with this value.
pub(crate) struct Server {
    _server: Tied,
    folder: PathBuf,
}

struct Cluster {
    server: Server,
    databases: AtomicUsize,
}

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();

/// The URL of a fresh database.
pub(crate) async fn database() -> String {
    let (name, socket) = fresh().await;
    format!("postgres:///{name}?host={}&user=postgres", socket.parent().expect("in a folder").display())
}

/// The name of a fresh database, and the socket of its server.
pub(crate) async fn fresh() -> (String, PathBuf) {
    let cluster =
        CLUSTER.get_or_init(async || Cluster { server: Server::primary().await, databases: AtomicUsize::new(0) }).await;
    let name = format!("doorward{}", cluster.databases.fetch_add(1, Ordering::SeqCst));
    cluster.server.create(&name);
    (name, cluster.server.socket())
}

impl Server {
    /// A server of its own with nothing in it.
    pub(crate) async fn primary() -> Server {
        let folder = own_folder();
        let data = path_text(&folder.join("data"));
        let made = as_owner(&[
            tool("initdb").as_str(),
            "-D",
            &data,
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
        ])
        .stdout(Stdio::null())
        .status()
        .expect("initdb runs");
        assert!(made.success(), "initdb makes a cluster");
        Self::started(folder).await
    }

    /// A streaming replica: it answers questions and takes no writes.
    pub(crate) async fn standby(&self) -> Server {
        let folder = own_folder();
        let (data, from) = (path_text(&folder.join("data")), path_text(&self.folder));
        let program = tool("pg_basebackup");
        let words = [&program, "-D", &data, "-h", &from, "-U", "postgres", "-R", "-X", "stream", "-c", "fast", "-N"];
        let copied = as_owner(&words).stdout(Stdio::null()).status().expect("pg_basebackup runs");
        assert!(copied.success(), "a replica is made");
        Self::started(folder).await
    }

    /// Makes a replica the primary.
    pub(crate) fn promote(&self) {
        let promoted = as_owner(&[
            &tool("psql"),
            "-q",
            "-h",
            &path_text(&self.folder),
            "-U",
            "postgres",
            "-c",
            "SELECT pg_promote()",
        ])
        .stdout(Stdio::null())
        .status();
        assert!(promoted.is_ok_and(|status| status.success()), "a replica becomes the primary");
    }

    pub(crate) fn create(&self, database: &str) {
        let made = as_owner(&[&tool("createdb"), "-h", &path_text(&self.folder), "-U", "postgres", database]).status();
        assert!(made.is_ok_and(|status| status.success()), "a database can be created");
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join(".s.PGSQL.5432")
    }

    /// Starts the server of a folder that has its files.
    async fn started(folder: PathBuf) -> Server {
        let (path, data) = (path_text(&folder), path_text(&folder.join("data")));
        let program = tool("postgres");
        let server = as_owner_words(&[
            &program,
            "-D",
            &data,
            "-k",
            &path,
            "-c",
            "listen_addresses=",
            "-c",
            "fsync=off",
            "-c",
            "max_connections=300",
        ]);
        let words: Vec<&str> = server.iter().map(String::as_str).collect();
        let server = Tied::start_in(&words, Stdio::null(), &path);
        eventually("Postgres accepts", async || {
            let probe = as_owner(&[&tool("pg_isready"), "-q", "-h", &path]).status().ok()?;
            probe.success().then_some(())
        })
        .await;
        Server { _server: server, folder }
    }
}

/// A folder that Postgres may write to. Statics are never dropped; the server's keeper removes it.
fn own_folder() -> PathBuf {
    let folder = tempfile::Builder::new().prefix("doorward-pg-").tempdir().expect("a temporary folder").keep();
    own(&folder);
    folder
}

fn path_text(path: &Path) -> String {
    path.to_str().expect("UTF-8").to_owned()
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
