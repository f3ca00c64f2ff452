use std::net::Ipv4Addr;

use doorward_model::id::RayId;
use http::Request;

use super::*;
use crate::access_log::entry::{Asked, Outcome};

/// A request of nobody that no application covers.
pub(in crate::access_log) fn entry() -> Entry {
    asked(Request::get("http://wiki.test/page?code=secret").body(()).unwrap())
}

fn asked(request: Request<()>) -> Entry {
    let asked = Asked::of(&request);
    Entry {
        time: Timestamp(1_795_630_000_123),
        ray: RayId::random(),
        client: Ipv4Addr::LOCALHOST.into(),
        version: asked.version,
        status: 404,
        aborted: false,
        received: 0,
        sent: 12,
        duration: Duration::from_micros(1500),
        origin: None,
        app: None,
        outcome: Outcome::Unmatched,
        who: crate::access_log::entry::Who::Nobody,
        trace: None,
        words: asked.words(),
    }
}

fn line(format: LineFormat, entry: &Entry) -> String {
    let mut lines = Lines::new(format);
    lines.add(entry);
    String::from_utf8(lines.as_bytes().to_vec()).unwrap()
}

#[test]
fn a_line_of_text_begins_with_the_combined_format() {
    let entry = entry();
    let expected = format!(
        "127.0.0.1 - - [25/Nov/2026:18:06:40 +0000] \"GET /page HTTP/1.1\" 404 12 \"-\" \"-\" host=wiki.test \
         outcome=unmatched in=0 time=0.001500 ray={}\n",
        entry.ray
    );
    assert_eq!(line(LineFormat::Text, &entry), expected);
}

#[test]
fn every_line_tells_its_own_second_whatever_stood_in_the_line_before() {
    for (format, seconds) in
        [(LineFormat::Text, ["06:40 ", "06:41 "]), (LineFormat::Json, ["06:40.123Z", "06:41.123Z"])]
    {
        let (mut lines, first) = (Lines::new(format), entry());
        let next = Entry { time: Timestamp(first.time.0 + 1_000), ..entry() };
        [&first, &first, &next, &first].into_iter().for_each(|entry| lines.add(entry));
        let written = String::from_utf8(lines.as_bytes().to_vec()).unwrap();
        let told: Vec<bool> = written.lines().map(|line| line.contains(seconds[1])).collect();
        assert_eq!(told, [false, false, true, false], "{written}");
        assert_eq!(written.lines().filter(|line| line.contains(seconds[0])).count(), 3, "{written}");
    }
}

#[test]
fn a_line_of_json_leaves_out_what_is_not_known() {
    let entry = entry();
    let expected = format!(
        "{{\"time\":\"2026-11-25T18:06:40.123Z\",\"ray_id\":\"{}\",\"client_ip\":\"127.0.0.1\",\"method\":\"GET\",\
         \"host\":\"wiki.test\",\"path\":\"/page\",\"protocol\":\"HTTP/1.1\",\"status\":404,\"bytes_in\":0,\
         \"bytes_out\":12,\"duration_seconds\":0.0015,\"outcome\":\"unmatched\"}}\n",
        entry.ray
    );
    assert_eq!(line(LineFormat::Json, &entry), expected);
}

#[test]
fn s_01_no_stranger_writes_a_line_of_their_own_or_speaks_to_a_terminal() {
    let agent = http::HeaderValue::from_bytes(b"x\" 200 \\ \xff\xc2\x9b31m").unwrap();
    let request = Request::get("http://wiki.test/").header("user-agent", agent).body(()).unwrap();
    let entry = asked(request);
    let text = line(LineFormat::Text, &entry);
    assert!(text.contains(r#""x\x22 200 \x5C \xFF\xC2\x9B31m""#), "{text}");
    let json = line(LineFormat::Json, &entry);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["user_agent"], r#"x" 200 \ \xFF\x9B31m"#);
    for line in [text, json] {
        assert!(!line.trim_end_matches('\n').chars().any(char::is_control), "{line:?}");
    }
}

#[test]
fn s_01_queries_are_left_out_of_the_address_and_of_the_page_before() {
    let request = Request::get("http://wiki.test/a?code=secret")
        .header("referer", "https://wiki.test/b?token=secret#secret")
        .body(())
        .unwrap();
    let entry = asked(request);
    for format in [LineFormat::Text, LineFormat::Json] {
        let line = line(format, &entry);
        assert!(!line.contains("secret") && line.contains("https://wiki.test/b"), "{line}");
    }
}

#[test]
fn what_a_stranger_says_at_length_is_cut() {
    let long = "x".repeat(20_000);
    let request = Request::builder()
        .method(long.as_str())
        .uri(format!("http://wiki.test/{long}"))
        .header("user-agent", &long)
        .header("referer", &long)
        .body(())
        .unwrap();
    let text = line(LineFormat::Text, &asked(request));
    assert!((3_500..4_500).contains(&text.len()), "{}", text.len());
}
