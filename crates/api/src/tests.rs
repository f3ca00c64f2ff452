//! The door from outside: requests as callers and as foreign pages send them.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, to_bytes};
use axum::routing::post;
use doorward_model::secret::Secret;
use http::{HeaderMap, Request};
use prometheus_client::metrics::counter::Counter;
use serde_json::Value;
use tower::ServiceExt as _;

use super::*;

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

struct Door {
    router: Router,
    writes: Arc<AtomicUsize>,
}

impl Door {
    fn with(hosts: &[&str], checks: Vec<Check>) -> Self {
        let mut registry = Registry::default();
        registry.register("requests", "What was asked", Counter::<u64>::default());
        let writes = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&writes);
        let write = post(move |body: axum::body::Bytes| async move {
            count.fetch_add(1, Ordering::SeqCst);
            body.len().to_string()
        });
        let token = Secret::new("sesame".into());
        let router = router(Parts {
            registry: Arc::new(registry),
            readiness: Readiness::new(move || std::future::ready(checks.clone())),
            hosts: hosts.iter().map(|&host| host.to_owned()).collect(),
            nested: vec![require_token(Router::new().route("/emulator/v1/thing", write), &token)],
        });
        Self { router, writes }
    }

    fn new() -> Self {
        Self::with(&[], vec![])
    }

    async fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_empty() {
            request = request.header("content-length", body.len());
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    async fn get(&self, target: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask("GET", target, headers, "").await
    }

    fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }
}

const LOCAL: (&str, &str) = ("host", "localhost:8081");
const JSON: (&str, &str) = ("content-type", "application/json");
const TOKEN: (&str, &str) = ("authorization", "Bearer sesame");

#[tokio::test]
async fn a_live_process_says_so_without_a_token() {
    let answer = Door::new().get("/healthz", &[LOCAL]).await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, r#"{"status":"ok"}"#));
}

#[tokio::test]
async fn readiness_names_the_part_that_is_not_well() {
    let checks = vec![Check::failed("store", "the database does not answer"), Check::passed("keys")];
    let answer = Door::with(&[], checks).get("/readyz", &[LOCAL]).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        answer.json(),
        serde_json::json!({ "ready": false, "checks": [
            { "name": "store", "ok": false, "reason": "the database does not answer" },
            { "name": "keys", "ok": true },
        ]})
    );
    let answer = Door::with(&[], vec![Check::passed("store")]).get("/readyz", &[LOCAL]).await;
    assert_eq!((answer.status, &answer.json()["ready"]), (StatusCode::OK, &Value::Bool(true)));
}

#[tokio::test]
async fn the_metrics_are_in_the_open_metrics_format() {
    let answer = Door::new().get("/metrics", &[LOCAL]).await;
    assert_eq!(answer.headers["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(answer.body.contains("requests_total 0") && answer.body.ends_with("# EOF\n"), "{}", answer.body);
}

#[tokio::test]
async fn p_01_without_the_right_token_the_answer_is_401_in_cloudflares_envelope() {
    let door = Door::new();
    let wrong: [&[(&str, &str)]; 7] = [
        &[],
        &[("authorization", "Bearer wrong")],
        &[("authorization", "Bearer sesam")],
        &[("authorization", "Bearer ")],
        &[("authorization", "sesame")],
        &[("authorization", "Basic c2VzYW1lOnNlc2FtZQ==")],
        &[TOKEN, ("authorization", "Bearer wrong")],
    ];
    for headers in wrong {
        let headers = [&[LOCAL, JSON], headers].concat();
        for target in ["/emulator/v1/thing", "/emulator/v1/thing?token=sesame"] {
            let answer = door.ask("POST", target, &headers, "{}").await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{target} {headers:?}");
            assert_eq!(answer.json()["errors"][0]["code"], 10000);
            assert_eq!(answer.json()["success"], false);
            assert!(answer.headers.contains_key("www-authenticate"));
        }
    }
    assert_eq!(door.writes(), 0);
}

#[tokio::test]
async fn the_right_token_opens_the_door() {
    let door = Door::new();
    let answer = door.ask("POST", "/emulator/v1/thing", &[LOCAL, JSON, TOKEN], "{}").await;
    assert_eq!((answer.status, door.writes()), (StatusCode::OK, 1));
}

#[tokio::test]
async fn p_03_a_host_that_is_not_ours_is_refused() {
    let door = Door::with(&["doorward.internal"], vec![]);
    for host in [
        "evil.com",
        "localhost.evil.com",
        "127.0.0.1.nip.io",
        "10.0.0.7",
        "localhost@evil.com",
        "0.0.0.0",
        "localhost, x",
    ] {
        for target in ["/healthz", "/metrics", "/nowhere"] {
            assert_eq!(door.get(target, &[("host", host)]).await.status, StatusCode::FORBIDDEN, "{host}");
        }
        let upgrade = [("host", host), ("connection", "upgrade"), ("upgrade", "websocket")];
        assert_eq!(door.get("/healthz", &upgrade).await.status, StatusCode::FORBIDDEN, "{host}");
    }
    assert_eq!(door.get("/healthz", &[]).await.status, StatusCode::FORBIDDEN, "no Host at all");
    assert_eq!(door.get("/healthz", &[LOCAL, LOCAL]).await.status, StatusCode::FORBIDDEN, "two Hosts");
    let disagreeing = door.get("http://localhost/healthz", &[("host", "evil.com")]).await;
    assert_eq!(disagreeing.status, StatusCode::FORBIDDEN);
    for host in ["localhost", "LOCALHOST:1", "127.0.0.1:9", "[::1]:8081", "doorward.internal"] {
        assert_eq!(door.get("/healthz", &[("host", host)]).await.status, StatusCode::OK, "{host}");
    }
}

#[tokio::test]
async fn p_03_an_origin_that_is_not_ours_is_refused() {
    let door = Door::new();
    for origin in
        ["null", "http://evil.com", "http://localhost.evil.com", "file://", "localhost", "http://localhost/x", ""]
    {
        let answer = door.ask("POST", "/emulator/v1/thing", &[LOCAL, JSON, TOKEN, ("origin", origin)], "{}").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{origin}");
        assert!(!answer.headers.contains_key("access-control-allow-origin"));
    }
    assert_eq!(door.writes(), 0);
    let own = [LOCAL, JSON, TOKEN, ("origin", "http://127.0.0.1:8081")];
    assert_eq!(door.ask("POST", "/emulator/v1/thing", &own, "{}").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_probe_that_calls_by_address_is_heard_when_the_listener_is_on_every_address() {
    let everywhere = Door::with(&["0.0.0.0"], vec![]);
    assert_eq!(everywhere.get("/healthz", &[("host", "10.1.2.3:8081")]).await.status, StatusCode::OK);
    assert_eq!(everywhere.get("/healthz", &[("host", "evil.com")]).await.status, StatusCode::FORBIDDEN);
    let foreign = [("host", "10.1.2.3:8081"), ("origin", "http://203.0.113.9")];
    assert_eq!(everywhere.get("/healthz", &foreign).await.status, StatusCode::FORBIDDEN);
    let one = Door::with(&["10.1.2.3"], vec![]);
    assert_eq!(one.get("/healthz", &[("host", "10.1.2.3:8081")]).await.status, StatusCode::OK);
    assert_eq!(one.get("/healthz", &[("host", "10.1.2.4:8081")]).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn p_04_a_write_that_a_foreign_form_could_send_changes_nothing() {
    let door = Door::new();
    for kind in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp"]
    {
        let answer = door.ask("POST", "/emulator/v1/thing", &[LOCAL, TOKEN, ("content-type", kind)], "{}").await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
        assert!(!answer.headers.keys().any(|name| name.as_str().starts_with("access-control")));
    }
    let unnamed = door.ask("POST", "/emulator/v1/thing", &[LOCAL, TOKEN], "{}").await;
    assert_eq!(unnamed.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "a body without a type");
    let preflight = [LOCAL, ("origin", "http://evil.com"), ("access-control-request-method", "POST")];
    assert_eq!(door.ask("OPTIONS", "/emulator/v1/thing", &preflight, "").await.status, StatusCode::FORBIDDEN);
    assert_eq!(door.writes(), 0);
}

#[tokio::test]
async fn a_write_without_a_body_needs_no_type() {
    let answer = Door::new().ask("POST", "/emulator/v1/thing", &[LOCAL, TOKEN], "").await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_with_and_without_its_length_announced() {
    let door = Door::new();
    let long = "x".repeat(BODY_LIMIT + 1);
    let announced = door.ask("POST", "/emulator/v1/thing", &[LOCAL, JSON, TOKEN], &long).await;
    assert_eq!(announced.status, StatusCode::PAYLOAD_TOO_LARGE);
    let request = Request::post("/emulator/v1/thing")
        .header("host", "localhost")
        .header("content-type", "application/json")
        .header("transfer-encoding", "chunked")
        .header("authorization", "Bearer sesame")
        .body(Body::from(long))
        .unwrap();
    assert_eq!(door.router.clone().oneshot(request).await.unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(door.writes(), 0);
}
