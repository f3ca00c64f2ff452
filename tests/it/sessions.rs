//! Attack catalogue, group G: cookies and the sessions behind them.

use serde_json::json;

use crate::support::client::{Client, Reply};
use crate::support::config::{ALICE, APP, MALLORY, OTHER, ROOT};
use crate::support::token;
use crate::support::world::World;

/// The e-mail address in the assertion of the one request that reached the origin.
fn admitted_as(world: &World) -> String {
    let claims = token::claims(world.origin.only().assertion().expect("an assertion"));
    claims["email"].as_str().expect("an address").to_owned()
}

#[tokio::test]
async fn g_01_junk_beside_a_token_does_not_hide_it() {
    let world = World::start().await;
    let token = world.token(ALICE, "App").await;
    for cookies in [
        vec![format!("Cookie: CF_Authorization=junk; CF_Authorization={token}")],
        vec![format!("Cookie: CF_Authorization={token}; CF_Authorization=junk")],
        vec!["Cookie: CF_Authorization=junk".to_owned(), format!("Cookie: CF_Authorization={token}")],
        vec![format!("Cookie: CF_Authorization={token}"), "Cookie: CF_Authorization=a.b.c".to_owned()],
    ] {
        world.origin.forget();
        let lines: Vec<&str> = cookies.iter().map(String::as_str).collect();
        assert_eq!(world.raw_get("/", &lines).await.status(), 200, "{lines:?}");
        assert_eq!(admitted_as(&world), ALICE);
        assert!(!format!("{:?}", world.origin.only().head).contains("junk"), "what was not believed is not forwarded");
    }
}

#[tokio::test]
async fn g_02_of_two_people_in_one_request_neither_is_believed() {
    let world = World::start().await;
    let (alice, root) = (world.token(ALICE, "App").await, world.token(ROOT, "App").await);
    for cookies in [
        format!("Cookie: CF_Authorization={alice}; CF_Authorization={root}"),
        format!("Cookie: CF_Authorization={root}; CF_Authorization={alice}"),
        // Whoever planted one may have planted what binds it, too.
        format!("Cookie: CF_Binding=x; CF_Authorization={alice}; CF_Authorization={root}"),
        format!("Cookie: CF_Authorization={root}; CF_Binding=x; CF_Authorization={alice}; CF_Binding=y"),
    ] {
        let reply = world.raw_get("/", &[&cookies]).await;
        assert!(matches!(reply.status(), 401 | 403), "{}", reply.status());
        let set = reply.head.field("set-cookie").expect("the cookies are taken away");
        assert!(crate::support::cookies::SetCookie::parse(set).removes(), "{set}");
        world.origin.assert_untouched("two people");
    }
}

#[tokio::test]
async fn g_03_quotes_in_a_cookie_header_are_ordinary_characters() {
    let world = World::start().await;
    let token = world.token(ALICE, "App").await;
    let sandwich = format!("Cookie: $Version=1; CF_Authorization=\"x; other=secret; CF_Authorization={token}; z=y\"");
    let reply = world.raw_get("/", &[&sandwich]).await;
    assert_eq!(reply.status(), 200, "the token between the quotes is a cookie of its own");
    assert!(!reply.text().contains("secret"));
    let quoted = format!("Cookie: CF_Authorization=\"{token}\"");
    world.origin.forget();
    let reply = world.raw_get("/", &[&quoted]).await;
    world.assert_sent_to_sign_in(reply.status(), reply.head.field("location"), "App", "a quoted token");
}

#[tokio::test]
async fn g_07_every_cookie_is_guarded_as_access_guards_it() {
    let world = World::start().await;
    let browser = world.signed_in(ALICE).await;
    let team = world.gateway.team_host();
    let set: Vec<_> = browser.given.iter().filter(|(_, cookie)| !cookie.removes()).collect();
    let named = |host: &str, name: &str| set.iter().any(|(h, cookie)| h == host && cookie.name == name);
    for (host, name) in [
        (APP, "CF_Authorization"),
        (APP, "CF_AppSession"),
        (&team, "CF_Authorization"),
        (&team, "CF_Session"),
        (&team, "CF_Device"),
    ] {
        assert!(named(host, name), "{name} on {host} among {set:#?}");
    }
    for (host, cookie) in set {
        let what = format!("{} on {host}: {:?}", cookie.name, cookie.attributes);
        assert!(cookie.has("secure") && cookie.has("httponly"), "{what}");
        assert!(!cookie.has("domain"), "{what}");
        assert_eq!(cookie.attribute("path"), Some("/"), "{what}");
        let same_site = cookie.attribute("samesite").unwrap_or_else(|| panic!("{what}"));
        let expected = match cookie.name.as_str() {
            "CF_Device" => "Strict",
            name if name.starts_with("CF_Login_") => "Lax",
            _ => "None",
        };
        assert_eq!(same_site, expected, "{what}");
        assert!(cookie.has("expires"), "Go's cookie jar forgets a cookie without it: {what}");
        if cookie.name == "CF_Authorization" {
            let claims = token::claims(&cookie.value);
            let life = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
            assert!(cookie.attribute("max-age").unwrap().parse::<i64>().unwrap() <= life, "{what}");
        }
    }
}

#[tokio::test]
async fn g_07_the_app_says_how_its_own_cookie_is_guarded() {
    let lines =
        "session_duration = \"24h\"\nhttp_only_cookie_attribute = false\nsame_site_cookie_attribute = \"strict\"";
    let world = World::with(|config| config.with("session_duration = \"24h\"", lines)).await;
    let browser = world.signed_in(ALICE).await;
    let (_, cookie) =
        browser.given.iter().find(|(host, cookie)| host == APP && cookie.name == "CF_Authorization").unwrap();
    assert!(!cookie.has("httponly") && cookie.has("secure"));
    assert_eq!(cookie.attribute("samesite"), Some("Strict"));
}

#[tokio::test]
async fn g_08_what_somebody_planted_before_the_sign_in_names_nothing_after_it() {
    let world = World::start().await;
    let team = world.gateway.team_host();
    let mut attacker = world.stranger();
    attacker.reach_provider(&world.app("/")).await;
    let planted = attacker.jar.value(&team, "CF_Session").unwrap().to_owned();

    let mut victim = world.stranger();
    victim.jar.set(&team, "CF_Session", &planted);
    // Whatever else the attacker's browser holds: of the sign-in under way, and on the application's host.
    for (host, cookie) in attacker.given.iter().filter(|(_, cookie)| !cookie.removes()) {
        victim.jar.set(host, &cookie.name, &cookie.value);
    }
    victim.sign_in(&world.app("/"), ALICE).await;
    assert_ne!(victim.jar.value(&team, "CF_Session"), Some(planted.as_str()));
    assert_ne!(victim.jar.value(&team, "CF_Session"), None);

    let held = format!("{:?}", attacker.given);
    for (name, value) in [("CF_Authorization", APP), ("CF_Authorization", team.as_str())]
        .map(|(name, host)| (name, victim.jar.value(host, name).unwrap()))
    {
        assert!(!held.contains(value), "the attacker knows no {name} of the victim's");
    }
    let again = attacker.get(&world.app("/")).await;
    let page = attacker.follow(again).await;
    assert!(page.url.as_str().starts_with(world.gateway.team_url()), "the attacker is still nobody: {}", page.url);
}

/// Whether this answer lets nobody in.
fn is_shut_out(world: &World, reply: &Reply) -> bool {
    reply.sends_to_sign_in() && reply.location().host_str() == Some(&world.gateway.team_host())
}

#[tokio::test]
async fn g_10_signing_out_ends_the_session_for_every_app_and_every_copy_of_its_tokens() {
    let world = World::start().await;
    let mut alice = world.signed_in(ALICE).await;
    alice.open(&world.gateway.at(OTHER, "/")).await;
    let thief = alice.clone();
    world.origin.forget();

    let page = alice.get(&world.app("/cdn-cgi/access/logout")).await;
    assert_eq!(page.status, 200);
    assert_eq!(alice.jar.value(APP, "CF_Authorization"), None, "the cookie is taken away");
    for url in [world.app("/"), world.gateway.at(OTHER, "/")] {
        let mut copy = thief.clone();
        let reply = copy.get(&url).await;
        assert!(is_shut_out(&world, &reply), "{url}: {}", reply.status);
        let page = copy.follow(reply).await;
        assert_eq!(page.title(), "Sign in ・ Cloudflare Access", "the organisation session ended too");
    }
    world.origin.assert_untouched("tokens of a session that was ended");
}

#[tokio::test]
async fn g_10_signing_out_on_the_team_domain_does_the_same() {
    let world = World::start().await;
    let mut alice = world.signed_in(ALICE).await;
    let before = alice.clone();
    assert_eq!(alice.get(&format!("{}/cdn-cgi/access/logout", world.gateway.team_url())).await.status, 200);
    let reply = before.clone().get(&world.app("/")).await;
    assert!(is_shut_out(&world, &reply));
    let mut root = world.signed_in(ROOT).await;
    assert_eq!(root.get(&world.app("/")).await.status, 200, "nobody else notices");
}

#[tokio::test]
async fn g_10_a_sign_in_that_was_under_way_when_its_person_was_revoked_is_refused() {
    let world = World::start().await;
    let mut browser = world.stranger();
    let page = browser.reach_provider(&world.app("/")).await;
    world.gateway.control("PUT", "/clock", json!({ "advance": "2s" })).await;
    world.gateway.control("POST", "/revocations", json!({ "email": ALICE })).await;
    let answer = browser.pick(&page, ALICE).await;
    let end = browser.follow(answer).await;
    assert_eq!(end.status, 400, "{}", end.body);
    assert_eq!(browser.jar.value(APP, "CF_Authorization"), None);
    assert_eq!(browser.jar.value(&world.gateway.team_host(), "CF_Authorization"), None);
    world.origin.assert_untouched("a sign-in older than a revocation");
}

#[tokio::test]
async fn a_token_is_for_its_own_host_even_when_somebody_carries_it_elsewhere() {
    let world = World::start().await;
    let token = world.token(ALICE, "App").await;
    let reply = Client::holding(&world.gateway, OTHER, &token).get(&world.gateway.at(OTHER, "/")).await;
    world.assert_asked_to_sign_in(&reply, "Other", "another app's token");
    let token = world.token(MALLORY, "Other").await;
    let reply = Client::holding(&world.gateway, OTHER, &token).get(&world.gateway.at(OTHER, "/")).await;
    assert_eq!(reply.status, 403);
}
