//! cloudflared: its requests as its source makes them, everywhere, and the
//! program itself where the machine has one on its PATH. Both keep their files
//! in a home folder of their own and are led to an emulator by its proxy.

mod followed;

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Once;

use tempfile::TempDir;
use tokio::process::Command;

use self::followed::Followed;
use super::deadline::in_time;
use super::gateway::{Gateway, run_with};

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What 2026.8.0 and later send: they ask for signed metadata.
    Followed,
    /// What was sent before: it follows the redirect to the sign-in page.
    FollowedBefore,
    Itself {
        binary: PathBuf,
        asks_metadata: bool,
    },
}

/// By which an installation reaches the names it knows.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) proxy: String,
    pub(crate) ca: PathBuf,
}

/// One installation, with nothing in its home folder yet.
pub(crate) struct Cloudflared {
    kind: Kind,
    way: Way,
    home: TempDir,
}

impl Kind {
    /// Everyone who must get through.
    pub(crate) fn all() -> Vec<Kind> {
        let itself = binary().map(|binary| Kind::Itself { asks_metadata: asks_metadata(&binary), binary });
        [Kind::Followed, Kind::FollowedBefore].into_iter().chain(itself).collect()
    }

    pub(crate) fn asks_metadata(&self) -> bool {
        match self {
            Kind::Followed => true,
            Kind::FollowedBefore => false,
            Kind::Itself { asks_metadata, .. } => *asks_metadata,
        }
    }
}

impl Way {
    pub(crate) fn to(gateway: &Gateway) -> Way {
        let ready = |key: &str| gateway.ready[key].as_str().expect("the ready line names the proxy and its authority");
        Way { proxy: ready("proxy").to_owned(), ca: ready("ca").into() }
    }
}

impl Cloudflared {
    pub(crate) fn new(kind: Kind, way: Way) -> Cloudflared {
        Cloudflared { kind, way, home: tempfile::tempdir().expect("a temporary folder") }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.home().join(".cloudflared").join(name)
    }

    pub(crate) fn token_file(&self, host: &str, aud: &str) -> PathBuf {
        self.file(&format!("{host}-{aud}-token").replace(['/', '*'], "-"))
    }

    /// `cloudflared access login`: the token that it prints, or what it says is wrong.
    pub(crate) async fn login(&self, url: &str) -> Result<String, String> {
        let _none_yet = std::fs::remove_file(self.browser());
        match &self.kind {
            Kind::Itself { binary, .. } => self.said(binary, &["access", "login", url]).await,
            _ => in_time("the login ends", Followed::of(self).login(url)).await,
        }
    }

    /// `cloudflared access token`: the token that it keeps.
    pub(crate) async fn token(&self, url: &str) -> Result<String, String> {
        match &self.kind {
            Kind::Itself { binary, .. } => self.said(binary, &["access", "token", &format!("-app={url}")]).await,
            _ => in_time("the token is printed", Followed::of(self).token(url)).await,
        }
    }

    /// Where the last login opened a browser.
    pub(crate) fn opened(&self) -> Option<String> {
        std::fs::read_to_string(self.browser()).ok()
    }

    fn browser(&self) -> PathBuf {
        self.home().join("url")
    }

    /// The program with the variables of `doorward env`, and a browser that only says what it was to open.
    pub(crate) fn command(&self, binary: &Path, arguments: &[&str]) -> Command {
        let (browser, url) = (self.home().join("xdg-open"), self.browser());
        let script = format!("#!/bin/sh\nprintf '%s' \"$1\" > {0}.part && mv {0}.part {0}\n", url.display());
        std::fs::write(&browser, script).expect("the folder is ours");
        std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o755)).expect("the file is ours");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(self.home().to_owned()).chain(std::env::split_paths(&path));
        let mut command = Command::new(binary);
        command.args(arguments).kill_on_drop(true).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env_clear().env("PATH", std::env::join_paths(path).expect("folders")).env("HOME", self.home());
        command.env("HTTPS_PROXY", &self.way.proxy);
        command.env("SSL_CERT_FILE", &self.way.ca).env("CURL_CA_BUNDLE", &self.way.ca);
        command
    }

    /// The last line of what the program prints when it ends well.
    async fn said(&self, binary: &Path, arguments: &[&str]) -> Result<String, String> {
        let output = in_time("cloudflared ends", self.command(binary, arguments).output()).await.expect("it runs");
        let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let last = out.lines().rfind(|line| !line.is_empty()).unwrap_or_default().to_owned();
        if output.status.success() { Ok(last) } else { Err(format!("{out}{errors}")) }
    }
}

/// Runs `doorward cloudflared seed` for a home folder; exit code, output, errors.
pub(crate) async fn seed(gateway: &Gateway, home: &Path, arguments: &[&str]) -> (i32, String, String) {
    let admin = gateway.ready["admin"].as_str().expect("an address");
    let (home, folder) = (home.to_str().expect("UTF-8"), gateway.folder().to_str().expect("UTF-8"));
    let fixed = ["cloudflared", "seed", "--admin", admin, "--home", home];
    run_with(&[&fixed, arguments].concat(), &[("XDG_RUNTIME_DIR", folder)]).await
}

/// The binary; where there is none the output of the tests says so once, though they pass.
pub(crate) fn binary() -> Option<PathBuf> {
    static SAID: Once = Once::new();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join("cloudflared")).find(|path| path.is_file());
    if found.is_none() {
        // Straight to the descriptor: what a test prints is only shown when it fails.
        SAID.call_once(|| {
            let text = "NOT RUN HERE: cloudflared is not on the PATH; its requests alone were checked \
                        (docs/compatibility.md)\n";
            std::io::stderr().write_all(text.as_bytes()).expect("somebody reads");
        });
    }
    found
}

/// By its version, of which the first two numbers are year and month.
fn asks_metadata(binary: &Path) -> bool {
    let output = std::process::Command::new(binary).arg("--version").output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.split(' ').nth(2).unwrap_or_else(|| panic!("a version: {text}"));
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or_default());
    (numbers.next(), numbers.next()) >= (Some(2026), Some(8))
}
