//! Signing keys that follow from a seed, so that a published key set is the
//! same on every run and every machine. Whoever knows the seed has the keys:
//! they are fixtures, and nothing that is worth anything may trust them.
//!
//! aws-lc-rs makes RSA keys by chance alone, so the two primes are found here.

use std::num::NonZeroU32;

use crypto_bigint::U1024;
use crypto_primes::hazmat::SmallFactorsSieve;
use crypto_primes::{Flavor, is_prime};
use doorward_model::time::{Lifetime, Timestamp};
use doorward_signer::SigningKey;
use rsa::BoxedUint;
use sha2::{Digest as _, Sha256};

use crate::primes::{EXPONENT, put_together};

/// 2025-01-01: fixed, so that certificates depend on the seed alone.
const SINCE: Timestamp = Timestamp::from_secs(1_735_689_600);
const LIFE: Lifetime = Lifetime::from_days(25 * 365);
const PRIME_BITS: NonZeroU32 = NonZeroU32::new(1024).expect("it is not zero");

/// What keys are derived from.
#[derive(Debug)]
pub struct Seed(String);

impl Seed {
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The key of this number. Takes up to a second: call it on a blocking thread.
    ///
    /// # Panics
    /// Never: two different primes of 1024 bits make a key.
    #[must_use]
    pub fn signing_key(&self, number: u32, team_domain: &str) -> SigningKey {
        let (p, q) = (self.prime(number, "p"), self.prime(number, "q"));
        let boxed = |prime: &U1024| BoxedUint::from_be_slice_vartime(&prime.to_be_bytes());
        let pkcs8 = put_together(boxed(&p), boxed(&q));
        SigningKey::from_pkcs8(&pkcs8, team_domain, SINCE, LIFE).expect("it is an RSA key of 2048 bits")
    }

    /// The first prime from a place that the seed gives, to which the exponent
    /// is no divisor.
    fn prime(&self, number: u32, which: &str) -> U1024 {
        let mut bytes = [0; 128];
        for (count, block) in bytes.chunks_mut(32).enumerate() {
            let text = format!("doorward signing key {number} {which} {count}\n{}", self.0);
            block.copy_from_slice(&Sha256::digest(text.as_bytes()));
        }
        // The product of two such numbers has exactly 2048 bits.
        bytes[0] |= 0b1100_0000;
        let start = U1024::from_be_slice(&bytes);
        let exponent = crypto_bigint::NonZero::new(crypto_bigint::Limb::from(EXPONENT)).expect("it is not zero");
        let sieve = SmallFactorsSieve::new(start, PRIME_BITS, false).expect("1024 bits fit into 1024 bits");
        let fits = |candidate: &U1024| {
            candidate.wrapping_sub(&U1024::ONE).rem_limb(exponent) != crypto_bigint::Limb::ZERO
                && is_prime(Flavor::Any, candidate)
        };
        sieve.into_iter().find(fits).expect("there are primes beyond any such number that still have 1024 bits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A change here breaks fixtures that hold the old keys.
    #[test]
    fn a_seed_gives_the_same_keys_in_every_version() {
        let kid =
            |number| Seed::new("doorward".into()).signing_key(number, "acme.cloudflareaccess.com").kid().to_owned();
        assert_eq!(kid(0), kid(0));
        insta::assert_snapshot!(format!("{}\n{}", kid(0), kid(1)));
    }
}
