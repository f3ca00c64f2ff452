//! A private Postgres server for tests: started once per test binary, in a
//! temporary folder, reached through a Unix socket, gone when the tests are.
//!
//! Needs nothing but the standard library, so that other test binaries can
//! include it: `#[path = "…/crates/store/tests/suite/postgres.rs"] mod postgres;`.
//! Then `postgres::database_url()` is the URL of an empty database.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The URL of a database that nobody has used, on the server that all tests of
/// this binary share.
pub(crate) fn database_url() -> String {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    SHARED.get_or_init(Cluster::start).database_url()
}

/// A server of its own, for tests that stop it. Dropping it ends it.
pub(crate) struct Cluster {
    programs: PathBuf,
    folder: PathBuf,
    watchdog: Option<Child>,
}

impl Cluster {
    /// Makes the server's files and starts it.
    pub(crate) fn start() -> Self {
        let programs = programs();
        let folder = std::env::temp_dir().join(format!("doorward-pg-{}-{}", std::process::id(), next()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir(&folder).expect("the temporary folder can be written");
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(&folder));
        }
        let mut initdb = as_postgres(&programs.join("initdb"));
        run(initdb
            .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(folder.join("data")));
        let mut cluster = Self { programs, folder, watchdog: None };
        cluster.resume();
        cluster
    }

    /// The URL of a new, empty database.
    pub(crate) fn database_url(&self) -> String {
        let name = format!("test_{}", next());
        run(Command::new(self.programs.join("psql"))
            .args(["-X", "-q", "-U", "postgres", "-d", "postgres", "-h"])
            .arg(&self.folder)
            .args(["-c", &format!("CREATE DATABASE {name}")]));
        format!("postgres://postgres@localhost/{name}?host={}", self.folder.display())
    }

    /// Ends the server without a farewell to its clients, as a crash would.
    pub(crate) fn stop(&mut self) {
        if let Some(mut watchdog) = self.watchdog.take() {
            let mut stdin = watchdog.stdin.take().expect("stdin is a pipe");
            stdin.write_all(b"keep the files\n").expect("the watchdog listens");
            watchdog.wait().expect("the watchdog ends");
        }
    }

    /// Starts it again on the same files.
    pub(crate) fn resume(&mut self) {
        // The shell ends the server when its standard input closes, and that
        // happens when this process ends, however it ends.
        let script = r#"folder=$1; shift; "$@" </dev/null & server=$!
            read -r keep; kill -QUIT $server; wait $server; [ "$keep" ] || rm -rf "$folder""#;
        let mut server = as_postgres(&self.programs.join("postgres"));
        server.arg("-D").arg(self.folder.join("data")).arg("-k").arg(&self.folder);
        for setting in ["listen_addresses=", "port=5432", "fsync=off", "shared_buffers=16MB", "max_connections=200"] {
            server.args(["-c", setting]);
        }
        let mut watchdog = Command::new("sh")
            .args(["-c", script, "postgres"])
            .arg(&self.folder)
            .arg(server.get_program())
            .args(server.get_args())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a shell is there");
        let mut log = BufReader::new(watchdog.stderr.take().expect("stderr is a pipe"));
        let mut said = String::new();
        while !said.contains("ready to accept connections") {
            let read = log.read_line(&mut said).expect("the server's log is text");
            assert!(read > 0, "the Postgres server did not start:\n{said}");
        }
        // Somebody must go on reading, or the server blocks when the pipe is full.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        self.watchdog = Some(watchdog);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A number no other call in this process got.
fn next() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The folder of the newest installed server.
fn programs() -> PathBuf {
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path());
    let version = |folder: &PathBuf| folder.file_name()?.to_str()?.parse::<u32>().ok();
    installed
        .filter(|folder| folder.join("bin/initdb").exists())
        .max_by_key(version)
        .expect("these tests need a Postgres server: apt-get install postgresql-15")
        .join("bin")
}

/// Postgres refuses to run as root.
fn as_postgres(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "postgres", "--regid", "postgres", "--init-groups"]).arg(program);
    command
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    assert!(output.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&output.stderr));
}
