//! Opening a connection to an origin: TCP, TLS where the service asks for it,
//! and the HTTP/1.1 handshake, all within one deadline.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use doorward_model::route::Service;
use hyper::client::conn::http1;
use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::upstream::pool::Sender;

/// Bytes of an answer that are read ahead of a client that does not take them;
/// with what waits to be written, a stalled client holds a few times as much.
const MOST_BUFFERED: usize = 128 * 1024;

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum ConnectError {
    /// Nothing answered in time.
    Timeout,
    Failed(io::Error),
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

/// The machine's certificate authorities. Reading them takes longer than
/// anything else of an edge's start, and some processes start many.
static ROOTS: LazyLock<Arc<rustls::RootCertStore>> = LazyLock::new(|| {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    Arc::new(roots)
});

/// The TLS settings for origins: the machine's certificate authorities, HTTP/1.1 only.
pub(crate) fn tls_client() -> TlsConnector {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider supports the default TLS versions")
        .with_root_certificates(Arc::clone(&ROOTS))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    TlsConnector::from(Arc::new(config))
}

/// A fresh connection to the service.
pub(crate) async fn connect(service: &Service, tls: &TlsConnector, limit: Duration) -> Result<Sender, ConnectError> {
    let Service::Http { tls: secure, host, port } = service else {
        return Err(io::Error::other("it has no address for HTTP").into());
    };
    tokio::time::timeout(limit, async {
        let stream = dial(host, *port).await?;
        stream.set_nodelay(true)?;
        if !*secure {
            return handshake(TokioIo::new(stream)).await;
        }
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).map_err(io::Error::other)?;
        handshake(TokioIo::new(tls.connect(name, stream).await?)).await
    })
    .await
    .unwrap_or(Err(ConnectError::Timeout))
}

async fn dial(host: &str, port: u16) -> io::Result<TcpStream> {
    TcpStream::connect(resolve(host.trim_matches(['[', ']']), port).await?.as_slice()).await
}

/// The addresses of a name or of an address. `localhost` and what is below it
/// is this machine, whatever the resolver says (RFC 6761 §6.3).
pub(crate) async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if host == "localhost" || host.ends_with(".localhost") {
        return Ok(vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]);
    }
    Ok(tokio::net::lookup_host((host, port)).await?.collect())
}

async fn handshake<T>(io: T) -> Result<Sender, ConnectError>
where
    T: Read + Write + Unpin + Send + 'static,
{
    let (sender, connection) =
        http1::Builder::new().max_buf_size(MOST_BUFFERED).handshake(io).await.map_err(io::Error::other)?;
    tokio::spawn(async move {
        // Its end is seen by whoever uses the sender; here it is only driven.
        let _ended = connection.with_upgrades().await;
    });
    Ok(sender)
}
