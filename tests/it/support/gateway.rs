//! The gateway as its users run it: the built binary, a configuration file, the ready line.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use super::config::Config;
use super::deadline::{eventually, in_time};

/// A running gateway; it ends with this value.
pub(crate) struct Gateway {
    process: Child,
    log: Arc<Mutex<String>>,
    /// Whether its standard error is read.
    reads: watch::Sender<bool>,
    dir: TempDir,
    /// The object of `--ready-json`.
    pub(crate) ready: Value,
}

/// Where the configuration file of a gateway lies in its folder.
const CONFIG: &str = "doorward.toml";

impl Gateway {
    /// `doorward serve` with this configuration.
    pub(crate) async fn serve(config: &Config) -> Gateway {
        Self::serve_with(config, &[]).await
    }

    /// The same with these environment variables.
    pub(crate) async fn serve_with(config: &Config, environment: &[(&str, &str)]) -> Gateway {
        let dir = folder();
        write_config(dir.path(), config);
        let path = dir.path().join(CONFIG);
        let arguments = ["serve", "--config", path.to_str().expect("UTF-8")].map(str::to_owned);
        Self::start(dir, &arguments, environment).await
    }

    /// `doorward dev` on free ports.
    pub(crate) async fn dev(arguments: &[&str]) -> Gateway {
        let dir = folder();
        let data = dir.path().join("data");
        let fixed = ["dev", "--port", "0", "--admin-port", "0", "--data", data.to_str().expect("UTF-8")];
        let arguments: Vec<String> = fixed.iter().chain(arguments).map(|&text| text.to_owned()).collect();
        Self::start(dir, &arguments, &[]).await
    }

    async fn start(dir: TempDir, arguments: &[String], environment: &[(&str, &str)]) -> Gateway {
        let mut process = command()
            .args(arguments)
            .arg("--ready-json")
            .envs(environment.iter().copied())
            // Where an emulator leaves its token for the user's own commands.
            .env("XDG_RUNTIME_DIR", dir.path())
            // Where it keeps its certificate authority.
            .env("XDG_DATA_HOME", dir.path())
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the gateway starts");
        let log = Arc::new(Mutex::new(String::new()));
        let (reads, reading) = watch::channel(true);
        tokio::spawn(keep(process.stderr.take().expect("piped"), log.clone(), reading));
        let mut line = String::new();
        let mut output = BufReader::new(process.stdout.take().expect("piped"));
        in_time("the gateway is ready", output.read_line(&mut line)).await.expect("its output is text");
        let Ok(ready) = serde_json::from_str(&line) else {
            let _ = process.wait().await;
            let log = log.lock().expect("not poisoned");
            panic!("the gateway did not get ready; it said {line:?} and\n{log}");
        };
        Gateway { process, log, reads, dir, ready }
    }

    /// The address of the public listener.
    pub(crate) fn public(&self) -> SocketAddr {
        address(&self.ready["public"])
    }

    /// The address of the admin listener.
    pub(crate) fn admin(&self) -> SocketAddr {
        address(&self.ready["admin"])
    }

    pub(crate) fn team_url(&self) -> &str {
        self.ready["team"]["url"].as_str().expect("the ready line names the team's URL")
    }

    /// The team's host without a port.
    pub(crate) fn team_host(&self) -> String {
        host_of(self.team_url())
    }

    pub(crate) fn certs_url(&self) -> String {
        format!("{}/cdn-cgi/access/certs", self.team_url())
    }

    /// The `aud` of the application with this name.
    pub(crate) fn aud(&self, app: &str) -> String {
        self.app(app)["aud"].as_str().expect("an app has an aud").to_owned()
    }

    /// The id of the application with this name.
    pub(crate) fn app_id(&self, name: &str) -> &str {
        self.app(name)["id"].as_str().expect("an app has an id")
    }

    fn app(&self, name: &str) -> &Value {
        let apps = self.ready["apps"].as_array().expect("the ready line lists the apps");
        apps.iter().find(|app| app["name"] == name).unwrap_or_else(|| panic!("no app {name} among {apps:?}"))
    }

    /// A URL on one of the app hosts: `http://app.localhost:41234/path`.
    pub(crate) fn at(&self, host: &str, path: &str) -> String {
        format!("{}://{host}:{}{path}", self.scheme(), self.public().port())
    }

    /// What the public listener speaks: `http` or `https`.
    pub(crate) fn scheme(&self) -> &str {
        self.ready["public"].as_str().and_then(|url| url.split_once("://")).expect("a URL").0
    }

    /// What it wrote to standard error so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("not poisoned").clone()
    }

    /// Waits until the log says so.
    pub(crate) async fn logs(&self, text: &str) {
        eventually(&format!("the log says {text:?}"), async || self.log().contains(text).then_some(())).await;
    }

    /// Leaves its standard error unread, or goes on to read it.
    pub(crate) fn reads_log(&self, reads: bool) {
        self.reads.send_replace(reads);
    }

    pub(crate) fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// Replaces the configuration file; the gateway looks at it when it is told to.
    pub(crate) fn rewrite(&self, config: &Config) {
        write_config(self.dir.path(), config);
    }

    pub(crate) fn rewrite_text(&self, text: &str) {
        std::fs::write(self.dir.path().join(CONFIG), text).expect("the folder is ours");
    }

    /// Ends the process as a crash or a power cut would.
    pub(crate) async fn kill(&mut self) {
        self.process.kill().await.expect("it is our child");
    }

    /// Sends a signal by its name: `HUP`, `TERM`, `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.process.id().expect("it still runs").to_string();
        let status = std::process::Command::new("kill").args(["-s", name, &id]).status().expect("kill is there");
        assert!(status.success(), "the signal was sent");
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.process.id().expect("it still runs")
    }

    /// The most memory the process ever had, in KiB.
    pub(crate) fn peak_memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id().expect("it still runs")));
        let status = status.expect("Linux tells about a process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// Whether the process itself still has the public port open. Connecting
    /// would not tell: another test may have been given the port since.
    pub(crate) fn accepts(&self) -> bool {
        let id = self.process.id().expect("it still runs");
        let sockets = std::fs::read_to_string("/proc/net/tcp").expect("Linux lists the sockets");
        let port = format!(":{:04X}", self.public().port());
        let listening = sockets.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let listening = listening.filter(|columns| columns[1].ends_with(&port) && columns[3] == "0A");
        let ours: Vec<String> = listening.map(|columns| format!("socket:[{}]", columns[9])).collect();
        let open = std::fs::read_dir(format!("/proc/{id}/fd")).expect("it still runs").flatten();
        open.filter_map(|file| std::fs::read_link(file.path()).ok())
            .any(|target| ours.iter().any(|socket| target.as_os_str() == socket.as_str()))
    }

    /// Waits for the end of the process.
    pub(crate) async fn exit(&mut self) -> ExitStatus {
        in_time("the gateway ends", self.process.wait()).await.expect("it is our child")
    }

    /// A call of the admin listener with the API token; the status and the JSON.
    pub(crate) async fn admin_call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let method: reqwest::Method = method.parse().expect("a method");
        let mut request = client.request(method, format!("http://{}{path}", self.admin()));
        if let Some(token) = self.ready["api_token"].as_str() {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.expect("the admin listener answers");
        let status = response.status().as_u16();
        let text = response.text().await.expect("text");
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// A call of the control API that must succeed.
    pub(crate) async fn control(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.admin_call(method, &format!("/emulator/v1{path}"), Some(body)).await;
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    /// A token for an app from the control API; `request` is the rest of the call.
    pub(crate) async fn token(&self, request: Value) -> String {
        let answer = self.control("POST", "/tokens", request).await;
        answer["token"].as_str().expect("the answer holds a token").to_owned()
    }
}

/// Runs `doorward` to its end: exit code, output, errors.
pub(crate) async fn run(arguments: &[&str]) -> (i32, String, String) {
    run_with(arguments, &[]).await
}

/// The same with these environment variables.
pub(crate) async fn run_with(arguments: &[&str], environment: &[(&str, &str)]) -> (i32, String, String) {
    let mut command = command();
    command.args(arguments).envs(environment.iter().copied()).stdin(Stdio::null());
    let output = in_time("the command ends", command.output()).await.expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

fn command() -> Command {
    let mut command = Command::new(binary());
    command.kill_on_drop(true).env_remove("RUST_LOG");
    command
}

/// The binary of the same build as this test: two folders up from it.
pub(crate) fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let profile = test.parent().and_then(Path::parent).expect("target/<profile>/deps/<test>");
    let binary = profile.join("doorward");
    assert!(
        binary.is_file(),
        "{} is not there: these tests run the built binary; `cargo build` first, or use scripts/test",
        binary.display()
    );
    binary
}

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("doorward-test-").tempdir().expect("a temporary folder")
}

fn write_config(folder: &Path, config: &Config) {
    std::fs::write(folder.join(CONFIG), config.text(folder)).expect("the folder is ours");
}

async fn keep(
    mut stderr: impl tokio::io::AsyncRead + Unpin,
    log: Arc<Mutex<String>>,
    mut reading: watch::Receiver<bool>,
) {
    let mut part = [0; 4096];
    // Nobody can stop the reading any more once the gateway is let go.
    while reading.wait_for(|reads| *reads).await.is_ok() {
        let count = tokio::select! {
            read = stderr.read(&mut part) => read.unwrap_or_default(),
            changed = reading.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        };
        if count == 0 {
            return;
        }
        log.lock().expect("not poisoned").push_str(&String::from_utf8_lossy(&part[..count]));
    }
}

fn address(url: &Value) -> SocketAddr {
    let url = url.as_str().expect("a URL in the ready line");
    let text = url.trim_start_matches("http://").trim_start_matches("https://").trim_end_matches('/');
    text.parse().unwrap_or_else(|_| panic!("{url} names an address"))
}

/// The host of a URL, without its port.
pub(crate) fn host_of(url: &str) -> String {
    url::Url::parse(url).expect("a URL").host_str().expect("a host").to_owned()
}
