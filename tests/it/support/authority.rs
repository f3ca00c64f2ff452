//! Certificate authorities and clients that hold certificates of theirs.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::deadline::in_time;
use super::raw::RawReply;
use super::wire::Wire;

/// An authority of a test's own.
pub(crate) struct Authority {
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate chain and its key.
pub(crate) struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: Vec<u8>,
    pem: String,
}

impl Identity {
    pub(crate) fn der(&self) -> &[u8] {
        &self.chain[0]
    }

    /// Certificate and key, as browsers import them.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// A server of HTTP/1.1 that shows this certificate.
    pub(crate) fn serving(&self) -> Arc<rustls::ServerConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS 1.2 and 1.3");
        let key = PrivateKeyDer::try_from(self.key.clone()).expect("a key");
        let config = builder.with_no_client_auth().with_single_cert(self.chain.clone(), key);
        let mut config = config.expect("they belong together");
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(config)
    }
}

impl Authority {
    pub(crate) fn new(name: &str) -> Authority {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("randomness");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Authority { pem, issuer: Issuer::new(params, key) }
    }

    /// A client certificate for this common name.
    pub(crate) fn issue(&self, common_name: &str) -> Identity {
        self.issue_with(common_name, |_| ())
    }

    /// The same after a change.
    pub(crate) fn issue_with(&self, common_name: &str, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        change(&mut params);
        let key = KeyPair::generate().expect("randomness");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let pem = format!("{}{}", certificate.pem(), key.serialize_pem());
        Identity { chain: vec![certificate.der().clone()], key: key.serialize_der(), pem }
    }
}

/// A TLS client that says and holds what it is told. It believes any server.
pub(crate) struct TlsClient {
    config: Arc<rustls::ClientConfig>,
}

impl TlsClient {
    pub(crate) fn new(identity: Option<&Identity>, alpn: &str) -> TlsClient {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS 1.2 and 1.3")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Believer));
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let key = PrivateKeyDer::try_from(identity.key.clone()).expect("a key");
                builder.with_client_auth_cert(identity.chain.clone(), key).expect("they belong together")
            }
        };
        config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        TlsClient { config: Arc::new(config) }
    }

    pub(crate) async fn connect(&self, address: SocketAddr, name: &str) -> TlsStream<TcpStream> {
        let stream = TcpStream::connect(address).await.expect("the gateway accepts");
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let connector = TlsConnector::from(Arc::clone(&self.config));
        in_time("a handshake", connector.connect(name, stream)).await.expect("a handshake")
    }

    /// One `GET` over HTTP/1.1 on a connection of its own. `fields` are whole header lines.
    pub(crate) async fn get(
        &self,
        address: SocketAddr,
        name: &str,
        host: &str,
        path: &str,
        fields: &[&str],
    ) -> RawReply {
        let mut wire = Wire::new(self.connect(address, name).await);
        get_over(&mut wire, host, path, fields).await
    }
}

/// One `GET` over HTTP/1.1 on a connection that is there.
pub(crate) async fn get_over(
    wire: &mut Wire<TlsStream<TcpStream>>,
    host: &str,
    path: &str,
    fields: &[&str],
) -> RawReply {
    let fields: String = fields.iter().map(|line| format!("{line}\r\n")).collect();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n");
    wire.stream.write_all(request.as_bytes()).await.expect("the gateway reads");
    in_time("an answer", async {
        let head = wire.head().await.expect("an answer");
        let mut body = Vec::new();
        let complete = wire.response_body(&head, |part| body.extend_from_slice(part)).await.is_some();
        RawReply { head, body, complete }
    })
    .await
}

/// Believes every server: what is looked at here is what the server believes.
#[derive(Debug)]
struct Believer;

impl rustls::client::danger::ServerCertVerifier for Believer {
    fn verify_server_cert(
        &self,
        _own: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _own: &CertificateDer<'_>,
        _signature: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _own: &CertificateDer<'_>,
        _signature: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
