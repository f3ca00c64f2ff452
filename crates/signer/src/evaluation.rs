//! Questions to services of external evaluation and their answers (Access
//! docs, "external evaluation"): what is asked is signed by our keys, what is
//! answered by theirs.

use doorward_model::time::{Lifetime, Timestamp};
use jsonwebtoken::DecodingKey;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::numeric_date::NumericDate;
use crate::rejection::Rejection;
use crate::strict_json;
use crate::token::Unverified;
use crate::verify::CLOCK_TOLERANCE;

/// How long a question and its answer may be on their way.
const QUESTION_LIFETIME: Lifetime = Lifetime::from_secs(60);
/// The longest life an answer may state; it is used at once.
const LONGEST_ANSWER_LIFETIME: Lifetime = Lifetime::from_hours(1);
/// Keys looked through; a service has one or two.
const MOST_KEYS: usize = 100;

/// What is asked about a person. It has no `type`, so that no verifier of ours
/// takes it for a token.
#[derive(Clone, Debug, Serialize)]
pub struct Question {
    /// As `get-identity` tells it.
    pub identity: Value,
    pub iss: String,
    pub iat: i64,
    pub exp: i64,
    pub nonce: String,
}

impl Question {
    #[must_use]
    pub fn new(identity: Value, issuer: &str, nonce: &str, now: Timestamp) -> Self {
        Self {
            identity,
            iss: issuer.to_owned(),
            iat: now.secs(),
            exp: now.plus(QUESTION_LIFETIME).secs(),
            nonce: nonce.to_owned(),
        }
    }
}

/// Whether the service says yes, by an answer to this very question that one
/// of its keys signed. `keys` is the document of its `keys_url`.
///
/// # Errors
/// When there is nothing to be believed (J-13).
pub fn verify_answer(token: &str, keys: &[u8], nonce: &str, now: Timestamp) -> Result<bool, Rejection> {
    let unverified = Unverified::read(token)?;
    let key = key(keys, &unverified.kid).ok_or(Rejection::WrongKey)?;
    if !unverified.is_signed_by(&key) {
        return Err(Rejection::BadSignature);
    }
    let answer: Answer = strict_json::object(&unverified.payload).ok_or(Rejection::Malformed)?;
    if answer.nonce != nonce {
        return Err(Rejection::WrongAudience);
    }
    let (iat, exp) = (answer.iat.0, answer.exp.0);
    if now >= exp {
        return Err(Rejection::Expired);
    }
    if iat > now.plus(CLOCK_TOLERANCE) {
        return Err(Rejection::NotYetValid);
    }
    if exp.since(iat) > LONGEST_ANSWER_LIFETIME {
        return Err(Rejection::TooLongLived);
    }
    Ok(answer.success)
}

#[derive(Deserialize)]
struct Answer {
    /// A boolean: a text that says so is none.
    success: bool,
    iat: NumericDate,
    exp: NumericDate,
    nonce: String,
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Key {
    kid: String,
    kty: String,
    n: String,
    e: String,
}

/// The RSA key of this name. Keys of other kinds may stand beside it.
fn key(document: &[u8], kid: &str) -> Option<DecodingKey> {
    let keys: Keys = serde_json::from_slice(document).ok()?;
    let readable = keys.keys.into_iter().take(MOST_KEYS).filter_map(|key| serde_json::from_value::<Key>(key).ok());
    let key = readable.into_iter().find(|key| key.kid == kid && key.kty == "RSA")?;
    DecodingKey::from_rsa_components(&key.n, &key.e).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Keyring;
    use crate::testing::{CURRENT, NOW, PREVIOUS};

    fn answered(claims: &Value) -> Result<bool, Rejection> {
        let theirs = Keyring::new(CURRENT.clone(), Vec::new());
        verify_answer(&theirs.sign(claims), theirs.published().as_bytes(), "n1", NOW)
    }

    fn claims() -> Value {
        json!({"success": true, "iat": NOW.secs(), "exp": NOW.secs() + 60, "nonce": "n1"})
    }

    #[test]
    fn an_answer_says_yes_or_no() {
        assert_eq!(answered(&claims()), Ok(true));
        let mut no = claims();
        no["success"] = json!(false);
        assert_eq!(answered(&no), Ok(false));
    }

    #[test]
    fn j_13_an_answer_that_lies_in_one_thing_is_none() {
        for (member, lie, why) in [
            ("nonce", json!("n2"), Rejection::WrongAudience),
            ("nonce", json!(null), Rejection::Malformed),
            ("success", json!("true"), Rejection::Malformed),
            ("success", json!(1), Rejection::Malformed),
            ("success", json!(null), Rejection::Malformed),
            ("exp", json!(NOW.secs()), Rejection::Expired),
            ("exp", json!(null), Rejection::Malformed),
            ("exp", json!(NOW.secs() + 86_400), Rejection::TooLongLived),
            ("iat", json!(NOW.secs() + 40), Rejection::NotYetValid),
        ] {
            let mut claims = claims();
            claims[member] = lie.clone();
            assert_eq!(answered(&claims), Err(why), "{member} {lie}");
        }
    }

    #[test]
    fn j_13_only_the_services_own_keys_count() {
        let (theirs, others) = (Keyring::new(CURRENT.clone(), vec![]), Keyring::new(PREVIOUS.clone(), vec![]));
        let (ours, keys) = (theirs.sign(&claims()), theirs.published().as_bytes());
        let verify = |token: &str, keys: &[u8]| verify_answer(token, keys, "n1", NOW);
        assert_eq!(verify(&others.sign(&claims()), keys), Err(Rejection::WrongKey));
        let renamed = others.published().replace(others.current_kid(), theirs.current_kid());
        assert_eq!(verify(&ours, renamed.as_bytes()), Err(Rejection::BadSignature));
        for keys in [&b"{}"[..], b"[]", b"", br#"{"keys":[{"kid":"a","kty":"oct","k":"AA"}]}"#] {
            assert_eq!(verify(&ours, keys), Err(Rejection::WrongKey));
        }
        let unsigned = format!("{}.", ours.rsplit_once('.').unwrap().0);
        assert_eq!(verify(&unsigned, keys), Err(Rejection::BadSignature));
    }
}
