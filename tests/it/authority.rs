//! Attack catalogue, group B: one host, read one way.

use crate::support::client::Client;
use crate::support::config::{ALICE, APP, app, route};
use crate::support::raw::{Raw, exchange};
use crate::support::token;
use crate::support::world::World;

/// `R400`: refused, nothing reached the origin, and the connection ends without another answer.
async fn assert_refused(world: &World, request: &[u8]) {
    let shown = String::from_utf8_lossy(request).into_owned();
    let mut raw = Raw::connect(world.public()).await;
    // A second request behind the first would be smuggled if the connection lived on.
    raw.try_send([request, format!("GET /public HTTP/1.1\r\nHost: {APP}\r\n\r\n").as_bytes()].concat()).await;
    let reply = raw.reply().await.unwrap_or_else(|| panic!("an answer to {shown:?}"));
    assert_eq!(reply.status(), 400, "{shown:?}");
    assert_eq!(raw.rest().await, b"", "{shown:?}: nothing follows");
    world.origin.assert_untouched(&shown);
}

#[tokio::test]
async fn b_01_a_request_names_exactly_one_host() {
    let world = World::start().await;
    for hosts in [
        "",
        "Host:\r\n",
        "Host: app.localhost\r\nHost: app.localhost\r\n",
        "Host: public.localhost\r\nHost: app.localhost\r\n",
    ] {
        assert_refused(&world, format!("GET /public HTTP/1.1\r\n{hosts}\r\n").as_bytes()).await;
    }
    // A target that names a host does not make up for it (RFC 9112 §3.2).
    assert_refused(&world, b"GET http://app.localhost/public HTTP/1.1\r\n\r\n").await;
}

#[tokio::test]
async fn b_02_a_host_that_two_servers_could_read_differently_is_refused() {
    let world = World::start().await;
    for host in [
        "x@app.localhost".as_bytes(),
        b"app.localhost/../b",
        b"app.localhost, b",
        b"app.localhost:99999",
        b"app.localhost:a",
        b"[::1",
        b"app.localhost\tb",
        "app\u{3002}localhost".as_bytes(),
        b"xn--app-.localhost",
        b"app.localhost#",
        b"app..localhost",
    ] {
        let request = [b"GET /public HTTP/1.1\r\nHost: ".as_slice(), host, b"\r\n\r\n"].concat();
        assert_refused(&world, &request).await;
    }
}

#[tokio::test]
async fn b_03_a_target_that_names_another_host_than_the_header_is_refused() {
    let world = World::start().await;
    assert_refused(&world, b"GET http://none.localhost/admin HTTP/1.1\r\nHost: app.localhost\r\n\r\n").await;
    assert_refused(&world, b"GET http://app.localhost/public HTTP/1.1\r\nHost: none.localhost\r\n\r\n").await;
    assert_refused(&world, b"GET http://x@app.localhost/public HTTP/1.1\r\nHost: app.localhost\r\n\r\n").await;
}

#[tokio::test]
async fn b_03_a_target_that_names_the_same_host_is_one_reading() {
    let world = World::start().await;
    let request = format!("GET http://{APP}/public/x HTTP/1.1\r\nHost: {APP}\r\n\r\n");
    assert_eq!(exchange(world.public(), request).await.unwrap().status(), 200);
    let seen = world.origin.only();
    assert_eq!((seen.head.target(), seen.head.field("host")), ("/public/x", Some(APP)));
}

#[tokio::test]
async fn b_06_what_no_app_covers_is_refused() {
    let world = World::with(|config| {
        let policies = r#"policies = [{ name = "Open", decision = "bypass", include = [{ everyone = {} }] }]"#;
        let service = "http://127.0.0.1:9";
        let wild = app("Wild", "*.wild.localhost", policies) + &route("*.wild.localhost", service);
        // A route without an app: the origin is known, but nobody said who may see it.
        config.and(&wild).and(&route("unprotected.localhost", service))
    })
    .await;
    for host in ["none.localhost", "127.0.0.1", "a.b.wild.localhost", "wild.localhost", "unprotected.localhost"] {
        let reply = exchange(world.public(), format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).await.unwrap();
        assert!(matches!(reply.status(), 403 | 404), "{host}: {}", reply.status());
        world.origin.assert_untouched(host);
    }
    let covered = exchange(world.public(), "GET / HTTP/1.1\r\nHost: a.wild.localhost\r\n\r\n").await.unwrap();
    assert_eq!(covered.status(), 502, "the wildcard covers one label, and its origin is down");
}

#[tokio::test]
async fn a_host_is_the_same_in_any_case_and_with_its_final_dot() {
    let world = World::start().await;
    for host in ["APP.LocalHost", "app.localhost."] {
        let reply = exchange(world.public(), format!("GET /x HTTP/1.1\r\nHost: {host}\r\n\r\n")).await.unwrap();
        world.assert_sent_to_sign_in(reply.status(), reply.head.field("location"), "App", host);
    }
}

#[tokio::test]
async fn d_14_every_request_of_a_connection_is_judged_by_itself() {
    let world = World::start().await;
    let alice = world.token(ALICE, "App").await;
    let mut raw = Raw::connect(world.public()).await;
    let request = |cookie: &str| format!("GET / HTTP/1.1\r\nHost: {APP}\r\n{cookie}\r\n");
    raw.send(request(&format!("Cookie: CF_Authorization={alice}\r\n"))).await;
    assert_eq!(raw.reply().await.unwrap().status(), 200);
    assert_eq!(token::claims(world.origin.only().assertion().unwrap())["email"], ALICE);
    world.origin.forget();
    raw.send(request("")).await;
    let reply = raw.reply().await.unwrap();
    world.assert_sent_to_sign_in(reply.status(), reply.head.field("location"), "App", "the second request");
}

#[tokio::test]
async fn f_04_connect_and_trace_are_not_served() {
    let world = World::start().await;
    let alice = world.token(ALICE, "App").await;
    for cookie in [String::new(), format!("Cookie: CF_Authorization={alice}\r\n")] {
        let connect = format!(
            "CONNECT {APP}:443 HTTP/1.1\r\nHost: {APP}\r\n{cookie}\r\nGET /admin HTTP/1.1\r\nHost: {APP}\r\n\r\n"
        );
        let mut raw = Raw::connect(world.public()).await;
        raw.send(connect).await;
        assert_eq!(raw.reply().await.unwrap().status(), 405);
        assert_eq!(raw.rest().await, b"", "nothing is read behind a CONNECT");
        let trace = format!("TRACE / HTTP/1.1\r\nHost: {APP}\r\n{cookie}\r\n");
        assert_eq!(exchange(world.public(), trace).await.unwrap().status(), 405);
        world.origin.assert_untouched("CONNECT and TRACE");
    }
}

#[tokio::test]
async fn the_team_host_serves_no_app_and_an_app_host_no_team() {
    let world = World::start().await;
    let team = format!("{}/", world.gateway.team_url());
    assert_ne!(world.stranger().get(&team).await.status, 302);
    let reply = world.stranger().get(&world.app("/cdn-cgi/access/login/app.localhost")).await;
    assert_eq!(reply.status, 404);
    let reply = world.stranger().get(&world.app("/cdn-cgi/access/callback?state=x&code=y")).await;
    assert_eq!(reply.status, 404);
    world.origin.assert_untouched("paths of ours");
}

#[tokio::test]
async fn nothing_of_the_admin_listener_is_reached_through_the_public_one() {
    let world = World::start().await;
    let token = world.gateway.ready["api_token"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {token}");
    for path in ["/emulator/v1/users", "/metrics", "/client/v4/accounts", "/healthz"] {
        for base in [world.gateway.team_url().to_owned(), world.app("")] {
            let mut client = Client::new(&world.gateway).with_header("Authorization", &bearer);
            let reply = client.get(&format!("{base}{path}")).await;
            assert!(reply.is_redirect() || reply.status == 404, "{base}{path}: {}", reply.status);
        }
    }
    world.origin.assert_untouched("paths of the admin listener");
}
