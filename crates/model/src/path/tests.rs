use proptest::prelude::*;

use super::*;

fn norm(raw: &str) -> Result<String, InvalidPath> {
    raw.parse::<NormPath>().map(|path| path.0)
}

#[test]
fn c_01_dot_segments_are_resolved_before_anything_matches() {
    for raw in [
        "/public/../admin",
        "/public/./../admin",
        "/public/x/../../admin",
        "/../../admin",
        "/public/%2e%2e/admin",
        "/public/.%2E/admin",
        "/%61dmin",
    ] {
        assert_eq!(norm(raw).as_deref(), Ok("/admin"), "{raw}");
    }
}

#[test]
fn c_03_c_12_ambiguous_bytes_are_refused() {
    for raw in [
        "/public%2f..%2fadmin",
        "/public/..%2Fadmin",
        "/public\\..\\admin",
        "/public/..%5cadmin",
        "/admin%00",
        "/admin%00/../public",
        "/%zz",
        "/%4",
        "/a%0d%0aX:y",
        "/%c0%ae%c0%ae/admin",
        "/é",
        "admin",
        "*",
        "",
        "/a#b",
        "/a b",
    ] {
        assert_eq!(norm(raw), Err(InvalidPath), "{raw}");
    }
}

#[test]
fn c_13_dots_behind_path_parameters_are_refused() {
    for raw in [
        "/public/..;/admin",
        "/public/%2e%2e;/admin",
        "/public/..;x=1/admin",
        "/public/..%3b/admin",
        "/public/.;/x",
        "/%e0%80%ae/x",
    ] {
        assert_eq!(norm(raw), Err(InvalidPath), "{raw}");
    }
}

#[test]
fn c_13_what_a_server_reads_that_knows_path_parameters_is_known() {
    let bare = |raw: &str| raw.parse::<NormPath>().unwrap().without_parameters().map(|path| path.0);
    for (raw, read) in
        [("/admin;x", Some("/admin")), ("/;x/admin", Some("/admin")), ("/a;b=1/c%3Bd", Some("/a/c")), ("/admin", None)]
    {
        assert_eq!(bare(raw).as_deref(), read, "{raw}");
    }
}

#[test]
fn c_05_repeated_slashes_are_one() {
    for (raw, path) in
        [("//admin", "/admin"), ("/public//../admin", "/admin"), ("///admin/", "/admin/"), ("/admin//", "/admin/")]
    {
        assert_eq!(norm(raw).as_deref(), Ok(path), "{raw}");
    }
}

#[test]
fn c_06_an_escape_is_decoded_at_most_once() {
    assert_eq!(norm("/public/%252e%252e/admin").as_deref(), Ok("/public/%252e%252e/admin"));
    assert_eq!(norm("/%2561dmin").as_deref(), Ok("/%2561dmin"));
    assert_eq!(norm("/a%3ab%c3%a9").as_deref(), Ok("/a%3Ab%C3%A9"));
}

#[test]
fn a_path_pattern_matches_as_the_table_of_access_says() {
    for (pattern, yes, no) in [
        ("", &["/", "/x"][..], &[][..]),
        ("/*", &["/", "/x"], &[]),
        ("/alpha", &["/alpha", "/alpha/", "/alpha/one"], &["/alphabet", "/", "/Alpha", "/alpha.json"]),
        ("/alpha/*", &["/alpha/one", "/alpha/one/two"], &["/alpha", "/alpha/", "/alphabet"]),
        ("/foo*/bar", &["/food/bar", "/food/stuff/bar", "/foo/bar"], &["/food/barn", "/foo", "/fo/bar"]),
        ("/a*/b*/c", &["/ax/by/c", "/a/b/c/d"], &["/a/c/b"]),
        // Places of the last literal overlap; each of them counts.
        ("/x*aa", &["/xaaa", "/xaaaa/b", "/xaa"], &["/xa", "/xaaab"]),
    ] {
        let pattern: PathPattern = pattern.parse().unwrap();
        for path in yes {
            assert!(pattern.matches(&path.parse().unwrap()), "{pattern} should match {path}");
        }
        for path in no {
            assert!(!pattern.matches(&path.parse().unwrap()), "{pattern} should not match {path}");
        }
    }
}

#[test]
fn a_pattern_that_no_request_could_match_is_refused() {
    for text in ["/a/../b", "//a", "/a%61", "/a**", "a", "/a?b"] {
        assert!(text.parse::<PathPattern>().is_err(), "{text}");
    }
}

/// A `*` by its definition: any text at all, tried in every length.
fn matches_by_definition(pattern: &str, path: &str) -> bool {
    match pattern.split_once('*') {
        None => path
            .strip_prefix(pattern)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || pattern.ends_with('/')),
        Some((head, "")) => path.starts_with(head),
        Some((head, tail)) => path
            .strip_prefix(head)
            .is_some_and(|rest| (0..=rest.len()).any(|length| matches_by_definition(tail, &rest[length..]))),
    }
}

proptest! {
    #[test]
    fn q_08_a_pattern_matches_what_its_stars_can_stand_for(
        head in "/[ab]{0,2}",
        middle in prop::collection::vec("\\*/?[ab]{1,3}", 1..4),
        path in "(/?[ab]{1,2}){0,8}",
    ) {
        let pattern = format!("{head}{}", middle.join("/")).replace("//", "/");
        if let (Ok(pattern), Ok(path)) = (pattern.parse::<PathPattern>(), format!("/{path}").parse::<NormPath>()) {
            let expected = matches_by_definition(pattern.as_str(), path.as_str());
            prop_assert_eq!(pattern.matches(&path), expected, "{} on {}", pattern, path);
        }
    }

    #[test]
    fn c_13_normalising_twice_is_normalising_once(tokens in prop::collection::vec(
        prop::sample::select(vec!["/", ".", "..", ";", "%2e", "%2f", "%5c", "\\", "//", "%25", "%00", "a", "admin", "public", "%41"]), 0..12)) {
        let raw = format!("/{}", tokens.concat());
        if let Ok(once) = norm(&raw) {
            let twice = norm(&once);
            prop_assert_eq!(twice.as_deref(), Ok(once.as_str()));
            prop_assert!(!once.contains("//") && !once.contains("/../") && !once.ends_with("/.."));
        }
    }
}
