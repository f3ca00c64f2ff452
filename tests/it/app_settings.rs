//! What one can set about an application, and what it does to requests.

use reqwest::Method;
use serde_json::json;

use crate::support::client::{Client, Reply};
use crate::support::config::{ALICE, APP, MALLORY, ROBOT, ROOT, route};
use crate::support::cookies::SetCookie;
use crate::support::world::World;

/// The standard topology with these lines in the app `App`.
async fn with(lines: &str) -> World {
    let first = "session_duration = \"24h\"";
    World::with(|config| config.with(first, &format!("{first}\n{lines}"))).await
}

const CORS: &str = "cors_headers = { allowed_origins = [\"https://a.test\"], allowed_methods = [\"GET\", \"PUT\"], \
                    allowed_headers = [\"X-Token\"], allow_credentials = true, max_age = 600 }";

async fn preflight(world: &World, origin: &str, method: &str, headers: &str) -> Reply {
    let ask =
        [("Origin", origin), ("Access-Control-Request-Method", method), ("Access-Control-Request-Headers", headers)];
    world.stranger().request(Method::OPTIONS, &world.app("/data"), &ask, None).await
}

#[tokio::test]
async fn a_preflight_is_answered_in_the_origins_place() {
    let world = with(CORS).await;
    let reply = preflight(&world, "https://a.test", "PUT", "x-token").await;
    assert_eq!(reply.status, 200);
    for (name, value) in [
        ("access-control-allow-origin", "https://a.test"),
        ("access-control-allow-methods", "PUT"),
        ("access-control-allow-headers", "x-token"),
        ("access-control-allow-credentials", "true"),
        ("access-control-max-age", "600"),
        ("vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
    ] {
        assert_eq!(reply.header(name), Some(value), "{name}");
    }
    for (origin, method, headers) in
        [("https://b.test", "PUT", "x-token"), ("https://a.test", "DELETE", ""), ("https://a.test", "GET", "x-other")]
    {
        let reply = preflight(&world, origin, method, headers).await;
        assert_eq!(
            (reply.status, reply.header("access-control-allow-origin")),
            (200, None),
            "{origin} {method} {headers}"
        );
    }
    world.origin.assert_untouched("preflights");
}

#[tokio::test]
async fn a_page_that_may_ask_can_read_why_it_is_refused() {
    let world = with(CORS).await;
    for (origin, readable) in [("https://a.test", Some("https://a.test")), ("https://b.test", None)] {
        let headers = [("X-Requested-With", "XMLHttpRequest"), ("Origin", origin)];
        let reply = world.stranger().request(Method::GET, &world.app("/data"), &headers, None).await;
        assert_eq!((reply.status, reply.header("access-control-allow-origin")), (401, readable));
    }
    let token = world.token(ALICE, "App").await;
    let mut alice = Client::holding(&world.gateway, APP, &token);
    let reply = alice.request(Method::GET, &world.app("/data"), &[("Origin", "https://a.test")], None).await;
    assert_eq!(
        (reply.status, reply.header("access-control-allow-origin")),
        (200, None),
        "origins answer for themselves"
    );
}

fn set(browser: &Client, name: &str) -> SetCookie {
    let mut given = browser.given.iter().rev().filter(|(host, cookie)| host == APP && cookie.name == name);
    given.next().map(|(_, cookie)| cookie.clone()).unwrap_or_else(|| panic!("{name} was set"))
}

#[tokio::test]
async fn g_09_a_token_does_not_hold_without_the_cookie_that_binds_it() {
    let world = with("enable_binding_cookie = true").await;
    let alice = world.signed_in(ALICE).await;
    let (token, binding) = (set(&alice, "CF_Authorization"), set(&alice, "CF_Binding"));
    assert!(binding.has("httponly") && binding.has("secure") && binding.attribute("samesite") == Some("None"));
    assert_eq!(binding.attribute("max-age"), token.attribute("max-age"));
    let mut same = alice.clone();
    assert_eq!(same.get(&world.app("/")).await.status, 200);
    let seen = world.origin.last();
    assert!(!seen.head.field("cookie").unwrap_or_default().contains("CF_Binding"), "an origin never sees it");
    let root = world.signed_in(ROOT).await;
    let others = set(&root, "CF_Binding").value;
    world.origin.forget();
    for stolen in [None, Some(others.as_str()), Some(&binding.value[..binding.value.len() - 2]), Some("x")] {
        let mut thief = Client::holding(&world.gateway, APP, &token.value);
        if let Some(binding) = stolen {
            thief.jar.set(APP, "CF_Binding", binding);
        }
        let reply = thief.get(&world.app("/")).await;
        world.assert_asked_to_sign_in(&reply, "App", &format!("a token with {stolen:?}"));
        let header = [("cf-access-token", token.value.as_str())];
        let reply = world.stranger().request(Method::GET, &world.app("/"), &header, None).await;
        world.assert_asked_to_sign_in(&reply, "App", "a token in a header");
    }
}

#[tokio::test]
async fn g_02_two_peoples_tokens_are_refused_whichever_of_them_is_bound() {
    let world = with("enable_binding_cookie = true").await;
    let people = [world.signed_in(ALICE).await, world.signed_in(ROOT).await];
    let [one, two] = [0, 1].map(|at| set(&people[at], "CF_Authorization").value);
    for binding in [0, 1].map(|at| set(&people[at], "CF_Binding").value) {
        for (first, second) in [(&one, &two), (&two, &one)] {
            let cookies = format!("Cookie: CF_Authorization={first}; CF_Authorization={second}; CF_Binding={binding}");
            let reply = world.raw_get("/", &[&cookies]).await;
            assert_eq!(reply.status(), 403);
            for name in ["CF_Authorization", "CF_Binding"] {
                assert!(
                    reply.head.fields.iter().any(|(field, value)| field.eq_ignore_ascii_case("set-cookie")
                        && value.starts_with(&format!("{name}=;"))),
                    "{name} is taken away"
                );
            }
        }
    }
    world.origin.assert_untouched("two people's tokens");
}

#[tokio::test]
async fn a_renewed_token_is_bound_too() {
    let world = with("enable_binding_cookie = true\nrefresh = \"edge\"").await;
    let mut alice = world.signed_in(ALICE).await;
    let before = set(&alice, "CF_Authorization").value;
    world.gateway.control("PUT", "/clock", json!({ "advance": "23h58m" })).await;
    assert_eq!(alice.get(&world.app("/")).await.status, 200);
    assert_ne!(set(&alice, "CF_Authorization").value, before, "it was renewed");
    assert_eq!(alice.get(&world.app("/again")).await.status, 200, "the new one holds with its new binding");
}

#[tokio::test]
async fn a_cookie_is_for_the_applications_path_where_that_is_asked_for() {
    let world = World::with(|config| {
        config
            .with("domain = \"app.localhost/admin\"", "domain = \"app.localhost/admin\"\npath_cookie_attribute = true")
    })
    .await;
    let mut root = world.stranger();
    assert_eq!(root.sign_in(&world.app("/admin/panel"), ROOT).await.status, 200);
    assert_eq!(set(&root, "CF_Authorization").attribute("path"), Some("/admin"));
    let alice = world.signed_in(ALICE).await;
    assert_eq!(set(&alice, "CF_Authorization").attribute("path"), Some("/"));
    let out = world.stranger().get(&world.app("/cdn-cgi/access/logout")).await;
    let paths: Vec<_> = out.cookies().iter().filter_map(|cookie| cookie.attribute("path").map(str::to_owned)).collect();
    assert_eq!(paths, ["/", "/admin"], "signing out takes away both");
}

const TWO: &str = "two.localhost";
const THREE: &str = "three.localhost";

async fn three_hosts(more: &str) -> World {
    let first = "session_duration = \"24h\"";
    let lines = format!("{first}\nself_hosted_domains = [\"{TWO}\", \"{THREE}\", \"*.wild.localhost\"]\n{more}");
    let origin = crate::support::origin::Origin::start().await;
    let routes = [TWO, THREE, "*.wild.localhost"].map(|host| route(host, &origin.url())).concat();
    let config = crate::support::config::Config::standard(&origin).with(first, &lines).and(&routes);
    World { gateway: crate::support::gateway::Gateway::serve(&config).await, origin }
}

#[tokio::test]
async fn a_sign_in_gives_every_host_of_the_application_its_cookie() {
    let world = three_hosts("").await;
    let mut alice = world.stranger();
    let end = alice.sign_in(&world.app("/wiki?page=1"), ALICE).await;
    assert_eq!((end.status, end.url.as_str()), (200, world.app("/wiki?page=1").as_str()));
    for host in [APP, TWO, THREE] {
        assert!(alice.jar.value(host, "CF_Authorization").is_some(), "{host} has its cookie");
        assert_eq!(alice.get(&world.gateway.at(host, "/")).await.status, 200, "{host} lets her in without a redirect");
    }
    let redirects = alice.history.iter().filter(|url| url.path() == "/cdn-cgi/access/authorized").count();
    assert_eq!(redirects, 5, "one hand-over here, two steps at each of the others");
}

#[tokio::test]
async fn without_eager_cookies_a_host_gets_its_own_at_the_first_visit() {
    let world = three_hosts("eager_redirect_cookie_setting = false").await;
    let mut alice = world.signed_in(ALICE).await;
    assert_eq!(alice.jar.value(TWO, "CF_Authorization"), None);
    assert_eq!(alice.open(&world.gateway.at(TWO, "/")).await.status, 200);
    assert!(alice.jar.value(TWO, "CF_Authorization").is_some());
}

#[tokio::test]
async fn whoever_is_stranded_at_a_dead_host_is_let_in_where_they_wanted_to_go() {
    let world = three_hosts("").await;
    let mut alice = world.stranger();
    let page = alice.reach_provider(&world.app("/")).await;
    let mut reply = alice.pick(&page, ALICE).await;
    while reply.location().host_str() != Some(TWO) {
        reply = alice.get(reply.location().as_str()).await;
    }
    // The second host does not answer. She types the first one's address again.
    assert_eq!(alice.get(&world.app("/")).await.status, 200);
}

#[tokio::test]
async fn h_07_the_way_past_the_hosts_carries_nobody_into_another_browser() {
    let world = three_hosts("").await;
    let mut mallory = world.stranger();
    let page = mallory.reach_provider(&world.app("/")).await;
    let mut reply = mallory.pick(&page, ALICE).await;
    let mut steps = Vec::new();
    while reply.is_redirect() {
        let next = reply.location();
        if next.host_str() != Some(APP) && next.path() != "/cdn-cgi/access/callback" {
            steps.push(next.clone());
        }
        // Every address on the way, tried by somebody else before its own browser goes there.
        if let Some(step) = steps.last().filter(|step| **step == next) {
            let mut victim = world.stranger();
            let end = victim.open(step.as_str()).await;
            assert!(end.status == 200 || end.status == 400, "{step}: {}", end.status);
            for host in [APP, TWO, THREE] {
                assert_eq!(victim.jar.value(host, "CF_Authorization"), None, "{step} gives {host} no token");
            }
        }
        reply = mallory.get(next.as_str()).await;
    }
    // The host, the team domain, the host again: the hand-over that the victim tried first is worth nothing to anybody.
    assert_eq!((steps.len(), reply.status), (3, 400), "{steps:#?}");
}

fn in_one_header(id: &str, secret: &str) -> String {
    json!({ "cf-access-client-id": id, "cf-access-client-secret": secret }).to_string()
}

#[tokio::test]
async fn m_02_a_service_token_may_come_in_one_header_and_nowhere_else_then() {
    let domain = "domain = \"api.localhost\"";
    let world = World::with(|config| {
        config.with(domain, &format!("{domain}\nread_service_tokens_from_header = \"Authorization\""))
    })
    .await;
    let url = world.gateway.at("api.localhost", "/job");
    let good = in_one_header(ROBOT[0].1, ROBOT[1].1);
    let reply = world.stranger().request(Method::GET, &url, &[("Authorization", &good)], None).await;
    assert_eq!(reply.status, 200);
    let seen = world.origin.only();
    assert!(seen.assertion().is_some());
    assert_eq!(seen.head.field("authorization"), None, "no origin sees the secret (A-08)");
    world.origin.forget();
    let wrong = in_one_header(ROBOT[0].1, "wrong");
    let half = json!({ "cf-access-client-id": ROBOT[0].1 }).to_string();
    for headers in [
        vec![("Authorization", wrong.as_str())],
        vec![("Authorization", half.as_str())],
        vec![("Authorization", good.as_str()), ("Authorization", good.as_str())],
        vec![("Authorization", good.as_str()), ROBOT[0], ROBOT[1]],
        vec![("Authorization", good.as_str()), ROBOT[0]],
    ] {
        let reply = world.stranger().request(Method::GET, &url, &headers, None).await;
        assert_eq!(reply.status, 401, "{headers:?}");
    }
    world.origin.assert_untouched("service tokens that do not hold");
    let both = [ROBOT[0], ROBOT[1], ("Authorization", "Bearer of-the-origins-own")];
    assert_eq!(world.stranger().request(Method::GET, &url, &both, None).await.status, 200);
    assert_eq!(world.origin.only().head.field("authorization"), Some("Bearer of-the-origins-own"));
}

#[tokio::test]
async fn our_own_answers_are_framed_only_where_the_application_may_be() {
    for (lines, framed) in [("", false), ("allow_iframe = true", true)] {
        let world = with(lines).await;
        let token = world.token(MALLORY, "App").await;
        let reply = Client::holding(&world.gateway, APP, &token).get(&world.app("/")).await;
        assert_eq!(reply.status, 403);
        assert_eq!(reply.header("x-frame-options").is_none(), framed);
        let policy = reply.header("content-security-policy").unwrap();
        assert_eq!(policy.contains("frame-ancestors *"), framed, "{policy}");
        let sign_in = world.stranger().open(&world.app("/")).await;
        assert_eq!(sign_in.header("x-frame-options"), Some("DENY"), "the sign-in page never is");
    }
}

#[tokio::test]
async fn somebody_who_is_refused_is_sent_where_the_application_says() {
    let world = with("custom_deny_url = \"https://example.com/denied\"").await;
    let token = world.token(MALLORY, "App").await;
    let mut mallory = Client::holding(&world.gateway, APP, &token);
    let reply = mallory.get(&world.app("/")).await;
    assert_eq!((reply.status, reply.header("location")), (302, Some("https://example.com/denied")));
    let json = mallory.request(Method::GET, &world.app("/"), &[("Accept", "application/json")], None).await;
    assert_eq!(json.status, 403, "a program is told so");
    let mut browser = world.stranger();
    let page = browser.reach_provider(&world.app("/")).await;
    let answer = browser.pick(&page, MALLORY).await;
    let refused = browser.get(answer.location().as_str()).await;
    assert_eq!(refused.header("location"), Some("https://example.com/denied"));
    world.origin.assert_untouched("somebody who is refused");
}

#[tokio::test]
async fn a_landing_of_ours_is_marked_with_what_happened() {
    let world = World::start().await;
    let mut alice = world.signed_in(ALICE).await;
    let mut logout = url::Url::parse(&format!("{}/cdn-cgi/access/logout", world.gateway.team_url())).unwrap();
    logout.query_pairs_mut().append_pair("returnTo", &world.app("/bye?x=1"));
    let reply = alice.get(logout.as_str()).await;
    assert_eq!(reply.location().as_str(), world.app("/bye?x=1&__cf_access_message=logged_out"));
    let challenge = alice.get(reply.location().as_str()).await;
    let place = challenge.location().query_pairs().find(|(name, _)| name == "redirect_url").unwrap().1.into_owned();
    assert_eq!(place, "/bye?x=1", "it is gone when she signs in again");
}

#[tokio::test]
async fn an_application_that_sends_the_refused_to_itself_shows_them_the_page() {
    let world = with("custom_deny_url = \"http://app.localhost/sorry\"").await;
    let token = world.token(MALLORY, "App").await;
    let reply = Client::holding(&world.gateway, APP, &token).get(&world.app("/")).await;
    assert_eq!((reply.status, reply.header("location")), (403, None), "they would go in circles");
}
