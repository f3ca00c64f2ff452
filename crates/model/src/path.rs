//! The one reading of a request's path. What is matched is what is forwarded;
//! what two servers could read differently is refused, not repaired
//! (invariant "one path").

use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

/// A normalised absolute path: dot segments resolved, repeated slashes
/// collapsed, escapes of unreserved characters decoded, other escapes in
/// upper-case hex. Normalising it again changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NormPath(String);

/// The path has an ambiguous or malformed byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the path of the request is ambiguous or malformed")]
pub struct InvalidPath;

impl NormPath {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path that a server reads which knows path parameters (`/admin;x` is
    /// `/admin` to Tomcat), where that is another one.
    #[must_use]
    pub fn without_parameters(&self) -> Option<Self> {
        let escaped = || self.0.contains('%') && self.0.contains("%3B");
        if !self.0.contains(';') && !escaped() {
            return None;
        }
        let bare: Vec<&str> = self.0.split('/').map(without_parameters).collect();
        Some(Self(resolve(&bare.join("/"))))
    }
}

impl FromStr for NormPath {
    type Err = InvalidPath;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        if !raw.starts_with('/') {
            return Err(InvalidPath);
        }
        if is_normal(raw) {
            return Ok(Self(raw.to_owned()));
        }
        let decoded = decode_unreserved(raw)?;
        if percent_decode_str(&decoded).decode_utf8().is_err() || decoded.split('/').any(is_masked_dot_segment) {
            return Err(InvalidPath);
        }
        Ok(Self(resolve(&decoded)))
    }
}

/// `..;` and `.;x=1`: Java servers cut path parameters off before they resolve
/// dot segments, so these climb there and nowhere else (C-13).
fn is_masked_dot_segment(segment: &str) -> bool {
    matches!(without_parameters(segment), "." | "..") && !matches!(segment, "." | "..")
}

/// What is left of a segment for a server that knows path parameters.
fn without_parameters(segment: &str) -> &str {
    let cut = [segment.find(';'), segment.find("%3B"), segment.find("%3b")].into_iter().flatten().min();
    &segment[..cut.unwrap_or(segment.len())]
}

/// The common case: nothing to decode, resolve or refuse.
fn is_normal(raw: &str) -> bool {
    let plain = |b: u8| {
        b.is_ascii_graphic()
            && !matches!(b, b'%' | b'\\' | b'#' | b'?' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}')
    };
    let odd = |two: &[u8]| two[0] == b'/' && matches!(two[1], b'/' | b'.');
    raw.bytes().all(plain) && !raw.as_bytes().windows(2).any(odd)
}

/// Decodes `%41` to `A` once; refuses the escapes that servers disagree about.
fn decode_unreserved(raw: &str) -> Result<String, InvalidPath> {
    let mut out = String::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            if !byte.is_ascii_graphic() || matches!(byte, b'\\' | b'#' | b'?') {
                return Err(InvalidPath);
            }
            out.push(char::from(byte));
            continue;
        }
        let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16)).ok_or(InvalidPath);
        let value = digit(bytes.next())? * 16 + digit(bytes.next())?;
        match u8::try_from(value).map_err(|_| InvalidPath)? {
            // NUL and control bytes, an escaped slash or backslash.
            b'/' | b'\\' | 0x00..=0x1f | 0x7f => return Err(InvalidPath),
            // Bytes that no UTF-8 text holds, which is how overlong dots are written.
            0xc0 | 0xc1 | 0xf5..=0xff => return Err(InvalidPath),
            b if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~') => out.push(char::from(b)),
            b => out.push_str(&format!("%{b:02X}")),
        }
    }
    Ok(out)
}

/// Removes `.` and `..` and empty segments (RFC 3986 §5.2.4), keeping a trailing slash.
fn resolve(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            other => segments.push(other),
        }
    }
    let mut out = String::with_capacity(path.len());
    for segment in &segments {
        out.push('/');
        out.push_str(segment);
    }
    let directory = matches!(path.rsplit('/').next(), Some("" | "." | ".."));
    if out.is_empty() || directory {
        out.push('/');
    }
    out
}

impl fmt::Display for NormPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The path part of an application's domain. Empty covers the whole host;
/// `/alpha` covers itself and what is below it; `/alpha/*` only what is below.
/// A `*` crosses slashes (Access docs, "application paths").
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PathPattern(String);

/// Why a text is not a path pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPathPattern {
    #[error("at most one * may stand between two slashes")]
    Wildcards,
    #[error("write the path as requests carry it, without dot segments, doubled slashes or needless escapes")]
    NotNormal,
}

impl PathPattern {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Characters that are not a `*`: the longer, the more specific.
    #[must_use]
    pub fn literal_length(&self) -> usize {
        self.0.len() - self.stars()
    }

    #[must_use]
    pub fn stars(&self) -> usize {
        self.0.matches('*').count()
    }

    #[must_use]
    pub fn matches(&self, path: &NormPath) -> bool {
        let (pattern, path) = (self.0.as_str(), path.as_str());
        if pattern.is_empty() {
            return true;
        }
        match pattern.split_once('*') {
            None => covers(pattern, path),
            Some((head, tail)) => path.strip_prefix(head).is_some_and(|rest| {
                // `/alpha/*` asks for something after the slash.
                if tail.is_empty() { !(rest.is_empty() && head.ends_with('/')) } else { tail_matches(tail, rest) }
            }),
        }
    }
}

/// The literal pattern itself, or a path below it, on a segment's boundary.
fn covers(pattern: &str, path: &str) -> bool {
    let base = pattern.strip_suffix('/').unwrap_or(pattern);
    path.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Matches what follows a `*`. Taking the leftmost place for every literal
/// between two stars is enough, so the time is linear in stars times length.
fn tail_matches(tail: &str, text: &str) -> bool {
    let mut rest = text;
    let mut pieces = tail.split('*').peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_some() {
            match rest.find(piece) {
                Some(at) => rest = &rest[at + piece.len()..],
                None => return false,
            }
        } else if piece.is_empty() {
            return true;
        } else {
            return ends_at_boundary(piece, rest);
        }
    }
    true
}

/// Whether the last literal sits anywhere that leaves a segment's boundary
/// behind it. The boundaries are looked at, not the places of the literal,
/// which may overlap: `/x*aa` covers `/xaaa`.
fn ends_at_boundary(literal: &str, text: &str) -> bool {
    if literal.ends_with('/') {
        return text.contains(literal);
    }
    let mut boundaries = text.match_indices('/').map(|(at, _)| at).chain(std::iter::once(text.len()));
    boundaries.any(|at| text[..at].ends_with(literal))
}

impl FromStr for PathPattern {
    type Err = InvalidPathPattern;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // `example.com/` and `example.com/*` are the whole host, as `example.com` is.
        let text = if matches!(text, "/" | "/*") { "" } else { text };
        if text.split('/').any(|segment| segment.matches('*').count() > 1) {
            return Err(InvalidPathPattern::Wildcards);
        }
        let normal = text.is_empty() || text.parse::<NormPath>().is_ok_and(|path| path.as_str() == text);
        normal.then(|| Self(text.to_owned())).ok_or(InvalidPathPattern::NotNormal)
    }
}

impl TryFrom<String> for PathPattern {
    type Error = InvalidPathPattern;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<PathPattern> for String {
    fn from(pattern: PathPattern) -> Self {
        pattern.0
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
