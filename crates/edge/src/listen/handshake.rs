//! The TLS handshake. A client certificate is asked for where a root is
//! associated with the name that the client asks for, and nowhere else; a
//! client without one, or with a bad one, gets an answer and not an alert.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use doorward_model::certificate::{ClientCertificate, Presented, RootCertificate};
use doorward_model::time::Timestamp;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{Acceptor, WebPkiClientVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use crate::Edge;

/// Whether a certificate can be a root: a reason when it cannot.
///
/// # Errors
/// What is wrong with it.
pub fn can_vouch(der: &[u8]) -> Result<(), String> {
    RootCertStore::empty().add(CertificateDer::from(der)).map_err(|error| error.to_string())
}

/// What the client's side of a handshake told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// The name that was asked for, in lower case (RFC 6066 §3).
    pub(crate) name: Option<Arc<str>>,
    /// Whether a root of that name vouches for the client.
    pub(crate) certificate: Presented,
}

/// The settings of handshakes, by the name that is asked for.
pub(super) struct Handshakes {
    base: Arc<ServerConfig>,
    edge: Arc<Edge>,
    /// For names with roots: made when first needed, and again when the roots are others.
    asking: Mutex<HashMap<String, Arc<Asking>>>,
}

impl Handshakes {
    pub(super) fn new(base: Arc<ServerConfig>, edge: Arc<Edge>) -> Arc<Self> {
        Arc::new(Self { base, edge, asking: Mutex::default() })
    }

    pub(super) async fn accept(&self, stream: TcpStream, now: Timestamp) -> io::Result<(TlsStream<TcpStream>, Told)> {
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let name = start.client_hello().server_name().map(str::to_ascii_lowercase);
        let asking = name.as_deref().and_then(|name| self.asking(name));
        let config = asking.as_ref().map_or(&self.base, |asking| &asking.config);
        let stream = start.into_stream(Arc::clone(config)).await?;
        let chain = stream.get_ref().1.peer_certificates();
        let certificate = asking.map_or(Presented::Nothing, |asking| asking.judged(chain, now));
        Ok((stream, Told { name: name.map(Arc::from), certificate }))
    }

    fn asking(&self, name: &str) -> Option<Arc<Asking>> {
        let guest = self.edge.guest(name);
        let catalog = guest.as_ref().map_or(&self.edge, |guest| &guest.edge).catalog.snapshot();
        let roots = catalog.roots_of(name);
        if roots.is_empty() {
            return None;
        }
        let mut known = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(asking) = known.get(name).filter(|asking| asking.roots == roots) {
            return Some(Arc::clone(asking));
        }
        known.retain(|name, _| !catalog.roots_of(name).is_empty());
        let asking = Arc::new(Asking::new(&self.base, roots));
        known.insert(name.to_owned(), Arc::clone(&asking));
        Some(asking)
    }
}

/// Handshakes in which a client certificate is asked for.
struct Asking {
    config: Arc<ServerConfig>,
    roots: Vec<Arc<RootCertificate>>,
    /// Of each root that can vouch.
    verifiers: Vec<(Arc<RootCertificate>, Arc<dyn ClientCertVerifier>)>,
}

impl Asking {
    fn new(base: &ServerConfig, roots: &[Arc<RootCertificate>]) -> Self {
        let provider = Arc::clone(base.crypto_provider());
        let verifiers: Vec<_> = roots
            .iter()
            .filter_map(|root| match verifier(root, &provider) {
                Ok(verifier) => Some((Arc::clone(root), verifier)),
                Err(why) => {
                    tracing::error!(certificate = root.name, why, "a root of client certificates cannot vouch for any");
                    None
                }
            })
            .collect();
        let hints = verifiers.iter().flat_map(|(_, verifier)| verifier.root_hint_subjects().to_vec()).collect();
        let any = Arc::new(Any { hints, provider });
        let mut config =
            ServerConfig::builder().with_client_cert_verifier(any).with_cert_resolver(Arc::clone(&base.cert_resolver));
        config.alpn_protocols.clone_from(&base.alpn_protocols);
        Self { config: Arc::new(config), roots: roots.to_vec(), verifiers }
    }

    /// What the certificates of a finished handshake are worth, of a resumed one too.
    fn judged(&self, chain: Option<&[CertificateDer<'_>]>, now: Timestamp) -> Presented {
        let Some((own, intermediates)) = chain.and_then(<[_]>::split_first) else { return Presented::Nothing };
        let at = UnixTime::since_unix_epoch(Duration::from_millis(now.0.unsigned_abs()));
        let mut why = None;
        for (root, verifier) in &self.verifiers {
            match verifier.verify_client_cert(own, intermediates, at) {
                Ok(_) => return valid(own, root),
                Err(error) => why = Some(error),
            }
        }
        let why = why.map(|error| error.to_string()).unwrap_or_default();
        tracing::debug!(why, "a client certificate was presented that no root of this host vouches for");
        Presented::Invalid
    }
}

fn valid(der: &[u8], root: &Arc<RootCertificate>) -> Presented {
    match ClientCertificate::of_der(der, root) {
        Some(certificate) if certificate.poses_as_service_token() => {
            let name = certificate.common_name;
            tracing::warn!(root.name, name, "a client certificate is named like a service token, and does not count");
            Presented::Invalid
        }
        Some(certificate) => Presented::Valid(Arc::new(certificate)),
        None => Presented::Invalid,
    }
}

/// One for each root, so that it is known which one vouched.
fn verifier(root: &RootCertificate, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let mut store = RootCertStore::empty();
    store.add(CertificateDer::from(&*root.der)).map_err(|error| error.to_string())?;
    WebPkiClientVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider))
        .build()
        .map(|verifier| verifier as Arc<dyn ClientCertVerifier>)
        .map_err(|error| error.to_string())
}

/// Lets every handshake pass in which the client proves that it holds the key
/// of what it presents. What that is worth is judged after it ([`Asking::judged`]),
/// so that whom nobody vouches for is told so on a page.
#[derive(Debug)]
struct Any {
    hints: Vec<DistinguishedName>,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for Any {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        _own: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, own, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, own, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
