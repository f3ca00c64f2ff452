//! Texts that are read once and stand for what they were read as: the path, the
//! host, and where a browser may be sent back to.

use std::sync::LazyLock;

use doorward_model::host::Host;
use doorward_model::path::NormPath;
use doorward_model::redirect::ReturnPath;
use url::Url;

use crate::world::CATALOG;

/// A path has one reading: what it is read as reads the same again, belongs to
/// the same application, and holds nothing that two servers would read differently.
pub(crate) fn path(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Some(path) = one_reading(text) else { return };
    let normal = path.as_str();
    let escapes = normal.matches('%').count();
    assert!(text.matches('%').count() >= escapes, "{text:?}: an escape was made up: {normal:?}");
    if let Some(other) = path.without_parameters() {
        // Whoever reads path parameters reads a path as well.
        return assert_eq!(other.as_str().parse().as_ref(), Ok(&other), "{text:?}");
    }
    // A browser escapes these before it sends them; what it means is the same.
    if normal.contains(['"', '<', '>', '^', '`', '{', '|', '}']) {
        return;
    }
    // A server that resolves what we sent stays where we decided.
    let theirs = Url::parse("http://app.test").and_then(|origin| origin.join(normal)).expect("a path");
    assert_eq!((theirs.host_str(), theirs.path()), (Some("app.test"), normal), "{text:?}: the other reading");
}

/// The cheap part of the above, for a great many paths; the path if it is one.
///
/// # Panics
/// When a path has two readings.
pub fn one_reading(text: &str) -> Option<NormPath> {
    static HOST: LazyLock<Host> = LazyLock::new(|| "app.test".parse().expect("a host"));
    let path: NormPath = text.parse().ok()?;
    let normal = path.as_str();
    assert!(normal.starts_with('/') && !normal.contains("//"), "{text:?} became {normal:?}");
    assert!(normal.bytes().all(|byte| byte.is_ascii_graphic()), "{text:?} became {normal:?}");
    for ambiguous in ["\\", "#", "?", "%2F", "%5C", "%00", "%2E", "%2f", "%5c", "%2e", "/./", "/../"] {
        assert!(!normal.contains(ambiguous), "{text:?} became {normal:?}, which holds {ambiguous}");
    }
    assert!(!normal.ends_with("/.") && !normal.ends_with("/.."), "{text:?} became {normal:?}");
    let again: NormPath = normal.parse().expect("what was read can be read");
    assert_eq!(again, path, "{text:?}: reading it again changes it");
    let app = |path| CATALOG.app_at(&HOST, path).map(|app| &app.name);
    assert_eq!(app(&again), app(&path), "{text:?}: another application");
    Some(path)
}

/// A host has one spelling, and a browser reads that as the same host.
pub(crate) fn host(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(host) = text.parse::<Host>() else { return };
    let written = host.to_string();
    assert_eq!(written.parse().as_ref(), Ok(&host), "{text:?} is written as {written:?}");
    let name = host.name();
    assert!(!name.is_empty() && !name.ends_with('.') && !name.contains("..") && name.is_ascii(), "{text:?}: {name:?}");
    assert_eq!(name, name.to_ascii_lowercase(), "{text:?}");
    let forbidden =
        |byte: u8| byte.is_ascii_whitespace() || byte.is_ascii_control() || b"/@\\?#,\"'<>%*".contains(&byte);
    assert!(!written.bytes().any(forbidden), "{text:?} is written as {written:?}");
    // What browsers cannot go to they cannot be sent to; numbers in disguise are addresses to them and no name of ours.
    if let Ok(url) = Url::parse(&format!("http://{written}/"))
        && let Some(url::Host::Domain(theirs)) = url.host()
    {
        assert_eq!(theirs, name, "{text:?}: the browser's reading");
    }
}

/// Wherever a browser is sent back to, it stays on the application's origin.
pub(crate) fn redirect(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let back = ReturnPath::from_parameter(text);
    let emitted = back.as_str();
    assert!(emitted.starts_with('/') && !emitted.starts_with("//"), "{text:?} became {emitted:?}");
    assert!(emitted.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\'), "{text:?} became {emitted:?}");
    for base in
        ["https://app.test", "http://app.localhost:8787/deep/page?x=1#y", "https://app.test/cdn-cgi/access/authorized"]
    {
        let base = Url::parse(base).expect("a URL");
        let target = base.join(emitted).expect("a place on the origin");
        assert_eq!(target.origin(), base.origin(), "{text:?} became {emitted:?}");
        assert_eq!((target.username(), target.password()), ("", None), "{text:?}");
    }
    assert_eq!(ReturnPath::from_parameter(emitted), back, "{text:?}: reading it again changes it");
}
