use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PSS_SHA256};
use rsa::pkcs8::{DecodePublicKey, EncodePublicKey, LineEnding};
use serde_json::{Value, json};

use super::*;
use crate::testing::{
    CURRENT, PREVIOUS, STRANGER, forged, header, keyring, message, user_claims, user_claims_with, verified,
};

fn rejection_of_header(header: &str) -> Option<Rejection> {
    verified(&forged(header, &json!(user_claims()).to_string(), &CURRENT)).err()
}

#[test]
fn k_01_a_header_with_any_other_algorithm_is_refused_even_if_our_key_signed_it() {
    let kid = CURRENT.kid();
    let with_alg = |alg: &Value| json!({"alg": alg, "kid": kid, "typ": "JWT"}).to_string();
    for alg in ["none", "NoNe", "rs256", "RS512", "PS256", "ES256", "HS256", "", " RS256"] {
        assert_eq!(rejection_of_header(&with_alg(&json!(alg))), Some(Rejection::Malformed), "{alg}");
    }
    for alg in [Value::Null, json!(["RS256"]), json!({"RS256": null}), json!(256)] {
        assert_eq!(rejection_of_header(&with_alg(&alg)), Some(Rejection::Malformed), "{alg}");
    }
    let missing = format!(r#"{{"kid":"{kid}","typ":"JWT"}}"#);
    let twice = format!(r#"{{"alg":"RS256","alg":"RS256","kid":"{kid}","typ":"JWT"}}"#);
    let none_last = format!(r#"{{"alg":"RS256","kid":"{kid}","typ":"JWT","alg":"none"}}"#);
    let array = format!(r#"["RS256","{kid}","JWT"]"#);
    for header in [missing, twice, none_last, array] {
        assert_eq!(rejection_of_header(&header), Some(Rejection::Malformed), "{header}");
    }
}

#[test]
fn k_01_a_token_without_a_signature_is_refused() {
    let payload = json!(user_claims()).to_string();
    for alg in ["none", "RS256"] {
        let header = json!({"alg": alg, "kid": CURRENT.kid(), "typ": "JWT"}).to_string();
        assert!(verified(&format!("{}.", message(&header, &payload))).is_err(), "{alg}");
    }
}

#[test]
fn k_01_a_token_keyed_with_our_public_key_is_refused() {
    let spki = crate::certificate::certified_key(CURRENT.certificate_pem()).unwrap();
    let n = &CURRENT.public().n;
    let pem = rsa::PublicKey::from_public_key_der(&spki).unwrap().to_public_key_pem(LineEnding::LF).unwrap();
    let raw_n = URL_SAFE_NO_PAD.decode(n).unwrap();
    let secrets = [CURRENT.certificate_pem().as_bytes(), pem.as_bytes(), &spki, n.as_bytes(), &raw_n];
    for (secret, alg) in secrets.iter().flat_map(|secret| [(secret, "HS256"), (secret, "RS256")]) {
        let header = json!({"alg": alg, "kid": CURRENT.kid(), "typ": "JWT"}).to_string();
        let message = message(&header, &json!(user_claims()).to_string());
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
        assert!(verified(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))).is_err());
    }
}

#[test]
fn k_01_a_signature_of_another_algorithm_is_refused_whatever_the_header_says() {
    let rng = SystemRandom::new();
    let ecdsa = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    for alg in ["RS256", "PS256", "ES256"] {
        let header = json!({"alg": alg, "kid": CURRENT.kid(), "typ": "JWT"}).to_string();
        let message = message(&header, &json!(user_claims()).to_string());
        let mut pss = vec![0; 256];
        CURRENT.pair().sign(&RSA_PSS_SHA256, &rng, message.as_bytes(), &mut pss).unwrap();
        let es256 = ecdsa.sign(&rng, message.as_bytes()).unwrap();
        for signature in [pss.as_slice(), es256.as_ref()] {
            assert!(verified(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))).is_err(), "{alg}");
        }
    }
}

#[test]
fn k_02_a_token_cannot_bring_its_own_key() {
    let stranger = STRANGER.public();
    let jwk = json!({"kty": "RSA", "alg": "RS256", "kid": CURRENT.kid(), "n": stranger.n, "e": stranger.e});
    let offers = [
        ("jwk", jwk),
        ("jku", json!("https://evil.test/certs")),
        ("x5u", json!("https://evil.test/cert.pem")),
        ("x5c", json!([STRANGER.certificate_pem()])),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
    ];
    for (name, offer) in offers {
        let mut header = header();
        header[name] = offer;
        let payload = json!(user_claims()).to_string();
        for key in [&STRANGER, &CURRENT] {
            let token = forged(&header.to_string(), &payload, key);
            assert_eq!(verified(&token), Err(Rejection::Malformed), "{name}");
        }
    }
}

#[test]
fn k_03_a_kid_that_names_no_key_in_force_is_refused() {
    let retired = STRANGER.kid();
    let upper = CURRENT.kid().to_uppercase();
    let (prefix, longer) = (&CURRENT.kid()[..63], format!("{}0", CURRENT.kid()));
    let padded = format!("{} ", CURRENT.kid());
    for kid in ["../../dev/null", "' OR 1=1--", "", "https://evil.test/", retired, &upper, prefix, &longer, &padded] {
        let header = json!({"alg": "RS256", "kid": kid, "typ": "JWT"}).to_string();
        assert_eq!(rejection_of_header(&header), Some(Rejection::WrongKey), "{kid}");
    }
    for kid in [json!(1), Value::Null, json!([CURRENT.kid()])] {
        let header = json!({"alg": "RS256", "kid": kid, "typ": "JWT"}).to_string();
        assert_eq!(rejection_of_header(&header), Some(Rejection::Malformed), "{kid}");
    }
    assert_eq!(rejection_of_header(r#"{"alg":"RS256","typ":"JWT"}"#), Some(Rejection::Malformed));
    let huge = json!({"alg": "RS256", "kid": "k".repeat(64 * 1024), "typ": "JWT"}).to_string();
    assert_eq!(rejection_of_header(&huge), Some(Rejection::TooLong));
}

#[test]
fn k_03_a_signature_counts_only_for_the_key_it_names() {
    let payload = json!(user_claims()).to_string();
    let previous = json!({"alg": "RS256", "kid": PREVIOUS.kid(), "typ": "JWT"}).to_string();
    assert!(verified(&forged(&previous, &payload, &PREVIOUS)).is_ok());
    assert_eq!(verified(&forged(&previous, &payload, &CURRENT)), Err(Rejection::BadSignature));
    assert_eq!(verified(&forged(&header().to_string(), &payload, &STRANGER)), Err(Rejection::BadSignature));
}

#[test]
fn k_12_a_header_of_another_type_is_refused() {
    for typ in ["at+jwt", "logout+jwt", "JWE", "jwt", ""] {
        let header = json!({"alg": "RS256", "kid": CURRENT.kid(), "typ": typ}).to_string();
        assert_eq!(rejection_of_header(&header), Some(Rejection::Malformed), "{typ}");
    }
    let untyped = json!({"alg": "RS256", "kid": CURRENT.kid()}).to_string();
    assert_eq!(rejection_of_header(&untyped), None);
}

#[test]
fn k_10_a_token_in_any_other_encoding_is_refused() {
    let token = keyring().sign(&user_claims());
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, payload) = signed.split_once('.').unwrap();
    // 256 bytes leave four unused bits in the last character; a lax decoder ignores them.
    let last = signature.chars().last().unwrap();
    let same_to_a_lax_decoder = char::from(last as u8 + 1);
    let changed = format!("{}{same_to_a_lax_decoder}", &token[..token.len() - 1]);
    for variant in [
        format!("{token}="),
        format!("{token}=="),
        format!("{token}\n"),
        format!("{token}\0"),
        format!(" {token}"),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.{signature}"),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}..{payload}.{signature}"),
        format!("{header}.{payload}"),
        changed,
        format!("é{token}"),
        String::new(),
        "..".to_owned(),
        "eyJ".to_owned(),
    ] {
        assert!(verified(&variant).is_err(), "{variant:?}");
    }
    assert!(verified(&token).is_ok());
}

#[test]
fn k_10_the_standard_base64_alphabet_is_refused() {
    // A name whose encoding needs `-` and `_` where the standard alphabet has `+` and `/`.
    let payload = user_claims_with("custom", Some(json!({"name": "??>>~~??>>~~???>>>"}))).to_string();
    let token = forged(&header().to_string(), &payload, &CURRENT);
    assert!(verified(&token).is_ok());
    let standard = token.replace('-', "+").replace('_', "/");
    assert_ne!(standard, token);
    assert!(verified(&standard).is_err());
    // Signed as it stands, so that only the alphabet speaks against it.
    let signed = standard.rsplit_once('.').unwrap().0;
    let signature = URL_SAFE_NO_PAD.encode(CURRENT.sign(signed.as_bytes()));
    assert_eq!(verified(&format!("{signed}.{signature}")), Err(Rejection::Malformed));
}

#[test]
fn k_11_a_token_is_read_up_to_8_kib_and_not_beyond() {
    let of_length = |length: usize| {
        let base = keyring().sign(&user_claims_with("custom", Some(json!("")))).len();
        let filler = "a".repeat((length - base) * 3 / 4);
        keyring().sign(&user_claims_with("custom", Some(json!(filler))))
    };
    let longest = of_length(MAX_TOKEN_LENGTH);
    assert!((MAX_TOKEN_LENGTH - 3..=MAX_TOKEN_LENGTH).contains(&longest.len()));
    assert!(verified(&longest).is_ok());
    for text in [of_length(MAX_TOKEN_LENGTH + 4), "a".repeat(4 << 20), ".".repeat(1_000_000)] {
        assert_eq!(verified(&text), Err(Rejection::TooLong));
    }
    assert_eq!(verified(&".".repeat(MAX_TOKEN_LENGTH)), Err(Rejection::Malformed));
}

#[test]
fn k_11_deep_nesting_is_refused() {
    let nested = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let payload = json!(user_claims()).to_string().replacen('{', &format!(r#"{{"custom":{nested},"#), 1);
    assert_eq!(verified(&forged(&header().to_string(), &payload, &CURRENT)), Err(Rejection::Malformed));
}
