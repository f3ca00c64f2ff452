//! `doorward probe`: finds what an origin forgets to check, in one that
//! forgets it, and nothing in one that does not.

use serde_json::Value;

use crate::support::config::{ALICE, APP};
use crate::support::gateway::run_with;
use crate::support::node::Served;
use crate::support::world::World;

/// Runs it for the app `App` with more arguments: exit code and report.
async fn probe(world: &World, url: &str, more: &[&str]) -> (i32, Value) {
    let (code, output, errors) = run(world, url, &[&["--json"], more].concat()).await;
    (code, serde_json::from_str(&output).unwrap_or_else(|_| panic!("a report: {code} {output} {errors}")))
}

async fn run(world: &World, url: &str, more: &[&str]) -> (i32, String, String) {
    let admin = world.gateway.ready["admin"].as_str().unwrap();
    let home = [("XDG_RUNTIME_DIR", world.gateway.folder().to_str().unwrap())];
    run_with(&[&["probe", url, "--admin", admin, "--user", ALICE], more].concat(), &home).await
}

/// The ids of what got in.
fn got_in(report: &Value) -> Vec<&str> {
    let outcomes = report["outcomes"].as_array().unwrap().iter();
    outcomes.filter(|one| one["got_in"] == true).map(|one| one["attack"].as_str().unwrap()).collect()
}

async fn checking(world: &World, forgets: &str) -> Served {
    let (certs, issuer) = (world.gateway.certs_url(), world.gateway.team_url());
    Served::checking(forgets, &certs, issuer, &world.gateway.aud("App")).await
}

#[tokio::test]
async fn an_origin_that_verifies_its_token_lets_nothing_in() {
    let world = World::start().await;
    let origin = checking(&world, "nothing").await;
    let (code, report) = probe(&world, &origin.url, &["--app", APP]).await;
    assert_eq!((code, got_in(&report)), (0, vec![]), "{report}");
    assert_eq!(report["outcomes"].as_array().unwrap().len(), 12);
    assert_eq!((&report["clean"], &report["token_from"]), (&true.into(), &"Cf-Access-Jwt-Assertion".into()));
}

#[tokio::test]
async fn what_an_origin_forgets_is_found_by_its_name() {
    let world = World::start().await;
    let origin = checking(&world, "aud").await;
    let (code, report) = probe(&world, &origin.url, &["--app", APP]).await;
    assert_eq!((code, got_in(&report)), (1, vec!["wrong-aud"]), "{report}");

    let origin = checking(&world, "everything").await;
    let (code, report) = probe(&world, &origin.url, &["--app", APP]).await;
    let expected =
        ["alg-none", "hs256", "tampered", "unknown-kid", "wrong-aud", "wrong-iss", "expired", "not-yet-valid"];
    assert_eq!((code, got_in(&report)), (1, expected.to_vec()), "{report}");
}

#[tokio::test]
async fn an_origin_that_trusts_whoever_reaches_it_is_told_so_in_every_form() {
    let world = World::start().await;
    let sarif = world.gateway.folder().join("probe.sarif");
    let more = ["--app", APP, "--sarif", sarif.to_str().unwrap()];
    let (code, output, errors) = run(&world, &world.origin.url(), &more).await;
    assert_eq!(code, 1, "{errors}");
    assert!(output.contains("GOT IN   200  no token at all"), "{output}");
    assert!(output.contains("whoever reaches it without the gateway is let in"), "{output}");
    let sarif: Value = serde_json::from_str(&std::fs::read_to_string(sarif).unwrap()).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let run = &sarif["runs"][0];
    let (rules, results) = (&run["tool"]["driver"]["rules"], &run["results"]);
    assert_eq!((rules.as_array().unwrap().len(), results.as_array().unwrap().len()), (12, 12));
    assert_eq!((&results[0]["ruleId"], &results[0]["level"]), (&"no-token".into(), &"error".into()));
    let place = &results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert!(place.as_str().unwrap().starts_with(&world.origin.url()));
}

#[tokio::test]
async fn through_the_gateway_nothing_gets_in_to_an_origin_that_trusts_everybody() {
    let world = World::start().await;
    let (code, report) = probe(&world, &world.app("/"), &[]).await;
    assert_eq!((code, got_in(&report)), (0, vec![]), "{report}");
}

#[tokio::test]
async fn an_origin_that_refuses_everything_teaches_nothing() {
    let world = World::start().await;
    let (certs, aud) = (world.gateway.certs_url(), world.gateway.aud("App"));
    let origin = Served::checking("nothing", &certs, "https://another.cloudflareaccess.com", &aud).await;
    let (code, output, errors) = run(&world, &origin.url, &["--app", APP]).await;
    assert!(code == 2 && output.is_empty() && errors.contains("a good token does not get in"), "{code} {errors}");
    let (code, _, errors) = run(&world, "http://127.0.0.1:1/", &["--app", APP]).await;
    assert!(code == 2 && errors.contains("does not answer"), "{code} {errors}");
    let (code, _, errors) = run(&world, &origin.url, &[]).await;
    assert!(code == 2 && errors.contains("which application is it?"), "{code} {errors}");
}
