//! What is seen of namespaces: their own counts, those of all of them together, spans, and hosts that cannot be theirs.

use serde_json::{Value, json};

use crate::support::collector::Collector;
use crate::support::config::{ALICE, Config};
use crate::support::html;
use crate::support::metrics::Metrics;
use crate::support::world::World;

/// A namespace of the process, as it was told of.
async fn made(world: &World, name: &str) -> Value {
    world.gateway.control("POST", "/namespaces", json!({ "name": name })).await
}

/// What the demonstrated application of a namespace answers to somebody.
async fn visited(world: &World, name: &str, email: &str) -> u16 {
    let order = json!({ "app": "App", "email": email });
    let minted = world.gateway.control("POST", &format!("/namespaces/{name}/tokens"), order).await;
    let cookie = format!("Cookie: {}", minted["cookie"].as_str().unwrap());
    let host = format!("app.{name}.localhost");
    world.raw(format!("GET / HTTP/1.1\r\nHost: {host}\r\n{cookie}\r\n\r\n")).await.status()
}

/// The value of a series in a text of metrics.
fn value(text: &str, series: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

async fn metrics(world: &World, name: &str) -> String {
    let url = format!("http://{}/emulator/v1/namespaces/{name}/metrics", world.gateway.admin());
    let token = world.gateway.ready["api_token"].as_str().unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    client.get(url).bearer_auth(token).send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn each_namespace_counts_for_itself_and_all_of_them_together_without_their_names() {
    let world = World::start().await;
    for name in ["t1", "t2"] {
        made(&world, name).await;
        assert_eq!(visited(&world, name, ALICE).await, 200);
    }
    assert_eq!(visited(&world, "t2", ALICE).await, 200);
    let forwarded = "doorward_requests_forwarded_total{app=\"App\"}";
    for (name, count) in [("t1", 1.0), ("t2", 2.0)] {
        let text = metrics(&world, name).await;
        assert_eq!(value(&text, forwarded), Some(count), "{name}: {text}");
    }

    let seen = Metrics::of(&world.gateway).await;
    assert_eq!(seen.get("doorward_namespaces"), 2.0);
    assert_eq!(seen.get("doorward_namespace_requests_forwarded_total"), 3.0);
    assert_eq!(seen.get("doorward_namespace_responses_total{class=\"2xx\"}"), 3.0);
    assert_eq!(seen.get(forwarded), 0.0, "the process's own team served none of it");
    assert_eq!(seen.having(&["t1"]), Vec::<&str>::new());

    world.gateway.control("DELETE", "/namespaces/t2", json!({})).await;
    let seen = Metrics::of(&world.gateway).await;
    assert_eq!(seen.get("doorward_namespaces"), 1.0);
    assert_eq!(seen.get("doorward_namespace_requests_forwarded_total"), 3.0, "a counter never goes back");
}

#[tokio::test]
async fn requests_to_a_namespace_are_traced_under_its_name() {
    let collector = Collector::start().await;
    let table = format!("[telemetry]\notlp_endpoint = \"{}\"\n\n[team]", collector.url());
    let mut world = World::with(move |config: Config| config.with("[team]", &table)).await;
    made(&world, "t1").await;
    assert_eq!(visited(&world, "t1", ALICE).await, 200);
    world.gateway.signal("TERM");
    assert!(world.gateway.exit().await.success());
    let spans = collector.collected(2).await;
    assert!(spans.iter().all(|span| span.namespace == "t1"), "{spans:#?}");
}

#[tokio::test]
async fn an_application_whose_host_would_never_lead_to_its_namespace_is_refused_with_one_that_would() {
    let world = World::start().await;
    let account = made(&world, "t1").await["account_id"].as_str().unwrap().to_owned();
    let apps = format!("/client/v4/accounts/{account}/access/apps");
    let app = |more: Value| {
        let mut app = json!({ "type": "self_hosted", "name": "New" });
        app.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        app
    };
    for (written, pointer, own) in [
        (json!({ "domain": "wiki.localhost" }), "/destinations/0/uri", "wiki.t1.localhost"),
        (json!({ "domain": "not1.localhost" }), "/destinations/0/uri", "not1.t1.localhost"),
        (
            json!({ "destinations": [{ "uri": "a.t1.localhost" }, { "uri": "wiki.example.com/docs" }] }),
            "/destinations/1/uri",
            "wiki.example.com.t1.localhost",
        ),
    ] {
        let (status, answer) = world.gateway.admin_call("POST", &apps, Some(app(written))).await;
        assert_eq!((status, &answer["errors"][0]["source"]["pointer"]), (400, &json!(pointer)), "{answer}");
        assert!(answer["errors"][0]["message"].as_str().unwrap().contains(own), "{answer}");
    }
    for host in ["new.t1.localhost", "*.t1.localhost", "new.t1.cloudflareaccess.com"] {
        let (status, answer) = world.gateway.admin_call("POST", &apps, Some(app(json!({ "domain": host })))).await;
        assert_eq!(status, 201, "{host}: {answer}");
    }
}

#[tokio::test]
async fn mail_of_a_namespace_is_in_its_own_mailbox_alone() {
    let world = World::with(|config: Config| {
        let asks = "name = \"Corp\", purpose_justification_required = true, approval_required = true, \
                    approval_groups = [{ approvals_needed = 1, email_addresses = [\"root@corp.test\"] }]";
        config.with(
            "session_duration = \"24h\"\npolicies = [{ name = \"Corp\"",
            &format!("session_duration = \"24h\"\npolicies = [{{ {asks}"),
        )
    })
    .await;
    made(&world, "t1").await;
    made(&world, "t2").await;
    let mut browser = world.stranger();
    let page = browser.sign_in(&world.gateway.at("app.t1.localhost", "/page"), ALICE).await;
    let reply = browser.submit(&page, &html::forms(&page.body)[0], &[("purpose", "OPS-7")]).await;
    let waiting = browser.follow(reply).await;
    assert!(waiting.body.contains("Waiting for approval"), "{}", waiting.body);
    let mail = async |path: &str| world.gateway.control("GET", path, json!({})).await["mail"].clone();
    let own = mail("/namespaces/t1/mail").await;
    assert_eq!(own[0]["subject"], "alice@corp.test asks for access to App", "{own}");
    assert!(own[0]["links"][0].as_str().unwrap().contains(".localhost"), "{own}");
    for other in ["/namespaces/t2/mail", "/mail"] {
        assert_eq!(mail(other).await, json!([]), "{other}");
    }
}
