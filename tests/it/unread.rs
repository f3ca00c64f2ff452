//! One connection to the admin listener, and calls on it that are refused
//! before anybody reads what they send: the next call is answered all the same.

use crate::support::raw::Raw;
use crate::support::world::World;

/// Longer than what is read with a head, shorter than what is too long.
const LENGTH: usize = 60 * 1024;

/// A call with a body, of which the listener hears at once or in parts.
fn call(line: &str, fields: &[&str], chunked: bool) -> String {
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    let body = format!("{{\"name\":\"{}\"}}", "x".repeat(LENGTH));
    match chunked {
        true => format!(
            "{line} HTTP/1.1\r\n{fields}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        ),
        false => format!("{line} HTTP/1.1\r\n{fields}Content-Length: {}\r\n\r\n{body}", body.len()),
    }
}

#[tokio::test]
async fn a_call_that_is_refused_unread_does_not_cut_the_connection() {
    let world = World::start().await;
    let ready = &world.gateway.ready;
    let token = format!("Authorization: Bearer {}", ready["api_token"].as_str().unwrap());
    let account = format!("/client/v4/accounts/{}", ready["account_id"].as_str().unwrap());
    let (host, json) = ("Host: 127.0.0.1", "Content-Type: application/json");
    let groups = format!("POST {account}/access/groups");
    let mut connection = Raw::connect(world.gateway.admin()).await;
    for chunked in [false, true] {
        for (line, fields, status) in [
            (groups.as_str(), vec![host, json], 401),
            (&groups, vec![host, json, "Authorization: Bearer wrong"], 401),
            (&groups, vec!["Host: evil.test", json, &token], 403),
            (&groups, vec![host, json, &token, "Origin: http://evil.test"], 403),
            (&groups, vec![host, &token, "Content-Type: text/plain"], 415),
            (&format!("POST {account}/access/nothing"), vec![host, json, &token], 404),
            (&format!("POST {account}/access/organizations"), vec![host, json, &token], 409),
            (&format!("POST {account}/access/keys/rotate"), vec![host, json, &token], 200),
            ("POST /emulator/v1/tokens", vec![host, json], 401),
            ("POST /nowhere", vec![host, json], 404),
        ] {
            connection.send(call(line, &fields, chunked)).await;
            let reply = connection.reply().await.unwrap_or_else(|| panic!("{line} {fields:?}: the connection was cut"));
            assert_eq!(reply.status(), status, "{line} {fields:?}: {}", reply.text());
            assert_eq!(reply.head.field("connection"), None, "{line} {fields:?}");
        }
    }
    connection.send(format!("GET {account}/access/groups HTTP/1.1\r\n{host}\r\n{token}\r\n\r\n")).await;
    assert_eq!(connection.reply().await.map(|reply| reply.status()), Some(200), "on the one connection");
}

#[tokio::test]
async fn what_is_too_long_is_not_waited_for() {
    let world = World::start().await;
    let head = |more: &str| {
        format!("POST /client/v4/zones HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{more}\r\n")
    };
    for (more, status) in [("Content-Length: 70000\r\n", 413), ("Content-Length: 9\r\nExpect: 100-continue\r\n", 401)] {
        let mut connection = Raw::connect(world.gateway.admin()).await;
        connection.send(head(more)).await;
        assert_eq!(connection.reply().await.map(|reply| reply.status()), Some(status), "{more}");
        assert!(connection.reply().await.is_none(), "nobody can tell what follows: {more}");
    }
}
