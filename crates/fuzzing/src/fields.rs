//! Header fields of strangers on their way to an origin.

use doorward_edge::fuzzing::{clean, rewrite_cookies};
use doorward_model::cookie;
use http::header::{COOKIE, HeaderName};
use http::{HeaderMap, HeaderValue};

/// Lines of `name: value` as header fields; what is none is left out.
pub(crate) fn fields(input: &[u8]) -> HeaderMap {
    let lines = input.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let mut fields = HeaderMap::new();
    for line in lines.take(200) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            fields.append(name, value);
        }
    }
    fields
}

/// `canon(n)` of the attack catalogue: the widest folding that an origin could apply.
fn canon(name: &str) -> String {
    name.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-")
}

/// Nothing that an origin could read as our word is left, nothing that belongs
/// to the connection, and what framing and identity rest on stays.
pub(crate) fn headers(input: &[u8]) {
    let mut left = fields(input);
    let before = left.clone();
    clean(&mut left);
    for name in left.keys() {
        let canon = canon(name.as_str());
        assert!(!canon.starts_with("cf-access-"), "{name} is left");
        let told =
            ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "forwarded", "x-original-url"];
        assert!(!told.contains(&canon.as_str()), "{name} is left");
        let hop = ["connection", "transfer-encoding", "te", "trailer", "upgrade", "keep-alive", "proxy-connection"];
        assert!(!hop.contains(&name.as_str()), "{name} is left");
    }
    for kept in ["host", "content-length", "cookie"] {
        assert!(left.get_all(kept).iter().eq(before.get_all(kept)), "{kept} changed");
    }
    let once = left.clone();
    clean(&mut left);
    assert_eq!(left, once, "cleaning again changes it");
}

/// What an origin gets of cookies: the application's own, byte by byte and in
/// order, and of ours the verified token alone.
pub(crate) fn cookies(input: &[u8]) {
    let lines = input.split(|byte| *byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok());
    let before = HeaderMap::from_iter(lines.take(50).map(|line| (COOKIE, line)));
    let pairs = |fields: &HeaderMap| -> Vec<(Vec<u8>, Vec<u8>)> {
        let lines: Vec<Vec<u8>> = fields.get_all(COOKIE).iter().map(|line| line.as_bytes().to_vec()).collect();
        cookie::pairs(lines.iter().map(Vec::as_slice)).map(|pair| (pair.name.to_vec(), pair.value.to_vec())).collect()
    };
    for token in [None, Some("a.b.c")] {
        let mut after = before.clone();
        rewrite_cookies(&mut after, token);
        let ours = |all: Vec<(Vec<u8>, Vec<u8>)>| all.into_iter().partition(|(name, _)| cookie::is_ours(name));
        let (kept_ours, kept): (Vec<_>, Vec<_>) = ours(pairs(&after));
        let (_, sent): (Vec<_>, Vec<_>) = ours(pairs(&before));
        assert_eq!(kept, sent, "the application's own cookies");
        for (name, value) in &kept_ours {
            assert_eq!(
                (name.as_slice(), Some(value.as_slice())),
                (b"CF_Authorization".as_slice(), token.map(str::as_bytes))
            );
        }
        assert!(kept_ours.len() <= 1 && after.get_all(COOKIE).iter().count() <= 1.max(before.len()));
        let once = after.clone();
        rewrite_cookies(&mut after, token);
        assert_eq!(pairs(&after), pairs(&once), "rewriting again changes it");
    }
}
