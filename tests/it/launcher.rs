//! The App Launcher: what somebody finds on the team domain.

use serde_json::json;

use crate::support::access_log::sign_ins;
use crate::support::client::{Client, Reply};
use crate::support::config::{ALICE, APP, MALLORY, OTHER, ROOT, app, route};
use crate::support::html;
use crate::support::world::World;

/// The launcher, for everybody at `corp.test`; and links beside the standard applications.
const LAUNCHER: &str = r#"
[[app]]
name = "Apps of Acme"
type = "app_launcher"
policies = [{ name = "Corp", decision = "allow", include = [{ email_domain = { domain = "corp.test" } }] }]

[[app]]
name = "Mail"
type = "bookmark"
domain = "https://mail.example.com/inbox"
tags = ["everyday"]

[[app]]
name = "Payroll"
type = "bookmark"
domain = "pay.example.com"
policies = [{ name = "Root", decision = "allow", include = [{ email = { email = "root@corp.test" } }] }]
"#;

async fn world() -> World {
    let everyday = "domain = \"other.localhost\"";
    World::with(|config| {
        let hidden = app("Hidden", "hidden.localhost", EVERYBODY) + "app_launcher_visible = false\n";
        let wild = app("Wild", "*.wild.localhost", EVERYBODY);
        let routes = ["hidden.localhost", "*.wild.localhost"].map(|host| route(host, "http://127.0.0.1:9")).concat();
        config
            .with(everyday, &format!("{everyday}\ntags = [\"everyday\"]"))
            .and(LAUNCHER)
            .and(&hidden)
            .and(&wild)
            .and(&routes)
    })
    .await
}

const EVERYBODY: &str = "policies = [{ name = \"All\", decision = \"allow\", include = [{ everyone = {} }] }]";

fn front(world: &World) -> String {
    format!("{}/", world.gateway.team_url())
}

/// Where the tiles of the page lead.
fn tiles(page: &Reply) -> Vec<String> {
    assert_eq!(page.status, 200, "{}", page.body);
    let list = page.body.split("id=\"tiles\"").nth(1).unwrap_or_default();
    html::links(list.split("</ul>").next().unwrap_or_default())
}

#[tokio::test]
async fn row_092_row_094_row_095_somebody_finds_what_they_may_open_and_nothing_else() {
    let world = world().await;
    let (app, public) = (world.app("/"), world.app("/public"));
    let (admin, other) = (world.app("/admin"), world.gateway.at(OTHER, "/"));
    let mut alice = world.stranger();
    let page = alice.sign_in(&front(&world), ALICE).await;
    assert_eq!(page.url.as_str(), front(&world), "she is where she wanted to go");
    let told = sign_ins(&world.gateway).await;
    assert_eq!((told.len(), told[0].allowed, told[0].email.as_str()), (1, true, ALICE), "it is a sign-in like any");
    let mail = "https://mail.example.com/inbox".to_owned();
    assert_eq!(tiles(&page), [app.clone(), mail.clone(), other.clone(), public.clone()], "by their names");
    assert!(page.body.contains(ALICE), "{}", page.body);

    let mut root = world.stranger();
    let pay = "https://pay.example.com".to_owned();
    let page = root.sign_in(&front(&world), ROOT).await;
    assert_eq!(tiles(&page), [admin, app.clone(), mail.clone(), other.clone(), pay, public]);

    // A tile is a way in, without another sign-in; what has none can be entered all the same.
    let before = alice.history.len();
    assert_eq!(alice.open(&app).await.status, 200);
    assert!(alice.history[before..].iter().all(|url| !url.path().contains("/idp/")), "{:?}", alice.history);
    let hidden = alice.open(&world.gateway.at("hidden.localhost", "/")).await;
    assert_eq!(hidden.status, 502, "she may enter what is not shown, and no route leads on");

    let tagged = alice.get(&format!("{}?tag=everyday", front(&world))).await;
    assert_eq!(tiles(&tagged), [mail, other]);
    let unknown = alice.get(&format!("{}?tag=none", front(&world))).await;
    assert_eq!(tiles(&unknown).len(), 4, "a tag that nothing has shortens nothing");
}

#[tokio::test]
async fn row_092_whom_the_launchers_policies_refuse_gets_no_list() {
    let world = world().await;
    let stranger = world.stranger().get(&front(&world)).await;
    assert_eq!((stranger.status, stranger.location().path().starts_with("/cdn-cgi/access/login/")), (302, true));
    let mut mallory = world.stranger();
    let denied = mallory.sign_in(&front(&world), MALLORY).await;
    assert!(denied.body.contains("That account does not have access"), "{}", denied.body);
    assert!(!denied.body.contains("mail.example.com"));
    assert_eq!(mallory.jar.value(&world.gateway.team_host(), "CF_Authorization"), None);
    // Somebody who is signed in to something else is refused here alike.
    let org = world.gateway.token(json!({ "email": MALLORY, "kind": "org" })).await;
    let mut mallory = Client::holding(&world.gateway, &world.gateway.team_host(), &org);
    let denied = mallory.open(&front(&world)).await;
    assert!(denied.body.contains("That account does not have access"), "{}", denied.body);
    // What signs somebody in to the list opens no application.
    let kid = stranger.location().query_pairs().find(|(name, _)| name == "kid").unwrap().1.into_owned();
    let elsewhere = format!("{}/cdn-cgi/access/login/{APP}?kid={kid}&redirect_url=%2F", world.gateway.team_url());
    let reply = world.stranger().get(&elsewhere).await;
    assert_eq!(reply.status, 404, "the list is on the team domain alone");
}

#[tokio::test]
async fn row_092_there_is_no_launcher_until_one_has_a_policy_for_people() {
    let world = World::start().await;
    let page = world.stranger().get(&front(&world)).await;
    assert!(page.status == 200 && page.body.contains("You are not signed in"), "{}", page.body);
    let account = world.gateway.ready["account_id"].as_str().unwrap();
    let path = format!("/client/v4/accounts/{account}/access/apps");
    let launcher = |policies: serde_json::Value| json!({ "name": "L", "type": "app_launcher", "policies": policies });
    let (status, made) = world.gateway.admin_call("POST", &path, Some(launcher(json!([])))).await;
    assert_eq!(status, 201, "{made}");
    let mut alice = world.signed_in(ALICE).await;
    assert_eq!(alice.get(&front(&world)).await.status, 200);
    assert!(!alice.get(&front(&world)).await.body.contains(&world.app("/")), "nobody is shown anything");
    let one = format!("{path}/{}", made["result"]["id"].as_str().unwrap());
    let bypass = json!([{ "name": "B", "decision": "bypass", "include": [{ "everyone": {} }] }]);
    let (status, answer) = world.gateway.admin_call("PUT", &one, Some(launcher(bypass))).await;
    assert_eq!(status, 200, "{answer}");
    assert!(!world.stranger().open(&front(&world)).await.body.contains(&world.app("/")), "a list is somebody's");
    let all = json!([{ "name": "All", "decision": "allow", "include": [{ "everyone": {} }] }]);
    let (status, answer) = world.gateway.admin_call("PUT", &one, Some(launcher(all.clone()))).await;
    assert_eq!(status, 200, "{answer}");
    assert!(tiles(&alice.get(&front(&world)).await).contains(&world.app("/")));
    let (status, refusal) = world.gateway.admin_call("POST", &path, Some(launcher(all))).await;
    assert_eq!(status, 400, "there is one: {refusal}");
}

#[tokio::test]
async fn row_093_the_launcher_wears_its_own_colours_and_links() {
    let design = "type = \"app_launcher\"\nbg_color = \"#102a43\"\napp_launcher_logo_url = \"https://example.com/l.png\"\n\
                  footer_links = [{ name = \"Help & more\", url = \"https://help.example.com/\" }]";
    let world = World::with(|config| config.and(&LAUNCHER.replace("type = \"app_launcher\"", design))).await;
    let page = world.stranger().sign_in(&front(&world), ALICE).await;
    assert_eq!(page.status, 200, "{}", page.body);
    for text in
        ["--ground:#102a43", "https://example.com/l.png", "href=\"https://help.example.com/\"", "Help &#38; more"]
    {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    let policy = page.header("content-security-policy").unwrap();
    assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"), "{policy}");
}

#[tokio::test]
async fn row_093_whoever_is_not_signed_in_is_greeted_unless_that_is_skipped() {
    let design = "type = \"app_launcher\"\nheader_bg_color = \"#ffcc00\"\n\
                  landing_page_design = { title = \"Hello\", message = \"Sign in with <your> account.\", \
                  image_url = \"https://example.com/i.png\", button_color = \"#0055cc\" }";
    let world = World::with(|config| config.and(&LAUNCHER.replace("type = \"app_launcher\"", design))).await;
    let page = world.stranger().get(&front(&world)).await;
    assert_eq!(page.status, 200, "{}", page.body);
    for text in ["Hello", "&#60;your&#62;", "https://example.com/i.png", "background:#0055cc", "background:#ffcc00"] {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    let way = html::links(&page.body).into_iter().find(|link| link.contains("/cdn-cgi/access/login/")).unwrap();
    let mut alice = world.stranger();
    let list = alice.sign_in(&format!("{}{way}", world.gateway.team_url()), ALICE).await;
    assert!(tiles(&list).contains(&world.app("/")), "the greeting leads to the list: {}", list.url);
    assert!(list.body.contains(".bar{background:#ffcc00"), "the list has the colour, too");

    let skipping =
        design.replace("title =", "button_text_color = \"#ffffff\", title =") + "\nskip_app_launcher_login_page = true";
    let world = World::with(|config| config.and(&LAUNCHER.replace("type = \"app_launcher\"", &skipping))).await;
    let sent = world.stranger().get(&front(&world)).await;
    assert!(sent.sends_to_sign_in(), "{}", sent.status);
}

#[tokio::test]
async fn what_somebody_entered_last_is_first_in_their_list_alone() {
    let world = world().await;
    let (app, other) = (world.app("/"), world.gateway.at(OTHER, "/"));
    let first = |page: &Reply| tiles(page)[0].clone();
    let mut alice = world.signed_in(ALICE).await;
    world.gateway.control("PUT", "/clock", json!({ "advance": "1m" })).await;
    alice.open(&other).await;
    assert_eq!(first(&alice.get(&front(&world)).await), other);
    let mut root = world.signed_in(ROOT).await;
    assert_eq!(first(&root.open(&front(&world)).await), app, "hers is no business of his");
}
