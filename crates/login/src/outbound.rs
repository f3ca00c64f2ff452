//! The one client for requests that the gateway makes on its own: to identity
//! providers, and to services that policies ask. It decides which addresses may be called at all and bounds every
//! answer; what is asked and what the answer means is its callers' business.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

const TOTAL: Duration = Duration::from_secs(5);
const CONNECT: Duration = Duration::from_secs(2);
const LONGEST_ANSWER: usize = 1024 * 1024;

/// Makes bounded requests: no redirects, 5 seconds, 1 MiB (invariant I12).
#[derive(Clone, Debug)]
pub struct Outbound {
    client: reqwest::Client,
    options: OutboundOptions,
}

/// What an installation may relax, and what needs no network at all.
#[derive(Clone, Default)]
pub struct OutboundOptions {
    /// Clear text to hosts that are not loopback.
    pub allow_http: bool,
    /// Ports of this machine that nobody may be led to: the admin listener's (P-08).
    pub off_limits: Vec<u16>,
    /// What lives in this very process: URLs that begin with the text (which
    /// ends in a slash) are answered here, whatever DNS and certificates say.
    pub in_process: Option<(String, InProcess)>,
}

impl std::fmt::Debug for OutboundOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let prefix = self.in_process.as_ref().map(|(prefix, _)| prefix);
        f.debug_struct("OutboundOptions")
            .field("allow_http", &self.allow_http)
            .field("off_limits", &self.off_limits)
            .field("in_process", &prefix)
            .finish()
    }
}

/// Answers requests without a network.
pub type InProcess = Arc<dyn Fn(HttpRequest) -> Pin<Box<dyn Future<Output = HttpResponse> + Send>> + Send + Sync>;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    #[error("{0} may not be called: use https:// and an address that is not reserved")]
    Forbidden(String),
    #[error("{host} did not answer in time or at all")]
    Failed { host: String, source: reqwest::Error },
    #[error("{0} answered with more than 1 MiB")]
    TooLong(String),
}

impl Outbound {
    /// # Panics
    /// When the TLS library cannot be set up even without any root certificate.
    #[must_use]
    pub fn new(options: OutboundOptions) -> Self {
        let builder = || {
            reqwest::Client::builder()
                .user_agent(concat!("Doorward/", env!("CARGO_PKG_VERSION")))
                .redirect(reqwest::redirect::Policy::none())
                .timeout(TOTAL)
                .connect_timeout(CONNECT)
                .dns_resolver(Arc::new(Resolver))
                // A proxy from the environment would connect where we may not.
                .no_proxy()
        };
        let client = builder().build().unwrap_or_else(|error| {
            tracing::warn!(%error, "this machine has no root certificates: identity providers at https:// will fail");
            builder().tls_certs_only([]).build().expect("a client that trusts nobody needs nothing from the machine")
        });
        Self { client, options }
    }

    /// The same client for a door to which other things live in this process.
    #[must_use]
    pub fn answered_by(&self, in_process: Option<(String, InProcess)>) -> Self {
        let options = OutboundOptions { in_process, ..self.options.clone() };
        Self { client: self.client.clone(), options }
    }

    pub(crate) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, OutboundError> {
        let target = request.uri().to_string();
        if let Some((_, answer)) = self.options.in_process.as_ref().filter(|(prefix, _)| target.starts_with(prefix)) {
            return Ok(answer(request).await);
        }
        let url = permitted(&target, self.options.allow_http, &self.options.off_limits)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let failed =
            |source: reqwest::Error| OutboundError::Failed { host: host.clone(), source: source.without_url() };
        let request = reqwest::Request::try_from(request).map_err(failed)?;
        let mut response = self.client.execute(request).await.map_err(failed)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > LONGEST_ANSWER {
                return Err(OutboundError::TooLong(host));
            }
            body.extend_from_slice(&chunk);
        }
        let mut answer = HttpResponse::new(body);
        *answer.status_mut() = response.status();
        *answer.headers_mut() = std::mem::take(response.headers_mut());
        Ok(answer)
    }
}

/// Whether such a URL may be called at all, for whoever takes one from somebody.
///
/// # Errors
/// When it may not.
pub fn check_url(text: &str, allow_http: bool, off_limits: &[u16]) -> Result<(), OutboundError> {
    permitted(text, allow_http, off_limits).map(|_| ())
}

/// The URL, if it may be called: https, or clear text to this machine.
fn permitted(text: &str, allow_http: bool, off_limits: &[u16]) -> Result<Url, OutboundError> {
    let forbidden = || OutboundError::Forbidden(text.split(['?', '#']).next().unwrap_or_default().to_owned());
    let url = Url::parse(text).map_err(|_| forbidden())?;
    let (reserved, loopback) = match url.host() {
        Some(Host::Domain(name)) => (false, is_localhost(name)),
        Some(Host::Ipv4(address)) => (is_reserved(address.into()), address.is_loopback()),
        Some(Host::Ipv6(address)) => {
            let address = IpAddr::V6(address).to_canonical();
            (is_reserved(address), address.is_loopback())
        }
        None => (true, false),
    };
    let is_ours = loopback && url.port_or_known_default().is_some_and(|port| off_limits.contains(&port));
    let readable = url.scheme() == "http" && (loopback || allow_http);
    (!reserved && !is_ours && (url.scheme() == "https" || readable)).then_some(url).ok_or_else(forbidden)
}

impl<'c> AsyncHttpClient<'c> for Outbound {
    type Error = OutboundError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, OutboundError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

/// Reads names: `localhost` without asking anybody (RFC 6761 §6.3), all others
/// from the system, less the reserved addresses.
struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = if is_localhost(name.as_str()) {
                vec![(Ipv4Addr::LOCALHOST, 0).into(), (Ipv6Addr::LOCALHOST, 0).into()]
            } else {
                // The check is on the address that is connected to, so that a
                // name cannot be one thing when checked and another when used.
                tokio::net::lookup_host((name.as_str(), 0))
                    .await?
                    .filter(|address| !is_reserved(address.ip().to_canonical()))
                    .collect()
            };
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

fn is_localhost(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// Addresses nobody's identity provider has; cloud metadata services live here (P-08).
fn is_reserved(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_unspecified() || v4.is_multicast() || v4.is_broadcast(),
        IpAddr::V6(v6) => {
            let aws_metadata = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
            v6.is_unicast_link_local() || v6.is_unspecified() || v6.is_multicast() || v6 == aws_metadata
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may_call(url: &str) -> bool {
        check_url(url, false, &[8081]).is_ok()
    }

    #[test]
    fn p_08_reserved_addresses_and_clear_text_are_refused_however_they_are_written() {
        for url in [
            "http://169.254.169.254/",
            "https://169.254.169.254/",
            "https://[::ffff:169.254.169.254]/",
            "https://0xa9fea9fe/",
            "https://[fd00:ec2::254]/",
            "https://0.0.0.0/",
            "http://idp.example.com/",
            "http://localhost.example.com/",
            "https://2852039166/",
            "http://localhost:8081/metrics",
            "http://127.1:8081/",
            "http://0x7f.1:8081/",
            "http://2130706433:8081/",
            "https://[::ffff:127.0.0.1]:8081/",
            "file:///etc/passwd",
            "ftp://idp.example.com/",
        ] {
            assert!(!may_call(url), "{url}");
        }
    }

    #[test]
    fn https_and_this_machine_may_be_called() {
        for url in ["https://idp.example.com/", "http://127.0.0.1:9/", "http://acme.localhost:8787/", "http://[::1]:9/"]
        {
            assert!(may_call(url), "{url}");
        }
    }

    #[tokio::test]
    async fn what_lives_in_this_process_is_asked_without_a_network() {
        let answer: InProcess = Arc::new(|request| {
            Box::pin(std::future::ready(HttpResponse::new(request.uri().path().as_bytes().to_vec())))
        });
        let in_process = Some(("https://team.invalid/idp/".to_owned(), answer));
        let outbound = Outbound::new(OutboundOptions { in_process, ..OutboundOptions::default() });
        let ask = async |url: &str| {
            let request = http::Request::get(url).body(Vec::new()).unwrap();
            outbound.send(request).await.map(http::Response::into_body)
        };
        assert_eq!(ask("https://team.invalid/idp/token").await.unwrap(), b"/idp/token");
        for other in ["https://team.invalid/idpx", "https://team.invalid.invalid/idp/", "http://team.invalid/idp/"] {
            assert!(ask(other).await.is_err(), "{other}");
        }
    }
}
