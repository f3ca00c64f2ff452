//! Group J: what a provider says about somebody is taken by the letter, or not at all.

use serde_json::json;

use super::{ANYBODY_OF_CORP, here};
use crate::support::client::Client;
use crate::support::config::{APP, Config, app, route};
use crate::support::gateway::Gateway;
use crate::support::lying::Lying;
use crate::support::origin::Origin;

#[tokio::test]
async fn j_01_an_address_that_the_provider_does_not_vouch_for_is_nobodys() {
    let here = here(r#"include = [{ email = { email = "root@corp.test" } }]"#).await;
    for flag in [json!(false), json!("false"), json!(0), json!(1), json!("yes"), json!([true]), json!(null)] {
        here.provider.script().claims = json!({ "email": "root@corp.test", "email_verified": flag });
        here.assert_refused(&format!("email_verified {flag}")).await;
    }
    here.provider.script().claims = json!({ "email": "root@corp.test" });
    assert!(here.admitted().await.is_some());
}

#[tokio::test]
async fn j_02_a_claim_that_is_no_address_is_nobody() {
    let here = here(ANYBODY_OF_CORP).await;
    for email in [
        json!("mallory@evil.test@corp.test"),
        json!("\"x@corp.test\"@evil.test"),
        json!("a@corp.test\u{0}"),
        json!("a@corp.test\n"),
        json!("@corp.test"),
        json!("corp.test"),
        json!(" a@corp.test"),
        json!("a@corp.test,b@corp.test"),
        json!(["a@corp.test"]),
        json!({ "0": "a@corp.test" }),
        json!(7),
        json!(""),
    ] {
        here.provider.script().claims = json!({ "email": email });
        here.assert_refused(&email.to_string()).await;
    }
}

#[tokio::test]
async fn j_03_a_domain_is_the_whole_of_what_follows_the_at() {
    let here = here(ANYBODY_OF_CORP).await;
    let alice = here.admitted().await.expect("an honest sign-in");
    for email in ["x@notcorp.test", "x@corp.test.evil.test", "x@sub.corp.test", "corp.test@evil.test"] {
        here.provider.script().claims = json!({ "email": email, "sub": email });
        let (_, reply) = here.sign_in().await;
        assert!(reply.body.contains("That account does not have access"), "{email}: {} {}", reply.status, reply.body);
        here.origin.assert_untouched(email);
    }
    here.provider.script().claims = json!({ "email": "Alice@CORP.test" });
    let again = here.admitted().await.expect("the same address in other letters");
    assert_eq!((&again["email"], &again["sub"]), (&alice["email"], &alice["sub"]), "one record for one person");
}

const ADMINS: &str =
    r#"include = [{ oidc = { identity_provider_id = "Lying", claim_name = "groups", claim_value = "admins" } }]"#;

#[tokio::test]
async fn j_06_one_group_is_one_exact_text() {
    let here = here(ADMINS).await;
    let many: Vec<String> = (0..10_000).map(|number| format!("g{number}")).collect();
    for (groups, inside) in [
        (json!("admins"), true),
        (json!(["x", "admins"]), true),
        (json!("admins,x"), false),
        (json!(["xadmins", "adminsx"]), false),
        (json!(["Admins", "ADMINS"]), false),
        (json!([["admins"]]), false),
        (json!({ "admins": true }), false),
        (json!(many), false),
        (json!(null), false),
    ] {
        here.provider.script().claims = json!({ "groups": groups });
        assert_eq!(here.admitted().await.is_some(), inside, "{:.60}", groups.to_string());
    }
}

#[tokio::test]
async fn j_07_groups_that_are_elsewhere_are_not_fetched_and_match_nothing() {
    let here = here(ADMINS).await;
    here.provider.script().claims = json!({
        "groups": null,
        "hasgroups": true,
        "_claim_names": { "groups": "src1" },
        "_claim_sources": { "src1": { "endpoint": format!("{}/groups", here.provider.issuer()) } },
    });
    assert!(here.admitted().await.is_none());
    assert_eq!(here.provider.asked("/groups"), 0, "the address is the token's word");
    here.gateway.logs("overage").await;
}

#[tokio::test]
async fn j_12_what_one_provider_said_about_somebody_is_not_said_by_another() {
    let (a, b, origin) = (Lying::start().await, Lying::start().await, Origin::start().await);
    let admins = ADMINS.replace("Lying", "A");
    let policies = format!("policies = [{{ name = \"Admins\", decision = \"allow\", {admins} }}]");
    let tables = [
        route(APP, &origin.url()),
        a.config("A"),
        b.config("B"),
        app("App", APP, &format!("allowed_idps = [\"A\", \"B\"]\n{policies}")),
    ];
    let gateway = Gateway::serve(&Config::bare().and(&tables.concat())).await;
    for provider in [&a, &b] {
        provider.script().claims = json!({ "groups": ["admins"] });
    }
    let with = async |browser: &mut Client, provider: &Lying| {
        let page = browser.open(&gateway.at(APP, "/")).await;
        let links = crate::support::html::links(&page.body);
        for link in links.iter().filter(|link| link.contains("idp=")) {
            let mut tab = browser.clone();
            let reply = tab.get(page.url.join(link).unwrap().as_str()).await;
            if reply.location().as_str().starts_with(&provider.issuer()) {
                *browser = tab;
                return browser.follow(reply).await;
            }
        }
        panic!("no link leads to the provider: {links:?}");
    };
    let mut browser = Client::new(&gateway);
    assert_eq!(with(&mut browser, &a).await.body, "ok");
    // The same address from the other provider, in the same browser and in a new one.
    assert_eq!(browser.get(&gateway.at(APP, "/cdn-cgi/access/logout")).await.status, 200);
    origin.forget();
    for mut browser in [browser, Client::new(&gateway)] {
        let reply = with(&mut browser, &b).await;
        assert!(reply.body.contains("That account does not have access"), "{} {}", reply.status, reply.body);
        origin.assert_untouched("groups of another provider");
    }
}
