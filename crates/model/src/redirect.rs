//! The one function that decides where a browser may be sent back to
//! (invariant "one redirect function").

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

/// A path and query on the application's own origin. Whatever an attacker
/// writes into a parameter, resolving this against that origin stays on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct ReturnPath(String);

/// Longer places to return to are dropped: they travel in URLs and cookies.
const LONGEST: usize = 4096;

impl ReturnPath {
    /// The root of the application.
    #[must_use]
    pub fn root() -> Self {
        Self("/".into())
    }

    /// Reads what a parameter holds; anything that is not plainly a path on
    /// the own origin becomes the root.
    #[must_use]
    pub fn from_parameter(text: &str) -> Self {
        Self::safe(text).unwrap_or_else(Self::root)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn safe(text: &str) -> Option<Self> {
        let plain = |b: u8| (0x21..=0x7e).contains(&b) && b != b'\\';
        if text.len() > LONGEST || !text.starts_with('/') || text.starts_with("//") || !text.bytes().all(plain) {
            return None;
        }
        // The WHATWG reading is the browser's; it must agree that we stay.
        let origin = Url::parse("https://origin.invalid").ok()?;
        let resolved = origin.join(text).ok()?;
        if resolved.origin() != origin.origin() {
            return None;
        }
        let mut path = resolved.path().to_owned();
        // A path that resolves to `//evil.com` is scheme-relative when it is emitted alone.
        if path.starts_with("//") {
            return None;
        }
        if let Some(query) = resolved.query() {
            path.push('?');
            path.push_str(query);
        }
        Some(Self(path))
    }
}

impl From<String> for ReturnPath {
    fn from(text: String) -> Self {
        Self::from_parameter(&text)
    }
}

impl From<ReturnPath> for String {
    fn from(path: ReturnPath) -> Self {
        path.0
    }
}

impl fmt::Display for ReturnPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_and_query_on_the_own_origin_survive() {
        for text in ["/", "/wiki/Home?x=1&y=%2F", "/a/b/", "/?q=https://evil.com"] {
            assert_eq!(ReturnPath::from_parameter(text).as_str(), text);
        }
    }

    #[test]
    fn h_01_h_02_h_04_everything_that_could_leave_the_origin_becomes_the_root() {
        for text in [
            "//evil.com",
            "///evil.com",
            "/\\evil.com",
            "\\\\evil.com",
            "/\t/evil.com",
            "/\n/evil.com",
            " //evil.com",
            "https:evil.com",
            "https:///evil.com",
            "http:evil.com",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://app.test@evil.com",
            "https://app.test.evil.com",
            "https://evil.com#@app.test",
            "https://evil.com\\@app.test",
            "https://evil。com",
            "https://app.test:8443",
            "/a\r\nSet-Cookie: x=1",
            "",
            "/.//evil.com",
            "/x/..//evil.com",
            "evil.com",
            "/嘍",
        ] {
            assert_eq!(ReturnPath::from_parameter(text), ReturnPath::root(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_asked_for_the_browser_stays_on_the_origin(text in "[/\\\\.:@a-z?#%\t \n]{0,24}") {
            let origin = Url::parse("https://app.test").unwrap();
            let target = origin.join(ReturnPath::from_parameter(&text).as_str()).unwrap();
            prop_assert_eq!(target.origin(), origin.origin());
        }
    }
}
