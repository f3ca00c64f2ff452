//! What an operator sees of the gateway while it serves.

use crate::support::config::{ALICE, API, APP, MALLORY, ROBOT, route};
use crate::support::deadline::eventually;
use crate::support::metrics::Metrics;
use crate::support::origin::Answer;
use crate::support::raw::Raw;
use crate::support::reserved::Reserved;
use crate::support::world::World;

impl World {
    async fn metrics(&self) -> Metrics {
        Metrics::of(&self.gateway).await
    }

    /// Waits until a series has this value: a request is counted when its answer has ended.
    async fn shows(&self, series: &str, value: f64) {
        eventually(&format!("{series} is {value}"), async || {
            let shown = self.metrics().await.get(series);
            ((shown - value).abs() < f64::EPSILON).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn requests_are_counted_by_application_and_refusals_by_reason() {
    let world = World::start().await;
    let cookie = |token: String| format!("Cookie: CF_Authorization={token}");
    let alice = cookie(world.token(ALICE, "App").await);
    let mallory = cookie(world.token(MALLORY, "App").await);
    for (fields, status) in [(vec![&*alice], 200), (vec![&*alice], 200), (vec![], 302), (vec![&*mallory], 403)] {
        assert_eq!(world.raw_get("/", &fields).await.status(), status);
    }
    assert_eq!(world.raw_get("/public/x", &[]).await.status(), 200);
    let mut robot = world.stranger().with_header(ROBOT[0].0, ROBOT[0].1).with_header(ROBOT[1].0, "wrong");
    assert_eq!(robot.get(&world.gateway.at(API, "/")).await.status, 401);
    for (series, value) in [
        (r#"doorward_requests_forwarded_total{app="App"}"#, 2.0),
        (r#"doorward_requests_bypassed_total{app="Public"}"#, 1.0),
        (r#"doorward_requests_refused_total{app="App",reason="needs_login"}"#, 1.0),
        (r#"doorward_requests_refused_total{app="App",reason="policy"}"#, 1.0),
        (r#"doorward_requests_refused_total{app="Api",reason="service_token"}"#, 1.0),
        (r#"doorward_responses_total{app="App",class="2xx"}"#, 2.0),
        (r#"doorward_responses_total{app="App",class="3xx"}"#, 1.0),
        (r#"doorward_responses_total{app="App",class="4xx"}"#, 1.0),
        (r#"doorward_sent_bytes_total{app="Public"}"#, 2.0),
        ("doorward_requests_in_flight", 0.0),
    ] {
        world.shows(series, value).await;
    }
}

#[tokio::test]
async fn every_stage_of_a_request_is_timed() {
    let world = World::start().await;
    let cookie = format!("Cookie: CF_Authorization={}", world.token(ALICE, "App").await);
    assert_eq!(world.raw_get("/", &[&cookie]).await.status(), 200);
    assert_eq!(world.raw_get("/", &[]).await.status(), 302);
    for (stage, count) in [("caller", 2.0), ("verdict", 2.0), ("origin", 1.0), ("own", 1.0), ("body", 2.0)] {
        world.shows(&format!(r#"doorward_request_stage_duration_seconds_count{{stage="{stage}"}}"#), count).await;
    }
    let metrics = world.metrics().await;
    assert_eq!(metrics.get(r#"doorward_request_duration_seconds_count{app="App"}"#), 2.0);
    assert!(metrics.get(r#"doorward_request_duration_seconds_sum{app="App"}"#) > 0.0, "{metrics:#?}");
}

#[tokio::test]
async fn names_that_strangers_make_up_make_no_series() {
    let world = World::start().await;
    let before = world.metrics().await.having(&[]).len();
    for number in 0..20 {
        let request = format!("GET /{number} HTTP/1.1\r\nHost: made-up-{number}.test\r\nConnection: close\r\n\r\n");
        assert_eq!(world.raw(request).await.status(), 404);
    }
    assert_eq!(world.raw("NONSENSE\r\n\r\n").await.status(), 400);
    assert_eq!(world.raw("GET / HTTP/1.1\r\n\r\n").await.status(), 400);
    world.shows("doorward_requests_unmatched_total", 20.0).await;
    world.shows("doorward_requests_unreadable_total", 2.0).await;
    world.shows(r#"doorward_responses_total{app="",class="4xx"}"#, 22.0).await;
    let metrics = world.metrics().await;
    assert_eq!(metrics.having(&["made-up"]), [""; 0]);
    assert!(metrics.having(&[]).len() < before + 60, "{metrics:#?}");
}

#[tokio::test]
async fn a_client_that_leaves_is_counted_as_one_that_left() {
    let world = World::start().await;
    world.origin.answer(Answer::Silence);
    let mut raw = Raw::connect(world.public()).await;
    raw.send(format!("GET /public/slow HTTP/1.1\r\nHost: {APP}\r\n\r\n")).await;
    world.shows("doorward_requests_in_flight", 1.0).await;
    world.shows("doorward_origin_connections_used", 1.0).await;
    drop(raw);
    world.shows(r#"doorward_requests_aborted_total{app="Public"}"#, 1.0).await;
    world.shows("doorward_requests_in_flight", 0.0).await;
    world.shows("doorward_origin_connections_used", 0.0).await;
}

#[tokio::test]
async fn connections_to_origins_are_counted_as_they_are_opened_kept_and_refused() {
    let world = World::start().await;
    for _ in 0..2 {
        assert_eq!(world.raw_get("/public/x", &[]).await.status(), 200);
    }
    let metrics = world.metrics().await;
    let connects = metrics.get(r#"doorward_origin_connects_total{app="Public"}"#);
    assert!((1.0..=2.0).contains(&connects), "one for each worker at most: {connects}");
    assert!(metrics.get("doorward_origin_connections_idle") >= 1.0, "{metrics:#?}");
}

#[tokio::test]
async fn an_origin_that_cannot_be_reached_is_counted_by_its_application() {
    let gone = Reserved::port();
    let world = World::with(|config| {
        config.and(&route("down.localhost", &gone.url())).with("app.localhost/public", "down.localhost")
    })
    .await;
    let request = "GET / HTTP/1.1\r\nHost: down.localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(world.raw(request).await.status(), 502);
    world.shows(r#"doorward_origin_connect_failures_total{app="Public"}"#, 1.0).await;
    world.shows(r#"doorward_origin_trouble_total{app="Public",reason="unreachable"}"#, 1.0).await;
    world.shows(r#"doorward_responses_total{app="Public",class="5xx"}"#, 1.0).await;
}

#[tokio::test]
async fn the_store_the_keys_and_the_process_tell_how_they_are() {
    let world = World::start().await;
    let _browser = world.signed_in(ALICE).await;
    let metrics = world.metrics().await;
    let between = |series: &str, least: f64, most: f64| {
        let value = metrics.get(series);
        assert!((least..=most).contains(&value), "{series} is {value}: {metrics:#?}");
    };
    between(r#"doorward_store_statement_duration_seconds_count{outcome="ok"}"#, 3.0, 1000.0);
    between(r#"doorward_store_connections{state="idle"}"#, 1.0, 100.0);
    between("doorward_revocations_age_seconds", 0.0, 10.0);
    between("doorward_signing_key_age_seconds", 0.0, 60.0);
    between("doorward_signing_key_rotation_due_seconds", 41.9 * 86400.0, 42.0 * 86400.0);
    between(r#"doorward_sign_ins_total{provider="Doorward",outcome="permitted"}"#, 0.0, 1.0);
    between("process_resident_memory_bytes", 1e6, 1e9);
    between("process_open_fds", 5.0, 1000.0);
    assert!(metrics.get("process_start_time_seconds") > 1.6e9);
    world.gateway.control("PUT", "/clock", serde_json::json!({ "advance": "24h" })).await;
    let metrics = world.metrics().await;
    assert!(metrics.get("doorward_signing_key_age_seconds") >= 86400.0, "{metrics:#?}");
    assert_eq!(metrics.having(&["doorward_sign_ins_total", "permitted"]).len(), 1);
}

/// The names of metrics in a query.
fn named(query: &str) -> Vec<&str> {
    let words = query.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("doorward_") || word.starts_with("process_")).collect()
}

/// Every string under one of these keys, anywhere in a document.
fn queries(document: &serde_json::Value, key: &str, found: &mut Vec<String>) {
    match document {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(text) if name == key => found.push(text.to_owned()),
                    _ => queries(value, key, found),
                }
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| queries(item, key, found)),
        _ => {}
    }
}

fn deployed(path: &str) -> String {
    std::fs::read_to_string(format!("{}/../deploy/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[tokio::test]
async fn the_dashboard_and_the_alerts_ask_for_metrics_that_exist() {
    let log = "[log]\naccess = \"FOLDER/access.log\"\n\n[team]";
    let world = World::with(|config| config.with("[team]", log)).await;
    let _browser = world.signed_in(ALICE).await;
    let names = world.metrics().await.names;
    let mut found = Vec::new();
    let dashboard: serde_json::Value = serde_json::from_str(&deployed("grafana/doorward.json")).unwrap();
    queries(&dashboard, "expr", &mut found);
    queries(&dashboard, "definition", &mut found);
    let panels = found.len();
    let alerts: serde_json::Value = serde_saphyr::from_str(&deployed("alerts/doorward.yml")).unwrap();
    queries(&alerts, "expr", &mut found);
    assert!(panels > 30 && found.len() > panels + 12, "{found:#?}");
    for query in &found {
        assert!(!named(query).is_empty(), "{query} asks for nothing of ours");
        for name in named(query) {
            assert!(names.contains(name), "{name} in {query} is none of {names:#?}");
        }
    }
    let documented =
        std::fs::read_to_string(format!("{}/../docs/observability.md", env!("CARGO_MANIFEST_DIR"))).unwrap();
    for name in &names {
        let family = ["_bucket", "_count", "_sum"].iter().find_map(|suffix| name.strip_suffix(suffix));
        let name = family.filter(|family| names.contains(&format!("{family}_bucket"))).unwrap_or(name);
        assert!(documented.contains(&format!("`{name}`")), "{name} is in docs/observability.md");
    }
}
