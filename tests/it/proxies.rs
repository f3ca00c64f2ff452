//! Where a request comes from: the socket says so, unless a proxy that is trusted does.

use reqwest::Method;

use crate::support::client::Client;
use crate::support::config::{ALICE, APP, Config, app};
use crate::support::world::World;

/// An app that is open to one network and to nobody else.
fn for_one_network(config: Config) -> Config {
    let policies =
        r#"policies = [{ name = "Office", decision = "bypass", include = [{ ip = { ip = "10.0.0.0/8" } }] }]"#;
    config.and(&app("Office", "app.localhost/office", policies))
}

fn trusting(config: Config) -> Config {
    config.with("[listen]", "[listen]\ntrusted_proxies = [\"127.0.0.0/8\"]")
}

#[tokio::test]
async fn the_origin_learns_where_a_request_came_from() {
    let world = World::start().await;
    assert_eq!(world.stranger().get(&world.app("/public")).await.status, 200);
    let seen = world.origin.only();
    let authority = format!("{APP}:{}", world.public().port());
    for (name, value) in [
        ("host", authority.as_str()),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", &authority),
        ("x-real-ip", "127.0.0.1"),
        ("cf-connecting-ip", "127.0.0.1"),
    ] {
        assert_eq!(seen.head.all(name).collect::<Vec<_>>(), [value], "{name}");
    }
    assert_eq!(seen.head.all("cf-ray").count(), 1);
}

#[tokio::test]
async fn j_10_what_a_stranger_says_about_the_way_is_replaced() {
    let world = World::with(for_one_network).await;
    let lies = [
        ("X-Forwarded-For", "10.1.2.3"),
        ("X-Forwarded-For", "10.1.2.4"),
        ("CF-Connecting-IP", "10.1.2.3"),
        ("True-Client-IP", "10.1.2.3"),
        ("X-Real-IP", "10.1.2.3"),
        ("X-Client-IP", "10.1.2.3"),
        ("Forwarded", "for=10.1.2.3;host=evil.com;proto=https"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "evil.com"),
    ];
    let refused = world.stranger().request(Method::GET, &world.app("/office"), &lies, None).await;
    assert_eq!(refused.status, 403, "an address that a stranger claims matches no rule");
    world.origin.assert_untouched("a claimed address");

    world.stranger().request(Method::GET, &world.app("/public"), &lies, None).await;
    let seen = world.origin.only();
    let told = format!("{:?}", seen.head.fields);
    assert!(!told.contains("10.1.2.") && !told.contains("evil.com") && !told.contains("https"), "{told}");
}

#[tokio::test]
async fn j_10_a_trusted_proxy_is_believed_up_to_the_first_address_that_is_not_one() {
    let world = World::with(|config| trusting(for_one_network(config))).await;
    for (chain, status) in [
        (vec!["10.1.2.3"], 200),
        (vec!["10.1.2.3, 127.0.0.9"], 200),
        (vec!["192.0.2.1", "10.1.2.3, 127.0.0.9"], 200),
        (vec!["::ffff:10.1.2.3"], 200),
        (vec!["10.1.2.3, 192.0.2.1"], 403),
        (vec!["10.1.2.3", "192.0.2.1"], 403),
        (vec!["10.1.2.3, a"], 403),
        (vec![], 403),
    ] {
        let headers: Vec<_> = chain.iter().map(|&value| ("X-Forwarded-For", value)).collect();
        let reply = world.stranger().request(Method::GET, &world.app("/office"), &headers, None).await;
        assert_eq!(reply.status, status, "{chain:?}");
    }
}

#[tokio::test]
async fn j_10_an_address_in_any_spelling_is_blocked() {
    let rules = r#"policies = [
  { name = "Not from there", decision = "deny", include = [{ ip = { ip = "10.0.0.0/8" } }] },
  { name = "Anybody", decision = "allow", include = [{ everyone = {} }] },
]"#;
    let world = World::with(|config| trusting(config).and(&app("Blocked", "app.localhost/blocked", rules))).await;
    let token = world.token(ALICE, "Blocked").await;
    for (said, status) in [
        ("10.1.2.3", 403),
        ("::ffff:10.1.2.3", 403),
        ("::FFFF:0a01:0203", 403),
        ("0:0:0:0:0:ffff:10.1.2.3", 403),
        ("192.0.2.1, 10.1.2.3", 403),
        ("10.1.2.3, 127.0.0.9, ::ffff:127.0.0.8", 403),
        ("10.1.2.3, 192.0.2.1", 200),
    ] {
        let mut alice = Client::holding(&world.gateway, APP, &token).with_header("X-Forwarded-For", said);
        assert_eq!(alice.get(&world.app("/blocked")).await.status, status, "{said}");
    }
}

#[tokio::test]
async fn a_trusted_proxy_says_that_the_visitor_speaks_https() {
    let world = World::with(trusting).await;
    let mut browser = world.stranger().with_header("X-Forwarded-Proto", "https");
    browser.get(&world.app("/public")).await;
    assert_eq!(world.origin.only().head.field("x-forwarded-proto"), Some("https"));
}

#[tokio::test]
async fn h_06_no_header_of_a_stranger_chooses_where_a_browser_is_sent() {
    let world = World::start().await;
    for (name, value) in [
        ("X-Forwarded-Host", "evil.com"),
        ("X-Forwarded-Proto", "javascript"),
        ("Forwarded", "host=evil.com;proto=gopher"),
        ("X-Forwarded-Prefix", "//evil.com"),
        ("X-Original-Host", "evil.com"),
        ("X-Forwarded-Server", "evil.com"),
    ] {
        let mut browser = Client::new(&world.gateway).with_header(name, value);
        let reply = browser.sign_in(&world.app("/home"), ALICE).await;
        assert_eq!((reply.status, reply.url.as_str()), (200, world.app("/home").as_str()), "{name}: {value}");
        let hosts = [APP.to_owned(), world.gateway.team_host()];
        for url in &browser.history {
            assert!(hosts.contains(&url.host_str().unwrap().to_owned()) && url.scheme() == "http", "{name}: {url}");
            for (key, to) in url.query_pairs() {
                assert!(!to.contains("evil.com"), "{name}: {key}={to}");
            }
        }
        let domains = browser.given.iter().filter(|(_, cookie)| cookie.has("domain")).count();
        assert_eq!(domains, 0, "no cookie is for a whole domain");
    }
}
