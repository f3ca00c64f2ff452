//! Keys and tokens: mint, verify, publish. Pure: no clock and no IO, so that
//! the time is an argument and whoever calls decides where keys are kept, when
//! they change and which tokens were revoked.
//!
//! Private RSA keys are made and used by aws-lc-rs alone. The `rsa` crate reads
//! public keys only: its private-key operations leak through their timing
//! (RUSTSEC-2023-0071).

pub mod claims;
pub mod mint;
pub mod rotation;

mod certificate;
mod evaluation;
mod key;
mod keyring;
mod live;
mod numeric_date;
mod published;
mod rejection;
mod ssh;
mod strict_json;
mod token;
mod verify;

#[cfg(test)]
mod testing;

pub use evaluation::{Question, verify_answer};
pub use key::{EMULATOR_MARK, KeyError, SigningKey};
pub use keyring::Keyring;
pub use live::Signer;
pub use rejection::Rejection;
pub use ssh::{CannotCertify, SshCaKey, Vouched};
pub use token::{MAX_TOKEN_LENGTH, claimed_aud};
pub use verify::{AppToken, CLOCK_TOLERANCE, MAX_LIFETIME, Meta, OrgToken, Subject};
