//! The main job: a stranger signs in, a member gets through, the origin sees who it is.

use reqwest::Method;

use crate::support::client::Client;
use crate::support::config::{ALICE, APP, OTHER};
use crate::support::gateway::Gateway;
use crate::support::html;
use crate::support::token;
use crate::support::world::World;

#[tokio::test]
async fn a_stranger_is_sent_to_sign_in_and_the_origin_hears_nothing() {
    let world = World::start().await;
    let reply = world.stranger().get(&world.app("/wiki/Home?x=1&y=%2F")).await;
    world.assert_asked_to_sign_in(&reply, "App", "a stranger");
    let location = reply.location();
    assert_eq!(location.path(), format!("/cdn-cgi/access/login/{APP}:{}", world.public().port()));
    let query: Vec<_> = location.query_pairs().collect();
    let names: Vec<&str> = query.iter().map(|(name, _)| name.as_ref()).collect();
    assert_eq!(names, ["kid", "meta", "redirect_url"]);
    assert_eq!(query[2].1, "/wiki/Home?x=1&y=%2F");
    let meta = token::claims(&query[1].1);
    assert_eq!(meta["type"], "meta");
    assert_eq!(meta["aud"], world.gateway.aud("App"));
    assert!(reply.cookie("CF_AppSession").is_some());
    assert!(reply.header("www-authenticate").unwrap().starts_with("Cloudflare-Access resource_metadata="));
}

#[tokio::test]
async fn whoever_the_method_the_answer_to_a_stranger_is_302() {
    let world = World::start().await;
    for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE] {
        let reply = world.stranger().request(method.clone(), &world.app("/"), &[], None).await;
        world.assert_asked_to_sign_in(&reply, "App", method.as_str());
    }
}

#[tokio::test]
async fn a_member_signs_in_and_the_origin_sees_who_it_is() {
    let world = World::start().await;
    let mut browser = world.stranger();
    let reply = browser.sign_in(&world.app("/wiki/Home?x=1"), ALICE).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "ok"));
    assert_eq!(reply.url.as_str(), world.app("/wiki/Home?x=1"));

    let seen = world.origin.only();
    assert_eq!(seen.head.target(), "/wiki/Home?x=1");
    assert_eq!(seen.head.field("cf-access-authenticated-user-email"), Some(ALICE));
    let claims = token::claims(seen.assertion().expect("an assertion"));
    assert_eq!(claims["email"], ALICE);
    assert_eq!(claims["type"], "app");
    assert_eq!(claims["aud"], serde_json::json!([world.gateway.aud("App")]));
    assert_eq!(claims["iss"], world.gateway.team_url());
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 24 * 3600);
    let cookie = browser.jar.value(APP, "CF_Authorization");
    assert_eq!(seen.assertion(), cookie, "the header and the cookie hold the same token");
}

#[tokio::test]
async fn the_next_request_needs_no_sign_in() {
    let world = World::start().await;
    let mut alice = world.signed_in(ALICE).await;
    let reply = alice.get(&world.app("/again")).await;
    assert_eq!(reply.status, 200);
    assert_eq!(world.origin.only().head.target(), "/again");
}

#[tokio::test]
async fn another_app_of_the_team_asks_no_provider_again() {
    let world = World::start().await;
    let mut alice = world.signed_in(ALICE).await;
    let before = alice.history.len();
    let reply = alice.open(&world.gateway.at(OTHER, "/there")).await;
    assert_eq!((reply.status, reply.url.as_str()), (200, world.gateway.at(OTHER, "/there").as_str()));
    let visited = &alice.history[before..];
    assert!(visited.iter().all(|url| !url.path().contains("/doorward/idp/")), "{visited:?}");
    let claims = token::claims(world.origin.last().assertion().unwrap());
    assert_eq!(claims["aud"][0], world.gateway.aud("Other"));
}

#[tokio::test]
async fn the_sign_in_page_names_the_app_and_answers_head() {
    let world = World::start().await;
    let mut browser = world.stranger();
    let page = browser.open(&world.app("/")).await;
    assert_eq!((page.status, page.title()), (200, "Sign in ・ Cloudflare Access"));
    assert_eq!(page.header("cf-access-domain"), Some(APP));
    assert_eq!(page.header("cf-access-aud"), Some(world.gateway.aud("App").as_str()));
    assert!(browser.jar.value(&world.gateway.team_host(), "CF_Session").is_some());
    let head = browser.request(Method::HEAD, page.url.as_str(), &[], None).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[tokio::test]
async fn with_instant_auth_and_one_provider_there_is_no_page_to_choose_on() {
    let instant = "session_duration = \"24h\"\nauto_redirect_to_identity = true";
    let world = World::with(|config| config.with("session_duration = \"24h\"", instant)).await;
    let page = world.stranger().open(&world.app("/")).await;
    assert!(page.url.path().starts_with("/cdn-cgi/doorward/idp"), "{}", page.url);
    assert!(!html::forms(&page.body).is_empty());
}

#[tokio::test]
async fn get_identity_tells_an_app_who_is_there() {
    let world = World::start().await;
    let mut alice = world.signed_in(ALICE).await;
    let identity = alice.get(&world.app("/cdn-cgi/access/get-identity")).await;
    assert_eq!(identity.status, 200);
    let identity = identity.json();
    assert_eq!((&identity["email"], &identity["name"]), (&ALICE.into(), &"Alice".into()));
    assert_eq!(identity["groups"], serde_json::json!(["admins"]));
    let token = alice.jar.value(APP, "CF_Authorization").unwrap().to_owned();
    assert_eq!(identity["user_uuid"], token::claims(&token)["sub"]);

    // The team's host answers the same to an app's token.
    let mut by_token = Client::holding(&world.gateway, &world.gateway.team_host(), &token);
    let there = by_token.get(&format!("{}/cdn-cgi/access/get-identity", world.gateway.team_url())).await;
    assert_eq!((there.status, &there.json()["email"]), (200, &ALICE.into()));

    let nobody = world.stranger().get(&world.app("/cdn-cgi/access/get-identity")).await;
    assert_eq!((nobody.status, nobody.json()), (400, serde_json::json!({ "err": "no app token set" })));
    world.origin.assert_untouched("get-identity");
}

#[tokio::test]
async fn a_visitor_may_be_somebody_who_is_on_no_list() {
    let world = World::start().await;
    let mut browser = world.stranger();
    let page = browser.reach_provider(&world.app("/")).await;
    let forms = html::forms(&page.body);
    let form = forms.iter().find(|form| form.field("claims").is_some()).expect("a form to be somebody else");
    let typed =
        [("email", "zoe@corp.test"), ("name", "Zoe"), ("groups", "a, b"), ("claims", r#"{"department":"Sales"}"#)];
    let answer = browser.submit(&page, form, &typed).await;
    let reply = browser.follow(answer).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let claims = token::claims(world.origin.last().assertion().unwrap());
    assert_eq!((&claims["email"], &claims["custom"]["department"]), (&"zoe@corp.test".into(), &"Sales".into()));
}

#[tokio::test]
async fn the_team_that_nobody_named_and_the_app_that_nobody_configured_have_pages() {
    let world = World::start().await;
    let unknown = format!("{}/cdn-cgi/access/login/nowhere.localhost?kid={}", world.gateway.team_url(), "0".repeat(64));
    let reply = world.stranger().get(&unknown).await;
    assert_eq!(reply.status, 404);
    assert!(reply.body.contains("Unable to find your Access application!"), "{}", reply.body);
}

#[tokio::test]
async fn dev_with_nothing_given_shows_who_it_thinks_one_is() {
    let gateway = Gateway::dev(&[]).await;
    let app = gateway.ready["apps"][0]["url"].as_str().unwrap().to_owned();
    let mut browser = Client::new(&gateway);
    let page = browser.reach_provider(&app).await;
    let somebody = html::forms(&page.body)[0].field("email").expect("somebody to sign in as").to_owned();
    let answer = browser.pick(&page, &somebody).await;
    let demo = browser.follow(answer).await;
    assert_eq!(demo.status, 200);
    assert!(demo.body.contains(&somebody), "{}", demo.body);
}
