//! The client of the commands that look at things from outside: no redirects
//! and, for what is on this machine, no proxy of the environment; every name
//! below `localhost` is here.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// A client to be, with a limit for each request.
pub(super) fn builder(limit: Duration) -> reqwest::ClientBuilder {
    beyond(limit).no_proxy().dns_resolver(Arc::new(Localhost))
}

/// The same for what is not on this machine: through the proxy of the environment, if there is one.
pub(super) fn beyond(limit: Duration) -> reqwest::ClientBuilder {
    let _already_there = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(limit)
}

pub(super) fn built(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, String> {
    builder.build().map_err(|error| error.to_string())
}

/// What went wrong, from the outside in: the cause is mostly the innermost.
pub(super) fn why(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// Names below `localhost` are this machine (RFC 6761 §6.3), whatever DNS says.
struct Localhost;

impl reqwest::dns::Resolve for Localhost {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let here = name.as_str() == "localhost" || name.as_str().ends_with(".localhost");
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = match here {
                true => vec![([127, 0, 0, 1], 0).into()],
                false => tokio::net::lookup_host((name.as_str(), 0)).await?.collect(),
            };
            Ok(Box::new(addresses.into_iter()) as reqwest::dns::Addrs)
        })
    }
}
