//! The admin listener: probes, metrics, and who may call.

use crate::support::raw::exchange;
use crate::support::world::World;

async fn call(world: &World, line: &str, fields: &[&str]) -> crate::support::raw::RawReply {
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    let request = format!("{line} HTTP/1.1\r\nConnection: close\r\n{fields}\r\n");
    exchange(world.gateway.admin(), request).await.expect("an answer")
}

/// The value of a metric, whose labels belong to its name.
pub(crate) async fn metric(world: &World, name: &str) -> i64 {
    series(world, name).await.unwrap_or_else(|| panic!("{name} is among the metrics"))
}

/// The same for a series that is there only once something was counted.
pub(crate) async fn metric_or_zero(world: &World, name: &str) -> i64 {
    series(world, name).await.unwrap_or_default()
}

async fn series(world: &World, name: &str) -> Option<i64> {
    let text = call(world, "GET /metrics", &["Host: localhost"]).await.text();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?.to_owned();
    Some(value.parse().expect("a number"))
}

#[tokio::test]
async fn requests_let_in_as_before_ask_the_store_nothing() {
    let world = World::start().await;
    let cookie = format!("Cookie: CF_Authorization={}", world.token(crate::support::config::ALICE, "App").await);
    let queries = async || metric(&world, "doorward_store_queries_total").await;
    let before = queries().await;
    assert_eq!(world.raw_get("/", &[&cookie]).await.status(), 200);
    assert!(queries().await > before, "the first request reads who it is");
    // A chore of every minute may fall between two readings, not between all.
    let mut asked = Vec::new();
    for _ in 0..3 {
        let before = queries().await;
        for _ in 0..20 {
            assert_eq!(world.raw_get("/", &[&cookie]).await.status(), 200);
        }
        asked.push(queries().await - before);
    }
    assert!(asked.contains(&0), "{asked:?}");
}

#[tokio::test]
async fn probes_and_metrics_need_no_token() {
    let world = World::start().await;
    world.stranger().get(&world.app("/public")).await;
    for path in ["/healthz", "/readyz"] {
        let reply = call(&world, &format!("GET {path}"), &["Host: 127.0.0.1"]).await;
        assert_eq!(reply.status(), 200, "{path}: {}", reply.text());
        assert!(serde_json::from_str::<serde_json::Value>(&reply.text()).is_ok());
    }
    let metrics = call(&world, "GET /metrics", &["Host: localhost"]).await;
    assert_eq!(metrics.status(), 200);
    assert!(metrics.text().contains("doorward_"), "{}", metrics.text());
}

#[tokio::test]
async fn p_01_the_control_api_asks_for_its_token() {
    let world = World::start().await;
    let token = world.gateway.ready["api_token"].as_str().unwrap().to_owned();
    for credentials in [
        vec![],
        vec!["Authorization: Bearer wrong".to_owned()],
        vec![format!("Authorization: Basic {token}")],
        vec![format!("Authorization: Bearer {}x", token)],
        vec![format!("Authorization: Bearer {token}"), "Authorization: Bearer wrong".to_owned()],
    ] {
        let fields: Vec<&str> = ["Host: 127.0.0.1"].into_iter().chain(credentials.iter().map(String::as_str)).collect();
        let reply = call(&world, &format!("GET /emulator/v1/users?token={token}"), &fields).await;
        assert!(matches!(reply.status(), 400 | 401 | 403), "{credentials:?}: {}", reply.status());
    }
    let good = format!("Authorization: Bearer {token}");
    assert_eq!(call(&world, "GET /emulator/v1/users", &["Host: 127.0.0.1", &good]).await.status(), 200);
}

#[tokio::test]
async fn p_03_a_page_of_another_site_cannot_call_whatever_name_it_uses() {
    let world = World::start().await;
    let good = format!("Authorization: Bearer {}", world.gateway.ready["api_token"].as_str().unwrap());
    for host in ["evil.com", "localhost.evil.com", "127.0.0.1.nip.io", "app.localhost", "acme.localhost"] {
        let reply = call(&world, "GET /emulator/v1/users", &[&format!("Host: {host}"), &good]).await;
        assert_eq!(reply.status(), 403, "{host}");
        assert_eq!(call(&world, "GET /healthz", &[&format!("Host: {host}")]).await.status(), 403, "{host}");
    }
    for origin in ["null", "http://evil.com", "http://app.localhost", "http://localhost.evil.com"] {
        let fields = ["Host: 127.0.0.1", &good, &format!("Origin: {origin}")];
        assert_eq!(call(&world, "GET /emulator/v1/users", &fields).await.status(), 403, "{origin}");
    }
}

#[tokio::test]
async fn p_03_a_name_of_its_own_is_configured_and_the_refusal_says_where() {
    let named = "admin = \"127.0.0.1:0\"\nadmin_hosts = [\"doorward\", \"Admin.example.com\"]";
    let world = World::with(|config| config.with("admin = \"127.0.0.1:0\"", named)).await;
    for host in ["doorward:8081", "admin.example.com", "127.0.0.1"] {
        assert_eq!(call(&world, "GET /metrics", &[&format!("Host: {host}")]).await.status(), 200, "{host}");
    }
    let refused = call(&world, "GET /metrics", &["Host: doorward.evil.com"]).await;
    assert_eq!(refused.status(), 403);
    assert!(refused.text().contains("listen.admin_hosts"), "{}", refused.text());
}

#[tokio::test]
async fn p_04_a_write_says_that_it_is_json() {
    let world = World::start().await;
    let good = format!("Authorization: Bearer {}", world.gateway.ready["api_token"].as_str().unwrap());
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let body = r#"{"email":"alice@corp.test"}"#;
        let request = format!(
            "POST /emulator/v1/revocations HTTP/1.1\r\nHost: 127.0.0.1\r\n{good}\r\nContent-Type: {kind}\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        let reply = exchange(world.gateway.admin(), request).await.unwrap();
        assert_eq!(reply.status(), 415, "{kind}");
        assert_eq!(reply.head.field("access-control-allow-origin"), None);
    }
}
