//! Tokens: what no key of ours signed is nobody's, and what one signed still
//! has to say the right things.

use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_model::time::{Lifetime, Timestamp};
use doorward_signer::{Keyring, MAX_LIFETIME, MAX_TOKEN_LENGTH, SigningKey};
use serde_json::{Value, json};

use crate::world::app;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const ISSUER: &str = "https://acme.cloudflareaccess.com";

/// One that is accepted, and one that nobody knows.
static RINGS: LazyLock<[Keyring; 2]> = LazyLock::new(|| {
    [(); 2].map(|()| Keyring::new(Arc::new(SigningKey::generate("acme.cloudflareaccess.com", NOW)), vec![]))
});

/// The first byte says how the rest becomes a token.
pub(crate) fn token(input: &[u8]) {
    let Some((how, rest)) = input.split_first() else { return };
    match how % 4 {
        // The text as it is.
        0 => assert_refused(&String::from_utf8_lossy(rest), "a text"),
        // A header and claims, up to a line's end each, under a signature that is theirs or another's.
        1 => {
            let mut parts = rest.splitn(2, |byte| *byte == b'\n');
            let part = |text: Option<&[u8]>| URL_SAFE_NO_PAD.encode(text.unwrap_or_default());
            let message = format!("{}.{}", part(parts.next()), part(parts.next()));
            for signature in ["", "AAAA", honest().rsplit('.').next().unwrap_or_default()] {
                assert_refused(&format!("{message}.{signature}"), "another signature");
            }
        }
        // An honest token, bent in one place.
        2 => {
            let Some((place, with)) = rest.split_first_chunk::<2>() else { return };
            let mut bytes = honest().into_bytes();
            let place = usize::from(u16::from_be_bytes(*place)) % bytes.len();
            bytes.splice(place..=place, with.iter().copied());
            let bent = String::from_utf8_lossy(&bytes).into_owned();
            if bent != honest() {
                assert_refused(&bent, "a bent token");
            }
        }
        // Claims of whatever kind, signed by us: each must be right.
        _ => {
            let Ok(over) = serde_json::from_slice::<Value>(rest) else { return };
            let mut claims = honest_claims();
            for (name, value) in over.as_object().into_iter().flatten() {
                claims[name] = value.clone();
            }
            assert_sane(&claims);
        }
    }
}

fn honest_claims() -> Value {
    json!({
        "iss": ISSUER, "aud": [app("App").aud.as_str()], "type": "app", "email": "alice@corp.test",
        "sub": "0f0f0f0f-0f0f-5f0f-8f0f-0f0f0f0f0f0f", "identity_nonce": "0123456789abcdef",
        "iat": NOW.secs() - 60, "nbf": NOW.secs() - 60, "exp": NOW.secs() + 3600, "country": "XX",
    })
}

fn honest() -> String {
    static HONEST: LazyLock<String> = LazyLock::new(|| {
        let token = RINGS[0].sign(&honest_claims());
        assert!(accepts(&token), "an honest token is accepted");
        assert!(!accepts(&RINGS[1].sign(&honest_claims())), "another's key is not");
        token
    });
    HONEST.clone()
}

fn accepts(token: &str) -> bool {
    RINGS[0].verify_app(token, &[ISSUER.to_owned()], &app("App").aud, NOW, Lifetime::ZERO).is_ok()
}

fn assert_refused(token: &str, what: &str) {
    let ring = &RINGS[0];
    assert!(!accepts(token), "{what} is taken for an application's token: {token:?}");
    let org = ring.verify_org(token, &[ISSUER.to_owned()], &app("App").aud, NOW);
    assert!(org.is_err() && ring.verify_meta(token, NOW).is_err(), "{what} is taken for another token: {token:?}");
}

fn assert_sane(claims: &Value) {
    let token = RINGS[0].sign(claims);
    assert!(!accepts(&RINGS[1].sign(claims)), "another's key: {claims}");
    if !accepts(&token) {
        return;
    }
    let aud = app("App").aud.as_str().to_owned();
    assert!(token.len() <= MAX_TOKEN_LENGTH, "{claims}");
    assert_eq!((&claims["iss"], &claims["type"]), (&json!(ISSUER), &json!("app")), "{claims}");
    let for_us = claims["aud"] == json!(aud) || claims["aud"].as_array().is_some_and(|all| all.contains(&json!(aud)));
    assert!(for_us, "{claims}");
    let moment = |name: &str| claims[name].as_f64().unwrap_or_else(|| panic!("{name} of {claims}"));
    #[expect(clippy::cast_precision_loss, reason = "moments of this millennium are exact")]
    let (now, longest) = (NOW.secs() as f64, MAX_LIFETIME.secs() as f64);
    assert!(moment("exp") > now && moment("exp") - moment("iat") <= longest + 1.0, "{claims}");
    assert!(moment("iat") <= now + 31.0 && moment("exp") >= moment("iat"), "{claims}");
}
