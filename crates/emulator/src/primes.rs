//! RSA keys put together of two primes, and taken apart into them: the one
//! place where the `rsa` crate holds private keys. It signs nothing with them,
//! and what the timing of making one could tell (RUSTSEC-2023-0071) is of no
//! use to anybody: an emulator hands out tokens to everybody who asks.
//! aws-lc-rs checks the finished key, and signs.

use rsa::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use rsa::traits::PrivateKeyParts as _;
use rsa::{BoxedUint, PrivateKey};
use zeroize::Zeroizing;

pub(crate) const EXPONENT: u32 = 65_537;

/// A private key as PKCS#8.
pub type Pkcs8 = Zeroizing<Vec<u8>>;

/// The key of two different primes to which the exponent fits.
pub(crate) fn put_together(p: BoxedUint, q: BoxedUint) -> Pkcs8 {
    // By custom the first is the larger one.
    let (p, q) = if p > q { (p, q) } else { (q, p) };
    let key = PrivateKey::from_p_q(p, q, BoxedUint::from(u64::from(EXPONENT)));
    let key = key.expect("two different primes with a usable exponent make a key");
    Zeroizing::new(key.to_pkcs8_der().expect("an RSA key has a PKCS#8 form").as_bytes().to_vec())
}

/// The primes of a key.
pub(crate) fn taken_apart(key: &Pkcs8) -> Vec<BoxedUint> {
    let key = PrivateKey::from_pkcs8_der(key).expect("a key that was written can be read");
    key.primes().iter().map(|prime| prime.as_ref().clone()).collect()
}
