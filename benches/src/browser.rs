//! A browser as far as a sign-in needs one: it follows redirects over
//! keep-alive connections and keeps each host's cookies. Every name is this machine.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use bytes::Bytes;
use http::header::{COOKIE, HOST, LOCATION, SET_COOKIE};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use url::Url;

use crate::{Outcome, tls};

/// Redirects of one visit; a sign-in has five.
const MOST_REDIRECTS: usize = 12;

#[derive(Default)]
pub(crate) struct Browser {
    connections: HashMap<u16, SendRequest<Empty<Bytes>>>,
    cookies: HashMap<String, BTreeMap<String, String>>,
    /// Connect here instead of where the URL says.
    instead: Option<(u16, u16)>,
    /// The certificate that servers behind https have.
    cert: Option<PathBuf>,
}

/// The last answer of a visit.
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

impl Browser {
    /// One that believes this certificate.
    pub(crate) fn believing(cert: Option<PathBuf>) -> Self {
        Self { cert, ..Self::default() }
    }

    /// Opens a URL and follows where it leads.
    pub(crate) async fn visit(&mut self, url: &str) -> Outcome<Page> {
        let mut url = Url::parse(url)?;
        for _ in 0..MOST_REDIRECTS {
            let (status, headers, body) = self.get(&url).await?;
            match headers.get(LOCATION).filter(|_| status.is_redirection()) {
                Some(location) => url = url.join(location.to_str()?)?,
                None => return Ok(Page { status, body }),
            }
        }
        Err(format!("{url} leads round in circles").into())
    }

    /// The answer to one request, wherever it leads.
    pub(crate) async fn status(&mut self, url: &str) -> Outcome<StatusCode> {
        Ok(self.get(&Url::parse(url)?).await?.0)
    }

    /// The cookies kept for a host, as it gets them.
    pub(crate) fn cookies(&self, host: &str) -> String {
        let pairs = self.cookies.get(host).into_iter().flatten();
        pairs.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// One cookie's value.
    pub(crate) fn cookie(&self, host: &str, name: &str) -> Option<&str> {
        self.cookies.get(host)?.get(name).map(String::as_str)
    }

    /// Another browser with the same cookies, for which one port is another.
    pub(crate) fn elsewhere(&self, named: u16, meant: u16) -> Self {
        let (cookies, cert) = (self.cookies.clone(), self.cert.clone());
        Self { cookies, cert, instead: Some((named, meant)), ..Self::default() }
    }

    async fn get(&mut self, url: &Url) -> Outcome<(StatusCode, HeaderMap, Bytes)> {
        let host = url.host_str().ok_or("a URL without a host")?.to_owned();
        let named = url.port_or_known_default().ok_or("a URL without a port")?;
        let port = self.instead.map_or(named, |(from, to)| if from == named { to } else { named });
        let mut request = Request::get(&url[url::Position::BeforePath..url::Position::AfterQuery])
            .header(HOST, &url[url::Position::BeforeHost..url::Position::AfterPort])
            .header("accept", "text/html");
        let cookies = self.cookies(&host);
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies);
        }
        let secure = (url.scheme() == "https").then_some(host.as_str());
        let sender = self.connection(port, secure).await?;
        let response = sender.send_request(request.body(Empty::new())?).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        self.keep_cookies(&host, &head.headers);
        Ok((head.status, head.headers, body))
    }

    async fn connection(&mut self, port: u16, secure: Option<&str>) -> Outcome<&mut SendRequest<Empty<Bytes>>> {
        let open = match self.connections.get_mut(&port) {
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        if !open {
            let stream = TcpStream::connect(("127.0.0.1", port)).await?;
            stream.set_nodelay(true)?;
            let sender = match secure {
                None => connected(TokioIo::new(stream)).await?,
                Some(host) => {
                    let cert = self.cert.as_ref().ok_or("https needs a certificate to believe")?;
                    let name = ServerName::try_from(host.to_owned())?;
                    connected(TokioIo::new(tls::connector(cert, b"http/1.1")?.connect(name, stream).await?)).await?
                }
            };
            self.connections.insert(port, sender);
        }
        Ok(self.connections.get_mut(&port).expect("inserted just now"))
    }

    fn keep_cookies(&mut self, host: &str, headers: &HeaderMap) {
        let kept = self.cookies.entry(host.to_owned()).or_default();
        for line in headers.get_all(SET_COOKIE).iter().filter_map(|line| line.to_str().ok()) {
            let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
            let Some((name, value)) = pair.split_once('=') else { continue };
            if attributes.to_ascii_lowercase().contains("max-age=0") {
                kept.remove(name.trim());
            } else {
                kept.insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
    }
}

async fn connected<T>(io: T) -> Outcome<SendRequest<Empty<Bytes>>>
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(io).await?;
    tokio::spawn(connection);
    Ok(sender)
}
