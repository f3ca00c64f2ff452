//! The parts of a run, and what they have in common: an origin, a provider, a
//! browser's request.

pub(crate) mod allocations;
mod applications;
mod bodies;
mod counts;
mod memory;
mod protocols;
mod requests;
mod revocation;
mod sessions;
mod sign_ins;
mod start;
mod verdict;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::child::Child;
use crate::doorward::{Doorward, Setup, TOKEN, WIKI, folder};
use crate::load::{Order, Protocol, Work};
use crate::origin::SMALL;
use crate::provider::Provider;
use crate::report::Report;
use crate::rounds::Plan;
use crate::{Outcome, machine};

/// Connections of every comparison.
pub(crate) const CLIENTS: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Section {
    /// Authenticated requests beside nginx, haproxy, auth_request and Apache
    Requests,
    /// Bodies of 64 KiB and 1 MiB
    Bodies,
    /// TLS, HTTP/2, WebSocket
    Protocols,
    /// System calls and store queries of a request
    Counts,
    /// Heap allocations of a request
    Allocations,
    /// Sign-ins per second
    SignIns,
    /// One verdict
    Verdict,
    /// 1, 100 and 5 000 applications; changing one
    Applications,
    /// 1 000, 100 000 and 1 000 000 stored sessions
    Sessions,
    /// From exec to ready
    Start,
    /// Resident memory
    Memory,
    /// A sign-out on one node, seen on another
    Revocation,
}

impl Section {
    pub(crate) const ALL: [Self; 12] = [
        Self::Requests,
        Self::Bodies,
        Self::Protocols,
        Self::Counts,
        Self::Allocations,
        Self::SignIns,
        Self::Verdict,
        Self::Applications,
        Self::Sessions,
        Self::Start,
        Self::Memory,
        Self::Revocation,
    ];

    pub(crate) fn run(self, bench: &Bench, report: &mut Report) -> Outcome<()> {
        match self {
            Self::Requests => requests::run(bench, report),
            Self::Bodies => bodies::run(bench, report),
            Self::Protocols => protocols::run(bench, report),
            Self::Counts => counts::run(bench, report),
            Self::Allocations => allocations::run(bench, report),
            Self::SignIns => sign_ins::run(bench, report),
            Self::Verdict => verdict::run(bench, report),
            Self::Applications => applications::run(bench, report),
            Self::Sessions => sessions::run(bench, report),
            Self::Start => start::run(bench, report),
            Self::Memory => memory::run(bench, report),
            Self::Revocation => revocation::run(bench, report),
        }
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.to_possible_value().expect("none is skipped").get_name())
    }
}

/// How a run is made.
pub(crate) struct Settings {
    pub(crate) quick: bool,
    pub(crate) rounds: usize,
    pub(crate) visit: Duration,
    pub(crate) doorward: PathBuf,
    pub(crate) versus: Option<PathBuf>,
}

/// What every section uses.
pub(crate) struct Bench {
    pub(crate) settings: Settings,
    /// Where providers and browsers live.
    pub(crate) runtime: Runtime,
    pub(crate) provider: Provider,
    pub(crate) origin: Child,
    pub(crate) origin_port: u16,
    pub(crate) folder: TempDir,
    cores: Vec<usize>,
}

impl Bench {
    pub(crate) fn start(settings: Settings) -> Outcome<Self> {
        if !settings.doorward.is_file() {
            let path = settings.doorward.display();
            return Err(
                format!("{path} is not there; cargo build --release -p doorward-server, or use scripts/bench").into()
            );
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let provider = runtime.block_on(Provider::start())?;
        let folder = folder()?;
        let program = std::env::current_exe()?;
        let words = [&*program.to_string_lossy(), "origin"];
        let mut origin = Child::start("the origin", None, &words, &folder.path().join("origin.log"))?;
        let address: std::net::SocketAddr = origin.line()?.trim().parse()?;
        Ok(Self { settings, runtime, provider, origin, origin_port: address.port(), folder, cores: machine::cores() })
    }

    /// The core of every server that is measured.
    pub(crate) fn server_core(&self) -> usize {
        self.cores[0]
    }

    /// Another core than the servers', where there is one.
    pub(crate) fn other_core(&self) -> Option<usize> {
        self.cores.get(1).copied()
    }

    /// The usual gateway in front of the origin.
    pub(crate) fn setup(&self) -> Setup<'_> {
        Setup::plain(&self.provider.issuer, self.origin_port)
    }

    /// A gateway on the servers' core.
    pub(crate) fn doorward(&self, setup: &Setup<'_>) -> Outcome<Doorward> {
        Doorward::start(&self.settings.doorward, setup, Some(self.server_core()))
    }

    /// Rounds with origin and load on this core.
    pub(crate) fn plan(&self, core: usize) -> Outcome<Plan<'_>> {
        self.origin.pin(core)?;
        Ok(Plan { rounds: self.settings.rounds, visit: self.settings.visit, core, folder: self.folder.path() })
    }

    /// Somebody's token for `WIKI`, after a sign-in, and proof that the gateway
    /// tells the origin whose it is.
    pub(crate) fn token(&self, gateway: &Doorward) -> Outcome<String> {
        self.runtime.block_on(async {
            let mut browser = gateway.signed_in().await?;
            let head = browser.visit(&format!("{}head", gateway.url(WIKI))).await?;
            let head = String::from_utf8_lossy(&head.body).to_ascii_lowercase();
            if !head.contains("cf-access-jwt-assertion: ey") {
                return Err(format!("the origin was not told who is calling: {head}").into());
            }
            Ok(browser.cookie(WIKI, TOKEN).unwrap_or_default().to_owned())
        })
    }

    /// What a browser sends for a page, with these cookies.
    pub(crate) fn order(&self, port: u16, host: &str, cookies: &str) -> Order {
        Order {
            port,
            host: host.to_owned(),
            path: "/".to_owned(),
            fields: fields(cookies),
            protocol: Protocol::Http1,
            cert: None,
            clients: CLIENTS,
            body: SMALL,
            work: Work::Requests(0),
        }
    }

    /// The order with the token in its cookie, as browsers of `WIKI` send it.
    pub(crate) fn authenticated(&self, gateway: &Doorward, token: &str) -> Order {
        self.order(gateway.port, WIKI, &cookies(token))
    }

    /// Many people sign in, a few at a time, and close their browsers: the
    /// gateway takes only so many connections from one address.
    pub(crate) fn sign_ins(&self, gateway: &Doorward, number: usize) -> Outcome<()> {
        use futures_util::{StreamExt as _, TryStreamExt as _};

        let one = async |_| gateway.signed_in().await.map(drop);
        let all = futures_util::stream::iter(0..number).map(one).buffer_unordered(16);
        self.runtime.block_on(all.try_collect())
    }
}

/// The cookies of a browser that uses an application: its own, then ours.
pub(crate) fn cookies(token: &str) -> String {
    format!("theme=dark; sid=3f8a1c22-6b1e-4f0a-9d3e-0a1b2c3d4e5f; {TOKEN}={token}")
}

/// The header fields of a browser, about 600 bytes of them, with cookies.
fn fields(cookies: &str) -> Vec<(String, String)> {
    let agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
    let accept = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8";
    [
        ("sec-ch-ua", "\"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\""),
        ("sec-ch-ua-mobile", "?0"),
        ("sec-ch-ua-platform", "\"Linux\""),
        ("upgrade-insecure-requests", "1"),
        ("user-agent", agent),
        ("accept", accept),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
        ("accept-encoding", "gzip, deflate, br, zstd"),
        ("accept-language", "en-GB,en;q=0.9"),
        ("cookie", cookies),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}
