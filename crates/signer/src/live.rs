//! The keyring in force: replaced whole when keys rotate, read without a lock
//! by every request.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use crate::keyring::Keyring;

/// Holds the keyring in force.
#[derive(Debug)]
pub struct Signer(ArcSwap<Keyring>);

impl Signer {
    #[must_use]
    pub fn new(keyring: Keyring) -> Self {
        Self(ArcSwap::from_pointee(keyring))
    }

    /// The keyring in force now. Keep it for one request, not longer.
    #[must_use]
    pub fn load(&self) -> Guard<Arc<Keyring>> {
        self.0.load()
    }

    /// The same as an owned handle, for work that crosses threads.
    #[must_use]
    pub fn keyring(&self) -> Arc<Keyring> {
        self.0.load_full()
    }

    pub fn replace(&self, keyring: Keyring) {
        self.0.store(Arc::new(keyring));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{CURRENT, PREVIOUS};

    #[test]
    fn whoever_looks_after_a_replacement_sees_the_new_keyring() {
        let signer = Signer::new(Keyring::new(PREVIOUS.clone(), Vec::new()));
        let before = signer.keyring();
        signer.replace(Keyring::new(CURRENT.clone(), vec![PREVIOUS.clone()]));
        assert_eq!(before.current_kid(), PREVIOUS.kid());
        assert_eq!(signer.load().current_kid(), CURRENT.kid());
    }
}
