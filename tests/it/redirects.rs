//! Attack catalogue, group H: a browser is sent to the app it wanted and nowhere else.

use reqwest::Method;
use url::Url;

use crate::support::client::{Client, Reply};
use crate::support::config::{ALICE, APP, OTHER};
use crate::support::world::World;

const EVIL: [&str; 25] = [
    "//evil.com",
    "///evil.com",
    "/\\evil.com",
    "\\\\evil.com",
    "/\t/evil.com",
    "/\n/evil.com",
    " //evil.com",
    "https:evil.com",
    "https:///evil.com",
    "http:evil.com",
    "javascript:alert(1)",
    "data:text/html,x",
    "https://app.localhost@evil.com",
    "https://app.localhost.evil.com",
    "https://evilapp.localhost",
    "https://evil.com#@app.localhost",
    "https://evil.com\\@app.localhost",
    "https://evil.com\\.app.localhost",
    "https://app.localhost%2eevil.com",
    "https://evil\u{3002}com",
    "https://app.localhost:8443",
    "/a\r\nSet-Cookie: x=1",
    "/.//evil.com",
    "/x/..//evil.com",
    "\u{5618}\u{560d}//evil.com",
];

/// Where a sign-in ends that was asked to return to `wanted`, for somebody who is signed in.
async fn end_of_sign_in(world: &World, alice: &Client, wanted: &str) -> Reply {
    let mut login = Url::parse(world.gateway.team_url()).unwrap();
    login.set_path(&format!("/cdn-cgi/access/login/{APP}"));
    login.query_pairs_mut().append_pair("kid", &world.gateway.aud("App")).append_pair("redirect_url", wanted);
    let mut browser = alice.clone();
    let end = browser.open(login.as_str()).await;
    for (_, cookie) in &browser.given {
        assert_ne!(cookie.name, "x", "{wanted:?} set a cookie");
    }
    end
}

#[tokio::test]
async fn h_01_h_02_h_04_whatever_a_sign_in_is_asked_to_return_to_it_stays_on_the_app() {
    let world = World::start().await;
    let alice = world.signed_in(ALICE).await;
    for wanted in EVIL {
        let end = end_of_sign_in(&world, &alice, wanted).await;
        assert_eq!((end.status, end.url.as_str()), (200, world.app("/").as_str()), "{wanted:?}");
    }
    let end = end_of_sign_in(&world, &alice, "/wiki/Home?x=https://evil.com").await;
    assert_eq!(end.url.as_str(), world.app("/wiki/Home?x=https://evil.com"));
}

#[tokio::test]
async fn h_04_nothing_in_a_target_becomes_a_line_of_the_answer() {
    let world = World::start().await;
    let alice = world.signed_in(ALICE).await;
    for wanted in [
        "/a\r\nSet-Cookie: x=1",
        "/a%0d%0aX:y",
        "/a%0D%0ASet-Cookie:%20x=1",
        "/%E5%98%8D%E5%98%8ASet-Cookie:x=1",
        "/\u{560d}\u{560a}Set-Cookie:x=1",
    ] {
        let mut login = Url::parse(world.gateway.team_url()).unwrap();
        login.set_path(&format!("/cdn-cgi/access/login/{APP}"));
        login.query_pairs_mut().append_pair("kid", &world.gateway.aud("App")).append_pair("redirect_url", wanted);
        let mut sinks = vec![login];
        for base in [world.gateway.team_url().to_owned(), world.app("")] {
            let mut logout = Url::parse(&format!("{base}/cdn-cgi/access/logout")).unwrap();
            logout.query_pairs_mut().append_pair("returnTo", wanted);
            sinks.push(logout);
        }
        for sink in sinks {
            let mut browser = alice.clone();
            let mut reply = browser.get(sink.as_str()).await;
            for _ in 0..6 {
                assert_eq!(reply.header("x"), None, "{wanted:?} at {sink}");
                assert!(reply.cookies().iter().all(|cookie| cookie.name.starts_with("CF_")), "{wanted:?} at {sink}");
                if !reply.is_redirect() {
                    break;
                }
                let next = reply.location();
                let host = next.host_str().unwrap().to_owned();
                assert!(host == APP || host == world.gateway.team_host(), "{wanted:?} at {sink}: {next}");
                reply = browser.get(next.as_str()).await;
            }
        }
    }
}

#[tokio::test]
async fn h_01_h_02_signing_out_leads_to_no_foreign_place() {
    let world = World::start().await;
    for base in [world.gateway.team_url().to_owned(), world.app("")] {
        for wanted in EVIL {
            let mut url = Url::parse(&format!("{base}/cdn-cgi/access/logout")).unwrap();
            url.query_pairs_mut().append_pair("returnTo", wanted);
            let reply = world.stranger().get(url.as_str()).await;
            if reply.is_redirect() {
                let host = reply.location().host_str().unwrap().to_owned();
                assert!(host == APP || host == world.gateway.team_host(), "{wanted:?}: {host}");
            } else {
                assert_eq!(reply.status, 200, "{wanted:?}");
            }
        }
    }
    let home = world.app("/bye");
    let url = format!("{}/cdn-cgi/access/logout?returnTo={home}", world.gateway.team_url());
    assert_eq!(world.stranger().get(&url).await.location().as_str(), format!("{home}?__cf_access_message=logged_out"));
}

#[tokio::test]
async fn h_01_a_strange_path_is_where_one_returns_and_not_an_address() {
    let world = World::start().await;
    for target in ["//evil.com", "/%2F/evil.com", "/\\evil.com", "///evil.com/%2e%2e"] {
        let reply = world.raw_get(target, &[]).await;
        if reply.status() != 302 {
            assert_eq!(reply.status(), 400, "{target}");
            continue;
        }
        let location = Url::parse(reply.head.field("location").unwrap()).unwrap();
        let wanted = location.query_pairs().find(|(name, _)| name == "redirect_url").unwrap().1.into_owned();
        assert!(wanted.starts_with('/') && !wanted.starts_with("//"), "{target}: {wanted}");
    }
}

/// The address of a hand-over that nobody has visited yet, and the browser that may visit it.
async fn at_the_hand_over(world: &World) -> (Client, Url) {
    let mut browser = world.stranger();
    let page = browser.reach_provider(&world.app("/wanted")).await;
    let mut reply = browser.pick(&page, ALICE).await;
    while !(reply.is_redirect() && reply.location().path() == "/cdn-cgi/access/authorized") {
        let next = reply.location();
        reply = browser.get(next.as_str()).await;
    }
    let location = reply.location();
    (browser, location)
}

#[tokio::test]
async fn h_07_a_hand_over_works_once() {
    let world = World::start().await;
    let (mut browser, url) = at_the_hand_over(&world).await;
    let first = browser.get(url.as_str()).await;
    assert_eq!((first.status, first.location().path()), (302, "/wanted"));
    assert!(first.cookie("CF_Authorization").is_some());
    let second = browser.get(url.as_str()).await;
    assert_eq!(second.status, 400);
    assert!(second.body.contains("Invalid login session"), "{}", second.body);
    assert!(second.cookie("CF_Authorization").is_none());
}

#[tokio::test]
async fn h_07_a_hand_over_works_in_the_browser_that_began() {
    let world = World::start().await;
    let (_, url) = at_the_hand_over(&world).await;
    let mut thief = world.stranger();
    thief.get(&world.app("/")).await;
    let reply = thief.get(url.as_str()).await;
    assert_eq!(reply.status, 400);
    assert!(reply.cookie("CF_Authorization").is_none());
}

#[tokio::test]
async fn h_07_a_hand_over_works_on_the_host_it_was_made_for() {
    let world = World::start().await;
    let (mut browser, url) = at_the_hand_over(&world).await;
    let mut elsewhere = url.clone();
    elsewhere.set_host(Some(OTHER)).unwrap();
    let session = browser.jar.value(APP, "CF_AppSession").unwrap().to_owned();
    browser.jar.set(OTHER, "CF_AppSession", &session);
    let reply = browser.get(elsewhere.as_str()).await;
    assert_eq!(reply.status, 400);
    assert!(reply.cookie("CF_Authorization").is_none());
}

#[tokio::test]
async fn h_07_a_hand_over_ends_after_a_minute() {
    let world = World::start().await;
    let (mut browser, url) = at_the_hand_over(&world).await;
    world.gateway.control("PUT", "/clock", serde_json::json!({ "advance": "61s" })).await;
    assert_eq!(browser.get(url.as_str()).await.status, 400);
}

#[tokio::test]
async fn h_07_no_token_is_ever_in_an_address_or_in_the_log() {
    let world = World::start().await;
    let browser = world.signed_in(ALICE).await;
    world.gateway.logs("admitted").await;
    let tokens: Vec<&str> = browser
        .given
        .iter()
        .filter(|(_, cookie)| cookie.name == "CF_Authorization")
        .map(|(_, c)| c.value.as_str())
        .collect();
    assert_eq!(tokens.len(), 2, "the organisation's and the app's");
    let secrets = browser.given.iter().filter(|(_, cookie)| !cookie.removes()).map(|(_, cookie)| cookie.value.as_str());
    for secret in secrets {
        for url in &browser.history {
            assert!(!url.as_str().contains(secret), "{url}");
        }
        assert!(!world.gateway.log().contains(secret), "a cookie is in the log");
    }
    for url in &browser.history {
        let codes = url.query_pairs().filter(|(name, _)| matches!(name.as_ref(), "code" | "state" | "nonce" | "meta"));
        for (name, value) in codes {
            assert!(!world.gateway.log().contains(value.as_ref()), "{name} is in the log");
        }
    }
}

#[tokio::test]
async fn cloudflared_takes_the_same_way_with_head_requests() {
    let world = World::start().await;
    let mut alice = world.signed_in(ALICE).await;
    alice.jar.remove(APP, "CF_Authorization");
    let mut url = Url::parse(&world.app("/")).unwrap();
    for _ in 0..2 {
        let reply = alice.request(Method::HEAD, url.as_str(), &[], None).await;
        assert_eq!(reply.status, 302);
        url = reply.location();
    }
    let last = alice.request(Method::HEAD, url.as_str(), &[], None).await;
    let cookie = last.cookie("CF_Authorization").expect("the app's token");
    assert!(cookie.has("expires"), "cloudflared takes no cookie without it");
}
