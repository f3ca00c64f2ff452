//! An e-mail address as rules compare it: lower-cased, one `@`, nothing odd.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A normalised address. Cases fold (`Alice@CORP.test` is `alice@corp.test`),
/// and whatever could make two readers see two addresses is refused: quoted
/// local parts, several `@`, spaces, control characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

impl Email {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    #[must_use]
    pub fn local(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }

    /// What follows the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// The text is not an address that rules could compare safely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an e-mail address; write it like alice@example.com")]
pub struct InvalidEmail;

impl FromStr for Email {
    type Err = InvalidEmail;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let odd = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '"' | '<' | '>' | ',' | ';' | '\\');
        match text.split_once('@') {
            Some((local, domain))
                if !local.is_empty()
                    && !domain.is_empty()
                    && !domain.contains('@')
                    && !domain.starts_with('.')
                    && !domain.ends_with('.')
                    && text.len() <= 254
                    && !text.contains(odd) =>
            {
                Ok(Self(text.to_lowercase()))
            }
            _ => Err(InvalidEmail),
        }
    }
}

impl TryFrom<String> for Email {
    type Error = InvalidEmail;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_make_another_person() {
        assert_eq!("Alice@CORP.test".parse::<Email>().unwrap().as_str(), "alice@corp.test");
    }

    #[test]
    fn j_02_a_malformed_address_is_refused() {
        for text in [
            "mallory@evil.test@corp.test",
            "\"x@corp.test\"@evil.test",
            "a@corp.test\0",
            "a@corp.test\n",
            "@corp.test",
            "a@",
            " a@corp.test",
            "a@corp.test,b@corp.test",
            "a@x\r\nBcc: b",
        ] {
            assert!(text.parse::<Email>().is_err(), "{text:?}");
        }
    }
}
