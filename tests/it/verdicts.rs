//! Why somebody was refused: whoever has the ray of a page finds every rule and
//! its answer, in the log of production and in what an emulator remembers.

use serde_json::json;

use crate::support::client::{Client, Reply};
use crate::support::config::{ALICE, APP, Config, MALLORY, app, route};
use crate::support::gateway::Gateway;
use crate::support::html;
use crate::support::lying::Lying;
use crate::support::origin::Origin;
use crate::support::world::World;

const INSIDE: &str = "inside.localhost";

/// Nobody gets in from where these tests are.
const FROM_INSIDE: &str = r#"policies = [
  { name = "Office", decision = "allow", include = [{ everyone = {} }], require = [{ ip = { ip = "192.0.2.0/24" } }, { geo = { country_code = "PT" } }] },
  { name = "Machines", decision = "non_identity", include = [{ any_valid_service_token = {} }] },
]"#;

/// The ray that a page names.
fn ray(page: &Reply) -> String {
    let after = page.body.rsplit("Ray ID").next().unwrap_or_default();
    let is_ray = |text: &&str| text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    after.split(['<', '>']).find(is_ray).unwrap_or_else(|| panic!("a ray: {}", page.body)).to_owned()
}

/// The line of the log about this ray that says how policies came to it.
async fn told(gateway: &Gateway, ray: &str) -> String {
    gateway.logs(ray).await;
    let log = gateway.log();
    let line = log.lines().find(|line| line.contains(ray) && line.contains("rules"));
    line.unwrap_or_else(|| panic!("{ray} is told with its rules: {log}")).to_owned()
}

#[tokio::test]
async fn in_production_the_ray_of_a_refusal_leads_to_the_rules_that_decided() {
    let (origin, lying) = (Origin::start().await, Lying::start().await);
    let staff = r#"policies = [{ name = "Staff", decision = "allow", include = [{ group = { id = "Staff" } }] }]"#;
    let group = "[[group]]\nname = \"Staff\"\ninclude = [{ email_domain = { domain = \"corp.test\" } }]\n\
                 exclude = [{ email = { email = \"alice@corp.test\" } }]\n";
    let tables = [
        route("*.localhost", &origin.url()),
        lying.config("Elsewhere"),
        app("App", APP, staff),
        app("Inside", INSIDE, FROM_INSIDE),
        group.to_owned(),
    ];
    let config = Config::bare().in_production().with(
        "[team]",
        "[keys]\nencryption_key = \"0123456789abcdef0123456789abcdef\"\n\n[team]\nurl = \"http://acme.localhost\"",
    );
    let gateway = Gateway::serve(&config.and(&tables.concat())).await;

    let page = Client::new(&gateway).get(&format!("http://{INSIDE}/")).await;
    assert_eq!(page.status, 403);
    let line = told(&gateway, &ray(&page)).await;
    for part in [
        "Machines (service auth) does not apply: include not met any_valid_service_token",
        "Office (allow) does not apply: include met everyone; require not met ip 192.0.2.0/24, unknown geo PT (the country \
         of the address is not known)",
    ] {
        assert!(line.contains(part), "{part}\n{line}");
    }

    let mut alice = Client::new(&gateway);
    let page = alice.open(&format!("http://{APP}/")).await;
    let choice = html::links(&page.body).into_iter().find(|link| link.contains("idp=")).expect("the provider");
    let denied = alice.open(page.url.join(&choice).unwrap().as_str()).await;
    assert!(denied.body.contains("That account does not have access"), "{}", denied.body);
    let line = told(&gateway, &ray(&denied)).await;
    let tree = "Staff (allow) does not apply: include not met group Staff {include met email_domain corp.test; exclude met \
                email alice@corp.test}";
    assert!(line.contains(tree), "{line}");
    origin.assert_untouched("refusals");
}

#[tokio::test]
async fn an_emulator_remembers_of_every_refusal_the_rules_that_decided() {
    let world = World::start().await;
    let token = world.token(MALLORY, "App").await;
    let page = Client::holding(&world.gateway, APP, &token).get(&world.app("/")).await;
    let ray = ray(&page);
    let remembered = world.gateway.control("GET", "/requests", json!(null)).await;
    let found = remembered["requests"].as_array().unwrap().iter().find(|request| request["ray_id"] == ray.as_str());
    let found = found.unwrap_or_else(|| panic!("{ray}: {remembered}"));
    assert_eq!(found["rules"], "Corp (allow) does not apply: include not met email_domain corp.test");
    assert!(told(&world.gateway, &ray).await.contains("include not met email_domain corp.test"));
}

#[tokio::test]
async fn no_more_rules_are_told_in_a_second_than_the_file_says_and_none_of_who_is_asked_to_sign_in() {
    let world = World::with(|config| config.with("[team]", "[log]\nrule_trees = 2\n\n[team]")).await;
    world.gateway.control("PUT", "/clock", json!({ "freeze": true })).await;
    let token = world.token(MALLORY, "App").await;
    let mut mallory = Client::holding(&world.gateway, APP, &token);
    for _ in 0..5 {
        assert_eq!(mallory.get(&world.app("/")).await.status, 403);
    }
    assert_eq!(world.stranger().get(&world.app("/")).await.status, 302);
    world.gateway.logs("nobody has signed in").await;
    let log = world.gateway.log();
    let refused = log.lines().filter(|line| line.contains("the policies refuse this person"));
    let with_rules: Vec<bool> = refused.map(|line| line.contains("does not apply")).collect();
    assert_eq!(with_rules, [true, true, false, false, false], "{log}");
    let asked = log.lines().find(|line| line.contains("nobody has signed in")).unwrap();
    assert!(!asked.contains("rules"), "nothing is decided of them yet: {asked}");
    world.gateway.control("PUT", "/clock", json!({ "advance": "1s" })).await;
    let token = world.token(ALICE, "Admin").await;
    let page = Client::holding(&world.gateway, APP, &token).get(&world.app("/admin")).await;
    assert!(told(&world.gateway, &ray(&page)).await.contains("email root@corp.test"), "the next second has its own");
}
