//! The people of the built-in identity provider: those it started with, and
//! those the control API has made of them since.

use std::collections::BTreeSet;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use doorward_model::email::Email;
use serde::Serialize;
use serde_json::{Map, Value};

/// Somebody who can sign in with the built-in provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Person {
    pub email: Email,
    pub name: Option<String>,
    pub groups: Vec<String>,
    /// More claims of their ID token. The provider's own claims win over them.
    pub claims: Map<String, Value>,
    /// How they prove who they are (RFC 8176).
    pub amr: Vec<String>,
    /// The country they sign in from, ISO 3166-1 alpha-2.
    pub country: Option<String>,
}

impl Person {
    /// Somebody of whom only the address is known.
    #[must_use]
    pub fn known_by(email: Email) -> Self {
        Self { email, name: None, groups: vec![], claims: Map::new(), amr: vec![PASSWORD.into()], country: None }
    }

    /// The `amr` values, of which there is always one.
    pub(crate) fn methods(&self) -> Vec<String> {
        if self.amr.is_empty() { vec![PASSWORD.into()] } else { self.amr.clone() }
    }
}

const PASSWORD: &str = "pwd";

/// How many claim names typed on the people page are remembered.
const TYPED_NAMES: usize = 64;

/// Why a set of extra claims cannot be somebody's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the claim \"{0}\" is the provider's own to set; leave it out")]
pub(crate) struct ReservedClaim(String);

/// What an ID token says of itself and of its person by other fields.
const RESERVED: [&str; 18] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "nonce",
    "auth_time",
    "azp",
    "acr",
    "amr",
    "at_hash",
    "c_hash",
    "email",
    "email_verified",
    "groups",
    "name",
];

/// Whether these may be somebody's extra claims.
pub(crate) fn check_claims(claims: &Map<String, Value>) -> Result<(), ReservedClaim> {
    match claims.keys().find(|name| RESERVED.contains(&name.as_str())) {
        Some(name) => Err(ReservedClaim(name.clone())),
        None => Ok(()),
    }
}

/// The names of these people's extra claims, each once, in order.
pub(crate) fn claim_names<'a>(people: impl Iterator<Item = &'a Person>) -> Vec<String> {
    let names: BTreeSet<&String> = people.flat_map(|person| person.claims.keys()).collect();
    names.into_iter().cloned().collect()
}

/// Everybody, as they are now.
pub(crate) struct People {
    start: Vec<Person>,
    now: RwLock<Now>,
}

struct Now {
    people: Vec<Person>,
    /// Somebody else's, typed on the page: they have no entry of their own.
    typed_names: Vec<String>,
}

impl People {
    pub(crate) fn new(start: Vec<Person>) -> Self {
        Self { now: RwLock::new(Now { people: start.clone(), typed_names: vec![] }), start }
    }

    pub(crate) fn all(&self) -> Vec<Person> {
        self.read().people.clone()
    }

    pub(crate) fn person(&self, email: &Email) -> Option<Person> {
        self.read().people.iter().find(|person| person.email == *email).cloned()
    }

    /// Makes them one of the people, in the place of whoever had the address.
    pub(crate) fn put(&self, person: Person) {
        let people = &mut self.write().people;
        match people.iter_mut().find(|known| known.email == person.email) {
            Some(place) => *place = person,
            None => people.push(person),
        }
    }

    /// Makes these everybody; gives the addresses of those who were and no longer are.
    pub(crate) fn replace(&self, people: Vec<Person>) -> Vec<Email> {
        let before = std::mem::replace(&mut self.write().people, people.clone());
        let stays = |email: &Email| people.iter().any(|person| person.email == *email);
        before.into_iter().map(|person| person.email).filter(|email| !stays(email)).collect()
    }

    /// `false`: there was nobody with that address.
    pub(crate) fn remove(&self, email: &Email) -> bool {
        let people = &mut self.write().people;
        let before = people.len();
        people.retain(|person| person.email != *email);
        people.len() < before
    }

    /// Remembers which claims somebody was given on the page; the oldest are forgotten.
    pub(crate) fn typed(&self, claims: &Map<String, Value>) {
        let typed = &mut self.write().typed_names;
        typed.retain(|name| !claims.contains_key(name));
        typed.extend(claims.keys().cloned());
        let excess = typed.len().saturating_sub(TYPED_NAMES);
        typed.drain(..excess);
    }

    pub(crate) fn claim_names(&self) -> Vec<String> {
        let now = self.read();
        let mut names = claim_names(now.people.iter());
        names.extend(now.typed_names.iter().cloned());
        names.sort();
        names.dedup();
        names
    }

    /// Back to the people it started with.
    pub(crate) fn reset(&self) {
        *self.write() = Now { people: self.start.clone(), typed_names: vec![] };
    }

    fn read(&self) -> RwLockReadGuard<'_, Now> {
        self.now.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Now> {
        self.now.write().unwrap_or_else(PoisonError::into_inner)
    }
}
