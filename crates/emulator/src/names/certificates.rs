//! Certificates for emulated names, made when a client first asks for one.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use doorward_model::host::Host;
use doorward_model::time::Clock;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use time::OffsetDateTime;

use super::Authority;

/// Certificates kept at most; a wildcard has more names than anybody needs at once.
const MOST_KEPT: usize = 1024;

/// Whether a host is one of ours.
pub type Emulates = Arc<dyn Fn(&Host) -> bool + Send + Sync>;

/// Makes and keeps the certificates of this process, all of one key.
pub struct Certificates {
    authority: Arc<Authority>,
    emulates: Emulates,
    key: rcgen::KeyPair,
    made: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl Certificates {
    /// # Panics
    /// When the operating system has no randomness to give.
    #[must_use]
    pub fn new(authority: Arc<Authority>, emulates: Emulates) -> Arc<Self> {
        let key = rcgen::KeyPair::generate().expect("the operating system gives random bytes");
        Arc::new(Self { authority, emulates, key, made: Mutex::default() })
    }

    /// HTTP/2 and HTTP/1.1 over TLS 1.2 and 1.3; a client that names no
    /// protocol speaks HTTP/1.1.
    #[must_use]
    pub fn server_config(self: &Arc<Self>) -> Arc<ServerConfig> {
        let resolver: Arc<dyn ResolvesServerCert> = Arc::<Self>::clone(self);
        let mut config = ServerConfig::builder().with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }

    fn of(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        let host: Host = name.parse().ok().filter(|host| (self.emulates)(host))?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = made.get(host.name()) {
            return Some(Arc::clone(known));
        }
        let key = Arc::new(self.certified(host.name())?);
        if made.len() >= MOST_KEPT {
            made.clear();
        }
        made.insert(host.name().to_owned(), Arc::clone(&key));
        Some(key)
    }

    /// Certificates follow the machine's clock, as those who check them do.
    fn certified(&self, host: &str) -> Option<CertifiedKey> {
        let now = OffsetDateTime::from_unix_timestamp(Clock::system().now().secs()).ok()?;
        let chain = self.authority.certify(host, &self.key, now).ok()?;
        let key = PrivatePkcs8KeyDer::from(self.key.serialize_der()).into();
        CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).ok()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.of(hello.server_name()?)
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use rustls::RootCertStore;
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier as _;
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

    use super::*;

    fn certificates() -> (Arc<Authority>, Arc<Certificates>) {
        let authority = Arc::new(Authority::seeded("test"));
        let emulates: Emulates = Arc::new(|host| host.name().ends_with(".example.test"));
        (Arc::clone(&authority), Certificates::new(authority, emulates))
    }

    #[test]
    fn whoever_trusts_the_authority_believes_the_certificate_for_its_name_alone() {
        let (authority, certificates) = certificates();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        let made = certificates.of("wiki.example.test").unwrap();
        let believes = |name: &str| {
            let name = ServerName::try_from(name.to_owned()).unwrap();
            verifier.verify_server_cert(&made.cert[0], &made.cert[1..], &name, &[], UnixTime::now()).is_ok()
        };
        assert!(believes("wiki.example.test") && !believes("other.example.test"));
    }

    #[test]
    fn a_name_that_is_not_emulated_has_no_certificate() {
        let (_, certificates) = certificates();
        assert!(certificates.of("www.example.com").is_none() && certificates.of("").is_none());
    }

    #[test]
    fn a_certificate_is_made_once() {
        let (_, certificates) = certificates();
        let (one, again) = (certificates.of("a.example.test").unwrap(), certificates.of("A.example.test").unwrap());
        assert!(Arc::ptr_eq(&one, &again));
    }
}
