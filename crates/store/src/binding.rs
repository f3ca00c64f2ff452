//! What ties a token to the browser it was given to: a value that only this
//! installation can make, for one token each. Nothing is stored for it.

use doorward_model::secret::SecretDigest;

use crate::Seal;

const PURPOSE: &str = "binding of an application token";

impl Seal {
    /// The value that goes beside this token.
    #[must_use]
    pub fn binding(&self, token: &str) -> String {
        self.seal(PURPOSE, digest(token).as_bytes())
    }

    /// Whether the value was made for this token (G-09).
    #[must_use]
    pub fn binds(&self, binding: &str, token: &str) -> bool {
        self.open(PURPOSE, binding).is_some_and(|bound| bound == digest(token).as_bytes())
    }
}

fn digest(token: &str) -> String {
    SecretDigest::of(token.as_bytes()).to_hex()
}

#[cfg(test)]
mod tests {
    use doorward_model::secret::Secret;

    use super::*;

    #[test]
    fn g_09_a_binding_is_for_one_token_of_one_installation() {
        let (ours, theirs) = (Seal::from_key(&Secret::random()), Seal::from_key(&Secret::random()));
        let binding = ours.binding("a.b.c");
        assert!(ours.binds(&binding, "a.b.c"));
        assert!(!ours.binds(&binding, "a.b.d") && !theirs.binds(&binding, "a.b.c"));
        assert!(!ours.binds(&binding[..binding.len() - 1], "a.b.c") && !ours.binds("", "a.b.c"));
        assert!(!ours.binds(&ours.seal("something else", digest("a.b.c").as_bytes()), "a.b.c"));
    }
}
