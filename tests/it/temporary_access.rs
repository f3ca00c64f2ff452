//! Policies under which others have to approve each entry, for a while.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::access_log;
use crate::support::browser::Browser;
use crate::support::client::{Client, Reply};
use crate::support::config::{ALICE, APP, Config, MALLORY, ROOT};
use crate::support::gateway::{Gateway, run};
use crate::support::html;
use crate::support::origin::Origin;
use crate::support::postgres;
use crate::support::token;
use crate::support::world::World;

const EVE: &str = "eve@corp.test";
const LEAD: &str = "lead@corp.test";

const CORP: &str = r#"policies = [{ name = "Corp", decision = "allow", include = [{ email_domain = { domain = "corp.test" } }] }]
"#;
const ROOT_OR_EVE: &str = r#"{ approvals_needed = 1, email_addresses = ["Root@corp.test", "eve@corp.test"] }"#;

/// The standard topology, where these groups have to approve who enters `App`.
fn approved_by(config: Config, groups: &str) -> Config {
    let fields = format!(
        "purpose_justification_required = true, purpose_justification_prompt = \"Which ticket?\", \
         approval_required = true, approval_groups = [{groups}], session_duration = \"2h\""
    );
    let people = [EVE, LEAD].map(|email| format!("\n[[user]]\nemail = \"{email}\"\n")).concat();
    let list = format!("\n[[list]]\nname = \"Leads\"\ntype = \"EMAIL\"\nitems = [\"{LEAD}\"]\n");
    // The policies of `App` alone: those of `Other` have the same words.
    let asks = CORP.replace("include", &format!("{fields}, include"));
    config
        .with(&format!("session_duration = \"24h\"\n{CORP}"), &format!("session_duration = \"24h\"\n{asks}"))
        .and(&people)
        .and(&list)
}

async fn world() -> World {
    World::with(|config| approved_by(config, ROOT_OR_EVE)).await
}

/// Answers the question on this page; where that leads.
async fn ask(browser: &mut Client, page: &Reply, text: &str) -> Reply {
    let forms = html::forms(&page.body);
    let reply = browser.submit(page, &forms[0], &[("purpose", text)]).await;
    browser.follow(reply).await
}

/// A browser that has asked, and its page.
async fn asked(world: &World, email: &str) -> (Client, Reply) {
    let mut browser = world.stranger();
    let page = browser.sign_in(&world.app("/deep?x=1"), email).await;
    assert!(page.body.contains("Which ticket?"), "{}", page.body);
    let waiting = ask(&mut browser, &page, "OPS-7").await;
    assert!(waiting.body.contains("Waiting for approval"), "{}", waiting.body);
    world.origin.assert_untouched("somebody who waits");
    (browser, waiting)
}

async fn mail(gateway: &Gateway, to: &str) -> Vec<Value> {
    let mail = gateway.control("GET", &format!("/mail?to={to}"), json!({})).await;
    mail["mail"].as_array().unwrap().clone()
}

/// The link in the newest mail to this person.
async fn link(gateway: &Gateway, to: &str) -> String {
    let mail = mail(gateway, to).await;
    mail.last().unwrap_or_else(|| panic!("{to} has mail"))["links"][0].as_str().unwrap().to_owned()
}

/// Says this about a request, on its page.
async fn say(browser: &mut Client, page: &Reply, verdict: &str, minutes: &str) -> Reply {
    let forms = html::forms(&page.body);
    let form = forms.iter().find(|form| form.field("deciding").is_some());
    let form = form.unwrap_or_else(|| panic!("something to decide: {} {}", page.url, page.body));
    let reply = browser.submit(page, form, &[("minutes", minutes), ("verdict", verdict)]).await;
    browser.follow(reply).await
}

/// Follows a link, signs in and decides.
async fn decide(gateway: &Gateway, link: &str, who: &str, verdict: &str, minutes: &str) -> Reply {
    let mut browser = Client::new(gateway);
    let page = browser.sign_in(link, who).await;
    assert!(page.body.contains("asks for access to"), "{who}: {}", page.body);
    say(&mut browser, &page, verdict, minutes).await
}

async fn advance(world: &World, by: &str) {
    world.gateway.control("PUT", "/clock", json!({ "advance": by })).await;
}

/// The page of somebody who waits, once more.
async fn again(browser: &mut Client, waiting: &Reply) -> Reply {
    browser.open(waiting.url.as_str()).await
}

#[tokio::test]
async fn a_person_enters_once_somebody_approved_it_by_the_link_in_their_mail() {
    let world = world().await;
    let (mut alice, waiting) = asked(&world, ALICE).await;
    assert!(alice.jar.value(APP, "CF_Authorization").is_none());
    assert!(again(&mut alice, &waiting).await.body.contains("Waiting for approval"), "nobody has decided");

    let letters = mail(&world.gateway, ROOT).await;
    assert_eq!(letters[0]["subject"], "alice@corp.test asks for access to App");
    let text = letters[0]["text"].as_str().unwrap();
    assert!(text.contains("Which ticket?") && text.contains("OPS-7"), "{text}");
    assert!(mail(&world.gateway, ALICE).await.is_empty(), "whoever asks is told nothing by mail");
    let link = link(&world.gateway, ROOT).await;
    assert!(waiting.body.contains(&link), "the person can pass the link on: {}", waiting.body);
    let done = decide(&world.gateway, &link, ROOT, "approve", "60").await;
    assert!(done.body.contains("This request was approved"), "{}", done.body);

    let reply = again(&mut alice, &waiting).await;
    assert_eq!((reply.status, reply.url.as_str()), (200, world.app("/deep?x=1").as_str()));
    let claims = token::claims(alice.jar.value(APP, "CF_Authorization").unwrap());
    let life = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert!((3500..=3600).contains(&life), "as long as it was approved and not two hours: {life}");
    let lines = access_log::sign_ins(&world.gateway).await;
    let line = lines.iter().find(|line| line.email == ALICE).unwrap();
    assert_eq!(line.detail["temporary_access_approvers"], json!([ROOT]));
    assert_eq!(line.detail["temporary_access_duration"], 3600);
    assert_eq!(line.detail["purpose_justification_response"], "OPS-7");
}

#[tokio::test]
async fn the_token_ends_with_what_was_approved_and_the_next_session_asks_again() {
    let world = world().await;
    let (mut alice, waiting) = asked(&world, ALICE).await;
    let first = link(&world.gateway, ROOT).await;
    decide(&world.gateway, &first, ROOT, "approve", "15").await;
    // The approval runs from the moment it was given, and not from the moment it is used.
    advance(&world, "10m").await;
    assert_eq!(again(&mut alice, &waiting).await.status, 200);
    world.origin.forget();
    advance(&world, "6m").await;
    let page = alice.open(&world.app("/")).await;
    assert!(page.body.contains("Which ticket?"), "what was approved is over: {}", page.body);
    world.origin.assert_untouched("somebody whose time is over");
    assert!(ask(&mut alice, &page, "OPS-8").await.body.contains("Waiting for approval"));
    assert_ne!(link(&world.gateway, ROOT).await, first, "it is another request");
}

#[tokio::test]
async fn what_was_approved_is_for_one_entry_in_its_time() {
    let world = world().await;
    let (mut alice, waiting) = asked(&world, ALICE).await;
    decide(&world.gateway, &link(&world.gateway, ROOT).await, ROOT, "approve", "15").await;
    let mut tab = alice.clone();
    let handoffs = [alice.get(waiting.url.as_str()).await.location(), tab.get(waiting.url.as_str()).await.location()];
    let ends: Vec<Reply> = vec![alice.open(handoffs[0].as_str()).await, tab.open(handoffs[1].as_str()).await];
    assert_eq!(ends[0].status, 200);
    assert!(ends[1].body.contains("Which ticket?"), "one approval is one entry: {}", ends[1].body);

    let (mut alice, waiting) = {
        let page = ends[1].clone();
        let waiting = ask(&mut tab, &page, "OPS-8").await;
        (tab, waiting)
    };
    decide(&world.gateway, &link(&world.gateway, ROOT).await, ROOT, "approve", "15").await;
    advance(&world, "16m").await;
    let late = again(&mut alice, &waiting).await;
    assert!(late.body.contains("Which ticket?"), "it is over before it was used: {}", late.body);
}

#[tokio::test]
async fn whoever_is_denied_is_told_so_and_may_ask_once_more() {
    let world = world().await;
    let (mut alice, waiting) = asked(&world, ALICE).await;
    let done = decide(&world.gateway, &link(&world.gateway, EVE).await, EVE, "deny", "60").await;
    assert!(done.body.contains("This request was denied"), "{}", done.body);
    let late = Client::new(&world.gateway).sign_in(&link(&world.gateway, ROOT).await, ROOT).await;
    assert!(late.body.contains("This request was denied"), "one no is a no: {}", late.body);
    let page = again(&mut alice, &waiting).await;
    assert!(page.body.contains("was not approved"), "{}", page.body);
    world.origin.assert_untouched("somebody who was denied");
    assert!(ask(&mut alice, &page, "OPS-8, please").await.body.contains("Waiting for approval"));
    assert_eq!(mail(&world.gateway, ROOT).await.len(), 2);
}

#[tokio::test]
async fn whoever_waits_can_leave_and_come_back_and_asks_nobody_twice() {
    let world = world().await;
    let (mut alice, _) = asked(&world, ALICE).await;
    let back = alice.open(&world.app("/elsewhere")).await;
    assert!(back.body.contains("Waiting for approval") && back.body.contains("OPS-7"), "{}", back.body);
    let mut phone = world.stranger();
    let there = phone.sign_in(&world.app("/"), ALICE).await;
    assert!(there.body.contains("Waiting for approval"), "in another browser, too: {}", there.body);
    advance(&world, "3h").await;
    let later = alice.open(back.url.as_str()).await;
    assert!(later.body.contains("Waiting for approval"), "an old page finds its way: {}", later.body);
    assert_eq!(mail(&world.gateway, ROOT).await.len(), 1);
    decide(&world.gateway, &link(&world.gateway, ROOT).await, ROOT, "approve", "60").await;
    let reply = alice.open(later.url.as_str()).await;
    assert_eq!((reply.status, reply.url.as_str()), (200, world.app("/elsewhere").as_str()));
}

#[tokio::test]
async fn every_group_gives_as_many_approvals_as_it_has_to() {
    let groups = format!(
        "{}, {{ approvals_needed = 1, email_list_uuid = \"Leads\" }}",
        ROOT_OR_EVE.replace("approvals_needed = 1", "approvals_needed = 2")
    );
    let world = World::with(|config| approved_by(config, &groups)).await;
    let (mut alice, waiting) = asked(&world, ALICE).await;
    for (who, minutes) in [(ROOT, "480"), (LEAD, "60")] {
        let page = decide(&world.gateway, &link(&world.gateway, who).await, who, "approve", minutes).await;
        assert!(!page.body.contains("was approved"), "{who} alone is not enough: {}", page.body);
        assert!(again(&mut alice, &waiting).await.body.contains("Waiting for approval"), "after {who}");
    }
    decide(&world.gateway, &link(&world.gateway, EVE).await, EVE, "approve", "120").await;
    assert_eq!(again(&mut alice, &waiting).await.status, 200);
    let lines = access_log::sign_ins(&world.gateway).await;
    let detail = &lines.iter().find(|line| line.email == ALICE).unwrap().detail;
    assert_eq!(detail["temporary_access_approvers"].as_array().unwrap().len(), 3);
    assert_eq!(detail["temporary_access_duration"], 3600, "the shortest time that somebody gave");
}

#[tokio::test]
async fn a_link_tells_nothing_and_opens_nothing_by_itself() {
    let world = world().await;
    let (mut alice, _) = asked(&world, ALICE).await;
    let link = link(&world.gateway, ROOT).await;
    let mut stranger = world.stranger();
    let page = stranger.get(&link).await;
    assert!(page.title().starts_with("Sign in") && !page.body.contains("OPS-7"), "{}", page.body);
    assert_eq!(stranger.request(Method::POST, &link, &[], Some("verdict=approve&minutes=60".into())).await.status, 400);
    let mut mallory = world.stranger();
    let refused = mallory.sign_in(&link, MALLORY).await;
    assert!(refused.body.contains("cannot decide this request") && !refused.body.contains("OPS-7"), "{}", refused.body);
    let front = mallory.open(&format!("{}/", world.gateway.team_url())).await;
    assert!(front.body.contains("You are not signed in"), "a stranger gets no session by it: {}", front.body);
    let lead = world.stranger().sign_in(&link, LEAD).await;
    assert!(lead.body.contains("cannot decide this request"), "only those of the policy: {}", lead.body);
    let own = alice.open(&link).await;
    assert!(own.status == 403 && own.body.contains("your own request"), "{}", own.body);
    for nothing in ["5f1d7a84-96c1-4b9e-9a2b-6f5c1e1f0c11", "x", "..%2f"] {
        let url = format!("{}/cdn-cgi/access/approvals/{nothing}", world.gateway.team_url());
        let status = alice.get(&url).await.status;
        assert!(matches!(status, 400 | 404), "{nothing}: {status}");
    }
}

#[tokio::test]
async fn nobody_approves_their_own_request() {
    let world = world().await;
    let (mut root, waiting) = asked(&world, ROOT).await;
    let link = link(&world.gateway, EVE).await;
    assert!(mail(&world.gateway, ROOT).await.is_empty());
    let own = root.open(&link).await;
    assert!(own.status == 403 && own.body.contains("your own request"), "{}", own.body);
    // The form of another's request, under the address of one's own.
    let (_, _) = asked(&world, ALICE).await;
    let others = root.open(&self::link(&world.gateway, ROOT).await).await;
    let forged = Reply { url: own.url.clone(), body: others.body.replace(others.url.path(), own.url.path()), ..others };
    let forms = html::forms(&forged.body);
    let reply = root.submit(&forged, &forms[0], &[("minutes", "60"), ("verdict", "approve")]).await;
    assert_eq!(reply.status, 400, "{}", reply.body);
    assert!(again(&mut root, &waiting).await.body.contains("Waiting for approval"));
}

#[tokio::test]
async fn i_02_a_decision_is_made_once_by_the_sign_in_that_saw_the_form() {
    let world = world().await;
    let (mut alice, waiting) = asked(&world, ALICE).await;
    let link = link(&world.gateway, ROOT).await;
    let (mut root, mut eve) = (world.stranger(), world.stranger());
    let page = root.sign_in(&link, ROOT).await;
    eve.sign_in(&link, EVE).await;
    let forms = html::forms(&page.body);
    let stolen = eve.submit(&page, &forms[0], &[("minutes", "60"), ("verdict", "approve")]).await;
    assert_eq!(stolen.status, 400, "another approver's form: {}", stolen.body);
    let deciding = forms[0].field("deciding").unwrap();
    let body = |verdict: &str, minutes: &str| {
        let fields = [("deciding", deciding), ("minutes", minutes), ("verdict", verdict)];
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
    };
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    for foreign in [("Origin", "https://evil.test"), ("Sec-Fetch-Site", "cross-site")] {
        let reply = root.request(Method::POST, &link, &[form, foreign], Some(body("approve", "60"))).await;
        assert_eq!(reply.status, 400, "{foreign:?}");
    }
    for (verdict, minutes) in
        [("approve", "0"), ("approve", "-5"), ("approve", "1441"), ("approve", "x"), ("maybe", "60")]
    {
        let reply = root.request(Method::POST, &link, &[form], Some(body(verdict, minutes))).await;
        assert_eq!(reply.status, 400, "{verdict} {minutes}");
    }
    assert!(again(&mut alice, &waiting).await.body.contains("Waiting for approval"), "none of these counted");
    assert!(say(&mut root, &page, "deny", "60").await.body.contains("was denied"));
    let twice = root.request(Method::POST, &link, &[form], Some(body("approve", "60"))).await;
    assert!(root.follow(twice).await.body.contains("was denied"), "a decision stands");
    assert!(again(&mut alice, &waiting).await.body.contains("was not approved"));
    let (_, late_page) = (advance(&world, "11m").await, page);
    assert_eq!(root.submit(&late_page, &forms[0], &[("minutes", "60"), ("verdict", "approve")]).await.status, 400);
}

#[tokio::test]
async fn a_request_that_nobody_decides_is_over_after_a_day() {
    let world = world().await;
    let (mut alice, waiting) = asked(&world, ALICE).await;
    let link = link(&world.gateway, ROOT).await;
    advance(&world, "24h1m").await;
    let late = world.stranger().sign_in(&link, ROOT).await;
    assert!(late.body.contains("This request is over"), "{}", late.body);
    let page = again(&mut alice, &waiting).await;
    let page = if html::forms(&page.body).is_empty() { alice.sign_in(&world.app("/"), ALICE).await } else { page };
    assert!(!page.body.contains("Waiting for approval"), "{}", page.body);
}

#[tokio::test]
async fn g_10_revoking_a_person_ends_what_they_asked_and_what_they_approved() {
    let world = world().await;
    let (mut alice, waiting) = asked(&world, ALICE).await;
    let first = link(&world.gateway, ROOT).await;
    world.gateway.control("POST", "/revocations", json!({ "email": ALICE })).await;
    let over = world.stranger().sign_in(&first, ROOT).await;
    assert!(over.body.contains("This request is over"), "{}", over.body);
    assert_ne!(again(&mut alice, &waiting).await.status, 200);
    world.origin.assert_untouched("somebody who was revoked");

    advance(&world, "61s").await;
    let (mut alice, waiting) = asked(&world, ALICE).await;
    decide(&world.gateway, &link(&world.gateway, ROOT).await, ROOT, "approve", "60").await;
    world.gateway.control("POST", "/revocations", json!({ "email": ROOT })).await;
    let page = again(&mut alice, &waiting).await;
    assert!(page.body.contains("Which ticket?"), "an approver who was revoked has approved nothing: {}", page.body);
    world.origin.assert_untouched("what somebody approved who was revoked");
}

#[tokio::test]
async fn j_11_who_has_to_approve_is_asked_of_the_policy_as_it_is() {
    let world = world().await;
    let (mut alice, waiting) = asked(&world, ALICE).await;
    let link = link(&world.gateway, ROOT).await;
    decide(&world.gateway, &link, ROOT, "approve", "60").await;
    let eve_alone = r#"{ approvals_needed = 1, email_addresses = ["eve@corp.test"] }"#;
    world.gateway.rewrite(&approved_by(Config::standard(&world.origin), eve_alone));
    world.gateway.signal("HUP");
    world.gateway.logs("was reloaded").await;
    let page = again(&mut alice, &waiting).await;
    assert!(page.body.contains("Who has to approve this has changed"), "{}", page.body);
    world.origin.assert_untouched("what nobody approved who has to");
    assert!(ask(&mut alice, &page, "OPS-7").await.body.contains("Waiting for approval"));
    let refused = world.stranger().sign_in(&self::link(&world.gateway, EVE).await, ROOT).await;
    assert!(refused.body.contains("cannot decide this request"), "{}", refused.body);
}

#[tokio::test]
async fn a_request_made_on_one_node_is_decided_on_another() {
    let origin = Origin::start().await;
    let config = crate::nodes::of_one_team(approved_by(Config::standard(&origin), ROOT_OR_EVE));
    let config = config.on_store(&postgres::database().await);
    let (one, two) = tokio::join!(Gateway::serve(&config), Gateway::serve(&config));
    let nodes = [one, two];
    let mut alice = Client::new(&nodes[0]);
    let page = alice.sign_in(&format!("http://{APP}/"), ALICE).await;
    let waiting = ask(&mut alice, &page, "OPS-7").await;
    assert!(waiting.body.contains("Waiting for approval"), "{}", waiting.body);
    let done = decide(&nodes[1], &link(&nodes[0], ROOT).await, ROOT, "approve", "60").await;
    assert!(done.body.contains("This request was approved"), "{}", done.body);
    let mut anywhere = Client::across(&nodes);
    anywhere.jar = alice.jar.clone();
    assert_eq!(anywhere.open(waiting.url.as_str()).await.status, 200);
    for _ in 0..4 {
        assert_eq!(anywhere.get(&format!("http://{APP}/")).await.status, 200, "every node knows of it");
    }
}

#[tokio::test]
async fn a_test_needs_nobody_to_approve_a_token() {
    let world = world().await;
    let token = world.token(ALICE, "App").await;
    let mut alice = Client::holding(&world.gateway, APP, &token);
    assert_eq!(alice.get(&world.app("/")).await.status, 200);
}

#[tokio::test]
async fn a_file_whose_approvers_are_none_says_where_and_production_wants_mail() {
    let origin = Origin::start().await;
    let check = async |config: Config| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("doorward.toml");
        std::fs::write(&path, config.text(folder.path())).unwrap();
        let (code, out, told) = run(&["check", "--config", path.to_str().unwrap()]).await;
        (code, out + &told)
    };
    for (groups, wanted) in [
        ("", "approval_groups: name at least one group of people who may approve"),
        ("{ approvals_needed = 1 }", "approval_groups/0: name people in email_addresses"),
        (
            "{ approvals_needed = 3, email_addresses = [\"a@b.test\"] }",
            "more approvals are needed than there are people",
        ),
        ("{ approvals_needed = 1, email_list_uuid = \"Heads\" }", "there is no list of type EMAIL \"Heads\""),
        ("{ approvals_needed = 1, emails = [\"a@b.test\"] }", "a group of approval_groups has no key \"emails\""),
    ] {
        let (code, told) = check(approved_by(Config::standard(&origin), groups)).await;
        assert_eq!(code, 2, "{groups}: {told}");
        assert!(told.contains(wanted), "{groups}: {told}");
    }
}

#[tokio::test]
async fn a_person_waits_in_front_of_the_page_and_is_let_in_by_another() {
    let world = world().await;
    let (alice, root) = (Browser::start().await, Browser::start().await);
    let app = world.app("/wiki");
    alice.open(&app).await;
    alice.press("a[href*='idp=']").await;
    alice.press(&format!("button[value='{ALICE}']")).await;
    alice.arrives_at(&format!("{}/cdn-cgi/access/purpose", world.gateway.team_url())).await;
    alice.press("#purpose").await;
    alice.run("document.getElementById('purpose').value = 'OPS-7'").await;
    alice.picture("what-for", 820, 760).await;
    alice.press_text("Ask for access").await;
    alice.page.wait().for_element(fantoccini::Locator::Css("#link")).await.unwrap();
    assert!(alice.text().await.contains("Waiting for approval"), "{}", alice.text().await);
    alice.picture("waiting", 820, 860).await;
    root.open(&link(&world.gateway, ROOT).await).await;
    root.press("a[href*='idp=']").await;
    root.press(&format!("button[value='{ROOT}']")).await;
    root.page.wait().for_element(fantoccini::Locator::Css("#minutes")).await.unwrap();
    for browser in [&alice, &root] {
        let fits = "return document.documentElement.scrollWidth <= document.documentElement.clientWidth";
        assert_eq!(browser.run(fits).await, true, "nothing is wider than its window");
    }
    root.picture("decide", 820, 860).await;
    root.press_text("Approve").await;
    root.page.wait().for_element(fantoccini::Locator::XPath("//h1[contains(., 'was approved')]")).await.unwrap();
    // Her page looks again by itself.
    alice.arrives_at(&app).await;
    assert_eq!(alice.text().await, "ok");
    alice.close().await;
    root.close().await;
}
