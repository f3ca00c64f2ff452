//! The client certificate of a request: whether it counts for this host and
//! at this moment, and what origins are told of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_model::app::App;
use doorward_model::catalog::Catalog;
use doorward_model::certificate::{ClientCertificate, Presented};
use doorward_model::host::Host;
use doorward_model::time::Timestamp;
use http::header::{HeaderMap, HeaderName};

use crate::listen::handshake::Told;
use crate::respond::header;

/// RFC 9440 §2.2.
const CLIENT_CERT: HeaderName = HeaderName::from_static("client-cert");
/// What Cloudflare forwards (SSL docs, "forward a client certificate").
const DER_BASE64: HeaderName = HeaderName::from_static("cf-client-cert-der-base64");
const SHA256: HeaderName = HeaderName::from_static("cf-client-cert-sha256");

/// What the connection presented, for a request to this host.
pub(crate) fn presented(told: &Told, host: &Host, catalog: &Catalog, now: Timestamp) -> Presented {
    match &told.certificate {
        Presented::Valid(certificate) if !counts(certificate, host, catalog, now) => Presented::Invalid,
        presented => presented.clone(),
    }
}

/// Whether a certificate that was valid in the handshake still is: a
/// connection may outlive it, the host may be another, and so may the roots.
pub(crate) fn counts(certificate: &ClientCertificate, host: &Host, catalog: &Catalog, now: Timestamp) -> bool {
    let known = &certificate.root;
    let roots = catalog.roots_of(host.name());
    now < certificate.not_after && roots.iter().any(|root| root.id == known.id && root.der == known.der)
}

/// Whether the handshake was for another host than the request is (RFC 9110
/// §15.5.20): for one with client certificates on either side, or, unless a
/// proxy in front picks its own names, for another application's.
pub(crate) fn is_misdirected(
    told: &Told,
    host: &Host,
    app: Option<&App>,
    catalog: &Catalog,
    by_trusted_proxy: bool,
) -> bool {
    let Some(name) = told.name.as_deref().filter(|name| *name != host.name()) else { return false };
    if !catalog.roots_of(name).is_empty() || !catalog.roots_of(host.name()).is_empty() {
        return true;
    }
    let names_other = |app: &App| !app.domains.iter().any(|domain| domain.host.matches(name));
    let is_served = name.parse().is_ok_and(|name: Host| catalog.serves_host(&name));
    !by_trusted_proxy && is_served && app.is_some_and(names_other)
}

/// Whether the origins of this host are told.
pub(crate) fn is_forwarded(host: &Host, catalog: &Catalog) -> bool {
    catalog.roots_of(host.name()).iter().any(|root| root.forwards_on(host.name()))
}

/// Adds the headers to a set that was stripped before.
pub(crate) fn forward(certificate: &ClientCertificate, headers: &mut HeaderMap) {
    let der = STANDARD.encode(&certificate.der);
    headers.insert(CLIENT_CERT, header(&format!(":{der}:")));
    headers.insert(DER_BASE64, header(&der));
    headers.insert(SHA256, header(&certificate.fingerprint.map(|byte| format!("{byte:02x}")).concat()));
}
