//! The gateway as it is run in production: the release binary, a configuration
//! file, a store, an OpenID provider. Logs, metrics and limits are on.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::Outcome;
use crate::browser::Browser;
use crate::child::Child;
use crate::provider::{CLIENT_ID, CLIENT_SECRET};
use crate::tls::Certificate;

/// The host of the application that is measured: one policy lets everybody in who signs in.
pub(crate) const WIKI: &str = "wiki.example.com";
/// The same behind a Bypass policy.
pub(crate) const OPEN: &str = "open.example.com";
/// The team domain.
pub(crate) const TEAM: &str = "acme.localhost";

/// The cookie that carries an application's token.
pub(crate) const TOKEN: &str = "CF_Authorization";

/// What a gateway is to be.
pub(crate) struct Setup<'a> {
    pub(crate) issuer: &'a str,
    /// Where the origin listens.
    pub(crate) origin: u16,
    /// Applications, `WIKI` among them.
    pub(crate) apps: usize,
    /// Policies of each of them; the last lets people in.
    pub(crate) policies: usize,
    pub(crate) tls: Option<&'a Certificate>,
    /// A SQLite file in a folder of its own where none is named.
    pub(crate) store: Option<&'a str>,
    /// The port in the team's URL, where another node has it.
    pub(crate) team_port: Option<u16>,
}

impl<'a> Setup<'a> {
    pub(crate) const fn plain(issuer: &'a str, origin: u16) -> Self {
        Self { issuer, origin, apps: 1, policies: 1, tls: None, store: None, team_port: None }
    }

    /// The configuration file.
    pub(crate) fn file(&self, folder: &Path, port: u16, admin: u16) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let tls = self
            .tls
            .map_or_else(String::new, |tls| format!("tls = {{ cert = {:?}, key = {:?} }}\n", tls.cert, tls.key));
        let sqlite = format!("sqlite://{}", folder.join("doorward.db").display());
        let access = folder.join("access.log");
        let (store, team) = (self.store.unwrap_or(&sqlite), self.team_port.unwrap_or(port));
        let mut file = format!(
            "mode = \"production\"\n[listen]\npublic = \"127.0.0.1:{port}\"\nadmin = \"127.0.0.1:{admin}\"\n{tls}\
             [team]\nname = \"acme\"\nurl = \"{scheme}://{TEAM}:{team}\"\n\
             [log]\naccess = {access:?}\n[store]\nurl = {store:?}\n\
             [keys]\nencryption_key = \"0123456789abcdef0123456789abcdef\"\n\
             [[identity_provider]]\nname = \"Provider\"\ntype = \"oidc\"\nissuer = {:?}\n\
             config = {{ client_id = {CLIENT_ID:?}, client_secret = {CLIENT_SECRET:?}, \
             scopes = [\"openid\", \"email\", \"profile\", \"groups\"], claims = [\"groups\"], pkce_enabled = true }}\n",
            self.issuer
        );
        let everyone = "include = [{ everyone = {} }]";
        self.app(&mut file, OPEN, &format!("{{ name = \"Everybody\", decision = \"bypass\", {everyone} }}"));
        let mut policies: Vec<String> = (1..self.policies)
            .map(|n| {
                let include = format!("include = [{{ email = {{ email = \"nobody-{n}@example.org\" }} }}, {{ email_domain = {{ domain = \"unit-{n}.example.org\" }} }}]");
                format!("{{ name = \"Unit {n}\", decision = \"allow\", {include} }}")
            })
            .collect();
        policies.push(
            "{ name = \"Staff\", decision = \"allow\", include = [{ email_domain = { domain = \"example.com\" } }] }"
                .into(),
        );
        let policies = policies.join(", ");
        for n in 1..self.apps {
            self.app(&mut file, &format!("app-{n}.example.com"), &policies);
        }
        self.app(&mut file, WIKI, &policies);
        file
    }

    fn app(&self, file: &mut String, host: &str, policies: &str) {
        write!(
            file,
            "[[route]]\nhostname = {host:?}\nservice = \"http://127.0.0.1:{}\"\n\
             [[app]]\nname = {host:?}\ndomain = {host:?}\nauto_redirect_to_identity = true\npolicies = [{policies}]\n",
            self.origin
        )
        .expect("a String takes everything");
    }
}

/// A gateway that runs.
pub(crate) struct Doorward {
    pub(crate) child: Child,
    pub(crate) port: u16,
    admin: u16,
    pub(crate) config: PathBuf,
    pub(crate) folder: TempDir,
    /// The certificate it has, where it speaks TLS.
    cert: Option<PathBuf>,
}

impl Doorward {
    /// Starts a binary on one core, or on all.
    pub(crate) fn start(binary: &Path, setup: &Setup<'_>, core: Option<usize>) -> Outcome<Self> {
        Self::start_in(folder()?, &[&*binary.to_string_lossy()], setup, core)
    }

    /// The same with a folder that may hold a store already, and words before the command.
    pub(crate) fn start_in(folder: TempDir, program: &[&str], setup: &Setup<'_>, core: Option<usize>) -> Outcome<Self> {
        let (port, admin) = (free_port()?, free_port()?);
        let config = folder.path().join("doorward.toml");
        fs::write(&config, setup.file(folder.path(), port, admin))?;
        let path = config.to_string_lossy().into_owned();
        let words = [program, &["serve", "--ready-json", "--config", &path]].concat();
        Self::started(folder, &words, core, (port, admin), config.clone(), setup)
    }

    /// The gateway within a process of this program, which counts what it allocates.
    pub(crate) fn counted(setup: &Setup<'_>) -> Outcome<Self> {
        let (folder, port, admin) = (folder()?, free_port()?, free_port()?);
        let config = folder.path().join("doorward.toml");
        fs::write(&config, setup.file(folder.path(), port, admin))?;
        let (program, path) = (std::env::current_exe()?, config.to_string_lossy().into_owned());
        let words = [&*program.to_string_lossy(), "gateway", &path];
        Self::started(folder, &words, None, (port, admin), config.clone(), setup)
    }

    fn started(
        folder: TempDir,
        words: &[&str],
        core: Option<usize>,
        (port, admin): (u16, u16),
        config: PathBuf,
        setup: &Setup<'_>,
    ) -> Outcome<Self> {
        let log = folder.path().join("doorward.log");
        let mut child = Child::start("doorward", core, words, &log)?;
        child.line().map_err(|failure| {
            let log = fs::read_to_string(&log).unwrap_or_default();
            format!("{failure}: {log}")
        })?;
        Ok(Self { child, port, admin, config, folder, cert: setup.tls.map(|tls| tls.cert.clone()) })
    }

    /// The URL of an application.
    pub(crate) fn url(&self, host: &str) -> String {
        let scheme = if self.cert.is_some() { "https" } else { "http" };
        format!("{scheme}://{host}:{}/", self.port)
    }

    /// A browser of somebody who signed in to `WIKI` through the provider.
    pub(crate) async fn signed_in(&self) -> Outcome<Browser> {
        let mut browser = Browser::believing(self.cert.clone());
        let page = browser.visit(&self.url(WIKI)).await?;
        if page.status != 200 || browser.cookie(WIKI, TOKEN).is_none() {
            let text = String::from_utf8_lossy(&page.body).into_owned();
            return Err(format!("nobody can sign in to the gateway: {} {text}", page.status).into());
        }
        Ok(browser)
    }

    /// A number among the metrics, all its labels together.
    pub(crate) async fn metric(&self, name: &str) -> Outcome<Option<f64>> {
        let page = Browser::default().visit(&format!("http://127.0.0.1:{}/metrics", self.admin)).await?;
        let text = String::from_utf8_lossy(&page.body).into_owned();
        let values = text.lines().filter(|line| line.split(['{', ' ']).next() == Some(name));
        let values: Vec<f64> = values.filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect();
        Ok((!values.is_empty()).then(|| values.iter().sum()))
    }

    /// Statements the store has run.
    pub(crate) async fn store_queries(&self) -> Outcome<f64> {
        let queries = self.metric("doorward_store_queries_total").await?;
        queries.ok_or_else(|| "the metrics do not tell the store's statements".into())
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("doorward.log")).unwrap_or_default()
    }
}

/// A folder that goes away with its value. Servers that give up root can still look into it.
pub(crate) fn folder() -> Outcome<TempDir> {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::Builder::new().prefix("doorward-bench-").tempdir()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    Ok(folder)
}

/// A port nobody listens on at this moment.
pub(crate) fn free_port() -> Outcome<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
