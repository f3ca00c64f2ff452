//! The tests' own instruments measure what they say. A test that passes because
//! its origin records nothing would prove nothing.

use std::net::SocketAddr;

use crate::support::browser::Browser;
use crate::support::origin::{Answer, Origin};
use crate::support::raw::{Raw, exchange};
use crate::support::{cookies, html, node, postgres, token};

fn address(origin: &Origin) -> SocketAddr {
    origin.url().trim_start_matches("http://").parse().unwrap()
}

#[tokio::test]
async fn the_origin_records_requests_as_they_were_written() {
    let origin = Origin::start().await;
    origin.assert_untouched("nothing was sent");
    let request = "POST /a%20b?x=1 HTTP/1.1\r\nHost: h\r\nCf_Access_Test: 1\r\nTransfer-Encoding: chunked\r\n\r\n\
                   3\r\nabc\r\n0\r\nX-Trailer: t\r\n\r\n";
    let reply = exchange(address(&origin), request).await.unwrap();
    assert_eq!((reply.status(), reply.text().as_str()), (200, "ok"));
    let seen = origin.only();
    assert_eq!((seen.head.method(), seen.head.target()), ("POST", "/a%20b?x=1"));
    assert_eq!((seen.body.as_slice(), seen.complete), (b"abc".as_slice(), true));
    assert_eq!(seen.trailers, ["X-Trailer: t"]);
    assert_eq!(seen.access_fields(), ["Cf_Access_Test"]);
}

#[tokio::test]
async fn the_origin_notices_a_body_that_was_cut_short() {
    let origin = Origin::start().await;
    let mut raw = Raw::connect(address(&origin)).await;
    raw.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc").await;
    origin.body_bytes_reach(3).await;
    drop(raw);
    let seen = crate::support::deadline::eventually("it is recorded", async || origin.seen().pop()).await;
    assert!(!seen.complete);
}

#[tokio::test]
async fn the_origin_sends_events_one_by_one() {
    let origin = Origin::start().await;
    origin.answer(Answer::Events);
    let mut raw = Raw::connect(address(&origin)).await;
    raw.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    raw.head().await.unwrap();
    for event in ["one", "two"] {
        origin.emit(event).await;
        assert_eq!(raw.chunk().await.unwrap(), format!("data: {event}\n\n").as_bytes());
    }
}

#[tokio::test]
async fn every_test_gets_a_postgres_database_of_its_own() {
    let (one, other) = (postgres::database().await, postgres::database().await);
    assert!(one.starts_with("postgres:///") && one != other);
}

#[tokio::test]
async fn a_foreign_openid_provider_publishes_its_configuration() {
    let provider = node::Provider::start().await;
    let issuer = provider.about["issuer"].as_str().unwrap();
    let address: SocketAddr = issuer.trim_start_matches("http://").parse().unwrap();
    let request = "GET /.well-known/openid-configuration HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    let reply = exchange(address, request).await.unwrap();
    assert!(reply.text().contains("/auth"), "{}", reply.text());
}

#[tokio::test]
async fn the_foreign_verifiers_refuse_a_token_of_somebody_else() {
    let header = serde_json::json!({ "alg": "HS256", "kid": "k" });
    let forged = node::forged("HS256", &header, &serde_json::json!({ "sub": "x" }), "key").await;
    assert_eq!(token::header(&forged), header);
    let nowhere = "http://127.0.0.1:9/certs";
    assert!(node::jose(&forged, nowhere, "i", "a").await.is_err());
    assert!(node::pyjwt(&forged, nowhere, "i", "a").await.is_err());
}

#[tokio::test]
async fn chromium_opens_a_page_of_the_origin() {
    let origin = Origin::start().await;
    let browser = Browser::start().await;
    browser.open(&format!("{}/page", origin.url())).await;
    assert_eq!(browser.text().await, "ok");
    browser.close().await;
    assert!(origin.seen().iter().any(|seen| seen.head.target() == "/page"));
}

#[test]
fn forms_and_links_are_read_from_a_page() {
    let page = r#"<title> T </title><a class="x" href="/go?a=1&amp;b=2">Go</a>
        <form method="post" action="/do"><input type="hidden" name="state" value="a&#38;b"><button name="email" value="a@b">A</button></form>"#;
    assert_eq!(html::title(page), "T");
    assert_eq!(html::links(page), ["/go?a=1&b=2"]);
    let form = &html::forms(page)[0];
    assert_eq!((form.action.as_str(), form.field("state"), form.field("email")), ("/do", Some("a&b"), Some("a@b")));
}

#[test]
fn a_removed_cookie_leaves_the_jar() {
    let mut jar = cookies::Jar::default();
    jar.take("h", &cookies::SetCookie::parse("a=1; Path=/; Max-Age=60"));
    jar.take("h", &cookies::SetCookie::parse("b=2; Path=/"));
    jar.take("h", &cookies::SetCookie::parse("a=; Max-Age=0"));
    assert_eq!(jar.header("h").unwrap(), "b=2");
    assert_eq!(jar.header("other"), None);
}
