//! Rows 1 to 33: the way of a request to the sign-in and back.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::json;
use url::Url;

use super::{HOST, changed, with_app};
use crate::support::client::Reply;
use crate::support::config::{ALICE, API, APP, MALLORY, OTHER, app};
use crate::support::html;
use crate::support::lying::Lying;
use crate::support::token::claims;
use crate::support::world::World;

/// The `meta` of a challenge, and its address without it.
fn taken_apart(challenge: &Reply) -> (String, Url) {
    let mut location = challenge.location();
    let pairs: Vec<(String, String)> = location.query_pairs().into_owned().collect();
    let meta = pairs.iter().find(|(name, _)| name == "meta").expect("a meta token").1.clone();
    location.query_pairs_mut().clear().extend_pairs(pairs.iter().filter(|(name, _)| name != "meta"));
    (meta, location)
}

#[tokio::test]
async fn row_001_a_challenge_is_kept_by_no_cache_and_says_how_the_resource_is_protected() {
    let world = World::start().await;
    let reply = world.stranger().get(&world.app("/wiki")).await;
    assert_eq!(reply.status, 302);
    let resource = world.app("/.well-known/cloudflare-access-protected-resource/wiki");
    for (name, value) in [
        ("cache-control", "private, max-age=0, no-store, no-cache, must-revalidate, post-check=0, pre-check=0"),
        ("expires", "Thu, 01 Jan 1970 00:00:01 GMT"),
        ("access-control-allow-credentials", "true"),
        ("content-type", "text/html"),
        ("www-authenticate", &format!("Cloudflare-Access resource_metadata=\"{resource}\"")),
    ] {
        assert_eq!(reply.header(name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn row_002_the_meta_token_says_for_five_minutes_what_the_edge_saw_and_may_be_missing() {
    let world = World::start().await;
    let mut alice = world.stranger();
    let challenge = alice.get(&world.app("/wiki?x=1")).await;
    let (meta, without) = taken_apart(&challenge);
    let told = claims(&meta);
    let (iat, hash) = (told["iat"].as_i64().expect("a moment"), told["app_session_hash"].as_str().expect("a text"));
    assert_eq!(hash.len(), 64);
    let nothing = json!({
        "cert_issuer_dn": "", "cert_serial": "", "cert_issuer_ski": "", "cert_presented": false,
        "common_name": "", "auth_status": "NONE",
    });
    let expected = json!({
        "type": "meta", "aud": world.gateway.aud("App"), "hostname": format!("{APP}:{}", world.public().port()),
        "redirect_url": "/wiki?x=1", "service_token_status": false, "is_warp": false, "is_gateway": false,
        "exp": iat + 300, "nbf": iat, "iat": iat, "auth_status": "NONE", "mtls_auth": nothing, "real_country": "XX",
        "app_session_hash": hash,
    });
    assert_eq!(told, expected);
    let end = alice.sign_in(without.as_str(), ALICE).await;
    assert_eq!((end.status, end.url.as_str()), (200, world.app("/wiki?x=1").as_str()), "it is a help and no condition");
}

#[tokio::test]
async fn row_003_row_004_row_013_the_cookies_of_a_sign_in_live_as_long_as_those_of_access() {
    let world = World::start().await;
    let alice = world.signed_in(ALICE).await;
    let team = world.gateway.team_host();
    for (host, name, hours) in [(APP, "CF_AppSession", 24), (&team, "CF_Session", 4), (&team, "CF_Device", 30 * 24)] {
        let set = alice.given.iter().find(|(at, cookie)| at == host && cookie.name == name && !cookie.removes());
        let (_, cookie) = set.unwrap_or_else(|| panic!("{name} on {host}"));
        assert_eq!(cookie.attribute("max-age"), Some((hours * 3600).to_string().as_str()), "{name}");
        assert!(cookie.has("expires"), "{name}");
    }
}

#[tokio::test]
async fn row_004_a_callback_without_its_cookie_is_an_invalid_session() {
    let world = World::start().await;
    let mut alice = world.stranger();
    let page = alice.reach_provider(&world.app("/")).await;
    let answer = alice.pick(&page, ALICE).await;
    alice.jar.remove(&world.gateway.team_host(), "CF_Session");
    let reply = alice.get(answer.location().as_str()).await;
    assert_eq!(reply.status, 400);
    assert!(reply.body.contains("Invalid session. Please try logging in again"), "{}", reply.body);
}

#[tokio::test]
async fn row_006_row_007_row_008_people_choose_among_the_providers_of_the_application() {
    let lying = Lying::start().await;
    let first = "session_duration = \"24h\"";
    let only = format!("{first}\nauto_redirect_to_identity = true\nallowed_idps = [\"Elsewhere\"]");
    let straight = "auto_redirect_to_identity = true\npolicies = \
                    [{ name = \"All\", decision = \"allow\", include = [{ everyone = {} }] }]";
    let tables = format!("{}{}", lying.config("Elsewhere"), app("Row", HOST, straight));
    let world = changed(|config| config.with(first, &only), &tables).await;
    // There are two, and one cannot be gone to straight: somebody has to choose.
    let (here, there) =
        (choices(&world, &world.gateway.at(HOST, "/")).await, choices(&world, &world.gateway.at(OTHER, "/")).await);
    assert_eq!((here.len(), there.len()), (2, 2), "{here:?}");
    let mut callbacks = BTreeSet::new();
    for choice in here.values() {
        let leaves = world.stranger().get(choice.as_str()).await.location();
        callbacks.insert(parameter(&leaves, "redirect_uri").expect("an address to come back to"));
    }
    let callback = format!("{}/cdn-cgi/access/callback", world.gateway.team_url());
    assert_eq!(callbacks.into_iter().collect::<Vec<_>>(), [callback], "one address for every provider");
    // This application allows one, and loses no time; the other is not to be had by its name either.
    let mut stranger = world.stranger();
    let start = stranger.get(&world.app("/")).await.location();
    let leaves = stranger.get(start.as_str()).await.location();
    assert!(leaves.as_str().starts_with(&lying.issuer()), "{leaves}");
    let mut refused = Vec::new();
    for id in here.keys() {
        let reply = stranger.get(&format!("{start}&idp={id}")).await;
        refused.extend((reply.status == 400).then_some(id));
    }
    assert_eq!(refused.len(), 1, "{refused:?}");
}

/// The providers on the sign-in page of an address: each id, and where it leads.
async fn choices(world: &World, url: &str) -> BTreeMap<String, Url> {
    let page = world.stranger().open(url).await;
    let links = html::links(&page.body).into_iter().map(|link| page.url.join(&link).expect("a URL"));
    links.filter_map(|link| Some((parameter(&link, "idp")?, link))).collect()
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}

#[tokio::test]
async fn row_024_an_app_for_machines_answers_401_where_it_is_told_to() {
    let machines =
        "policies = [{ name = \"M\", decision = \"non_identity\", include = [{ any_valid_service_token = {} }] }]";
    for (lines, status) in [("", 403), ("service_auth_401_redirect = true\n", 401)] {
        let world = with_app(&format!("{lines}{machines}"), "").await;
        let reply = world.stranger().get(&world.gateway.at(HOST, "/")).await;
        assert_eq!((reply.status, reply.header("location")), (status, None));
        world.origin.assert_untouched("an application for machines");
    }
}

#[tokio::test]
async fn row_026_refusals_and_the_sign_in_page_name_the_application() {
    let world = World::start().await;
    let token = world.token(MALLORY, "App").await;
    let wrong = [("CF-Access-Client-Id", "x.access"), ("CF-Access-Client-Secret", "y")];
    let script = [("X-Requested-With", "XMLHttpRequest")];
    let preflight = [("Origin", "https://a.test"), ("Access-Control-Request-Method", "PUT")];
    let bearer = [("Cf-Access-Token", token.as_str())];
    let api = world.gateway.at(API, "/");
    for (method, url, headers, status, app, domain) in [
        (Method::GET, world.app("/x"), &script[..], 401, "App", APP),
        (Method::GET, world.app("/x"), &bearer[..], 403, "App", APP),
        (Method::OPTIONS, world.app("/x"), &preflight[..], 403, "App", APP),
        (Method::GET, world.app("/admin/x"), &wrong[..], 401, "Admin", "app.localhost/admin"),
        (Method::GET, api.clone(), &wrong[..], 401, "Api", API),
        (Method::HEAD, api, &[][..], 403, "Api", API),
    ] {
        let reply = world.stranger().request(method, &url, headers, None).await;
        let what = format!("{url} {headers:?}");
        assert_eq!(reply.status, status, "{what}");
        assert_eq!(reply.header("cf-access-aud"), Some(world.gateway.aud(app).as_str()), "{what}");
        assert_eq!(reply.header("cf-access-domain"), Some(domain), "{what}");
    }
    let mut mallory = world.stranger();
    let page = mallory.open(&world.app("/admin")).await;
    let denied = mallory.sign_in(&world.app("/admin"), MALLORY).await;
    for page in [page, denied] {
        assert_eq!(page.header("cf-access-aud"), Some(world.gateway.aud("Admin").as_str()));
        assert_eq!(page.header("cf-access-domain"), Some("app.localhost/admin"));
    }
}
