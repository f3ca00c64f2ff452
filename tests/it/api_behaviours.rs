//! What clients of the management API rely on beside its objects: how bodies,
//! methods, paths and pages are read, as bytes on the wire.

use serde_json::{Value, json};

use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::raw::{RawReply, exchange};

const JSON: &str = "Content-Type: application/json\r\n";

struct Api {
    gateway: Gateway,
}

impl Api {
    async fn start() -> Self {
        Self { gateway: Gateway::serve(&Config::bare()).await }
    }

    /// A call below the account with the token, these header lines and these bytes after them.
    async fn send(&self, call: &str, fields: &str, body: impl AsRef<[u8]>) -> RawReply {
        let (method, path) = call.split_once(' ').unwrap();
        let account = self.gateway.ready["account_id"].as_str().unwrap();
        let token = self.gateway.ready["api_token"].as_str().unwrap();
        let head = format!(
            "{method} /client/v4/accounts/{account}{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Authorization: Bearer {token}\r\n{fields}\r\n"
        );
        exchange(self.gateway.admin(), [head.as_bytes(), body.as_ref()].concat()).await.expect("an answer")
    }

    /// The same with a body of this length.
    async fn call(&self, call: &str, fields: &str, body: impl AsRef<[u8]>) -> RawReply {
        let length = body.as_ref().len();
        self.send(call, &format!("{fields}Content-Length: {length}\r\n"), body).await
    }

    async fn tag(&self, name: &str) -> u16 {
        self.call("POST /access/tags", JSON, json!({ "name": name }).to_string()).await.status()
    }
}

fn read(reply: &RawReply) -> Value {
    serde_json::from_str(&reply.text()).unwrap_or_else(|error| panic!("{error}: {}", reply.text()))
}

/// A refusal that is an envelope of JSON; gives its message.
fn refused(reply: &RawReply, status: u16) -> String {
    assert_eq!(reply.status(), status, "{}", reply.text());
    assert_eq!(reply.head.field("content-type"), Some("application/json"), "{}", reply.text());
    let answer = read(reply);
    assert_eq!((&answer["success"], &answer["result"]), (&json!(false), &Value::Null), "{answer}");
    assert!(answer["errors"][0]["code"].as_u64().is_some_and(|code| code >= 1000), "{answer}");
    answer["errors"][0]["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_call_without_a_body_is_taken_although_it_says_that_it_brings_json() {
    let api = Api::start().await;
    let made = api.call("POST /access/service_tokens", JSON, r#"{"name":"Robot"}"#).await;
    let id = read(&made)["result"]["id"].as_str().unwrap().to_owned();
    for (call, status) in [
        (format!("POST /access/service_tokens/{id}/refresh"), 200),
        (format!("POST /access/service_tokens/{id}/rotate"), 200),
        (format!("DELETE /access/service_tokens/{id}"), 200),
    ] {
        // Without any length, and with none.
        let reply = api.send(&call, JSON, "").await;
        assert_eq!(reply.status(), status, "{call}: {}", reply.text());
        if !call.starts_with("DELETE") {
            assert_eq!(api.call(&call, JSON, "").await.status(), status, "{call}");
        }
    }
    assert!(refused(&api.send("POST /access/groups", JSON, "").await, 400).contains("name is a required field"));
}

#[tokio::test]
async fn a_body_that_has_no_one_reading_is_refused_and_changes_nothing() {
    let api = Api::start().await;
    let deep = [b"{\"a\":".repeat(300), b"1".to_vec(), b"}".repeat(300)].concat();
    let bodies: [(&[u8], &str); 9] = [
        (br#"{"name":"one","name":"two"}"#, "is there twice"),
        (br#"{"name":"one","x":{"a":1,"a":1}}"#, "is there twice"),
        (b"{\"name\":\"\xff\"}", "not JSON"),
        (b"\xef\xbb\xbf{\"name\":\"one\"}", "not JSON"),
        (br#"{"name":"one"} {"name":"two"}"#, "not JSON"),
        (br#"{"name":"\ud800"}"#, "not JSON"),
        (br#"{"name":NaN}"#, "not JSON"),
        (br#"["one"]"#, "not an object"),
        (&deep, "recursion limit"),
    ];
    for (body, why) in bodies {
        let message = refused(&api.call("POST /access/tags", JSON, body).await, 400);
        assert!(message.contains(why), "{message}: {}", String::from_utf8_lossy(body));
    }
    assert_eq!(read(&api.send("GET /access/tags", "", "").await)["result"], json!([]));
    assert_eq!(api.tag("one").await, 201);
}

#[tokio::test]
async fn a_body_of_another_type_or_of_too_many_bytes_is_refused_in_the_envelope() {
    let api = Api::start().await;
    for kind in ["text/plain", "text/json", "application/merge-patch+json", "application/x-www-form-urlencoded", ""] {
        let reply = api.call("POST /access/tags", &format!("Content-Type: {kind}\r\n"), r#"{"name":"x"}"#).await;
        refused(&reply, 415);
    }
    refused(&api.call("POST /access/tags", "", r#"{"name":"x"}"#).await, 415);
    for kind in ["application/json; charset=utf-8", "Application/JSON"] {
        let name = kind.len().to_string();
        let body = json!({ "name": name }).to_string();
        assert_eq!(
            api.call("POST /access/tags", &format!("Content-Type: {kind}\r\n"), body).await.status(),
            201,
            "{kind}"
        );
    }
    let long = format!(r#"{{"name":"{}"}}"#, "x".repeat(70_000));
    let chunked = format!("{:x}\r\n{long}\r\n0\r\n\r\n", long.len());
    let announced = api.call("POST /access/tags", JSON, &long).await;
    let unannounced = api.send("POST /access/tags", &format!("{JSON}Transfer-Encoding: chunked\r\n"), chunked).await;
    for reply in [announced, unannounced] {
        assert!(refused(&reply, 413).contains("longer than"), "{}", reply.text());
    }
}

#[tokio::test]
async fn methods_that_a_path_does_not_take_are_named_and_head_is_get_without_a_body() {
    let api = Api::start().await;
    for method in ["PATCH", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] {
        let reply = api.send(&format!("{method} /access/groups"), "", "").await;
        refused(&reply, 405);
        let mut allowed: Vec<&str> = reply.head.field("allow").unwrap().split(',').map(str::trim).collect();
        allowed.sort_unstable();
        assert_eq!(allowed, ["GET", "HEAD", "POST"], "{method}");
    }
    let head = api.send("HEAD /access/groups", "", "").await;
    let get = api.send("GET /access/groups", "", "").await;
    assert_eq!((head.status(), head.text().as_str()), (200, ""));
    for name in ["content-type", "content-length", "cache-control"] {
        assert_eq!(head.head.field(name), get.head.field(name), "{name}");
    }
    for path in ["/access/groups/", "/access/groups//", "/access", "/access/groupies", "/../groups"] {
        refused(&api.send(&format!("GET {path}"), "", "").await, 404);
    }
    for (path, status) in [("/access/groups/%FF", 400), ("/access/groups/%00", 404), ("/access/groups/%2e%2e", 404)] {
        refused(&api.send(&format!("GET {path}"), "", "").await, status);
    }
}

#[tokio::test]
async fn a_page_past_the_end_is_empty_and_says_how_much_there_is() {
    let api = Api::start().await;
    for name in ["b", "a", "c"] {
        assert_eq!(api.tag(name).await, 201);
    }
    for (query, page, per_page, count) in [
        ("", 1, 50, 3),
        ("?page=2", 2, 50, 0),
        ("?page=99999999&per_page=1000", 99_999_999, 1000, 0),
        ("?per_page=100000", 1, 1000, 3),
        ("?per_page=2&page=2", 2, 2, 1),
        ("?page=&per_page=", 1, 50, 3),
    ] {
        let answer = read(&api.send(&format!("GET /access/tags{query}"), "", "").await);
        let pages = 3_u64.div_ceil(per_page);
        let info =
            json!({ "page": page, "per_page": per_page, "count": count, "total_count": 3, "total_pages": pages });
        assert_eq!(answer["result_info"], info, "{query}");
        assert_eq!(answer["result"].as_array().unwrap().len(), count, "{query}");
    }
    for query in ["?page=0", "?page=-1", "?page=1.5", "?per_page=x", "?page=99999999999999999999999", "?page=1%00"] {
        refused(&api.send(&format!("GET /access/tags{query}"), "", "").await, 400);
    }
}

#[tokio::test]
async fn only_what_may_pass_by_itself_is_worth_another_try() {
    let api = Api::start().await;
    assert_eq!(api.tag("there").await, 201);
    let twice = api.call("POST /access/tags", JSON, r#"{"name":"there"}"#).await;
    refused(&twice, 409);
    for reply in [
        twice,
        api.send("DELETE /access/groups/nobody", "", "").await,
        api.call("POST /access/groups", JSON, "{}").await,
        api.call(
            "POST /access/apps",
            JSON,
            r#"{"name":"x","type":"self_hosted","domain":"x.test","oauth_configuration":{}}"#,
        )
        .await,
    ] {
        assert_eq!(
            reply.head.field("x-should-retry"),
            Some("false"),
            "SDKs try 409 and 5xx again otherwise: {}",
            reply.text()
        );
    }
}
