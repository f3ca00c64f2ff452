//! The one reading of a host name, and the patterns applications are named by.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The validated authority of a request: lower-case name, optional port. IP
/// literals are hosts too. Nothing else in the program reads a `Host` header.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Host {
    name: String,
    port: Option<u16>,
}

/// The text is not one host with at most one port (RFC 9110 §7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a host name")]
pub struct InvalidHost;

impl Host {
    /// The name without its port, lower-case, without a trailing dot.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// The same port with another name: keeps `:8787` in URLs we make.
    #[must_use]
    pub fn with_name(&self, name: &str) -> String {
        match self.port {
            Some(port) => format!("{name}:{port}"),
            None => name.to_owned(),
        }
    }
}

impl FromStr for Host {
    type Err = InvalidHost;

    /// Strict on purpose: user info, paths, lists, white space, raw Unicode,
    /// bad ports and empty labels are all refused, not repaired.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, port) = if let Some(literal) = text.strip_prefix('[') {
            let (address, rest) = literal.split_once(']').ok_or(InvalidHost)?;
            let address: std::net::Ipv6Addr = address.parse().map_err(|_| InvalidHost)?;
            (format!("[{address}]"), rest.strip_prefix(':').or(rest.is_empty().then_some("")).ok_or(InvalidHost)?)
        } else {
            let (name, port) = text.split_once(':').unwrap_or((text, ""));
            if text.ends_with(':') {
                return Err(InvalidHost);
            }
            let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
            if !is_name(&name) {
                return Err(InvalidHost);
            }
            (name, port)
        };
        let port = match port {
            "" => None,
            digits if digits.bytes().all(|b| b.is_ascii_digit()) => {
                Some(digits.parse().ok().filter(|&port| port != 0).ok_or(InvalidHost)?)
            }
            _ => return Err(InvalidHost),
        };
        Ok(Self { name, port })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 253 && name.split('.').all(|label| is_label(label, false))
}

/// A label of letters, digits, hyphens and underscores (which real internal
/// names have). An `xn--` label must hold something and not end in a hyphen.
fn is_label(label: &str, wildcard: bool) -> bool {
    let allowed =
        |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_' || (wildcard && b == b'*');
    !label.is_empty()
        && label.len() <= 63
        && label.bytes().all(allowed)
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label != "xn--"
}

/// A host name in which a `*` stands for characters of one label
/// (`*.example.com`, `test*.example.com`), at most one in each label.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPattern(String);

/// Why a text is not a host pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHostPattern {
    #[error("a port cannot be part of a host name here; leave out the port")]
    Port,
    #[error("at most one * may stand between two dots")]
    Wildcards,
    #[error("a * alone would cover every host; name at least a domain")]
    TooWide,
    #[error("it is not a host name")]
    Name,
}

impl HostPattern {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn is_exact(&self) -> bool {
        !self.0.contains('*')
    }

    /// Labels without a `*`: the more there are, the more specific the pattern.
    #[must_use]
    pub fn fixed_labels(&self) -> usize {
        self.0.split('.').filter(|label| !label.contains('*')).count()
    }

    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let mut labels = name.split('.');
        let all = self.0.split('.').all(|pattern| labels.next().is_some_and(|label| label_matches(pattern, label)));
        all && labels.next().is_none()
    }
}

fn label_matches(pattern: &str, label: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == label,
        Some((head, tail)) => {
            label.len() >= head.len() + tail.len() && label.starts_with(head) && label.ends_with(tail)
        }
    }
}

impl FromStr for HostPattern {
    type Err = InvalidHostPattern;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.to_ascii_lowercase();
        if name.contains(':') {
            return Err(InvalidHostPattern::Port);
        }
        if name.split('.').any(|label| label.matches('*').count() > 1) {
            return Err(InvalidHostPattern::Wildcards);
        }
        if name.split('.').all(|label| label == "*") {
            return Err(InvalidHostPattern::TooWide);
        }
        let valid = !name.is_empty() && name.len() <= 253 && name.split('.').all(|label| is_label(label, true));
        valid.then_some(Self(name)).ok_or(InvalidHostPattern::Name)
    }
}

impl TryFrom<String> for HostPattern {
    type Error = InvalidHostPattern;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> Self {
        pattern.0
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_lower_cased_and_loses_its_trailing_dot() {
        let host: Host = "App.TEST.:8787".parse().unwrap();
        assert_eq!((host.name(), host.port()), ("app.test", Some(8787)));
        assert_eq!("[::1]:80".parse::<Host>().unwrap().to_string(), "[::1]:80");
    }

    #[test]
    fn b_02_a_malformed_host_is_refused() {
        for text in [
            "",
            "x@app.test",
            "app.test/../b",
            "app.test, b",
            "app.test:99999",
            "app.test:a",
            "[::1",
            "app.test\tb",
            "app。test",
            "xn--app-.test",
            "a..b",
            ".a",
            "app.test:",
            "app.test:0",
            "a b",
            "app.test:80:80",
            "[::1]x",
        ] {
            assert!(text.parse::<Host>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_star_in_a_host_never_crosses_a_dot() {
        for (pattern, yes, no) in [
            ("*.example.com", &["a.example.com"][..], &["example.com", "a.b.example.com"][..]),
            ("*.*.example.com", &["a.b.example.com"], &["a.example.com"]),
            (
                "*test.example.com",
                &["test.example.com", "alphatest.example.com"],
                &["beta.test.example.com", "testalpha.example.com"],
            ),
            ("test*.example.com", &["test.example.com", "testalpha.example.com"], &["alphatest.example.com"]),
        ] {
            let pattern: HostPattern = pattern.parse().unwrap();
            assert!(yes.iter().all(|name| pattern.matches(name)), "{pattern}");
            assert!(!no.iter().any(|name| pattern.matches(name)), "{pattern}");
        }
    }

    #[test]
    fn a_pattern_that_is_too_wide_or_not_a_host_is_refused() {
        for text in ["*", "*.*", "a**.b", "a.test:80", "", "a..b", "ä.test"] {
            assert!(text.parse::<HostPattern>().is_err(), "{text:?}");
        }
    }
}
