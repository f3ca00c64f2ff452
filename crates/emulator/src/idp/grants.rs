//! What the provider has granted: codes that work once and the access tokens
//! that came from them. Bounded, in memory, looked up by digest.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_model::secret::Secret;
use doorward_model::time::{Lifetime, Timestamp};
use sha2::{Digest as _, Sha256};

use crate::people::Person;

/// How long a code may wait to be redeemed.
pub(super) const CODE_LIFETIME: Lifetime = Lifetime::from_secs(60);
/// How long an access token opens `/userinfo`.
pub(super) const TOKEN_LIFETIME: Lifetime = Lifetime::from_hours(1);
/// How many codes, and how many tokens, are remembered; the oldest make room.
const CAPACITY: usize = 10_000;

/// What somebody agreed to by picking a person.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) client: String,
    pub(super) redirect_uri: String,
    pub(super) scopes: Vec<String>,
    pub(super) nonce: Option<String>,
    /// The S256 challenge, when one was sent.
    pub(super) challenge: Option<String>,
    pub(super) person: Person,
    pub(super) auth_time: Timestamp,
}

impl Grant {
    pub(super) fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|granted| granted == scope)
    }
}

/// What the holder of a code says of itself.
pub(super) struct Redemption<'a> {
    pub(super) code: &'a str,
    pub(super) client: &'a str,
    pub(super) redirect_uri: Option<&'a str>,
    pub(super) verifier: Option<&'a str>,
}

/// Why a code gives nothing. The texts are for whoever writes the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotRedeemed {
    #[error("the code is unknown or too old")]
    Unknown,
    #[error("the code was used before; the tokens that came from it are revoked")]
    Replayed,
    #[error("the code was given to another client")]
    OtherClient,
    #[error("redirect_uri is not the one of the authorization request")]
    OtherRedirect,
    #[error("code_verifier is missing: the authorization request had a code_challenge")]
    VerifierMissing,
    #[error("code_verifier does not fit the code_challenge")]
    VerifierWrong,
    #[error("code_verifier was sent but the authorization request had no code_challenge")]
    VerifierUnasked,
}

#[derive(Default)]
pub(super) struct Grants(Mutex<Granted>);

#[derive(Default)]
struct Granted {
    codes: Bounded<Code>,
    tokens: Bounded<Access>,
}

struct Code {
    grant: Grant,
    expires_at: Timestamp,
    state: CodeState,
}

enum CodeState {
    Fresh,
    /// Spent, on this token if it gave one.
    Used(Option<String>),
}

struct Access {
    grant: Grant,
    expires_at: Timestamp,
}

impl Grants {
    /// A code for this grant.
    pub(super) fn code(&self, grant: Grant, now: Timestamp) -> Secret {
        let code = Secret::random();
        let entry = Code { grant, expires_at: now.plus(CODE_LIFETIME), state: CodeState::Fresh };
        self.lock().codes.insert(code.digest().to_hex(), entry);
        code
    }

    /// Uses the code up, whatever comes of it (I-11): a second use, by anybody,
    /// also ends the token that the first one gave.
    pub(super) fn redeem(&self, presented: &Redemption<'_>, now: Timestamp) -> Result<(Grant, Secret), NotRedeemed> {
        let mut locked = self.lock();
        let granted = &mut *locked;
        let digest = digest(presented.code);
        let code = granted.codes.get_mut(&digest).ok_or(NotRedeemed::Unknown)?;
        if let CodeState::Used(token) = std::mem::replace(&mut code.state, CodeState::Used(None)) {
            if let Some(token) = token {
                granted.tokens.remove(&token);
            }
            return Err(NotRedeemed::Replayed);
        }
        if now >= code.expires_at {
            return Err(NotRedeemed::Unknown);
        }
        check(&code.grant, presented)?;
        let token = Secret::random();
        code.state = CodeState::Used(Some(token.digest().to_hex()));
        let grant = code.grant.clone();
        let access = Access { grant: grant.clone(), expires_at: now.plus(TOKEN_LIFETIME) };
        granted.tokens.insert(token.digest().to_hex(), access);
        Ok((grant, token))
    }

    /// Whom an access token speaks for.
    pub(super) fn holder(&self, token: &str, now: Timestamp) -> Option<Grant> {
        let granted = self.lock();
        let access = granted.tokens.get(&digest(token))?;
        (now < access.expires_at).then(|| access.grant.clone())
    }

    pub(super) fn clear(&self) {
        *self.lock() = Granted::default();
    }

    fn lock(&self) -> MutexGuard<'_, Granted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn check(grant: &Grant, presented: &Redemption<'_>) -> Result<(), NotRedeemed> {
    if grant.client != presented.client {
        return Err(NotRedeemed::OtherClient);
    }
    if presented.redirect_uri != Some(grant.redirect_uri.as_str()) {
        return Err(NotRedeemed::OtherRedirect);
    }
    match (&grant.challenge, presented.verifier) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(NotRedeemed::VerifierUnasked),
        (Some(_), None) => Err(NotRedeemed::VerifierMissing),
        (Some(challenge), Some(verifier)) if challenge_of(verifier) == *challenge => Ok(()),
        (Some(_), Some(_)) => Err(NotRedeemed::VerifierWrong),
    }
}

/// RFC 7636 §4.6.
pub(super) fn challenge_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

fn digest(text: &str) -> String {
    Secret::new(text.to_owned()).digest().to_hex()
}

/// A map that forgets its oldest entry rather than grow.
struct Bounded<V> {
    entries: HashMap<String, V>,
    order: VecDeque<String>,
}

impl<V> Default for Bounded<V> {
    fn default() -> Self {
        Self { entries: HashMap::new(), order: VecDeque::new() }
    }
}

impl<V> Bounded<V> {
    fn insert(&mut self, key: String, value: V) {
        while self.order.len() >= CAPACITY {
            if let Some(oldest) = self.order.pop_front() {
                self.entries.remove(&oldest);
            }
        }
        self.order.push_back(key.clone());
        self.entries.insert(key, value);
    }

    fn get(&self, key: &str) -> Option<&V> {
        self.entries.get(key)
    }

    fn get_mut(&mut self, key: &str) -> Option<&mut V> {
        self.entries.get_mut(key)
    }

    /// The key keeps its place in the order until it is the oldest.
    fn remove(&mut self, key: &str) {
        self.entries.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant() -> Grant {
        Grant {
            client: "a".into(),
            redirect_uri: "https://a.test/callback".into(),
            scopes: vec!["openid".into()],
            nonce: None,
            challenge: None,
            person: Person::known_by("alice@example.com".parse().unwrap()),
            auth_time: Timestamp(0),
        }
    }

    fn presented(code: &Secret) -> Redemption<'_> {
        Redemption { code: code.expose(), client: "a", redirect_uri: Some("https://a.test/callback"), verifier: None }
    }

    #[test]
    fn the_oldest_code_makes_room_for_one_too_many() {
        let grants = Grants::default();
        let first = grants.code(grant(), Timestamp(0));
        let second = grants.code(grant(), Timestamp(0));
        for _ in 0..CAPACITY - 1 {
            grants.code(grant(), Timestamp(0));
        }
        assert_eq!(grants.redeem(&presented(&first), Timestamp(0)).unwrap_err(), NotRedeemed::Unknown);
        assert!(grants.redeem(&presented(&second), Timestamp(0)).is_ok());
    }

    #[test]
    fn a_code_lasts_a_minute_and_a_token_an_hour() {
        let grants = Grants::default();
        let late = grants.code(grant(), Timestamp(0));
        assert_eq!(grants.redeem(&presented(&late), Timestamp(60_000)).unwrap_err(), NotRedeemed::Unknown);
        let in_time = grants.code(grant(), Timestamp(0));
        let (_, token) = grants.redeem(&presented(&in_time), Timestamp(59_999)).unwrap();
        let end = Timestamp(59_999).plus(TOKEN_LIFETIME);
        assert!(grants.holder(token.expose(), Timestamp(end.0 - 1)).is_some());
        assert!(grants.holder(token.expose(), end).is_none());
    }
}
