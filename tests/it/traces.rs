//! Traces: joined to the client's, handed on to the origin, and no burden when nobody collects them.

use std::time::Duration;

use crate::support::collector::{Collector, Span};
use crate::support::config::{ALICE, APP, Config};
use crate::support::deadline::within;
use crate::support::origin::Answer;
use crate::support::reserved::Reserved;
use crate::support::world::World;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SAMPLED: &str = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const NOT_SAMPLED: &str = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

fn collected_by(url: &str, more: &str) -> impl FnOnce(Config) -> Config + use<> {
    let table = format!(
        "[telemetry]\notlp_endpoint = \"{url}\"\n{more}\n\n[log]\naccess = \"FOLDER/access.log\"\n\
         access_format = \"json\"\n\n[team]"
    );
    move |config| config.with("[team]", &table)
}

/// Spans leave in batches; the last ones when the process ends.
async fn ended(world: &mut World) {
    world.gateway.signal("TERM");
    assert!(world.gateway.exit().await.success());
}

fn server(spans: &[Span]) -> &Span {
    spans.iter().find(|span| span.kind == 2).unwrap()
}

#[tokio::test]
async fn a_request_is_a_span_of_the_trace_it_names_and_so_is_the_one_to_the_origin() {
    let collector = Collector::start().await;
    let mut world = World::with(collected_by(&collector.url(), "")).await;
    let cookie = format!("Cookie: CF_Authorization={}", world.token(ALICE, "App").await);
    let reply = world.raw_get("/page?code=secret", &[&cookie, SAMPLED, "tracestate: vendor=1,other=2"]).await;
    assert_eq!(reply.status(), 200);
    ended(&mut world).await;
    let spans = collector.collected(2).await;
    assert_eq!(spans.len(), 2, "{spans:#?}");
    assert!(spans.iter().all(|span| span.trace == TRACE && span.service == "doorward" && !span.is_error), "{spans:#?}");
    let server = server(&spans);
    let client = spans.iter().find(|span| span.kind == 3).unwrap();
    assert_eq!((server.name.as_str(), server.parent.as_str()), ("GET", "00f067aa0ba902b7"));
    assert_eq!(client.parent, server.id);
    for (key, value) in [
        ("doorward.app", "App"),
        ("doorward.policy", "Corp"),
        ("doorward.outcome", "admitted"),
        ("http.response.status_code", "200"),
        ("http.request.method", "GET"),
        ("url.path", "/page"),
    ] {
        assert_eq!(server.attributes[key], value, "{key}");
    }
    let seen = world.origin.only();
    assert_eq!(seen.head.field("traceparent"), Some(&*format!("00-{TRACE}-{}-01", client.id)));
    assert_eq!(seen.head.field("tracestate"), Some("vendor=1,other=2"));
    let told = std::fs::read_to_string(world.gateway.folder().join("access.log")).unwrap();
    assert!(told.contains(&format!("\"trace_id\":\"{TRACE}\"")), "{told}");
    let all = format!("{spans:?}");
    assert!(!all.contains("secret") && !all.contains(ALICE), "{all}");
}

#[tokio::test]
async fn a_refusal_and_an_origin_that_is_down_are_spans_that_say_so() {
    let (collector, gone) = (Collector::start().await, Reserved::port());
    let telemetry = collected_by(&collector.url(), "service_name = \"gate\"");
    let mut world = World::with(|config| {
        let config = config.and(&crate::support::config::route("down.localhost", &gone.url()));
        telemetry(config).with("app.localhost/public", "down.localhost")
    })
    .await;
    assert_eq!(world.raw_get("/", &[]).await.status(), 302);
    let request = "GET / HTTP/1.1\r\nHost: down.localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(world.raw(request).await.status(), 502);
    ended(&mut world).await;
    let spans = collector.collected(3).await;
    assert!(spans.iter().all(|span| span.service == "gate"));
    let refused = spans.iter().find(|span| span.attributes.contains_key("doorward.reason")).unwrap();
    assert_eq!(refused.attributes["doorward.reason"], "needs_login");
    assert!(!refused.is_error, "a refusal is no fault");
    let failed: Vec<_> = spans.iter().filter(|span| span.is_error).map(|span| span.kind).collect();
    assert_eq!(failed.len(), 2, "the origin's span and ours: {spans:#?}");
}

#[tokio::test]
async fn a_malformed_parent_begins_a_new_trace_and_does_not_reach_the_origin() {
    let collector = Collector::start().await;
    let mut world = World::with(collected_by(&collector.url(), "")).await;
    for (count, wrong) in
        ["00-4bf9-00f0-01", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"].iter().enumerate()
    {
        let field = format!("traceparent: {wrong}");
        assert_eq!(world.raw_get("/public/x", &[&field, "tracestate: vendor=1"]).await.status(), 200);
        let seen = world.origin.seen();
        let parent = seen[count].head.field("traceparent").unwrap();
        assert!(parent.len() == 55 && !parent.contains("4bf9"), "{parent}");
        assert_eq!(seen[count].head.field("tracestate"), None);
    }
    ended(&mut world).await;
    assert!(collector.collected(4).await.iter().all(|span| span.trace != TRACE));
}

#[tokio::test]
async fn what_the_client_decided_about_sampling_is_kept_and_the_share_decides_the_rest() {
    let collector = Collector::start().await;
    let mut world = World::with(collected_by(&collector.url(), "sample_ratio = 0.0")).await;
    for fields in [vec![], vec![NOT_SAMPLED], vec![SAMPLED]] {
        assert_eq!(world.raw_get("/public/x", &fields).await.status(), 200);
    }
    let seen: Vec<_> = world.origin.seen();
    let flags = |place: usize| seen[place].head.field("traceparent").unwrap().rsplit_once('-').unwrap().1.to_owned();
    assert_eq!([flags(0), flags(1), flags(2)], ["00", "00", "01"]);
    ended(&mut world).await;
    let spans = collector.collected(2).await;
    assert_eq!(spans.len(), 2, "only what was sampled: {spans:#?}");
    assert!(spans.iter().all(|span| span.trace == TRACE));
}

#[tokio::test]
async fn a_collector_that_is_away_holds_up_nothing() {
    let gone = Reserved::port();
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    for url in [gone.url(), format!("http://{}", silent.local_addr().unwrap())] {
        let mut world = World::with(collected_by(&url, "")).await;
        for _ in 0..200 {
            assert_eq!(world.raw_get("/public/x", &[]).await.status(), 200);
        }
        world.gateway.signal("TERM");
        within(Duration::from_secs(10), "the end", async || Some(world.gateway.exit().await)).await;
    }
}

#[tokio::test]
async fn without_a_collector_the_clients_context_goes_through_as_it_came() {
    let world = World::start().await;
    world.origin.answer(Answer::Ok);
    let odd = "traceparent: whatever the client says";
    for field in [SAMPLED, odd] {
        world.origin.forget();
        let request = format!("GET /public/x HTTP/1.1\r\nHost: {APP}\r\n{field}\r\nConnection: close\r\n\r\n");
        assert_eq!(world.raw(request).await.status(), 200);
        let sent = field.split_once(": ").unwrap().1.to_owned();
        assert_eq!(world.origin.only().head.field("traceparent"), Some(&*sent));
    }
}
