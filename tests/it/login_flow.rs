//! Attack catalogue, group I: a sign-in belongs to one browser, one provider, one target, once.

use reqwest::Method;
use serde_json::json;
use url::Url;

use crate::support::client::Client;
use crate::support::config::{ALICE, APP, OTHER};
use crate::support::world::World;

/// The provider's answer for a browser, not visited yet: the callback with code and state.
async fn at_the_callback(world: &World, browser: &mut Client, url: &str) -> Url {
    let page = browser.reach_provider(url).await;
    let answer = browser.pick(&page, ALICE).await;
    let callback = answer.location();
    assert_eq!(callback.path(), "/cdn-cgi/access/callback");
    assert!(callback.as_str().starts_with(world.gateway.team_url()));
    callback
}

/// The same address with a parameter replaced, or removed.
fn altered(url: &Url, name: &str, value: Option<&str>) -> String {
    let kept: Vec<(String, String)> = url.query_pairs().into_owned().filter(|(key, _)| key != name).collect();
    let mut url = url.clone();
    url.query_pairs_mut().clear().extend_pairs(kept).extend_pairs(value.map(|value| (name, value)));
    url.into()
}

async fn assert_refused(browser: &mut Client, url: &str, what: &str) {
    let reply = browser.get(url).await;
    assert_eq!(reply.status, 400, "{what}: {}", reply.body);
    let given = reply.cookies().into_iter().filter(|cookie| cookie.name == "CF_Authorization" && !cookie.removes());
    assert_eq!(given.count(), 0, "{what} leaves no session");
}

#[tokio::test]
async fn i_01_a_callback_without_its_state_is_refused() {
    let world = World::start().await;
    let mut browser = world.stranger();
    let callback = at_the_callback(&world, &mut browser, &world.app("/")).await;
    let bare = format!("{}/cdn-cgi/access/callback", world.gateway.team_url());
    assert_refused(&mut browser, &altered(&callback, "state", None), "no state").await;
    assert_refused(&mut browser, &altered(&callback, "state", Some("")), "an empty state").await;
    assert_refused(&mut browser, &altered(&callback, "state", Some("unknown")), "an unknown state").await;
    assert_refused(&mut browser, &bare, "no parameters").await;
    let state = callback.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let bent = format!("{}{}", if state.starts_with('A') { 'B' } else { 'A' }, &state[1..]);
    assert_refused(&mut browser, &altered(&callback, "state", Some(&bent)), "a state with another character").await;
    let reply = browser.open(callback.as_str()).await;
    assert_eq!(reply.status, 200, "the honest callback still works");
}

#[tokio::test]
async fn i_01_a_callback_eleven_minutes_later_is_refused() {
    let world = World::start().await;
    let mut browser = world.stranger();
    let callback = at_the_callback(&world, &mut browser, &world.app("/")).await;
    world.gateway.control("PUT", "/clock", json!({ "advance": "11m" })).await;
    assert_refused(&mut browser, callback.as_str(), "a late callback").await;
}

#[tokio::test]
async fn i_01_a_callback_works_once() {
    let world = World::start().await;
    let mut browser = world.stranger();
    let callback = at_the_callback(&world, &mut browser, &world.app("/")).await;
    let mut copy = browser.clone();
    assert_eq!(browser.open(callback.as_str()).await.status, 200);
    assert_refused(&mut browser, callback.as_str(), "the second time").await;
    assert_refused(&mut copy, callback.as_str(), "the second time with the cookies of the first").await;
}

#[tokio::test]
async fn i_02_a_callback_works_in_the_browser_that_left() {
    let world = World::start().await;
    let mut attacker = world.stranger();
    let callback = at_the_callback(&world, &mut attacker, &world.app("/")).await;
    assert_refused(&mut world.stranger(), callback.as_str(), "a browser without cookies").await;
    let mut victim = world.stranger();
    victim.reach_provider(&world.app("/")).await;
    assert_refused(&mut victim, callback.as_str(), "a browser with a sign-in of its own").await;
    let left = victim.jar.value(&world.gateway.team_host(), "CF_Authorization");
    assert_eq!(left, None, "the victim is not signed in as the attacker");
}

#[tokio::test]
async fn i_03_two_tabs_may_finish_in_any_order() {
    let world = World::start().await;
    let mut browser = world.stranger();
    let first = at_the_callback(&world, &mut browser, &world.app("/first")).await;
    let second = at_the_callback(&world, &mut browser, &world.gateway.at(OTHER, "/second")).await;
    let end = browser.open(second.as_str()).await;
    assert_eq!((end.status, end.url.as_str()), (200, world.gateway.at(OTHER, "/second").as_str()));
    let end = browser.open(first.as_str()).await;
    assert_eq!((end.status, end.url.as_str()), (200, world.app("/first").as_str()));
    for (callback, what) in [(first, "the first"), (second, "the second")] {
        assert_refused(&mut browser, callback.as_str(), what).await;
    }
}

#[tokio::test]
async fn i_05_the_provider_is_asked_with_pkce_state_and_nonce() {
    let world = World::start().await;
    let mut browser = world.stranger();
    browser.reach_provider(&world.app("/")).await;
    let asked = browser.history.iter().rev().find(|url| url.path().contains("/doorward/idp")).unwrap();
    let parameter = |name: &str| asked.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    assert_eq!(parameter("code_challenge_method").as_deref(), Some("S256"));
    for name in ["code_challenge", "state", "nonce"] {
        assert!(parameter(name).is_some_and(|value| value.len() >= 22), "{name}");
    }
    assert_eq!(parameter("response_type").as_deref(), Some("code"));
    assert_eq!(parameter("redirect_uri"), Some(format!("{}/cdn-cgi/access/callback", world.gateway.team_url())));
}

#[tokio::test]
async fn i_06_an_answer_of_another_issuer_is_refused() {
    let world = World::start().await;
    let mut browser = world.stranger();
    let callback = at_the_callback(&world, &mut browser, &world.app("/")).await;
    assert_refused(&mut browser, &altered(&callback, "iss", Some("http://evil.localhost")), "another issuer").await;
}

#[tokio::test]
async fn i_10_the_words_of_a_provider_are_shown_as_text() {
    let world = World::start().await;
    let mut browser = world.stranger();
    let callback = at_the_callback(&world, &mut browser, &world.app("/")).await;
    let state = callback.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let mut url = Url::parse(&format!("{}/cdn-cgi/access/callback", world.gateway.team_url())).unwrap();
    url.query_pairs_mut()
        .append_pair("state", &state)
        .append_pair("error", "access_denied")
        .append_pair("error_description", "<script>alert(1)</script>")
        .append_pair("error_uri", "javascript:alert(2)");
    let page = browser.get(url.as_str()).await;
    assert_eq!(page.status, 400);
    assert!(page.body.contains("alert(1)") && !page.body.contains("<script>alert"), "{}", page.body);
    assert!(!page.body.contains("javascript:"), "{}", page.body);
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
}

/// What the built-in provider is asked when a browser signs in.
async fn authorization_request(world: &World) -> (Client, Url) {
    let mut browser = world.stranger();
    let page = browser.reach_provider(&world.app("/")).await;
    (browser, page.url)
}

#[tokio::test]
async fn i_11_the_built_in_provider_sends_nobody_to_a_place_it_does_not_know() {
    let world = World::start().await;
    let (mut browser, asked) = authorization_request(&world).await;
    let callback = format!("{}/cdn-cgi/access/callback", world.gateway.team_url());
    for uri in [
        "http://evil.com/".to_owned(),
        format!("{callback}?x=1"),
        format!("{callback}/"),
        callback.to_uppercase(),
        callback.replace("/cdn-cgi", ":1/cdn-cgi"),
    ] {
        let reply = browser.get(&altered(&asked, "redirect_uri", Some(&uri))).await;
        assert!(!reply.is_redirect() && reply.status >= 400, "{uri}: {}", reply.status);
    }
    let unknown = browser.get(&altered(&asked, "client_id", Some("somebody-else"))).await;
    assert!(!unknown.is_redirect() && unknown.status >= 400, "{}", unknown.status);
}

#[tokio::test]
async fn i_05_the_built_in_provider_takes_no_plain_challenge() {
    let world = World::start().await;
    let (mut browser, asked) = authorization_request(&world).await;
    let reply = browser.get(&altered(&asked, "code_challenge_method", Some("plain"))).await;
    assert!(reply.is_redirect() || reply.status >= 400, "{}", reply.status);
    if reply.is_redirect() {
        let error =
            reply.location().query_pairs().find(|(name, _)| name == "error").map(|(_, value)| value.into_owned());
        assert_eq!(error.as_deref(), Some("invalid_request"));
    }
}

#[tokio::test]
async fn i_11_the_form_of_the_built_in_provider_is_answered_with_303() {
    let world = World::start().await;
    let mut browser = world.stranger();
    let page = browser.reach_provider(&world.app("/")).await;
    assert_eq!(browser.pick(&page, ALICE).await.status, 303, "so that the form is not sent on");
}

#[tokio::test]
async fn i_11_a_code_is_worth_nothing_without_the_clients_secret() {
    let world = World::start().await;
    let mut browser = world.stranger();
    let callback = at_the_callback(&world, &mut browser, &world.app("/")).await;
    let code = callback.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let discovery = format!("{}/cdn-cgi/doorward/idp/.well-known/openid-configuration", world.gateway.team_url());
    let token = browser.get(&discovery).await.json()["token_endpoint"].as_str().unwrap().to_owned();
    let body = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "authorization_code")
        .append_pair("code", &code)
        .append_pair("redirect_uri", &format!("{}/cdn-cgi/access/callback", world.gateway.team_url()))
        .finish();
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let reply = browser.request(Method::POST, &token, &form, Some(body)).await;
    assert!(matches!(reply.status, 400 | 401), "{}", reply.status);
    assert!(!reply.body.contains("id_token"), "{}", reply.body);
}

#[tokio::test]
async fn p_03_a_form_of_another_site_signs_nobody_in() {
    let world = World::start().await;
    let mut browser = world.stranger();
    let page = browser.reach_provider(&world.app("/")).await;
    let (_, query) = page.url.as_str().split_once('?').unwrap();
    let headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Origin", "http://evil.com")];
    let body = format!("{query}&email={ALICE}");
    let action = page.url.join("authorize").unwrap();
    let reply = browser.request(Method::POST, action.as_str(), &headers, Some(body)).await;
    assert_eq!(reply.status, 403);
    assert_eq!(browser.jar.value(APP, "CF_Authorization"), None);
}
