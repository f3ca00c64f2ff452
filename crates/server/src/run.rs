//! A whole process: everything opened in the order in which it depends on each
//! other, wired, and ended again in good order. The only place that knows all
//! the parts; each part's own work is elsewhere.

mod admin;
mod descriptors;
mod fixed;
mod listen;
mod mail;
mod names;
mod opened;
mod process;
mod sockets;
mod spaces;
mod store_queries;
pub(crate) mod token_file;
mod watching;
mod wire;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use doorward_edge::{AccessLog, Countries, Database};
use doorward_mail::Smtp;
use doorward_model::secret::Secret;
use doorward_model::site::Team;
use doorward_model::time::Clock;
use doorward_objects::{Objects, ObjectsError, Setting};
use doorward_store::{Store, StoreError};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::authority::{self, AuthorityError, Kept};
use crate::chores::{self, Retention};
use crate::config::{Config, Listen, TlsFiles, reachable};
use crate::keys::{Keys, KeysError, Maker, Source};
use crate::ready::{self, Ready, ReadyTeam};
use crate::run::admin::Admin;
use crate::run::fixed::needing_restart;
pub use crate::run::listen::ListenError;
use crate::run::names::Names;
pub(crate) use crate::run::opened::{open_store, sqlite_url};
use crate::run::sockets::Sockets;
use crate::run::token_file::TokenFile;
use crate::run::wire::Doors;
use crate::telemetry::traces::{Traces, TracesError};
use crate::tls::{Certificate, TlsError};

/// How long the access log may take to write its last lines.
const LAST_LINES: Duration = Duration::from_secs(2);

/// How a process is run, as far as no file says it.
#[derive(Clone, Copy, Debug)]
pub struct RunOptions {
    /// Threads that serve the public listener.
    pub workers: usize,
    /// How long a database that is not up yet is waited for.
    pub store_wait: Duration,
    /// Leave the emulator's API token where `doorward token` finds it.
    pub leave_token: bool,
    /// Sign with the keys that an earlier emulator of this process made, where one was told so too. Making them is
    /// most of an emulator's start; two that share them are still told apart by their issuers.
    pub share_keys: bool,
}

impl Default for RunOptions {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { workers: cores, store_wait: Duration::from_secs(15), leave_token: false, share_keys: false }
    }
}

/// Why a process could not start: one line that says what to change.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Keys(#[from] KeysError),
    #[error(transparent)]
    Objects(#[from] ObjectsError),
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error("the database of countries {} cannot be used ({why}); check geo.database", path.display())]
    Countries { path: PathBuf, why: String },
    #[error("there is no encryption key; set keys.encryption_key")]
    NoEncryptionKey,
    #[error("the public listener cannot be served: {0}")]
    Threads(std::io::Error),
    #[error("the access log cannot be written to {path}: {source}; see log.access")]
    AccessLog { path: String, source: std::io::Error },
    #[error("traces cannot be sent: {0}; see [telemetry] and the OTEL_* variables")]
    Traces(#[from] TracesError),
    #[error("there is no folder to keep the store in ({0}); name one with --data or store.url")]
    NoFolder(std::io::Error),
}

/// A process that serves. Dropping it ends it at once; [`Running::shutdown`] lets requests finish.
pub struct Running {
    pub ready: Ready,
    config: Config,
    team: Team,
    objects: Objects,
    store: Store,
    keys: Arc<Keys>,
    clock: Clock,
    doors: Doors,
    certificate: Option<Arc<Certificate>>,
    countries: Arc<Countries>,
    public: doorward_edge::Running,
    access_log: Option<Arc<AccessLog>>,
    names: Option<Names>,
    traces: Option<Traces>,
    smtp: Option<Smtp>,
    admin: Admin,
    chores: JoinSet<()>,
    _token_file: Option<TokenFile>,
    /// Deleted after everything that writes to it.
    _folder: Option<TempDir>,
}

/// Starts everything the configuration asks for. When it returns, all listeners accept.
///
/// # Errors
/// When a port is taken, a file cannot be used, or the store cannot be worked with.
pub async fn start(mut config: Config, options: RunOptions) -> Result<Running, StartError> {
    install_crypto();
    let sockets = Sockets::bind(&config)?;
    let certificate = config.listen.tls.as_ref().map(Certificate::read).transpose()?;
    let team = config.team(sockets.public_address);
    if config.mode.is_emulator() {
        config.api_token.get_or_insert_with(Secret::random);
    }
    let (store, folder) = open_store(&config, options.store_wait).await?;
    let clock = if config.mode.is_emulator() { Clock::movable() } else { Clock::system() };
    let maker = Maker {
        team_domain: team.domain.clone(),
        emulator: config.mode.is_emulator(),
        source: match &config.seed {
            None if options.share_keys && config.mode.is_emulator() => Source::Shared,
            seed => Source::of(seed.clone()),
        },
        made: std::sync::atomic::AtomicU32::new(0),
    };
    let keys = Keys::open(store.clone(), clock.clone(), maker).await?;
    store.refresh_revocations().await?;
    let countries = Arc::new(Countries::default());
    countries.replace(read_countries(&config)?);

    let (access_log, admin) = (access_log(&config)?, sockets.admin_address);
    let client_secret = wire::client_secret(&config, &store).await?;
    let setting = Setting { team: team.clone(), refresh: config.refresh() };
    let declared = config.declared(wire::built_in_provider(&config, &team, client_secret.as_ref()));
    let objects = Objects::open(store.clone(), setting, declared, clock.now()).await?;
    let traces = Traces::start(&config.telemetry, tokio::runtime::Handle::current())?;
    let (outbound, smtp) = (wire::outbound(&config, admin), mail::server(&config));
    let foundation = wire::Foundation {
        config: &config,
        team: &team,
        clock: &clock,
        store: &store,
        keys: &keys,
        countries: &countries,
        objects: &objects,
        access_log: access_log.as_ref(),
        traces: traces.as_ref(),
        admin,
        outbound: &outbound,
        people: &config.users,
        smtp: smtp.as_ref(),
    };
    let doors = wire::doors(foundation, client_secret);
    let tls = certificate.as_ref().map(Certificate::server_config);
    let listener = doorward_edge::PublicListener { socket: sockets.public, tls };
    let public = doorward_edge::serve(&doors.edge, listener, options.workers).map_err(StartError::Threads)?;
    let admin = Admin::serve(sockets.admin, doors.admin.clone());
    let mut ready = ready(&config, &team, &objects, sockets.public_address, sockets.admin_address);
    let names = match sockets.proxy {
        Some(socket) => {
            let kept = local_authority(config.seed.clone()).await?;
            ready.proxy = socket.local_addr().ok().map(|address| format!("http://{address}"));
            ready.ca = Some(kept.bundle.clone());
            let edge = doors.by_domain.as_ref().unwrap_or(&doors.edge);
            let guests = doors.guests.as_ref().map(|guests| match doors.by_domain {
                Some(_) => Arc::clone(&guests.by_domain),
                None => Arc::clone(&guests.public),
            });
            let emulates = names::emulated(objects.catalog().clone(), team.domain.clone(), guests);
            Some(Names::serve(socket, edge, emulates, sockets.public_address, &kept)?)
        }
        None => None,
    };
    let _told_once = doors.ready.set(ready.clone());
    let retention = Retention::of(&config);
    let token = config.api_token.as_ref().filter(|_| options.leave_token && config.mode.is_emulator());
    Ok(Running {
        _token_file: token.and_then(|token| TokenFile::leave(sockets.admin_address.port(), token.expose())),
        chores: chores::start(&store, &keys, &objects, &clock, retention, doors.namespaces.as_ref()),
        ready,
        team,
        objects,
        doors,
        certificate,
        countries,
        public,
        access_log,
        names,
        traces,
        smtp,
        admin,
        _folder: folder,
        store,
        keys,
        clock,
        config,
    })
}

impl Running {
    /// Takes over a configuration that was read anew, whole, for every request
    /// from now on, here and on all other nodes. Says which changed settings
    /// need a restart; they stay as they were.
    ///
    /// # Errors
    /// When its objects could not be stored, or contradict what the API
    /// configured. Then everything is as it was.
    pub async fn reload(&mut self, config: Config) -> Result<Vec<&'static str>, ObjectsError> {
        let kept = needing_restart(&self.config, &config);
        let built_in = self.doors.built_in_provider(&self.team, config.has_built_in_provider());
        self.objects.declare(config.declared(built_in), self.clock.now()).await?;
        let tls = self.renew_certificate(&config);
        match read_countries(&config) {
            Ok(database) => self.countries.replace(database),
            Err(error) => tracing::error!("{error}; the old database stays in use"),
        }
        let generation = self.objects.catalog().load().generation();
        tracing::info!(generation, apps = config.apps.len(), "the configuration was reloaded");
        // What stayed is compared with the next file again.
        self.config = Config {
            listen: Listen { tls, ..self.config.listen.clone() },
            limits: self.config.limits,
            log: self.config.log.clone(),
            telemetry: self.config.telemetry.clone(),
            smtp: self.config.smtp.clone(),
            team: self.config.team.clone(),
            store_url: self.config.store_url.clone(),
            revocation_freshness: self.config.revocation_freshness,
            encryption_key: self.config.encryption_key.clone(),
            api_token: self.config.api_token.clone(),
            users: self.config.users.clone(),
            mode: self.config.mode,
            ..config
        };
        Ok(kept)
    }

    /// Opens the access log's file anew: it was moved away, as logrotate does.
    pub fn reopen_access_log(&self) {
        if let Some(log) = &self.access_log {
            log.reopen();
        }
    }

    /// Reads the certificate again, which may have been renewed in its place or
    /// lie in another now. One that cannot be used leaves the old one in use.
    fn renew_certificate(&self, config: &Config) -> Option<TlsFiles> {
        let before = self.config.listen.tls.clone();
        // Whether TLS is spoken at all was settled at the start.
        let (Some(certificate), Some(files)) = (&self.certificate, &config.listen.tls) else { return before };
        match certificate.renew(files) {
            Ok(true) => tracing::info!("the TLS certificate {} is in use from now on", files.cert.display()),
            Ok(false) => {}
            Err(error) => {
                tracing::error!("{error}; the old certificate stays in use");
                return before;
            }
        }
        Some(files.clone())
    }

    /// The clock everything in this process reads; an emulator's can be moved.
    #[must_use]
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Signs with another key from now on. `drop_previous` makes every token
    /// signed before invalid at once.
    ///
    /// # Errors
    /// When the store does not take it; then the keys are as they were.
    pub async fn rotate_keys(&self, drop_previous: bool) -> Result<(), KeysError> {
        self.keys.rotate(drop_previous, &[]).await
    }

    /// Ends in good order: not ready at once, no new connections, requests in
    /// flight finish within the drain limit, then everything else ends.
    pub async fn shutdown(mut self) {
        self.doors.draining.store(true, std::sync::atomic::Ordering::Relaxed);
        self.doors.stop_waiting();
        let limit = self.config.limits.drain.as_std();
        let by_name = async {
            match self.names.take() {
                Some(names) => names.drain(limit).await,
                None => true,
            }
        };
        let (public, by_name) = tokio::join!(self.public.drain(limit), by_name);
        if !(public && by_name) {
            tracing::warn!("some requests were still in flight after {} and were cut off", self.config.limits.drain);
        }
        if let Some(smtp) = self.smtp {
            mail::send_last(&smtp).await;
        }
        if let Some(log) = self.access_log {
            write_last_lines(log).await;
        }
        if let Some(traces) = self.traces {
            traces.end().await;
        }
        self.admin.stop().await;
        self.chores.shutdown().await;
        if let Some(namespaces) = &self.doors.namespaces {
            namespaces.end();
        }
        // The SQLite file is free for the next process from here on.
        self.store.close().await;
    }
}

/// Starts to tell of requests, where that is asked for.
fn access_log(config: &Config) -> Result<Option<Arc<AccessLog>>, StartError> {
    let Some(destination) = config.log.access.clone() else { return Ok(None) };
    let path = destination.to_string();
    let log = AccessLog::start(destination, config.log.access_format);
    log.map(|log| Some(Arc::new(log))).map_err(|source| StartError::AccessLog { path, source })
}

/// Lets the requests that have ended be told, unless nobody takes the lines.
async fn write_last_lines(log: Arc<AccessLog>) {
    let written = tokio::task::spawn_blocking(move || log.end(LAST_LINES)).await;
    if !written.unwrap_or(false) {
        tracing::warn!("the last lines of the access log could not be written within {LAST_LINES:?}");
    }
}

/// The database of the configuration, as it is in its file now.
fn read_countries(config: &Config) -> Result<Option<Database>, StartError> {
    let read = |path: &PathBuf| {
        Database::read(path).map_err(|error| StartError::Countries { path: path.clone(), why: error.to_string() })
    };
    config.geo_database.as_ref().map(read).transpose()
}

/// The authority whose certificates the proxy's clients see. Reading the
/// system's roots takes a moment.
async fn local_authority(seed: Option<String>) -> Result<Kept, StartError> {
    let kept = tokio::task::spawn_blocking(move || authority::kept(seed.as_deref())).await;
    Ok(kept.map_err(|error| StartError::Threads(std::io::Error::other(error)))??)
}

/// All TLS of the process, in and out, is aws-lc-rs.
fn install_crypto() {
    // The second of several gateways in one process finds it done.
    let _already_there = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

fn ready(config: &Config, team: &Team, objects: &Objects, public: SocketAddr, admin: SocketAddr) -> Ready {
    let scheme = if config.listen.tls.is_some() { "https" } else { "http" };
    let public = format!("{scheme}://{}", reachable(public));
    // In production visitors come by the way that the team's URL names, often
    // through a proxy in front; an emulator is visited on its own port.
    let base = if config.mode.is_emulator() { &public } else { &team.url };
    let token = config.api_token.as_ref().filter(|_| config.mode.is_emulator());
    Ready {
        apps: ready::apps(&objects.catalog().load(), base),
        admin: format!("http://{}", reachable(admin)),
        team: ReadyTeam::of(team),
        account_id: team.account.as_str().to_owned(),
        api_token: token.map(|token| token.expose().to_owned()),
        ca: config.listen.tls.as_ref().map(|tls| tls.cert.clone()),
        proxy: None,
        public,
    }
}

#[cfg(test)]
mod tests;
