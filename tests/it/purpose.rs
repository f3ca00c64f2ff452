//! Policies that ask people what for, each time that they enter.

use reqwest::Method;
use serde_json::json;

use crate::support::access_log::{self, Line};
use crate::support::client::{Client, Reply};
use crate::support::config::{ALICE, APP, Config, MALLORY, OTHER, ROOT, app};
use crate::support::gateway::run;
use crate::support::html;
use crate::support::origin::Origin;
use crate::support::world::World;

const CORP: &str = r#"policies = [{ name = "Corp", decision = "allow", include = [{ email_domain = { domain = "corp.test" } }] }]
"#;

/// The policy of `App` and of `Other`, with this question.
fn asking(question: &str) -> String {
    let fields = format!(
        "purpose_justification_required = true, purpose_justification_prompt = \"{question}\", session_duration = \"1h\""
    );
    CORP.replace("include", &format!("{fields}, include"))
}

async fn world() -> World {
    World::with(|config| config.with(CORP, &asking("Which ticket?"))).await
}

/// A browser at the question, after its sign-in.
async fn asked(world: &World, email: &str) -> (Client, Reply) {
    let mut browser = world.stranger();
    let page = browser.sign_in(&world.app("/deep?x=1"), email).await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.body.contains("Which ticket?"), "{email} is asked: {}", page.body);
    (browser, page)
}

async fn answer(browser: &mut Client, page: &Reply, text: &str) -> Reply {
    let forms = html::forms(&page.body);
    browser.submit(page, &forms[0], &[("purpose", text)]).await
}

async fn advance(world: &World, by: &str) {
    world.gateway.control("PUT", "/clock", json!({ "advance": by })).await;
}

/// Takes this configuration over.
async fn reload(world: &World, config: &Config) {
    world.gateway.rewrite(config);
    world.gateway.signal("HUP");
    world.gateway.logs("was reloaded").await;
}

#[tokio::test]
async fn a_person_says_what_for_before_they_enter_and_the_log_keeps_both() {
    let world = world().await;
    let (mut alice, page) = asked(&world, ALICE).await;
    world.origin.assert_untouched("somebody who is asked");
    assert!(alice.jar.value(APP, "CF_Authorization").is_none(), "there is no token before the answer");
    let reply = answer(&mut alice, &page, "  OPS-7:\r\nlook at \u{7}the <b>logs</b>  ").await;
    let reply = alice.follow(reply).await;
    assert_eq!((reply.status, reply.url.as_str()), (200, world.app("/deep?x=1").as_str()));
    let mut lines = access_log::sign_ins(&world.gateway).await;
    let session = lines[0].detail.as_object_mut().unwrap().remove("session");
    assert!(session.is_some_and(|nonce| nonce.is_string()), "the line names the sign-in behind it");
    let detail = json!({ "policy": "Corp", "rule": "include[0] email_domain corp.test",
        "purpose_justification_prompt": "Which ticket?",
        "purpose_justification_response": "OPS-7:\nlook at the <b>logs</b>" });
    assert_eq!(lines, [Line { email: ALICE.into(), allowed: true, detail }]);
    assert_eq!(alice.get(&world.app("/more")).await.status, 200, "once in, nobody asks again");
}

#[tokio::test]
async fn every_new_session_of_an_application_asks_again() {
    let asking = format!("{}refresh = \"edge\"\n", asking("Which ticket?"));
    let world = World::with(|config| config.with(CORP, &asking)).await;
    let (mut alice, page) = asked(&world, ALICE).await;
    let reply = answer(&mut alice, &page, "OPS-7").await;
    let old = alice.follow(reply).await;
    assert_eq!(old.status, 200);
    let elsewhere = alice.open(&world.gateway.at(OTHER, "/")).await;
    assert!(elsewhere.body.contains("Which ticket?"), "another application is another entry: {}", elsewhere.body);

    for after in ["57m", "4m"] {
        advance(&world, after).await;
        world.origin.forget();
        let script = [("X-Requested-With", "XMLHttpRequest")];
        let reply = alice.request(Method::GET, &world.app("/data"), &script, None).await;
        assert!(reply.cookie("CF_Authorization").is_none(), "the edge renews nothing, {after} later");
        assert_eq!(reply.status, if after == "57m" { 200 } else { 401 });
    }
    let page = alice.open(&world.app("/")).await;
    assert!(page.body.contains("Which ticket?"), "the organisation session is not enough: {}", page.body);
    let reply = answer(&mut alice, &page, "OPS-8").await;
    assert_eq!(alice.follow(reply).await.status, 200);
    let lines = access_log::sign_ins(&world.gateway).await;
    let answers: Vec<_> = lines.iter().map(|line| &line.detail["purpose_justification_response"]).collect();
    assert_eq!(answers, ["OPS-7", "OPS-8"]);
}

#[tokio::test]
async fn an_answer_says_something_and_is_no_novel() {
    let world = world().await;
    let (mut alice, page) = asked(&world, ALICE).await;
    let long = "x".repeat(1001);
    for (text, why) in [("", "Please write"), (" \r\n\t", "Please write"), (long.as_str(), "1001 characters")] {
        let again = answer(&mut alice, &page, text).await;
        assert_eq!(again.status, 422, "{}", again.body);
        assert!(again.body.contains(why), "{why}: {}", again.body);
    }
    let huge = answer(&mut alice, &page, &"x".repeat(40_000)).await;
    assert_eq!(huge.status, 413, "more than a form holds is not read");
    world.origin.assert_untouched("somebody who did not answer");
    let reply = answer(&mut alice, &page, &"ü".repeat(1000)).await;
    assert_eq!(alice.follow(reply).await.status, 200, "the same page can be answered after all");
}

#[tokio::test]
async fn i_02_an_answer_counts_once_and_in_the_browser_that_was_asked() {
    let world = world().await;
    let (mut alice, page) = asked(&world, ALICE).await;
    let (mut root, _) = asked(&world, ROOT).await;
    for (browser, who) in [(&mut root, "another person"), (&mut world.stranger(), "nobody")] {
        let stolen = answer(browser, &page, "OPS-7").await;
        assert_eq!(stolen.status, 400, "{who}: {}", stolen.body);
        assert!(!browser.open(page.url.as_str()).await.body.contains("Which ticket?"), "{who} does not see it either");
    }
    let body = |page: &Reply| {
        let asking = html::forms(&page.body)[0].field("asking").unwrap().to_owned();
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("asking", asking.as_str()), ("purpose", "OPS-7")])
            .finish()
    };
    let action = page.url.join("/cdn-cgi/access/purpose").unwrap();
    for foreign in [("Origin", "https://evil.test"), ("Sec-Fetch-Site", "cross-site"), ("Origin", "null")] {
        let headers = [("Content-Type", "application/x-www-form-urlencoded"), foreign];
        let reply = alice.request(Method::POST, action.as_str(), &headers, Some(body(&page))).await;
        assert_eq!(reply.status, 400, "{foreign:?}");
    }
    let tampered = Reply { body: page.body.replace("value=\"v1.", "value=\"v1.A"), ..page.clone() };
    assert_eq!(answer(&mut alice, &tampered, "OPS-7").await.status, 400);
    let reply = answer(&mut alice, &page, "OPS-7").await;
    assert_eq!(alice.clone().follow(reply).await.status, 200);
    assert_eq!(answer(&mut alice, &page, "OPS-7").await.status, 400, "an answer works once");
}

#[tokio::test]
async fn an_answer_comes_within_ten_minutes() {
    let world = world().await;
    let (mut alice, page) = asked(&world, ALICE).await;
    advance(&world, "601s").await;
    let late = answer(&mut alice, &page, "OPS-7").await;
    assert_eq!(late.status, 400);
    assert!(late.body.contains(&format!("href=\"{}", world.app("/deep"))), "there is a way back: {}", late.body);
    world.origin.assert_untouched("a late answer");
}

#[tokio::test]
async fn g_10_whoever_was_revoked_meanwhile_answers_in_vain() {
    let world = world().await;
    let (mut alice, page) = asked(&world, ALICE).await;
    world.gateway.control("POST", "/revocations", json!({ "email": ALICE })).await;
    assert_eq!(answer(&mut alice, &page, "OPS-7").await.status, 400);
    world.origin.assert_untouched("somebody who was revoked");
}

#[tokio::test]
async fn j_11_a_policy_that_begins_to_ask_is_answered_by_everybody_who_is_in() {
    let world = World::start().await;
    let mut alice = world.signed_in(ALICE).await;
    let token = world.token(ROOT, "App").await;
    let mut root = Client::holding(&world.gateway, APP, &token);
    assert_eq!(root.get(&world.app("/")).await.status, 200);
    // Bob's sign-in is left for the application's host before the policy asks.
    let mut under_way = world.stranger();
    let page = under_way.reach_provider(&world.app("/")).await;
    let callback = under_way.pick(&page, ALICE).await.location();
    let handoff = under_way.get(callback.as_str()).await.location();
    assert_eq!(handoff.path(), "/cdn-cgi/access/authorized");
    world.origin.forget();

    reload(&world, &Config::standard(&world.origin).with(CORP, &asking("Which ticket?"))).await;
    for browser in [&mut alice, &mut root] {
        let reply = browser.get(&world.app("/")).await;
        world.assert_asked_to_sign_in(&reply, "App", "a token that was made before the policy asked");
    }
    let reply = under_way.open(handoff.as_str()).await;
    assert!(reply.body.contains("Which ticket?"), "a hand-over without an answer is none: {}", reply.body);
    world.origin.assert_untouched("a hand-over without an answer");
    let page = alice.open(&world.app("/")).await;
    let reply = answer(&mut alice, &page, "OPS-7").await;
    assert_eq!(alice.follow(reply).await.status, 200);
}

#[tokio::test]
async fn an_answer_is_to_the_words_that_were_read() {
    let world = world().await;
    let (mut alice, page) = asked(&world, ALICE).await;
    reload(&world, &Config::standard(&world.origin).with(CORP, &asking("Which customer?"))).await;
    let again = answer(&mut alice, &page, "OPS-7").await;
    assert!(again.body.contains("Which customer?") && again.body.contains("has changed"), "{}", again.body);
    assert!(again.body.contains("OPS-7</textarea>"), "what was typed is kept: {}", again.body);
    let reply = answer(&mut alice, &again, "Initech").await;
    assert_eq!(alice.follow(reply).await.status, 200);
    let lines = access_log::sign_ins(&world.gateway).await;
    assert_eq!(lines[0].detail["purpose_justification_prompt"], "Which customer?");
}

#[tokio::test]
async fn a_policy_that_stops_asking_or_letting_in_is_heard_at_the_answer() {
    let world = world().await;
    let (mut alice, page) = asked(&world, ALICE).await;
    let shut = Config::standard(&world.origin).with("corp.test\" }", "elsewhere.test\" }");
    reload(&world, &shut).await;
    let refused = answer(&mut alice, &page, "OPS-7").await;
    assert!(refused.body.contains("That account does not have access"), "{}", refused.body);
    world.origin.assert_untouched("somebody who may not enter any more");
    world.gateway.rewrite(&Config::standard(&world.origin));
    world.gateway.signal("HUP");
    let in_force = async || {
        let reply = answer(&mut alice.clone(), &page, "OPS-7").await;
        (reply.status == 302).then(|| reply.location())
    };
    let on = crate::support::deadline::eventually("nobody asks any more", in_force).await;
    assert_eq!(alice.open(on.as_str()).await.status, 200);
}

#[tokio::test]
async fn h_07_one_answer_is_for_all_hosts_of_an_application_and_for_one_person() {
    let hosts = "self_hosted_domains = [\"wiki.localhost\", \"docs.localhost\"]\n";
    let lines = format!("{hosts}{}", asking("Which ticket?"));
    let world = World::with(|config| {
        let route = |host| crate::support::config::route(host, "http://127.0.0.1:9");
        config.and(&app("Wiki", "wiki.localhost", &lines)).and(&route("wiki.localhost")).and(&route("docs.localhost"))
    })
    .await;
    let mut alice = world.stranger();
    let page = alice.sign_in(&world.gateway.at("wiki.localhost", "/"), ALICE).await;
    let mut reply = answer(&mut alice, &page, "OPS-7").await;
    let mut way = Vec::new();
    while reply.is_redirect() {
        way.push(reply.location());
        reply = alice.get(way.last().unwrap().as_str()).await;
    }
    for host in ["wiki.localhost", "docs.localhost"] {
        assert!(alice.jar.value(host, "CF_Authorization").is_some(), "{host} has its cookie: {way:#?}");
    }
    let chain =
        way.iter().find(|url| url.host_str() == Some("docs.localhost") && url.query().unwrap_or("").contains("chain="));
    let mut root = world.stranger();
    let page = root.sign_in(&world.app("/"), ROOT).await;
    assert_eq!(page.status, 200);
    let led = root.open(chain.unwrap().as_str()).await;
    assert!(
        root.jar.value("docs.localhost", "CF_Authorization").is_none(),
        "somebody else's answer is none: {}",
        led.url
    );
}

#[tokio::test]
async fn somebody_whom_no_policy_lets_in_is_asked_nothing() {
    let world = world().await;
    let mut mallory = world.stranger();
    let reply = mallory.sign_in(&world.app("/"), MALLORY).await;
    assert!(reply.body.contains("That account does not have access"), "{}", reply.body);
    assert!(!reply.body.contains("Which ticket?"));
}

#[tokio::test]
async fn what_a_person_typed_never_becomes_markup() {
    let hostile = "<script>alert(1)</script>";
    let world = World::with(|config| config.with(CORP, &asking(hostile))).await;
    let mut alice = world.stranger();
    let page = alice.sign_in(&world.app("/"), ALICE).await;
    let again = answer(&mut alice, &page, &format!("</textarea>{hostile}{}", "x".repeat(1000))).await;
    assert_eq!(again.status, 422);
    assert!(!page.body.contains(hostile) && !again.body.contains(hostile), "{}", again.body);
    let policy = again.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'") && policy.contains("form-action 'self'"), "{policy}");
}

#[tokio::test]
async fn a_test_needs_no_words_for_a_token() {
    let world = world().await;
    let token = world.token(ALICE, "App").await;
    let mut alice = Client::holding(&world.gateway, APP, &token);
    assert_eq!(alice.get(&world.app("/")).await.status, 200);
    let other = world.gateway.token(json!({ "app": "App", "email": ALICE, "claims": { "iat": 1 } })).await;
    assert_ne!(other, token);
}

#[tokio::test]
async fn a_file_that_asks_in_a_way_nobody_could_answer_says_where() {
    let origin = Origin::start().await;
    for (fields, wanted) in [
        ("isolation_required = true", "isolation_required needs Cloudflare's remote browsers"),
        ("mfa_config = { allowed_authenticators = [\"totp\"] }", "mfa_config: this version asks for no second factor"),
        ("purpose_justification_required = \"yes\"", "purpose_justification_required must be true or false"),
    ] {
        let policy = CORP.replace("include", &format!("{fields}, include"));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("doorward.toml");
        std::fs::write(&path, Config::standard(&origin).with(CORP, &policy).text(folder.path())).unwrap();
        let (code, _, told) = run(&["check", "--config", path.to_str().unwrap()]).await;
        assert_eq!(code, 2, "{fields}: {told}");
        assert!(told.contains(wanted), "{fields}: {told}");
    }
    let bypass = r#"policies = [{ name = "P", decision = "bypass", include = [{ everyone = {} }], purpose_justification_required = true }]"#;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("doorward.toml");
    let config = Config::standard(&origin).and(&app("Open", "open.localhost", bypass));
    std::fs::write(&path, config.text(folder.path())).unwrap();
    let (code, _, told) = run(&["check", "--config", path.to_str().unwrap()]).await;
    assert_eq!(code, 2);
    assert!(told.contains("only a policy that allows can ask people"), "{told}");
}

#[tokio::test]
async fn explain_says_that_a_policy_asks() {
    let world = world().await;
    let file = world.gateway.folder().join("doorward.toml");
    let url = format!("http://{APP}/");
    let (code, told, _) = run(&["explain", "--config", file.to_str().unwrap(), "--user", ALICE, &url]).await;
    assert_eq!(code, 0);
    assert!(told.starts_with("login: App, by policy \"Corp\""), "{told}");
    assert!(told.contains("lets them in once they have given what it asks for"), "{told}");
}
