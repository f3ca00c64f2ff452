//! Attack catalogue, group Q: what is too big is refused, and what comes in
//! great numbers costs a bounded amount.

use std::time::{Duration, Instant};

use crate::support::config::{ALICE, APP, Config, app, route};
use crate::support::raw::Raw;
use crate::support::rows::rows;
use crate::support::world::World;

fn get(target: &str, fields: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: {APP}\r\n{fields}\r\n")
}

#[tokio::test]
async fn q_03_heads_beyond_their_bounds_are_refused() {
    let world = World::start().await;
    let many: String = (0..101).map(|number| format!("X-{number}: 1\r\n")).collect();
    for (what, request, statuses) in [
        ("101 headers", get("/public", &many), [431, 431]),
        ("a head of a megabyte", get("/public", &format!("X: {}\r\n", "y".repeat(1_000_000))), [431, 431]),
        ("a megabyte of short headers", get("/public", &"X: yyyyyyyyyyyyyyyyyyyy\r\n".repeat(40_000)), [431, 431]),
        ("a URL of 66 kB", get(&format!("/public/{}", "a".repeat(66_000)), ""), [414, 431]),
        ("a query of 66 kB", get(&format!("/public?{}", "a".repeat(66_000)), ""), [414, 431]),
    ] {
        let mut raw = Raw::connect(world.public()).await;
        raw.try_send(request).await;
        // The gateway may close while bytes are still on their way, which can eat its answer.
        if let Some(reply) = raw.reply().await {
            assert!(statuses.contains(&reply.status()), "{what}: {}", reply.status());
        }
        world.origin.assert_untouched(what);
    }
    let reply = world.raw(get("/public", &many.replacen("X-0: 1\r\nX-1: 1\r\nX-2: 1\r\n", "", 1))).await;
    assert_eq!(reply.status(), 200, "what browsers send is far below the bounds");
}

#[tokio::test]
async fn q_03_an_upload_of_any_length_needs_no_memory() {
    const PART: usize = 1024 * 1024;
    const PARTS: usize = 300;
    let world = World::start().await;
    assert_eq!(world.raw_get("/public", &[]).await.status(), 200);
    let before = world.gateway.peak_memory();
    let mut raw = Raw::connect(world.public()).await;
    let length = PART * PARTS;
    raw.send(format!("POST /public HTTP/1.1\r\nHost: {APP}\r\nContent-Length: {length}\r\n\r\n")).await;
    let part = vec![b'x'; PART];
    for _ in 0..PARTS {
        raw.send(&part).await;
    }
    assert_eq!(raw.reply().await.map(|reply| reply.status()), Some(200));
    assert_eq!(world.origin.last().body_length, length);
    let grown = world.gateway.peak_memory() - before;
    assert!(grown < 16 * 1024, "{grown} KiB more at the peak");
}

#[tokio::test]
async fn q_03_our_own_endpoints_take_no_big_bodies() {
    let world = World::start().await;
    let team = world.gateway.team_host();
    let port = world.public().port();
    let body = "a".repeat(64 * 1024 + 1);
    for path in ["/cdn-cgi/doorward/idp/authorize", "/cdn-cgi/doorward/idp/token"] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {team}:{port}\r\nOrigin: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
            world.gateway.team_url(),
            body.len()
        );
        let reply = world.raw(format!("{head}{body}")).await;
        assert_eq!(reply.status(), 413, "{path}: {}", reply.text());
    }
    // What reads no body is answered without waiting for one of any length.
    for path in ["/cdn-cgi/access/certs", "/cdn-cgi/access/callback", "/cdn-cgi/access/logout"] {
        let head = format!("POST {path} HTTP/1.1\r\nHost: {team}:{port}\r\nContent-Length: 10000000000\r\n\r\n");
        let status = world.raw(head).await.status();
        assert!((400..500).contains(&status), "{path}: {status}");
    }
}

#[tokio::test]
async fn g_05_a_cookie_bomb_is_refused_and_there_is_a_way_out() {
    let world = World::start().await;
    let bomb: String = (0..200).map(|number| format!("c{number}={}; ", "x".repeat(4096))).collect();
    let mut raw = Raw::connect(world.public()).await;
    raw.try_send(get("/", &format!("Cookie: {bomb}\r\n"))).await;
    if let Some(reply) = raw.reply().await {
        assert_eq!(reply.status(), 431, "200 cookies of 4 KiB");
    }
    world.origin.assert_untouched("a cookie bomb");
    let fat = format!("Cookie: CF_Authorization={}\r\n", "x".repeat(32 * 1024));
    let reply = world.raw(get("/", &fat)).await;
    world.assert_sent_to_sign_in(reply.status(), reply.head.field("location"), "App", "a token of 32 KiB");
    // Signing out still works with it, and takes the cookie away.
    let reply = world.raw(get("/cdn-cgi/access/logout", &fat)).await;
    assert_eq!(reply.status(), 200);
    let cleared = reply.head.all("set-cookie").any(|line| line.starts_with("CF_Authorization=;"));
    assert!(cleared, "{:?}", reply.head);
}

#[tokio::test]
async fn g_05_fifty_sign_ins_in_one_browser_leave_five_cookies() {
    let world = World::start().await;
    let mut browser = world.stranger();
    for number in 0..50 {
        browser.reach_provider(&world.app(&format!("/{number}"))).await;
    }
    let team = world.gateway.team_host();
    let held = browser.jar.header(&team).unwrap();
    let pending: Vec<&str> = held.split("; ").filter(|cookie| cookie.contains("CF_Login_")).collect();
    assert!((1..=5).contains(&pending.len()), "{pending:?}");
    assert!(pending.iter().map(|cookie| cookie.len() + 2).sum::<usize>() <= 4096, "{pending:?}");
    // The newest of them is one that works.
    let reply = browser.sign_in(&world.app("/after"), ALICE).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
}

#[tokio::test]
async fn q_05_what_strangers_begin_leaves_no_rows_and_no_memory() {
    let world = World::start().await;
    let database = world.gateway.folder().join("doorward.db");
    let _warm = world.stranger().reach_provider(&world.app("/")).await;
    let before = rows(&database);
    let memory = world.gateway.peak_memory();

    let mut raw = Raw::connect(world.public()).await;
    for number in 0..3000 {
        raw.send(get(&format!("/{number}"), "")).await;
        let status = raw.reply().await.map(|reply| reply.status());
        assert_eq!(status, Some(302), "request {number}");
    }
    // Begun sign-ins: the page of a provider is chosen, by a browser without cookies each time.
    let challenge = world.stranger().get(&world.app("/")).await.location();
    let page = world.stranger().get(challenge.as_str()).await;
    let links = crate::support::html::links(&page.body);
    let choice = page.url.join(links.iter().find(|link| link.contains("idp=")).unwrap()).unwrap();
    let target = &choice[url::Position::BeforePath..];
    let host = format!("{}:{}", world.gateway.team_host(), world.public().port());
    for number in 0..1000 {
        raw.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        let reply = raw.reply().await.expect("an answer");
        assert_eq!(reply.status(), 302, "sign-in {number}");
        assert!(reply.head.field("location").is_some_and(|to| to.contains("state=")), "it leads to the provider");
    }
    assert_eq!(rows(&database), before, "not one row more");
    let grown = world.gateway.peak_memory() - memory;
    assert!(grown < 16 * 1024, "{grown} KiB more at the peak");
}

/// The time one request takes at best: what the machine does beside does not count.
async fn best(world: &World, request: &str, status: u16) -> Duration {
    let mut raw = Raw::connect(world.public()).await;
    let mut best = Duration::MAX;
    for _ in 0..15 {
        let begun = Instant::now();
        raw.send(request).await;
        assert_eq!(raw.reply().await.map(|reply| reply.status()), Some(status));
        best = best.min(begun.elapsed());
    }
    best
}

#[tokio::test]
async fn q_08_no_pattern_and_no_number_of_apps_makes_a_decision_slow() {
    const OPEN: &str = r#"policies = [{ name = "Open", decision = "bypass", include = [{ everyone = {} }] }]"#;
    let stars = "a*/".repeat(30);
    let list: String =
        (0..10_000).map(|number| format!("{{ email = {{ email = \"p{number}@corp.test\" }} }}, ")).collect();
    let listed = format!("policies = [{{ name = \"List\", decision = \"allow\", include = [{list}] }}]");
    let world = World::with(|config: Config| {
        let crowd: String =
            (0..5000).map(|number| app(&format!("N{number}"), &format!("n{number}.crowd.localhost"), OPEN)).collect();
        let tables = app("Stars", &format!("{APP}/{stars}b"), OPEN) + &app("List", "list.localhost", &listed);
        config
            .and(&tables)
            .and(&crowd)
            .and(&route("*.crowd.localhost", "http://127.0.0.1:9"))
            .and(&route("list.localhost", "http://127.0.0.1:9"))
    })
    .await;
    let usual = best(&world, &get("/public", ""), 200).await;
    // Ten kilobytes that nearly match in a great many ways, and never do.
    let nearly = format!("/{}c", "a/".repeat(5000));
    let slow = best(&world, &get(&nearly, ""), 302).await;
    let crowd = best(&world, "GET / HTTP/1.1\r\nHost: n4999.crowd.localhost\r\n\r\n", 502).await;
    let token = world.token("p9999@corp.test", "List").await;
    let asked = format!("GET / HTTP/1.1\r\nHost: list.localhost\r\nCookie: CF_Authorization={token}\r\n\r\n");
    let long_list = best(&world, &asked, 502).await;
    // A build for tests is some twenty times slower than one for use; exponential time would not end at all.
    for (what, took) in [("stars", slow), ("5 000 applications", crowd), ("10 000 addresses", long_list)] {
        assert!(took < usual + Duration::from_millis(40), "{what}: {took:?} where {usual:?} is usual");
    }
}
