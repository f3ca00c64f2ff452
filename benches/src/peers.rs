//! The servers Doorward is held against, each from its package and configured
//! as its own documentation advises: one worker, kept-alive connections on both
//! sides, an access log.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::Outcome;
use crate::child::Child;
use crate::doorward::{folder, free_port};
use crate::provider::{CLIENT_ID, CLIENT_SECRET};
use crate::tls::Certificate;

/// A server that runs.
pub(crate) struct Peer {
    pub(crate) child: Child,
    pub(crate) port: u16,
    _folder: TempDir,
}

/// How nginx buffers what an origin answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Buffers {
    Default,
    /// 16 KiB and eight of 64 KiB, as one sets them for large answers.
    Large,
}

pub(crate) fn nginx(core: usize, origin: u16, buffers: Buffers) -> Outcome<Peer> {
    let more = match buffers {
        Buffers::Default => "",
        Buffers::Large => "proxy_buffer_size 16k; proxy_buffers 8 64k; proxy_busy_buffers_size 128k;",
    };
    let name = if buffers == Buffers::Default { "nginx" } else { "nginx, large buffers" };
    nginx_with(name, core, origin, "", &format!("location / {{ proxy_pass http://origin; {more} }}"))
}

/// A server that asks another one about every request, which says yes.
pub(crate) fn nginx_auth_request(core: usize, origin: u16) -> Outcome<Peer> {
    let locations = "location / { auth_request /_auth; proxy_pass http://origin; } \
                     location = /_auth { internal; proxy_pass http://origin/auth; \
                     proxy_pass_request_body off; proxy_set_header Content-Length \"\"; }";
    nginx_with("nginx + auth_request", core, origin, "", locations)
}

pub(crate) fn nginx_tls(core: usize, origin: u16, tls: &Certificate) -> Outcome<Peer> {
    let tls = format!("ssl_certificate {}; ssl_certificate_key {};", tls.cert.display(), tls.key.display());
    nginx_with("nginx", core, origin, &tls, "location / { proxy_pass http://origin; }")
}

pub(crate) fn nginx_websocket(core: usize, origin: u16) -> Outcome<Peer> {
    let location = "location / { proxy_pass http://origin; \
                    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }";
    nginx_with("nginx", core, origin, "", location)
}

fn nginx_with(name: &str, core: usize, origin: u16, tls: &str, locations: &str) -> Outcome<Peer> {
    let (folder, port) = (folder()?, free_port()?);
    let path = folder.path().display();
    let listen = if tls.is_empty() { "" } else { " ssl http2" };
    let file = format!(
        "daemon off; worker_processes 1; pid {path}/nginx.pid; error_log stderr;\n\
         events {{ worker_connections 4096; }}\n\
         http {{ access_log {path}/access.log; keepalive_requests 1000000; http2_max_concurrent_streams 128;\n\
         client_body_temp_path {path}/body; proxy_temp_path {path}/proxy; fastcgi_temp_path {path}/fastcgi;\n\
         uwsgi_temp_path {path}/uwsgi; scgi_temp_path {path}/scgi;\n\
         upstream origin {{ server 127.0.0.1:{origin}; keepalive 256; keepalive_requests 1000000; }}\n\
         server {{ listen 127.0.0.1:{port}{listen}; {tls}\n\
         proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header Host $http_host;\n\
         proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;\n\
         {locations} }} }}\n"
    );
    let config = folder.path().join("nginx.conf");
    fs::write(&config, inherited(file))?;
    let (prefix, config) = (folder.path().to_string_lossy().into_owned(), config.to_string_lossy().into_owned());
    let words = ["nginx", "-p", &prefix, "-c", &config];
    start(name, core, &words, port, folder)
}

/// A location that sets one header inherits none of the others: they are repeated there.
fn inherited(file: String) -> String {
    let all = "proxy_http_version 1.1; proxy_set_header Host $http_host; \
               proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;";
    file.replace("proxy_set_header Upgrade", &format!("{all} proxy_set_header Upgrade"))
        .replace("proxy_pass_request_body off;", "proxy_pass_request_body off; proxy_set_header Connection \"\";")
}

pub(crate) fn haproxy(core: usize, origin: u16, tls: Option<&Certificate>) -> Outcome<Peer> {
    let (folder, port) = (folder()?, free_port()?);
    let bind = tls.map_or_else(String::new, |tls| format!(" ssl crt {} alpn h2,http/1.1", tls.both.display()));
    let file = format!(
        "global\n  nbthread 1\n  log stderr format raw local0\n  tune.bufsize 16384\n\
         defaults\n  mode http\n  log global\n  option httplog\n  option forwardfor\n  http-reuse always\n\
         \x20 timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n  timeout tunnel 60s\n\
         frontend public\n  bind 127.0.0.1:{port}{bind}\n  default_backend origin\n\
         backend origin\n  server origin 127.0.0.1:{origin} maxconn 1024\n"
    );
    let config = folder.path().join("haproxy.cfg");
    fs::write(&config, file)?;
    start("haproxy", core, &["haproxy", "-db", "-f", &*config.to_string_lossy()], port, folder)
}

/// Apache with mod_auth_openidc: a session of its own after a sign-in with the provider.
pub(crate) fn apache(core: usize, origin: u16, issuer: &str) -> Outcome<Peer> {
    let (folder, port) = (folder()?, free_port()?);
    let path = folder.path().display();
    let modules = ["mpm_event", "authn_core", "authz_core", "authz_user", "proxy", "proxy_http", "auth_openidc"];
    let load: String = modules
        .iter()
        .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
        .collect();
    let user = if rustix::process::geteuid().is_root() { "User www-data\nGroup www-data\n" } else { "" };
    let file = format!(
        "ServerName {APACHE}:{port}\nListen 127.0.0.1:{port}\nPidFile {path}/apache.pid\nDefaultRuntimeDir {path}\n\
         Mutex file:{path}\nErrorLog {path}/error.log\n{load}{user}\
         LogFormat \"%h %l %u %t \\\"%r\\\" %>s %O \\\"%{{Referer}}i\\\" \\\"%{{User-Agent}}i\\\"\" combined\n\
         CustomLog {path}/access.log combined\n\
         KeepAlive On\nMaxKeepAliveRequests 0\nKeepAliveTimeout 60\n\
         ThreadLimit 128\nThreadsPerChild 128\nStartServers 1\nMinSpareThreads 32\nMaxSpareThreads 256\nMaxRequestWorkers 256\n\
         ProxyPreserveHost On\nProxyPass / http://127.0.0.1:{origin}/\n\
         OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration\nOIDCClientID {CLIENT_ID}\nOIDCClientSecret {CLIENT_SECRET}\n\
         OIDCIDTokenSignedResponseAlg ES256\nOIDCScope \"openid email\"\nOIDCCryptoPassphrase of-no-importance\n\
         OIDCRedirectURI http://{APACHE}:{port}/redirect_uri\n\
         <Location />\n  AuthType openid-connect\n  Require valid-user\n</Location>\n"
    );
    let config = folder.path().join("apache.conf");
    fs::write(&config, file)?;
    let (root, config) = (folder.path().to_string_lossy().into_owned(), config.to_string_lossy().into_owned());
    let words = ["apache2", "-d", &root, "-f", &config, "-DFOREGROUND"];
    start("Apache + mod_auth_openidc", core, &words, port, folder)
}

/// The host under which people sign in to Apache.
pub(crate) const APACHE: &str = "apache.example.com";

fn start(name: &str, core: usize, words: &[&str], port: u16, folder: TempDir) -> Outcome<Peer> {
    let log = folder.path().join("server.log");
    let mut child = Child::start(name, Some(core), words, &log)?;
    let end = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if !child.is_alive() || Instant::now() > end {
            return Err(format!("{name} does not start: {}", complaint(folder.path())).into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(Peer { child, port, _folder: folder })
}

fn complaint(folder: &Path) -> String {
    let logs = ["server.log", "error.log"].map(|name| fs::read_to_string(folder.join(name)).unwrap_or_default());
    logs.concat().trim().to_owned()
}
