//! External evaluation: a policy asks a service about people when they sign
//! in, and believes nothing that is not an answer to its question.

use serde_json::json;

use crate::support::config::{ALICE, Config, MALLORY, app, route};
use crate::support::evaluator::{Evaluator, Script};
use crate::support::gateway::{Gateway, run};
use crate::support::origin::Origin;
use crate::support::world::World;

const JUDGED: &str = "judged.localhost";

/// The standard topology, and an app that whom the service likes may enter.
async fn world(evaluator: &Evaluator, policies: &str) -> World {
    let origin = Origin::start().await;
    let policies = policies.replace("RULE", &evaluator.rule());
    let config = Config::standard(&origin).and(&route(JUDGED, &origin.url())).and(&app("Judged", JUDGED, &policies));
    World { gateway: Gateway::serve(&config).await, origin }
}

const INCLUDED: &str = r#"policies = [{ name = "Judged", decision = "allow", include = [RULE] }]"#;
/// Whom the service does not like is let in; so is nobody of whom it says nothing.
const EXCLUDED: &str =
    r#"policies = [{ name = "Judged", decision = "allow", include = [{ everyone = {} }], exclude = [RULE] }]"#;
const BLOCKED: &str = r#"policies = [
  { name = "Block", decision = "deny", include = [RULE] },
  { name = "Everybody", decision = "allow", include = [{ everyone = {} }] },
]"#;

async fn entered(world: &World, email: &str) -> bool {
    let mut browser = world.stranger();
    let reply = browser.sign_in(&world.gateway.at(JUDGED, "/"), email).await;
    let holds = browser.jar.value(JUDGED, "CF_Authorization").is_some();
    assert_eq!(reply.url.host_str() == Some(JUDGED), holds, "{} {}", reply.url, reply.status);
    holds
}

#[tokio::test]
async fn a_service_that_is_asked_at_the_sign_in_decides_who_enters() {
    let evaluator = Evaluator::start().await;
    let world = world(&evaluator, INCLUDED).await;
    evaluator.script().yes = vec![ALICE.into()];
    assert!(entered(&world, ALICE).await && !entered(&world, MALLORY).await);
    let script = evaluator.script().clone();
    let [of_alice, of_mallory] = script.asked.as_slice() else { panic!("one question each: {:?}", script.asked) };
    assert_eq!(of_alice["identity"]["email"], ALICE);
    assert_eq!(of_alice["iss"], world.gateway.team_url());
    assert!(of_alice["exp"].as_i64().unwrap() - of_alice["iat"].as_i64().unwrap() <= 60);
    assert_ne!(of_alice["nonce"], of_mallory["nonce"]);
    // The question is signed by the published keys, and is no token for anything.
    let kid = crate::support::token::header(&script.tokens[0])["kid"].clone();
    let mut stranger = world.stranger();
    let certs = stranger.get(&world.gateway.certs_url()).await.json();
    assert!(certs["keys"].as_array().unwrap().iter().any(|key| key["kid"] == kid));
    stranger.jar.set(JUDGED, "CF_Authorization", &script.tokens[0]);
    assert_eq!(stranger.get(&world.gateway.at(JUDGED, "/")).await.status, 302);
}

#[tokio::test]
async fn a_service_is_asked_at_every_sign_in_and_at_no_request() {
    let evaluator = Evaluator::start().await;
    let world = world(&evaluator, INCLUDED).await;
    evaluator.script().yes = vec![ALICE.into()];
    let mut alice = world.stranger();
    let url = world.gateway.at(JUDGED, "/");
    assert_eq!(alice.sign_in(&url, ALICE).await.status, 200);
    assert_eq!(alice.get(&url).await.status, 200);
    assert_eq!(evaluator.script().asked.len(), 1);
    // Another application's sign-in does not undo it, and asks nobody.
    let other = alice.open(&world.app("/")).await;
    assert_eq!((alice.follow(other).await.status, alice.get(&url).await.status), (200, 200));
    assert_eq!(evaluator.script().asked.len(), 1);
    // By the organisation session, after the application's token is gone.
    alice.jar.remove(JUDGED, "CF_Authorization");
    let again = alice.open(&url).await;
    assert_eq!(alice.follow(again).await.status, 200);
    assert_eq!(evaluator.script().asked.len(), 2);
    evaluator.script().yes.clear();
    alice.jar.remove(JUDGED, "CF_Authorization");
    let refused = alice.open(&url).await;
    let refused = alice.follow(refused).await;
    assert!(refused.body.contains("does not have access"), "{} {}", refused.url, refused.body);
    assert_eq!(evaluator.script().asked.len(), 3);
}

#[tokio::test]
async fn j_13_what_is_no_answer_opens_nothing_and_keeps_every_block() {
    let evaluator = Evaluator::start().await;
    let [included, excluded, blocked] = [INCLUDED, EXCLUDED, BLOCKED];
    let worlds =
        [world(&evaluator, included).await, world(&evaluator, excluded).await, world(&evaluator, blocked).await];
    // An honest yes and an honest no, first.
    for (yes, expected) in [(true, [true, false, false]), (false, [false, true, true])] {
        *evaluator.script() = Script { yes: yes.then(|| ALICE.to_owned()).into_iter().collect(), ..Script::default() };
        for (world, expected) in worlds.iter().zip(expected) {
            assert_eq!(entered(world, ALICE).await, expected, "yes: {yes}");
        }
    }
    worlds.iter().for_each(|world| world.origin.forget());
    let says_yes = Script { yes: vec![ALICE.into()], ..Script::default() };
    let lies = [
        ("another key", Script { forges: true, ..says_yes.clone() }),
        ("another key's name", Script { header: json!({ "kid": "two" }), ..says_yes.clone() }),
        ("no algorithm", Script { unsigned: true, ..says_yes.clone() }),
        ("an old nonce", Script { claims: json!({ "nonce": "of yesterday" }), ..says_yes.clone() }),
        ("no nonce", Script { claims: json!({ "nonce": null }), ..says_yes.clone() }),
        ("a text for a yes", Script { claims: json!({ "success": "true" }), ..says_yes.clone() }),
        ("an answer of the past", Script { claims: json!({ "exp": 1_600_000_000 }), ..says_yes.clone() }),
        ("no end", Script { claims: json!({ "exp": null }), ..says_yes.clone() }),
        (
            "a status",
            Script { instead: Some(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n".to_vec()), ..says_yes.clone() },
        ),
        ("a redirect", Script { instead: Some(redirect()), ..says_yes.clone() }),
        ("ten megabytes", Script { instead: Some(large()), ..says_yes.clone() }),
        (
            "no JSON",
            Script { instead: Some(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes".to_vec()), ..says_yes.clone() },
        ),
        (
            "the end of the connection",
            Script { instead: Some(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nyes".to_vec()), ..says_yes },
        ),
    ];
    for (what, script) in lies {
        *evaluator.script() = script;
        for (world, where_) in worlds.iter().zip(["include", "exclude", "a block"]) {
            assert!(!entered(world, ALICE).await, "{what} in {where_}");
            world.origin.assert_untouched(what);
        }
    }
}

#[tokio::test]
async fn j_13_a_service_that_says_nothing_is_waited_for_no_longer_than_five_seconds() {
    let evaluator = Evaluator::start().await;
    let world = world(&evaluator, INCLUDED).await;
    evaluator.script().instead = Some(Vec::new());
    assert!(!entered(&world, ALICE).await);
    world.gateway.logs("gave no answer to be believed").await;
}

#[tokio::test]
async fn p_08_a_service_is_never_at_an_address_that_nobody_may_be_led_to() {
    let folder = tempfile::tempdir().unwrap();
    for url in [
        "http://169.254.169.254/",
        "https://[::ffff:169.254.169.254]/",
        "http://0x7f.1:8089/",
        "http://2130706433:8089/",
        "http://localhost:8089/",
        "file:///etc/passwd",
    ] {
        let rule =
            format!("{{ external_evaluation = {{ evaluate_url = \"{url}\", keys_url = \"https://e.test/keys\" }} }}");
        let text = Config::bare()
            .with("admin = \"127.0.0.1:0\"", "admin = \"127.0.0.1:8089\"")
            .and(&route(JUDGED, "http://127.0.0.1:1"))
            .and(&app("Judged", JUDGED, &INCLUDED.replace("RULE", &rule)))
            .text(folder.path());
        let file = folder.path().join("doorward.toml");
        std::fs::write(&file, text).unwrap();
        let (code, _, errors) = run(&["check", "--config", file.to_str().unwrap()]).await;
        assert!(code == 2 && errors.contains("may not be called"), "{url}: {errors}");
    }
}

fn redirect() -> Vec<u8> {
    b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n".to_vec()
}

fn large() -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 10 << 20).into_bytes();
    answer.resize(answer.len() + (10 << 20), b' ');
    answer
}
