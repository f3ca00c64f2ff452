//! A client of HTTP/2, over TLS and in the clear, that sends what it is told.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::deadline::in_time;

type Body = http_body_util::combinators::BoxBody<Bytes, std::convert::Infallible>;

/// One connection; its streams are independent.
#[derive(Clone)]
pub(crate) struct Connection(SendRequest<Body>);

/// TLS to a gateway under one of its names, trusting this certificate alone.
pub(crate) async fn tls(address: SocketAddr, name: &str, ca: &Path, alpn: &str) -> TlsStream<TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).expect("a certificate")).expect("it can be trusted");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    let stream = TcpStream::connect(address).await.expect("the gateway accepts");
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("a handshake")
}

impl Connection {
    pub(crate) async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Connection {
        let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2");
        tokio::spawn(connection);
        Connection(sender)
    }

    /// With prior knowledge, in the clear.
    pub(crate) async fn plain(address: SocketAddr) -> Connection {
        Self::over(TcpStream::connect(address).await.expect("the gateway accepts")).await
    }

    /// A request with these fields, one each, and no body.
    pub(crate) async fn get(&self, url: &str, fields: &[(&str, &str)]) -> Response<String> {
        self.send(request("GET", url, fields, Full::default().boxed())).await
    }

    /// A request whose body ends with trailers.
    pub(crate) async fn post_with_trailers(
        &self,
        url: &str,
        fields: &[(&str, &str)],
        body: &'static str,
        trailers: HeaderMap,
    ) -> Response<String> {
        let frames = [Ok(Frame::data(Bytes::from_static(body.as_bytes()))), Ok(Frame::trailers(trailers))];
        let body = StreamBody::new(futures_util::stream::iter(frames));
        self.send(request("POST", url, fields, BodyExt::boxed(body))).await
    }

    async fn send(&self, request: Request<Body>) -> Response<String> {
        let answer = in_time("an answer", self.0.clone().send_request(request)).await.expect("an answer");
        let (head, body): (_, Incoming) = answer.into_parts();
        let body = in_time("a body", body.collect()).await.expect("a whole body").to_bytes();
        Response::from_parts(head, String::from_utf8_lossy(&body).into_owned())
    }
}

fn request(method: &str, url: &str, fields: &[(&str, &str)], body: Body) -> Request<Body> {
    let builder = Request::builder().method(method).uri(url);
    let builder = fields.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
    builder.body(body).expect("a request")
}
