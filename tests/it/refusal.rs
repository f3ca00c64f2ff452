//! Who may not pass, and what they get.

use reqwest::Method;

use crate::support::client::Client;
use crate::support::config::{ALICE, API, APP, MALLORY, ROBOT, ROOT};
use crate::support::html;
use crate::support::world::World;

#[tokio::test]
async fn somebody_whom_the_policies_refuse_stays_on_the_sign_in_page() {
    let world = World::start().await;
    let mut browser = world.stranger();
    let reply = browser.sign_in(&world.app("/"), MALLORY).await;
    assert!(reply.url.as_str().starts_with(world.gateway.team_url()), "{}", reply.url);
    assert!(reply.body.contains("That account does not have access"), "{}", reply.body);
    assert_eq!(browser.jar.value(APP, "CF_Authorization"), None);
    world.origin.assert_untouched("a refused sign-in");

    let team = world.gateway.team_host();
    assert_eq!(browser.jar.value(&team, "CF_Authorization"), None, "a refused sign-in leaves no session");
}

#[tokio::test]
async fn after_a_refusal_another_account_may_be_tried() {
    let world = World::start().await;
    let mut browser = world.stranger();
    let refused = browser.sign_in(&world.app("/"), MALLORY).await;
    let again = html::links(&refused.body).into_iter().find(|link| link.contains("idp=")).expect("a way to try again");
    let page = browser.open(refused.url.join(&again).unwrap().as_str()).await;
    let answer = browser.pick(&page, ALICE).await;
    assert_eq!(browser.follow(answer).await.status, 200);
}

#[tokio::test]
async fn a_member_who_may_not_enter_a_part_is_told_so() {
    let world = World::start().await;
    let mut alice = world.signed_in(ALICE).await;
    let reply = alice.open(&world.app("/admin/panel")).await;
    assert!(reply.body.contains("That account does not have access"), "{} {}", reply.status, reply.body);
    world.origin.assert_untouched("a part that alice may not enter");
    let mut root = world.signed_in(ROOT).await;
    assert_eq!(root.open(&world.app("/admin/panel")).await.status, 200);
}

#[tokio::test]
async fn a_token_of_somebody_whom_the_policies_refuse_is_forbidden() {
    let world = World::start().await;
    let token = world.token(MALLORY, "App").await;
    let mut mallory = Client::holding(&world.gateway, APP, &token);
    let page = mallory.get(&world.app("/")).await;
    assert_eq!((page.status, page.title()), (403, "Error ・ Cloudflare Access"));
    assert_eq!(page.header("cf-access-aud"), Some(world.gateway.aud("App").as_str()));
    assert_eq!(page.header("cf-access-domain"), Some(APP));
    assert!(page.header("cache-control").unwrap().contains("no-store"));

    let json = mallory.request(Method::GET, &world.app("/"), &[("Accept", "application/json")], None).await;
    assert_eq!(json.status, 403);
    let json = json.json();
    assert_eq!((&json["status_code"], &json["aud"]), (&403.into(), &world.gateway.aud("App").into()));
    assert!(json["ray_id"].as_str().is_some_and(|ray| !ray.is_empty()));
    world.origin.assert_untouched("a forbidden request");
}

#[tokio::test]
async fn a_script_without_a_session_gets_401_instead_of_a_redirect() {
    let world = World::start().await;
    let headers = [("X-Requested-With", "XMLHttpRequest")];
    let reply = world.stranger().request(Method::GET, &world.app("/data"), &headers, None).await;
    assert_eq!(reply.status, 401);
    assert!(reply.header("www-authenticate").unwrap().starts_with("Cloudflare-Access "));
    world.origin.assert_untouched("a script without a session");
}

#[tokio::test]
async fn an_app_for_machines_alone_sends_nobody_to_sign_in() {
    let world = World::start().await;
    let reply = world.stranger().get(&world.gateway.at(API, "/")).await;
    assert_eq!(reply.status, 403);
    world.origin.assert_untouched("an app for machines");
}

#[tokio::test]
async fn a_service_token_opens_the_app_for_machines_and_a_wrong_one_gets_401() {
    let world = World::start().await;
    let url = world.gateway.at(API, "/job");
    let reply = world.stranger().request(Method::GET, &url, &ROBOT, None).await;
    assert_eq!(reply.status, 200);
    assert!(world.origin.only().assertion().is_some());
    world.origin.forget();
    for wrong in [
        vec![ROBOT[0], ("CF-Access-Client-Secret", "wrong")],
        vec![("CF-Access-Client-Id", "ffffffffffffffffffffffffffffffff.access"), ROBOT[1]],
        vec![ROBOT[0]],
        vec![ROBOT[1]],
        vec![ROBOT[0], ROBOT[0], ROBOT[1]],
    ] {
        let reply = world.stranger().request(Method::GET, &url, &wrong, None).await;
        assert_eq!(reply.status, 401, "{wrong:?}");
        world.origin.assert_untouched("a wrong service token");
    }
}

#[tokio::test]
async fn a_preflight_is_refused_unless_the_app_lets_it_pass() {
    let ask = [("Origin", "http://other.localhost"), ("Access-Control-Request-Method", "GET")];
    let world = World::start().await;
    let refused = world.stranger().request(Method::OPTIONS, &world.app("/"), &ask, None).await;
    assert_eq!(refused.status, 403);
    world.origin.assert_untouched("a preflight");

    let bypass = "session_duration = \"24h\"\noptions_preflight_bypass = true";
    let open = World::with(|config| config.with("session_duration = \"24h\"", bypass)).await;
    let passed = open.stranger().request(Method::OPTIONS, &open.app("/"), &ask, None).await;
    assert_eq!(passed.status, 200);
    assert_eq!(open.origin.only().head.method(), "OPTIONS");
}

#[tokio::test]
async fn a_bypassed_part_is_open_and_says_nothing_about_anybody() {
    let world = World::start().await;
    let reply = world.stranger().get(&world.app("/public/page")).await;
    assert_eq!(reply.status, 200);
    assert_eq!(world.origin.only().access_fields(), [] as [&str; 0]);
}

#[tokio::test]
async fn every_decision_is_one_line_in_the_log_that_names_the_rule() {
    let world = World::start().await;
    let _alice = world.signed_in(ALICE).await;
    world.gateway.logs("Corp").await;
    let token = world.token(MALLORY, "App").await;
    Client::holding(&world.gateway, APP, &token).get(&world.app("/")).await;
    world.gateway.logs(MALLORY).await;
    assert!(!world.gateway.log().contains(&token), "a token is never in the log");
}

#[tokio::test]
async fn a_program_that_asks_for_json_gets_every_refusal_as_json() {
    let world = World::start().await;
    let ask = [("Accept", "application/json")];
    let script = [("Accept", "application/json"), ("X-Requested-With", "XMLHttpRequest")];
    for (url, headers, status) in [
        (world.app("/data"), &script[..], 401),
        (world.gateway.at("nobody.localhost", "/"), &ask[..], 404),
        (world.gateway.at(API, "/"), &ask[..], 403),
    ] {
        let reply = world.stranger().request(Method::GET, &url, headers, None).await;
        assert_eq!(reply.status, status, "{url}");
        let json = reply.json();
        assert_eq!(json["status_code"], u64::from(status), "{url}");
        assert!(json["message"].as_str().is_some_and(|text| !text.is_empty()), "{url}");
        assert!(json["ray_id"].as_str().is_some_and(|ray| !ray.is_empty()), "{url}");
    }
}

#[tokio::test]
async fn a_host_of_nobody_has_no_access_organization() {
    let world = World::start().await;
    let url = world.gateway.at("other.cloudflareaccess.com", "/cdn-cgi/access/certs");
    let reply = world.stranger().get(&url).await;
    assert_eq!(reply.status, 404);
    assert!(reply.body.contains("Unable to find your Access organization"), "{}", reply.body);
}

#[tokio::test]
async fn an_emulator_publishes_its_keys_at_the_machines_own_address_too() {
    let world = World::start().await;
    let published = |url: String| {
        let mut stranger = world.stranger();
        async move { stranger.get(&url).await }
    };
    let team = published(format!("{}/cdn-cgi/access/certs", world.gateway.team_url())).await;
    for host in ["localhost", "127.0.0.1"] {
        let local = published(world.gateway.at(host, "/cdn-cgi/access/certs")).await;
        assert_eq!((local.status, &local.body), (200, &team.body), "{host}");
        assert_eq!(published(world.gateway.at(host, "/")).await.status, 404, "{host}: nothing else is there");
    }
}
