//! The configuration file as it was written: which tables and keys there are,
//! and how each value is read. References between objects are still names
//! here; whether the whole makes sense is for [`super::check`] to say.

mod launcher;
mod limits;
mod log;
mod objects;
mod organization;
mod providers;
mod purpose;
mod shared;
mod smtp;
pub(super) mod store;
mod telemetry;

pub(super) use self::log::RawLog;
pub(crate) use self::objects::service;
pub(super) use self::objects::{RawApp, RawGroup, RawPolicy, RawPolicyLink, RawRoute, RawRules};
pub(super) use self::organization::{RawCustomPage, RawOrganization};
pub(crate) use self::providers::country;
pub(super) use self::providers::{RawIdp, RawServiceToken, RawUser};
pub(super) use self::purpose::RawPurpose;
pub(super) use self::shared::{RawCertificate, RawList};

use std::net::SocketAddr;
use std::path::PathBuf;

use doorward_edge::Limits;
use doorward_model::host::Host;
use doorward_model::id::AccountId;
use doorward_model::secret::Secret;
use doorward_model::time::Lifetime;
use ipnet::IpNet;
use toml::de::DeTable;
use url::Url;

use super::document::{At, Source, Table};
use super::problem::suggestion;
use super::resolved::{Mode, TelemetrySettings, TlsFiles};

/// Everything in the file.
pub(super) struct RawFile {
    /// `production` (the default) or `emulator`; when the file says something
    /// else, what it most likely means, so that the other checks are made too.
    pub(super) mode: Mode,
    pub(super) listen: RawListen,
    pub(super) limits: Limits,
    pub(super) log: RawLog,
    pub(super) telemetry: TelemetrySettings,
    pub(super) smtp: Option<doorward_mail::Settings>,
    pub(super) team: RawTeam,
    pub(super) emulator: RawEmulator,
    pub(super) store_url: Written<String>,
    pub(super) revocation_freshness: Option<Lifetime>,
    pub(super) log_retention: Option<Lifetime>,
    pub(super) audit_retention: Option<Lifetime>,
    pub(super) encryption_key: Written<Secret>,
    pub(super) api_token: Written<Secret>,
    pub(super) account_id: Option<At<AccountId>>,
    pub(super) routes: Vec<RawRoute>,
    pub(super) idps: Vec<RawIdp>,
    pub(super) groups: Vec<RawGroup>,
    pub(super) apps: Vec<RawApp>,
    pub(super) service_tokens: Vec<RawServiceToken>,
    pub(super) custom_pages: Vec<RawCustomPage>,
    pub(super) users: Vec<RawUser>,
    /// A database of countries in MaxMind's format.
    pub(super) geo_database: Option<At<PathBuf>>,
    /// The ones that applications share.
    pub(super) policies: Vec<RawPolicy>,
    pub(super) lists: Vec<RawList>,
    pub(super) certificates: Vec<RawCertificate>,
}

/// A value that may be missing, or may be there and not be readable.
pub(super) enum Written<T> {
    Absent,
    /// A problem that is noted already.
    Unreadable,
    Value(At<T>),
}

impl<T> Written<T> {
    fn of(table: Option<&Table<'_>>, key: &'static str, read: impl FnOnce(&Table<'_>) -> Option<At<T>>) -> Self {
        match table.filter(|table| table.has(key)).map(read) {
            None => Self::Absent,
            Some(None) => Self::Unreadable,
            Some(Some(value)) => Self::Value(value),
        }
    }

    pub(super) const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    pub(super) const fn value(&self) -> Option<&At<T>> {
        if let Self::Value(value) = self { Some(value) } else { None }
    }

    pub(super) fn into_value(self) -> Option<T> {
        if let Self::Value(value) = self { Some(value.value) } else { None }
    }
}

/// `[listen]`
#[derive(Default)]
pub(super) struct RawListen {
    pub(super) public: Option<At<SocketAddr>>,
    pub(super) admin: Option<At<SocketAddr>>,
    pub(super) admin_hosts: Vec<At<String>>,
    /// The CONNECT proxy.
    pub(super) proxy: Option<At<SocketAddr>>,
    pub(super) trusted_proxies: Vec<At<IpNet>>,
    pub(super) tls: Option<RawTls>,
}

/// `tls = { cert, key }` of `[listen]`
pub(super) struct RawTls {
    pub(super) cert: At<PathBuf>,
    pub(super) key: At<PathBuf>,
}

/// `[emulator]`
#[derive(Default)]
pub(super) struct RawEmulator {
    pub(super) line: Option<usize>,
    /// What keys and the local certificate authority are derived from.
    pub(super) seed: Option<At<String>>,
    /// Said by whoever knows that others can reach it.
    pub(super) beyond_loopback: bool,
}

/// `[team]`
pub(super) struct RawTeam {
    pub(super) line: usize,
    /// Whether the file names it, well or badly.
    pub(super) is_named: bool,
    pub(super) name: Option<At<String>>,
    pub(super) domain: Option<At<String>>,
    pub(super) url: Option<At<Url>>,
    /// None where the file decides nothing of it.
    pub(super) organization: Option<RawOrganization>,
}

impl RawFile {
    pub(super) fn read(source: Source<'_>, document: &DeTable<'_>) -> Self {
        let root = Table::root(source, document);
        let store = root.table("store");
        let keys = root.table("keys");
        let api = root.table("api");
        let file = Self {
            mode: root.read("mode", mode).map_or_else(|| likely_mode(&root), |at| at.value),
            listen: root.table("listen").map(RawListen::read).unwrap_or_default(),
            limits: root.table("limits").map(limits).unwrap_or_default(),
            log: root.table("log").map(RawLog::read).unwrap_or_default(),
            telemetry: root.table("telemetry").map(telemetry::telemetry).unwrap_or_default(),
            smtp: root.table("smtp").and_then(smtp::read),
            team: root.table("team").map_or_else(RawTeam::absent, RawTeam::read),
            emulator: root.table("emulator").map(RawEmulator::read).unwrap_or_default(),
            store_url: Written::of(store.as_ref(), "url", |store| store.needed("url")),
            log_retention: store
                .as_ref()
                .and_then(|store| store.read("log_retention", str::parse::<Lifetime>))
                .map(|at| at.value),
            audit_retention: store
                .as_ref()
                .and_then(|store| store.read("audit_retention", str::parse::<Lifetime>))
                .map(|at| at.value),
            revocation_freshness: store
                .as_ref()
                .and_then(|store| store.read("revocation_freshness", self::store::freshness))
                .map(|at| at.value),
            encryption_key: Written::of(keys.as_ref(), "encryption_key", |keys| {
                keys.needed_as("encryption_key", secret)
            }),
            api_token: Written::of(api.as_ref(), "token", |api| api.needed_as("token", secret)),
            account_id: api
                .as_ref()
                .and_then(|api| api.read("account_id", |text| naming(text, AccountId::try_from(text.to_owned())))),
            routes: root.tables("route").into_iter().map(RawRoute::read).collect(),
            idps: root.tables("identity_provider").into_iter().map(RawIdp::read).collect(),
            groups: root.tables("group").into_iter().map(RawGroup::read).collect(),
            apps: root.tables("app").into_iter().map(RawApp::read).collect(),
            service_tokens: root.tables("service_token").into_iter().map(RawServiceToken::read).collect(),
            custom_pages: root.tables("custom_page").into_iter().map(RawCustomPage::read).collect(),
            users: root.tables("user").into_iter().map(RawUser::read).collect(),
            geo_database: root.table("geo").and_then(geo_database),
            policies: root.tables("policy").into_iter().map(RawPolicy::reusable).collect(),
            lists: root.tables("list").into_iter().map(RawList::read).collect(),
            certificates: root.tables("certificate").into_iter().map(RawCertificate::read).collect(),
        };
        [store, keys, api].into_iter().flatten().for_each(Table::close);
        root.close();
        file
    }
}

fn limits(table: Table<'_>) -> Limits {
    let limits = limits::read(&table);
    table.close();
    limits
}

fn geo_database(table: Table<'_>) -> Option<At<PathBuf>> {
    let database = table.needed("database").map(|at| At::new(PathBuf::from(at.value), at.line));
    table.close();
    database
}

fn mode(text: &str) -> Result<Mode, String> {
    match text {
        "production" => Ok(Mode::Production),
        "emulator" => Ok(Mode::Emulator),
        _ => Err(format!(
            "\"{text}\" is not a mode; write \"production\" or \"emulator\"{}",
            suggestion(text, ["production", "emulator"])
        )),
    }
}

fn likely_mode(root: &Table<'_>) -> Mode {
    let written = root.text("mode").map(|at| at.value).unwrap_or_default();
    if suggestion(&written, ["emulator"]).is_empty() { Mode::Production } else { Mode::Emulator }
}

impl RawListen {
    fn read(table: Table<'_>) -> Self {
        let listen = Self {
            public: table.read("public", address),
            admin: table.read("admin", address),
            admin_hosts: table.list("admin_hosts", host_name).map(|list| list.value).unwrap_or_default(),
            proxy: table.read("proxy", address),
            trusted_proxies: table.list("trusted_proxies", network).map(|list| list.value).unwrap_or_default(),
            tls: table.table("tls").and_then(RawTls::read),
        };
        table.close();
        listen
    }
}

impl RawTls {
    fn read(table: Table<'_>) -> Option<Self> {
        let file = |key| table.needed(key).map(|at| At::new(PathBuf::from(at.value), at.line));
        let (cert, key) = (file("cert"), file("key"));
        table.close();
        Some(Self { cert: cert?, key: key? })
    }

    pub(super) fn files(&self) -> TlsFiles {
        TlsFiles { cert: self.cert.value.clone(), key: self.key.value.clone() }
    }
}

impl RawEmulator {
    fn read(table: Table<'_>) -> Self {
        let emulator = Self {
            line: Some(table.line),
            seed: table.read("seed", seed),
            beyond_loopback: table.flag("beyond_loopback").is_some_and(|at| at.value),
        };
        table.close();
        emulator
    }
}

impl RawTeam {
    const fn absent() -> Self {
        Self { line: 1, is_named: false, name: None, domain: None, url: None, organization: None }
    }

    fn read(table: Table<'_>) -> Self {
        let team = Self {
            line: table.line,
            is_named: table.has("name"),
            name: table.read("name", label),
            domain: table.read("domain", host_name),
            url: table.read("url", origin),
            organization: RawOrganization::read(&table),
        };
        table.close();
        team
    }
}

/// The error after the text that it is about.
fn naming<T, E: std::fmt::Display>(text: &str, read: Result<T, E>) -> Result<T, String> {
    read.map_err(|error| format!("\"{text}\": {error}"))
}

#[expect(clippy::unnecessary_wraps, reason = "it is one of several ways to read a text")]
fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text.to_owned()))
}

/// `ADDRESS:PORT`, where the address may be `localhost`.
fn address(text: &str) -> Result<SocketAddr, String> {
    let numeric = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    numeric
        .as_deref()
        .unwrap_or(text)
        .parse()
        .map_err(|_| format!("\"{text}\" is not an address to listen on; write it like 127.0.0.1:8080"))
}

/// The name of a host without a port.
fn host_name(text: &str) -> Result<String, String> {
    match text.parse::<Host>() {
        Ok(host) if host.port().is_none() => Ok(host.name().to_owned()),
        Ok(_) => Err(format!("\"{text}\" has a port; leave it out")),
        Err(_) => Err(format!("\"{text}\" is not a host name; write it like auth.example.com")),
    }
}

/// What everything of an emulator is derived from.
pub(crate) fn seed(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("a seed is a text, such as the name of the project".into());
    }
    Ok(text.to_owned())
}

fn network(text: &str) -> Result<IpNet, String> {
    text.parse()
        .or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from))
        .map_err(|_| format!("\"{text}\" is not a network; write it like 10.0.0.0/8"))
}

/// The team's name is the first label of its domain.
pub(crate) fn label(text: &str) -> Result<String, String> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let valid = (1..=63).contains(&text.len()) && text.bytes().all(allowed);
    if valid && !text.starts_with('-') && !text.ends_with('-') {
        return Ok(text.to_owned());
    }
    Err(format!("\"{text}\" cannot be a team name; use lower-case letters, digits and hyphens, as in acme"))
}

/// Scheme, host and port of a URL that has nothing else.
fn origin(text: &str) -> Result<Url, String> {
    let url = web_url(text)?;
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(format!("\"{text}\" has a path; write only scheme, host and port"));
    }
    let host = url.host_str().map(str::parse::<Host>);
    if !matches!(host, Some(Ok(_))) {
        return Err(format!("\"{text}\" names a host that browsers and servers read differently; write a plain name"));
    }
    Ok(url)
}

/// An absolute `http://` or `https://` URL without user name and password.
fn web_url(text: &str) -> Result<Url, String> {
    let wrong = || format!("\"{text}\" is not a URL; write it like https://auth.example.com/path");
    let url = Url::parse(text).map_err(|_| wrong())?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a user name or password in a URL ends up in logs; leave it out".into());
    }
    Ok(url)
}
