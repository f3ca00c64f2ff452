//! What a started process tells the scripts that started it. The shape is a
//! promise.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use doorward_model::app::App;
use doorward_model::catalog::Catalog;
use doorward_model::site::Team;
use serde::Serialize;
use url::Url;

/// Where everything is, once all listeners accept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ready {
    /// The public listener, as this machine reaches it.
    pub public: String,
    /// The admin listener, as this machine reaches it.
    pub admin: String,
    pub team: ReadyTeam,
    /// By name.
    pub apps: Vec<ReadyApp>,
    pub account_id: String,
    /// Emulator mode only: it protects nothing there that is worth it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_token: Option<String>,
    /// What to trust in order to believe the public listener, when it speaks TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// The CONNECT proxy, where there is one.
    pub proxy: Option<String>,
}

/// The team and where its domain is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReadyTeam {
    pub name: String,
    pub domain: String,
    pub url: String,
}

/// One application and where it is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReadyApp {
    pub name: String,
    pub hostname: String,
    pub url: String,
    pub aud: String,
    pub id: String,
}

impl ReadyTeam {
    pub(crate) fn of(team: &Team) -> Self {
        Self { name: team.name.clone(), domain: team.domain.clone(), url: team.url.clone() }
    }
}

/// The applications of a snapshot, by name. `base` has the scheme and the port
/// that visitors see.
pub(crate) fn apps(catalog: &Catalog, base: &str) -> Vec<ReadyApp> {
    let mut apps: Vec<ReadyApp> = catalog.apps().map(|app| ready_app(app, base)).collect();
    apps.sort_by(|a, b| a.name.cmp(&b.name));
    apps
}

fn ready_app(app: &App, base: &str) -> ReadyApp {
    let hostname = app.domains.first().map(|domain| domain.host.to_string()).unwrap_or_default();
    let (scheme, port) = match Url::parse(base) {
        Ok(url) => (url.scheme().to_owned(), url.port().map(|port| format!(":{port}")).unwrap_or_default()),
        Err(_) => ("https".to_owned(), String::new()),
    };
    let path = app.domains.first().map(|domain| domain.path.as_str()).unwrap_or_default();
    ReadyApp {
        name: app.name.clone(),
        url: format!("{scheme}://{hostname}{port}{path}"),
        hostname,
        aud: app.aud.to_string(),
        id: app.id.to_string(),
    }
}

impl Ready {
    /// The object on one line.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts and paths that came from texts have a JSON form")
    }

    /// Writes the object so that a reader finds all of it or nothing. The file
    /// may hold the emulator's token: only its owner may read it.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        write_private(path, &self.to_json()).map(drop)
    }
}

/// Writes a file beside its place, for its owner alone, then moves it there.
/// The file comes back locked: whoever can lock it knows that its writer is gone.
pub(crate) fn write_private(path: &Path, text: &str) -> std::io::Result<File> {
    let beside = path.with_added_extension(format!("{}.new", std::process::id()));
    // A killed process of the same number may have left it.
    let _absent = std::fs::remove_file(&beside);
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(&beside)?;
    // Not every file system has locks; then a file that is left behind stays.
    let _locked = file.try_lock();
    let moved = writeln!(file, "{text}").and_then(|()| std::fs::rename(&beside, path));
    if moved.is_err() {
        let _gone = std::fs::remove_file(&beside);
    }
    moved.map(|()| file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready() -> Ready {
        Ready {
            public: "http://127.0.0.1:8787".into(),
            admin: "http://127.0.0.1:8788".into(),
            team: ReadyTeam {
                name: "dev".into(),
                domain: "dev.cloudflareaccess.com".into(),
                url: "http://dev.localhost:8787".into(),
            },
            apps: vec![ReadyApp {
                name: "Wiki".into(),
                hostname: "wiki.localhost".into(),
                url: "http://wiki.localhost:8787".into(),
                aud: "a".repeat(64),
                id: "6b1e".into(),
            }],
            account_id: "0".repeat(32),
            api_token: Some("t".into()),
            ca: None,
            proxy: None,
        }
    }

    #[test]
    fn the_object_has_the_promised_shape_on_one_line() {
        insta::assert_snapshot!(ready().to_json());
    }

    #[test]
    fn outside_an_emulator_no_token_is_told() {
        let production = Ready { api_token: None, ..ready() };
        assert!(!production.to_json().contains("api_token"));
    }

    #[test]
    fn the_file_is_replaced_whole_and_only_its_owner_reads_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready.json");
        std::fs::write(&path, "something much longer that was there before".repeat(100)).unwrap();
        ready().write(&path).unwrap();
        let read: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(read["team"]["url"], "http://dev.localhost:8787");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_folder_that_is_not_there_is_the_whole_reason() {
        let folder = tempfile::tempdir().unwrap();
        let error = ready().write(&folder.path().join("none/ready.json")).unwrap_err().to_string();
        assert_eq!(error, "No such file or directory (os error 2)");
    }
}
