//! Somebody between a client and the emulator's proxy, who keeps what is asked
//! and bends what is answered: to see that a client does need what it is given.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use rcgen::{ExtendedKeyUsagePurpose, SanType};
use reqwest::Method;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::authority::Authority;
use super::client::{Client, Reply};
use super::cloudflared::Way;
use super::gateway::Gateway;
use super::wire::{Head, Wire};

/// What is bent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    Nothing,
    /// Cookies last for a time, and no longer to a date.
    MaxAgeAlone,
    /// The transfer service never waits.
    NothingYet,
    /// Nothing is told of applications but by the sign-in page: an edge before 2026.8.
    NoMetadata,
    /// The sign-in page does not say whose it is: only those who ask for metadata learn of applications.
    NoDomain,
    /// Nobody is at the team's domain and the transfer service.
    TeamAway,
}

/// The proxy. Dropping it ends every connection.
pub(crate) struct Counterfeit {
    port: u16,
    folder: TempDir,
    asked: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

/// What each connection needs.
#[derive(Clone)]
struct Between {
    lie: Lie,
    beyond: Client,
    tls: TlsAcceptor,
    asked: Arc<Mutex<Vec<String>>>,
}

const TRANSFER: &str = "login.cloudflareaccess.org";

impl Counterfeit {
    /// In front of a gateway that has a proxy, for these names.
    pub(crate) async fn of(gateway: &Gateway, names: &[&str], lie: Lie) -> Counterfeit {
        let authority = Authority::new("Nobody to trust but for a test");
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("ca.pem"), &authority.pem).expect("the folder is ours");
        let certificate = authority.issue_with("counterfeit", |params| {
            let names = names.iter().map(|name| SanType::DnsName((*name).try_into().expect("a name")));
            params.subject_alt_names = names.collect();
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let beyond = Client::through_proxy(gateway);
        let between = Between { lie, beyond, tls: certificate.serving().into(), asked: asked.clone() };
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, between));
        Counterfeit { port, folder, asked, _tasks: tasks }
    }

    pub(crate) fn way(&self) -> Way {
        Way { proxy: format!("http://127.0.0.1:{}", self.port), ca: self.ca() }
    }

    fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// What was asked since the last look, as `HEAD app.localhost/path`.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().expect("not poisoned"))
    }
}

async fn accept(listener: TcpListener, between: Between) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(between.clone().serve(stream));
    }
}

impl Between {
    async fn serve(self, stream: TcpStream) {
        let mut wire = Wire::new(stream);
        let Some(connect) = wire.head().await else { return };
        let host = connect.target().split(':').next().unwrap_or_default();
        if self.lie == Lie::TeamAway && (host == TRANSFER || host.ends_with(".cloudflareaccess.com")) {
            self.keep(format!("CONNECT {host}"));
            let _gone = wire.stream.write_all(b"HTTP/1.1 502 Nobody\r\nContent-Length: 0\r\n\r\n").await;
            return;
        }
        if wire.stream.write_all(b"HTTP/1.1 200 Here\r\n\r\n").await.is_err() {
            return;
        }
        // Who does not trust the authority leaves.
        let Ok(inside) = self.tls.accept(wire.stream).await else { return };
        self.answer(Wire::new(inside)).await;
    }

    async fn answer(self, mut wire: Wire<impl AsyncRead + AsyncWrite + Unpin>) {
        while let Some(head) = wire.head().await {
            let mut body = Vec::new();
            wire.request_body(&head, |part| body.extend_from_slice(part)).await;
            let host = head.field("host").unwrap_or_default();
            let path = head.target().split('?').next().unwrap_or_default();
            self.keep(format!("{} {host}{path}", head.method()));
            let answer = if self.lie == Lie::NothingYet && host == TRANSFER {
                "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned()
            } else {
                let body = String::from_utf8(body).expect("text");
                self.bent(&self.beyond(&head, host, body).await)
            };
            if wire.stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }

    /// The answer of the gateway. Each request is a client's own: no cookie stays here.
    async fn beyond(&self, head: &Head, host: &str, body: String) -> Reply {
        let own = ["host", "content-length", "connection", "accept-encoding"];
        let fields = head.fields.iter().filter(|(name, _)| !own.contains(&name.to_ascii_lowercase().as_str()));
        let fields: Vec<_> = fields.map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let method: Method = head.method().parse().expect("a method");
        let body = (!body.is_empty()).then_some(body);
        self.beyond.clone().request(method, &format!("https://{host}{}", head.target()), &fields, body).await
    }

    fn bent(&self, reply: &Reply) -> String {
        let mut answer = format!("HTTP/1.1 {} Said\r\n", reply.status);
        for (name, value) in &reply.headers {
            let value = value.to_str().expect("ASCII");
            let value = match (self.lie, name.as_str()) {
                (_, "content-length" | "transfer-encoding" | "connection") => continue,
                (Lie::NoMetadata, "cf-access-metadata") | (Lie::NoDomain, "cf-access-domain") => continue,
                (Lie::MaxAgeAlone, "set-cookie") => {
                    let lasting = value.split("; ").filter(|part| !part.to_ascii_lowercase().starts_with("expires="));
                    format!("{}; Max-Age=3600", lasting.collect::<Vec<_>>().join("; "))
                }
                _ => value.to_owned(),
            };
            answer += &format!("{name}: {value}\r\n");
        }
        answer + &format!("Content-Length: {}\r\n\r\n{}", reply.body.len(), reply.body)
    }

    fn keep(&self, asked: String) {
        self.asked.lock().expect("not poisoned").push(asked);
    }
}
