//! Attack catalogue, group S: an answer that is a refusal says what to do, and
//! nothing of the inside; nothing of it is kept by a cache.

use std::path::Path;

use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;

use crate::support::client::Client;
use crate::support::config::{ALICE, API, APP, MALLORY, ROBOT, app, route};
use crate::support::origin::Answer;
use crate::support::raw::RawReply;
use crate::support::reserved::Reserved;
use crate::support::world::World;

/// Words that only somebody who looks inside could know.
const INSIDE: [&str; 14] = [
    "127.0.0.1",
    "hyper",
    "tokio",
    "axum",
    "rustls",
    "sqlx",
    "panicked",
    "os error",
    "sqlite",
    "postgres",
    ".rs:",
    "Connection refused",
    "doorward.db",
    "stack backtrace",
];

fn assert_plain(reply: &RawReply, status: u16, what: &str) {
    assert_eq!(reply.status(), status, "{what}: {}", reply.text());
    let told = format!("{:?}{}", reply.head.fields, reply.text());
    for inside in INSIDE {
        assert!(!told.contains(inside), "{what} tells of {inside}: {told}");
    }
    let kept_by_nobody = reply.head.field("cache-control").is_some_and(|value| value.contains("no-store"));
    assert!(kept_by_nobody, "{what}: {:?}", reply.head);
    if let Some(ray) = reply.head.field("cf-ray")
        && reply.text().contains("<html")
    {
        assert!(reply.text().contains(ray), "{what}: the page shows the ray id");
    }
}

#[tokio::test]
async fn s_02_no_refusal_tells_of_the_inside() {
    let gone = Reserved::port();
    let world = World::with(|config| {
        let open = r#"policies = [{ name = "Open", decision = "bypass", include = [{ everyone = {} }] }]"#;
        config
            .with("[team]", "[limits]\nupstream_response_timeout = \"300ms\"\n\n[team]")
            .and(&route("down.localhost", &gone.url()))
            .and(&app("Down", "down.localhost", open))
    })
    .await;
    let mallory = format!("Cookie: CF_Authorization={}", world.token(MALLORY, "App").await);
    let (alice, root) = (world.token(ALICE, "App").await, world.token("root@corp.test", "App").await);
    let two = format!("Cookie: CF_Authorization={alice}; CF_Authorization={root}");
    let wrong = format!("{}: {}\r\nCF-Access-Client-Secret: wrong", ROBOT[0].0, ROBOT[0].1);
    let team = format!("{}:{}", world.gateway.team_host(), world.public().port());
    let get = |host: &str, path: &str, fields: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{fields}{}\r\n", if fields.is_empty() { "" } else { "\r\n" })
    };
    for (what, request, status) in [
        ("a bad host", get("x@app.localhost", "/", ""), 400),
        ("a bad path", get(APP, "/%00", ""), 400),
        ("a callback of nobody's", get(&team, "/cdn-cgi/access/callback?code=x&state=y", ""), 400),
        ("a hand-over of nobody's", get(APP, "/cdn-cgi/access/authorized?nonce=x", ""), 400),
        ("a wrong service token", get(API, "/", &wrong), 401),
        ("a script without a session", get(APP, "/", "X-Requested-With: XMLHttpRequest"), 401),
        ("somebody who may not enter", get(APP, "/", &mallory), 403),
        ("two people at once", get(APP, "/", &two), 403),
        ("machines only", get(API, "/", ""), 403),
        ("an unknown host", get("none.localhost", "/", ""), 404),
        ("an unknown path of the team", get(&team, "/cdn-cgi/access/unheard-of", ""), 404),
        (
            "an unknown app",
            get(&team, &format!("/cdn-cgi/access/login/none.localhost?kid={}", "0".repeat(64)), ""),
            404,
        ),
        ("a method that is not served", get(APP, "/", "").replacen("GET", "TRACE", 1), 405),
        ("an expectation", get(APP, "/", "Expect: a miracle"), 417),
        ("an origin that is down", get("down.localhost", "/", ""), 502),
    ] {
        assert_plain(&world.raw(request).await, status, what);
    }
    for (what, answer, status) in [
        ("an origin that speaks no HTTP", Answer::Bytes(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()), 502),
        ("an origin that hangs up", Answer::Close, 502),
        ("an origin that says nothing", Answer::Silence, 504),
    ] {
        world.origin.answer(answer);
        assert_plain(&world.raw_get("/public", &[]).await, status, what);
    }
}

/// Lets connections to Postgres through as long as it lives.
fn relay(folder: &Path, to: &str) -> JoinSet<()> {
    let socket = ".s.PGSQL.5432";
    let (listener, to) = (UnixListener::bind(folder.join(socket)).unwrap(), Path::new(to).join(socket));
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = UnixStream::connect(&to).await.unwrap();
            connections.spawn(async move {
                let _ended = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    tasks
}

#[tokio::test]
async fn s_02_a_store_that_is_gone_is_503_and_tells_nothing_of_itself() {
    let folder = tempfile::tempdir().unwrap();
    let url = crate::support::postgres::database().await;
    let (_, rest) = url.split_once("host=").unwrap();
    let host = rest.split('&').next().unwrap();
    let through = url.replacen(host, folder.path().to_str().unwrap(), 1);
    let relay = relay(folder.path(), host);
    let world = World::with(|config| config.on_store(&through)).await;
    let token = world.token(ALICE, "App").await;
    drop(relay);
    std::fs::remove_file(folder.path().join(".s.PGSQL.5432")).unwrap();
    // A token that this process has not seen yet has to be asked about.
    let reply = world.raw_get("/", &[&format!("Cookie: CF_Authorization={token}")]).await;
    assert_plain(&reply, 503, "a store that is gone");
    assert!(reply.head.field("retry-after").is_some() && reply.head.field("set-cookie").is_none(), "{:?}", reply.head);
    let shown = format!("{:?}{}", reply.head, reply.text());
    assert!(!shown.contains(host) && !shown.contains("user=postgres"), "{shown}");
    world.origin.assert_untouched("a store that is gone");
    assert_eq!(world.raw_get("/public", &[]).await.status(), 200, "what is open stays open");
}

#[tokio::test]
async fn s_03_no_answer_of_ours_is_for_a_cache_whatever_the_path_looks_like() {
    let world = World::start().await;
    let mallory = world.token(MALLORY, "App").await;
    for path in ["/account/x.css", "/account/x.js?v=1", "/index.html", "/favicon.ico"] {
        for (what, cookie) in [("a stranger", None), ("somebody who may not enter", Some(&mallory))] {
            let fields: Vec<String> = cookie.iter().map(|token| format!("Cookie: CF_Authorization={token}")).collect();
            let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
            let reply = world.raw_get(path, &fields).await;
            assert!(matches!(reply.status(), 302 | 403), "{what}, {path}: {}", reply.status());
            let said = |name: &str| reply.head.field(name).unwrap_or_default().to_ascii_lowercase();
            assert!(said("cache-control").contains("no-store"), "{what}, {path}: {:?}", reply.head);
            assert!(said("vary").contains("cookie"), "{what}, {path}: {:?}", reply.head);
        }
    }
    for path in ["/cdn-cgi/access/get-identity", "/cdn-cgi/access/get-identity/x.css", "/cdn-cgi/access/logout"] {
        let mut alice = Client::holding(&world.gateway, APP, &world.token(ALICE, "App").await);
        let reply = alice.get(&world.app(path)).await;
        let said = reply.header("cache-control").unwrap_or_default();
        assert!(said.contains("no-store"), "{path}: {} {said:?}", reply.status);
    }
}

#[tokio::test]
async fn s_03_a_page_of_somebody_elses_is_led_to_and_never_fetched() {
    let lying = crate::support::lying::Lying::start().await;
    let elsewhere = format!("{}/denied", lying.issuer());
    let world = World::with(|config| {
        let lines = format!(
            "session_duration = \"24h\"\ncustom_deny_url = \"{elsewhere}\"\ncustom_non_identity_deny_url = \"{elsewhere}\""
        );
        config.with("session_duration = \"24h\"", &lines)
    })
    .await;
    let mut mallory = Client::holding(&world.gateway, APP, &world.token(MALLORY, "App").await);
    let refused = mallory.get(&world.app("/")).await;
    assert!(matches!(refused.status, 302 | 403), "{}", refused.status);
    let mut browser = world.stranger();
    let page = browser.reach_provider(&world.app("/")).await;
    let mut answer = browser.pick(&page, MALLORY).await;
    while answer.is_redirect() && answer.location().host_str() != Some("127.0.0.1") {
        let next = answer.location();
        answer = browser.get(next.as_str()).await;
    }
    assert!(lying.script().asked.is_empty(), "the gateway itself asks nobody: {:?}", lying.script().asked);
    let shown = format!("{:?}", answer.headers);
    assert!(!shown.contains("eyJ"), "no token is in the address: {shown}");
    world.origin.assert_untouched("somebody who may not enter");
}
