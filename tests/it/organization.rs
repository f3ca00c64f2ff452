//! What the organisation decides for all its applications, and what clients learn before anybody signs in.

use reqwest::Method;
use serde_json::json;

use crate::support::client::Client;
use crate::support::config::{ALICE, APP, MALLORY, route};
use crate::support::html;
use crate::support::origin::Origin;
use crate::support::token::claims;
use crate::support::world::World;

/// The standard topology with these lines under `[team]`.
async fn with(lines: &str, tables: &str) -> World {
    let domain = "domain = \"acme.cloudflareaccess.com\"";
    World::with(|config| config.with(domain, &format!("{domain}\n{lines}")).and(tables)).await
}

async fn beside_an_open_host(lines: &str) -> (World, Origin) {
    let open = Origin::start().await;
    let routes = ["a.open.localhost", "closed.localhost"].map(|host| route(host, &open.url())).concat();
    (with(lines, &routes).await, open)
}

#[tokio::test]
async fn a_host_of_no_application_is_refused_unless_the_organisation_lets_it_pass() {
    for (lines, open_passes, closed_passes) in [
        ("", false, false),
        ("deny_unmatched_requests = false", true, true),
        ("deny_unmatched_requests_exempted_zone_names = [\"open.localhost\"]", true, false),
    ] {
        let (world, open) = beside_an_open_host(lines).await;
        for (host, passes) in [("a.open.localhost", open_passes), ("closed.localhost", closed_passes)] {
            open.forget();
            let spoofed = [("Cf-Access-Jwt-Assertion", "x"), ("Cf-Access-Client-Secret", "s")];
            let url = world.gateway.at(host, "/page;v=1?x=2");
            let reply = world.stranger().request(Method::GET, &url, &spoofed, None).await;
            assert_eq!(reply.status, if passes { 200 } else { 404 }, "{lines}: {host}");
            if passes {
                assert_eq!(open.only().access_fields(), [] as [&str; 0], "nobody is told of anybody");
            } else {
                open.assert_untouched(host);
            }
            open.forget();
            let ours = world.stranger().get(&world.gateway.at(host, "/cdn-cgi/access/get-identity")).await;
            assert_eq!(ours.status, 404, "what is ours is never an origin's");
            open.assert_untouched("a path of ours");
        }
        let protected = world.stranger().get(&world.app("/")).await;
        world.assert_asked_to_sign_in(&protected, "App", "an application");
    }
}

#[tokio::test]
async fn a_token_for_an_application_is_told_to_no_host_of_nobody() {
    let (world, open) = beside_an_open_host("deny_unmatched_requests = false").await;
    let token = world.token(ALICE, "App").await;
    let reply = Client::holding(&world.gateway, "closed.localhost", &token)
        .get(&world.gateway.at("closed.localhost", "/"))
        .await;
    assert_eq!(reply.status, 200);
    assert_eq!(open.only().head.field("cookie"), None);
}

#[tokio::test]
async fn the_sign_in_page_wears_the_organisations_colours_as_far_as_they_can_be_read() {
    let design = "login_design = { background_color = \"#102a43\", text_color = \"#f0f4f8\", header_text = \"Acme & Sons\", \
                  footer_text = \"Ask <IT>\", logo_path = \"https://example.com/logo.png\" }";
    let world = with(design, "").await;
    let page = world.stranger().open(&world.app("/")).await;
    assert_eq!((page.status, page.title()), (200, "Sign in ・ Cloudflare Access"));
    for text in ["--ground:#102a43", "--text:#f0f4f8", "https://example.com/logo.png"] {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    assert!(!page.body.contains("Ask <IT>") && !page.body.contains("Acme & Sons"), "words are text: {}", page.body);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
}

#[tokio::test]
async fn the_organisation_may_send_everybody_straight_to_the_one_provider() {
    let world = with("auto_redirect_to_identity = true", "").await;
    let page = world.stranger().open(&world.app("/")).await;
    assert!(page.url.path().starts_with("/cdn-cgi/doorward/idp"), "{}", page.url);
}

const PAGES: &str = r#"
[[custom_page]]
name = "Denied"
type = "identity_denied"
contract_version = 1
custom_html = "<!doctype html><title>Own</title><p id=own>{{ app_name }} says no to {{ email }}: {{ message }}</p><a href=\"{{ other_account_url }}\">other</a>"

[[custom_page]]
name = "Never"
type = "forbidden"
custom_html = "<!doctype html><p id=never>{{ app_name }}</p><script>document.title = 'ran'</script>"

[[custom_page]]
name = "Door"
type = "login"
contract_version = 1
custom_html = "<!doctype html><h1>Enter {{ app_name }}</h1>{{ login_options }}"
"#;

async fn with_pages() -> World {
    let first = "session_duration = \"24h\"";
    let lines = format!("{first}\ncustom_pages = [\"Denied\", \"Door\"]\ncustom_deny_message = \"<b>sorry</b>\"");
    let domain = "domain = \"acme.cloudflareaccess.com\"";
    let team = format!("{domain}\ncustom_pages = {{ forbidden = \"Never\" }}");
    World::with(|config| config.with(domain, &team).with(first, &lines).and(PAGES)).await
}

#[tokio::test]
async fn an_applications_own_pages_come_before_the_organisations_and_ours() {
    let world = with_pages().await;
    let mut browser = world.stranger();
    let page = browser.open(&world.app("/")).await;
    assert!(page.status == 200 && page.body.contains("<h1>Enter App</h1>"), "{}", page.body);
    let choice = html::links(&page.body).into_iter().find(|link| link.contains("idp=")).expect("a provider");
    let people = browser.open(page.url.join(&choice).unwrap().as_str()).await;
    let answer = browser.pick(&people, MALLORY).await;
    let denied = browser.follow(answer).await;
    assert_eq!(denied.status, 403);
    assert!(denied.body.contains(&format!("App says no to {MALLORY}: &lt;b&gt;sorry")), "{}", denied.body);
    let other = html::links(&denied.body).into_iter().next().expect("a way to another account");
    assert_eq!(browser.open(denied.url.join(&other).unwrap().as_str()).await.status, 200);

    let token = world.token(MALLORY, "App").await;
    let mut mallory = Client::holding(&world.gateway, APP, &token);
    let denied = mallory.get(&world.app("/")).await;
    assert!(denied.status == 403 && denied.body.contains("id=own"), "{}", denied.body);
    let json = mallory.request(Method::GET, &world.app("/"), &[("Accept", "application/json")], None).await;
    assert_eq!((json.status, &json.json()["status_code"]), (403, &json!(403)), "programs get JSON");

    let forbidden = world.stranger().get(&world.gateway.at("api.localhost", "/")).await;
    assert_eq!(forbidden.status, 403);
    assert!(forbidden.body.contains("<p id=never>{{ app_name }}</p>"), "it is shown as it is: {}", forbidden.body);
    world.origin.assert_untouched("everybody who is refused");
}

#[tokio::test]
async fn p_10_nothing_runs_in_a_page_of_the_operators_own() {
    let world = with_pages().await;
    let url = world.gateway.at("api.localhost", "/");
    let reply = world.stranger().get(&url).await;
    let policy = reply.header("content-security-policy").unwrap();
    assert!(
        policy.contains("default-src 'none'") && policy.starts_with("sandbox ") && !policy.contains("script"),
        "{policy}"
    );
    let browser = crate::support::browser::Browser::start().await;
    browser.open(&url).await;
    assert_eq!(browser.text().await, "{{ app_name }}");
    assert_ne!(browser.title().await, "ran");
    browser.close().await;
}

#[tokio::test]
async fn command_line_clients_learn_which_application_answers_before_any_policy() {
    let world = World::start().await;
    let ask = [("cf-access-metadata-request", "true"), ("User-Agent", "cloudflared/2026.8.0")];
    let metadata = async |url: String| {
        let reply = world.stranger().request(Method::HEAD, &url, &ask, None).await;
        assert_eq!(reply.status, 200, "{url}");
        claims(reply.header("cf-access-metadata").expect("a signed word"))
    };
    let app = metadata(world.app("/wiki")).await;
    for (claim, value) in [
        ("type", json!("match")),
        ("hostname", json!(APP)),
        ("auth_domain", json!("acme.cloudflareaccess.com")),
        ("aud", json!(world.gateway.aud("App"))),
        ("app_hostname", json!(APP)),
    ] {
        assert_eq!(app[claim], value, "{claim} of {app}");
    }
    assert!(app["iat"].is_i64());
    assert_eq!(metadata(world.app("/admin")).await["aud"], json!(world.gateway.aud("Admin")));
    assert_eq!(metadata(world.app("/public/x")).await["type"], "match", "before any policy");
    let nobody = world.stranger().request(Method::HEAD, &world.gateway.at("nobody.localhost", "/"), &ask, None).await;
    assert_eq!((nobody.status, nobody.header("cf-access-metadata")), (404, None));
    world.origin.assert_untouched("questions of cloudflared");

    let reply = world.stranger().request(Method::HEAD, &world.app("/"), &ask, None).await;
    let word = reply.header("cf-access-metadata").unwrap().to_owned();
    let with_it = world.raw_get("/", &[&format!("Cookie: CF_Authorization={word}")]).await;
    world.assert_sent_to_sign_in(with_it.status(), with_it.head.field("location"), "App", "K-12: it is no token");
}

#[tokio::test]
async fn how_a_resource_is_protected_is_there_for_everybody() {
    let world = World::start().await;
    let well_known = "/.well-known/cloudflare-access-protected-resource";
    let challenge = world.stranger().get(&world.app("/wiki/Home")).await;
    let named = challenge.header("www-authenticate").unwrap().split('"').nth(1).unwrap().to_owned();
    assert_eq!(named, world.app(&format!("{well_known}/wiki/Home")));
    for (path, resource) in [(String::new(), ""), ("/wiki/Home".to_owned(), "/wiki/Home")] {
        let reply = world.stranger().get(&world.app(&format!("{well_known}{path}"))).await;
        assert_eq!(reply.status, 200);
        assert_eq!(
            reply.json(),
            json!({
                "resource": world.app(resource), "protected": true, "team_domain": "acme.cloudflareaccess.com",
                "authorization_servers": [world.gateway.team_url()],
                "authentication_methods": [{ "name": "cloudflared" }],
            })
        );
    }
    let longer = world.stranger().get(&world.app(&format!("{well_known}-of-mine"))).await;
    world.assert_asked_to_sign_in(&longer, "App", "another path");
    let nobody = world.stranger().get(&world.gateway.at("nobody.localhost", well_known)).await;
    assert_eq!(nobody.status, 404);
    world.origin.assert_untouched("questions about resources");
}
