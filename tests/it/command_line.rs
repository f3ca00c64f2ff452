//! Signing in from a command line, as cloudflared does it: each step with the
//! requests that it sends, through the proxy, to the names that it knows.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use crypto_box::aead::Aead as _;
use crypto_box::{PublicKey, SalsaBox, SecretKey};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::client::{Client, Reply};
use crate::support::config::{ALICE, API, APP, Config, MALLORY, OTHER, ROOT};
use crate::support::html;
use crate::support::node::jose;
use crate::support::token;
use crate::support::world::World;

const DOMAIN: &str = "acme.cloudflareaccess.com";
const AGENT: (&str, &str) = ("User-Agent", "cloudflared/2026.8.2");

async fn world() -> World {
    let proxied =
        |config: Config| config.with("admin = \"127.0.0.1:0\"", "admin = \"127.0.0.1:0\"\nproxy = \"127.0.0.1:0\"");
    World::with(proxied).await
}

/// A command line: no cookie jar, no redirects followed.
async fn ask(world: &World, method: Method, url: &str, fields: &[(&str, &str)]) -> Reply {
    Client::through_proxy(&world.gateway).request(method, url, &[&[AGENT], fields].concat(), None).await
}

fn key() -> (SecretKey, String) {
    let secret = SecretKey::from([7; 32]);
    let public = URL_SAFE.encode(secret.public_key().as_bytes());
    assert!(public.ends_with('='), "44 characters with their padding");
    (secret, public)
}

/// What a browser is sent to, with the parameters in cloudflared's order.
fn browser_url(aud: &str, public: &str) -> String {
    let back = format!("https://{APP}/?aud={aud}&token={public}");
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs([("aud", aud), ("edge_token_transfer", "true"), ("redirect_url", &back)]);
    query.extend_pairs([("send_org_token", "true"), ("token", public)]);
    format!("https://{APP}/cdn-cgi/access/cli?{}", query.finish())
}

/// Opens what a transfer gave: the nonce, then the box.
fn opened(reply: &Reply, secret: &SecretKey) -> Value {
    assert_eq!(reply.status, 200, "{}", reply.body);
    let service: [u8; 32] = URL_SAFE.decode(reply.header("service-public-key").unwrap()).unwrap().try_into().unwrap();
    let sealed = STANDARD.decode(&reply.body).unwrap();
    let (nonce, sealed) = sealed.split_at(24);
    let plain = SalsaBox::new(&PublicKey::from(service), secret).decrypt(nonce.into(), sealed).unwrap();
    serde_json::from_slice(&plain).unwrap()
}

/// Somebody signs in at the address that a command line opened, and approves.
pub(crate) async fn approve(browser: &mut Client, url: &str, email: &str) -> Reply {
    let page = browser.sign_in(url, email).await;
    let approve = answer_of(&page, "approved=");
    browser.open(approve.as_str()).await
}

/// Where one of the answers to the question leads.
fn answer_of(page: &Reply, part: &str) -> url::Url {
    let link = html::links(&page.body).into_iter().find(|link| link.contains(part));
    page.url.join(&link.unwrap_or_else(|| panic!("a question: {}", page.body))).unwrap()
}

/// A browser that brings the sign-in of somebody, and what the command line then has.
async fn signed_in(world: &World) -> Value {
    let (secret, public) = key();
    let mut browser = Client::through_proxy(&world.gateway);
    let page = approve(&mut browser, &browser_url(&world.gateway.aud("App"), &public), ALICE).await;
    assert_eq!((page.status, page.title()), (200, "Sign in ・ Cloudflare Access"), "{}", page.body);
    let url = format!("https://login.cloudflareaccess.org/transfer/{public}");
    opened(&ask(world, Method::GET, &url, &[]).await, &secret)
}

#[tokio::test]
async fn cf_1_what_is_at_an_address_is_told_before_any_policy_and_signed_by_the_team() {
    let world = world().await;
    for (host, app) in [(APP, "App"), (API, "Api")] {
        let url = format!("https://{host}/foo/bar?x=1");
        let reply = ask(&world, Method::HEAD, &url, &[("Cf-Access-Metadata-Request", "true")]).await;
        assert_eq!((reply.status, reply.body.as_str()), (200, ""));
        let told = reply.header("cf-access-metadata").expect("the answer is in a header");
        let claims = token::claims(told);
        let expected = json!({
            "type": "match", "hostname": host, "auth_domain": DOMAIN, "aud": world.gateway.aud(app),
            "app_hostname": host, "iat": claims["iat"],
        });
        assert_eq!(claims, expected);
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        assert!(claims["iat"].as_u64().unwrap().abs_diff(now) < 60);
        let header = token::header(told);
        assert_eq!((&header["alg"], header["kid"].as_str().unwrap().len()), (&json!("RS256"), 64));
    }
    world.origin.assert_untouched("the answer is the gateway's own");
    let nowhere = "https://app.localhost/public/x";
    assert_eq!(
        ask(&world, Method::HEAD, nowhere, &[]).await.status,
        200,
        "without the header it is a request like any"
    );
}

#[tokio::test]
async fn what_is_told_stays_in_the_present_when_the_clock_was_moved() {
    let world = world().await;
    world.gateway.control("PUT", "/clock", json!({ "advance": "72h" })).await;
    let fields = [("Cf-Access-Metadata-Request", "true")];
    let reply = ask(&world, Method::HEAD, &format!("https://{APP}/"), &fields).await;
    let iat = token::claims(reply.header("cf-access-metadata").unwrap())["iat"].as_u64().unwrap();
    assert!(iat.abs_diff(std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs()) < 60);
}

#[tokio::test]
async fn cf_1_a_browser_brings_its_sign_in_to_the_command_line_once() {
    let world = world().await;
    let tokens = signed_in(&world).await;
    let app = token::claims(tokens["app_token"].as_str().unwrap());
    assert_eq!(
        (&app["type"], &app["email"], &app["aud"]),
        (&json!("app"), &json!(ALICE), &json!([world.gateway.aud("App")]))
    );
    let org = token::claims(tokens["org_token"].as_str().unwrap());
    assert_eq!(
        (&org["type"], &org["iss"], &app["iss"]),
        (&json!("org"), &app["iss"], &json!(format!("https://{DOMAIN}")))
    );
    assert!(org["aud"].is_array());
    world.origin.assert_untouched("nothing of this is the application's");
    let issuer = app["iss"].as_str().unwrap();
    jose(tokens["app_token"].as_str().unwrap(), &world.gateway.certs_url(), issuer, &world.gateway.aud("App"))
        .await
        .unwrap();

    // cloudflared's own check: anything but a redirect to the sign-in page.
    let url = format!("https://{APP}/?cloudflared_token_check=true");
    let good = tokens["app_token"].as_str().unwrap();
    assert_eq!(ask(&world, Method::GET, &url, &[("Cf-Access-Token", good)]).await.status, 200);
    let reply = ask(&world, Method::GET, &url, &[("Cf-Access-Token", "nonsense")]).await;
    assert!(reply.sends_to_sign_in());
}

#[tokio::test]
async fn a_window_that_was_opened_for_a_command_line_closes_itself_if_that_is_asked_for() {
    let world = world().await;
    let url = browser_url(&world.gateway.aud("App"), &key().1);
    let mut browser = Client::through_proxy(&world.gateway);
    let page = approve(&mut browser, &url, ALICE).await;
    assert!(page.body.contains("You are signed in") && !page.body.contains("window.close"), "{}", page.body);
    let question = browser.get(&format!("{url}&close_interstitial=true")).await;
    assert!(!question.body.contains("window.close"), "not before the answer: {}", question.body);
    let page = browser.get(answer_of(&question, "approved=").as_str()).await;
    assert!(page.body.contains("You are signed in") && page.body.contains("window.close();"), "{}", page.body);
}

#[tokio::test]
async fn cf_6_a_poll_waits_for_the_browser() {
    let world = world().await;
    let (secret, public) = key();
    let url = format!("https://login.cloudflareaccess.org/transfer/{public}");
    let (reply, ()) = tokio::join!(ask(&world, Method::GET, &url, &[]), async {
        let mut browser = Client::through_proxy(&world.gateway);
        approve(&mut browser, &browser_url(&world.gateway.aud("App"), &public), ALICE).await;
    });
    assert!(opened(&reply, &secret)["app_token"].is_string());
}

#[tokio::test]
async fn cf_4_the_organisations_token_is_exchanged_for_an_applications_without_a_browser() {
    let world = world().await;
    let tokens = signed_in(&world).await;
    let first = ask(&world, Method::HEAD, "https://other.localhost/foo?x=1", &[]).await;
    assert!(first.sends_to_sign_in());
    let app_session = first.cookie("CF_AppSession").unwrap();
    let org = format!("CF_Authorization={}", tokens["org_token"].as_str().unwrap());
    let second = ask(&world, Method::HEAD, first.location().as_str(), &[("Cookie", &org)]).await;
    assert_eq!((second.status, second.location().path()), (302, "/cdn-cgi/access/authorized"));
    let session = format!("CF_AppSession={}", app_session.value);
    let third = ask(&world, Method::HEAD, second.location().as_str(), &[("Cookie", &session)]).await;
    assert!(third.is_redirect());
    let given = third.cookie("CF_Authorization").unwrap();
    assert!(third.header("set-cookie").unwrap().contains("Expires="), "Go ignores a cookie without it");
    assert_eq!(token::claims(&given.value)["aud"], json!([world.gateway.aud("Other")]));
}

#[tokio::test]
async fn who_may_not_enter_brings_nothing_and_nobody_else_picks_it_up() {
    let world = world().await;
    let (_, public) = key();
    let mut browser = Client::through_proxy(&world.gateway);
    let page = browser.sign_in(&browser_url(&world.gateway.aud("App"), &public), MALLORY).await;
    assert!(page.body.contains("does not have access"), "{}", page.body);
    let mut browser = Client::through_proxy(&world.gateway);
    let page = browser.sign_in(&browser_url(&world.gateway.aud("Admin"), &public), ALICE).await;
    assert_eq!(page.status, 403, "another application of the host has policies of its own: {}", page.body);
    let malformed = browser.get(&format!("https://{APP}/cdn-cgi/access/cli?token=short")).await;
    assert_eq!(malformed.status, 400);
    for host in ["login.cloudflareaccess.org", "login.fed.cloudflareaccess.org"] {
        let url = format!("https://{host}/transfer/short");
        assert_eq!(
            ask(&world, Method::GET, &url, &[]).await.status,
            404,
            "at once: no such key can ever have anything"
        );
    }
    world.origin.assert_untouched("nothing of this is the application's");
}

#[tokio::test]
async fn row_029_a_command_line_gets_a_sign_in_when_its_person_says_so() {
    let own = "[[custom_page]]\nname = \"Ask\"\ntype = \"interstitial\"\ncontract_version = 1\n\
               custom_html = \"<!doctype html><h1>{{ app_name }} for {{ email }}?</h1>{{ login_options }}\"\n";
    let other = "domain = \"other.localhost\"";
    let admin = "domain = \"app.localhost/admin\"";
    let world = World::with(|config| {
        let config =
            config.with("admin = \"127.0.0.1:0\"", "admin = \"127.0.0.1:0\"\nproxy = \"127.0.0.1:0\"").and(own);
        let config = config.with(other, &format!("{other}\nskip_interstitial = true"));
        config.with(admin, &format!("{admin}\ncustom_pages = [\"Ask\"]"))
    })
    .await;
    let (secret, public) = key();
    let url = browser_url(&world.gateway.aud("App"), &public);
    let mut root = Client::through_proxy(&world.gateway);
    let question = root.sign_in(&url, ROOT).await;
    assert!(question.body.contains("Sign in a command line?") && question.body.contains(ROOT), "{}", question.body);
    let denied = root.get(answer_of(&question, "denied=").as_str()).await;
    assert!(denied.body.contains("The command line was not signed in"), "{}", denied.body);

    // A yes is for this person, this command line and a few minutes.
    let mut alice = Client::through_proxy(&world.gateway);
    let hers = answer_of(&alice.sign_in(&url, ALICE).await, "approved=");
    let elsewhere = root.get(hers.as_str()).await;
    assert!(elsewhere.body.contains("Sign in a command line?"), "somebody else's yes: {}", elsewhere.body);
    let key_of_another = URL_SAFE.encode(SecretKey::from([8; 32]).public_key().as_bytes());
    let mut bent = hers.clone();
    let pairs: Vec<(String, String)> = hers.query_pairs().into_owned().collect();
    bent.query_pairs_mut()
        .clear()
        .extend_pairs(pairs.iter().map(|(name, value)| (name, if name == "token" { &key_of_another } else { value })));
    let asked = alice.get(bent.as_str()).await;
    assert!(asked.body.contains("Sign in a command line?"), "another command line: {}", asked.body);
    assert!(alice.get(hers.as_str()).await.body.contains("is signed in now"));
    let transfer = format!("https://login.cloudflareaccess.org/transfer/{public}");
    assert!(opened(&ask(&world, Method::GET, &transfer, &[]).await, &secret)["app_token"].is_string());
    world.gateway.control("PUT", "/clock", json!({ "advance": "301s" })).await;
    assert!(alice.get(hers.as_str()).await.body.contains("Sign in a command line?"), "too late");

    let skips = browser_url(&world.gateway.aud("Other"), &public).replace(APP, OTHER);
    assert!(alice.open(&skips).await.body.contains("is signed in now"), "an application may not ask");
    let admin = browser_url(&world.gateway.aud("Admin"), &public);
    let own = root.open(&admin).await;
    assert!(own.body.contains(&format!("<h1>Admin for {ROOT}?</h1>")), "{}", own.body);
    assert!(own.header("content-security-policy").unwrap().starts_with("sandbox "));
    assert!(root.get(answer_of(&own, "approved=").as_str()).await.body.contains("is signed in now"));
}
