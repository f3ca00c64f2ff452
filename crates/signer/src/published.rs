//! The body of `/cdn-cgi/access/certs`: every key that validators may meet, as
//! JWKS and as certificates. Members and their order are those of Access.

use std::sync::Arc;

use serde::Serialize;

use crate::key::SigningKey;

#[derive(Serialize)]
struct Certs<'a> {
    keys: Vec<Jwk<'a>>,
    public_cert: PublicCert<'a>,
    public_certs: Vec<PublicCert<'a>>,
}

/// All six members, always: there are validators that insist on each of them.
#[derive(Serialize)]
struct Jwk<'a> {
    kid: &'a str,
    kty: &'static str,
    alg: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    e: &'a str,
    n: &'a str,
}

#[derive(Serialize)]
struct PublicCert<'a> {
    kid: &'a str,
    cert: &'a str,
}

/// The key that signs comes first.
pub(crate) fn document(current: &SigningKey, others: &[Arc<SigningKey>]) -> String {
    let keys = || std::iter::once(current).chain(others.iter().map(Arc::as_ref));
    let certs = Certs {
        keys: keys().map(jwk).collect(),
        public_cert: public_cert(current),
        public_certs: keys().map(public_cert).collect(),
    };
    serde_json::to_string(&certs).expect("texts have a JSON form")
}

fn jwk(key: &SigningKey) -> Jwk<'_> {
    let public = key.public();
    Jwk { kid: &public.kid, kty: "RSA", alg: "RS256", usage: "sig", e: &public.e, n: &public.n }
}

fn public_cert(key: &SigningKey) -> PublicCert<'_> {
    PublicCert { kid: key.kid(), cert: key.certificate_pem() }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use rsa::pkcs8::DecodePublicKey;
    use rsa::pkcs8::der::asn1::{AnyRef, BitStringRef};
    use rsa::pkcs8::der::{Decode, Reader, SliceReader};
    use rsa::traits::PublicKeyParts;
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject;
    use serde_json::{Value, json};

    use super::*;
    use crate::certificate;
    use crate::testing::{CURRENT, PREVIOUS};

    fn published() -> String {
        document(&CURRENT, std::slice::from_ref(&PREVIOUS))
    }

    #[test]
    fn the_certs_document_has_the_shape_of_access_with_the_signing_key_first() {
        let (current, previous) = (CURRENT.public(), PREVIOUS.public());
        let (cert, previous_cert) = (json!(CURRENT.certificate_pem()), json!(PREVIOUS.certificate_pem()));
        let expected = format!(
            concat!(
                r#"{{"keys":[{{"kid":"{0}","kty":"RSA","alg":"RS256","use":"sig","e":"AQAB","n":"{1}"}},"#,
                r#"{{"kid":"{2}","kty":"RSA","alg":"RS256","use":"sig","e":"AQAB","n":"{3}"}}],"#,
                r#""public_cert":{{"kid":"{0}","cert":{4}}},"#,
                r#""public_certs":[{{"kid":"{0}","cert":{4}}},{{"kid":"{2}","cert":{5}}}]}}"#,
            ),
            current.kid, current.n, previous.kid, previous.n, cert, previous_cert
        );
        assert_eq!(published(), expected);
        assert!(CURRENT.certificate_pem().starts_with("-----BEGIN CERTIFICATE-----\n"));
    }

    #[test]
    fn each_published_certificate_certifies_the_published_key_of_the_same_name() {
        let document: Value = serde_json::from_str(&published()).unwrap();
        for (jwk, cert) in document["keys"].as_array().unwrap().iter().zip(document["public_certs"].as_array().unwrap())
        {
            assert_eq!(jwk["kid"], cert["kid"]);
            let spki = certificate::certified_key(cert["cert"].as_str().unwrap()).unwrap();
            let key = rsa::PublicKey::from_public_key_der(&spki).unwrap();
            assert_eq!(*key.n_bytes(), *URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap());
            assert_eq!(*key.e_bytes(), *URL_SAFE_NO_PAD.decode(jwk["e"].as_str().unwrap()).unwrap());
        }
    }

    #[test]
    fn the_published_certificate_is_signed_with_the_key_it_certifies() {
        let certificate = CertificateDer::from_pem_slice(CURRENT.certificate_pem().as_bytes()).unwrap();
        let mut parts = SliceReader::new(AnyRef::from_der(&certificate).unwrap().value()).unwrap();
        let to_be_signed = parts.tlv_bytes().unwrap();
        let _algorithm = parts.tlv_bytes().unwrap();
        let signature: BitStringRef<'_> = parts.decode().unwrap();
        let spki = certificate::certified_key(CURRENT.certificate_pem()).unwrap();
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, spki)
            .verify(to_be_signed, signature.as_bytes().unwrap())
            .unwrap();
    }
}
