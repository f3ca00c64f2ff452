//! Keys that the emulators of one process share, so that a test suite in which
//! each test owns its gateway does not make thousands of them. They are never
//! written down as shared, protect nothing, and end with the process.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use doorward_model::time::Timestamp;
use doorward_signer::SigningKey;

use super::CERTIFICATE_LIFE;

type Made = Arc<OnceLock<SigningKey>>;

/// By number: what the first emulator that wanted this key made.
static MADE: Mutex<Vec<Made>> = Mutex::new(Vec::new());

/// The key of this number, with a certificate of its own for the team domain.
pub(super) fn key(number: u32, team_domain: &str, now: Timestamp) -> SigningKey {
    let made = made(number);
    let pkcs8 = made.get_or_init(|| SigningKey::generate(team_domain, now)).to_pkcs8();
    SigningKey::from_pkcs8(&pkcs8, team_domain, now, CERTIFICATE_LIFE)
        .expect("it was written by a key of the same kind")
}

/// Whoever comes first makes it, and others wait for that one alone.
fn made(number: u32) -> Made {
    let mut all = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let number = usize::try_from(number).expect("nobody makes more keys than memory holds");
    while all.len() <= number {
        all.push(Made::default());
    }
    Arc::clone(&all[number])
}
