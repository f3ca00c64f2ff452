//! The explanation as a program and as a person reads it.

use doorward_model::policy::Decision::{Allow, Bypass, Deny, NonIdentity};
use serde_json::json;

use super::sample::{Sample, group_rule, nobody, person};
use crate::explain;

fn sample() -> Sample {
    Sample::default()
        .group("Staff", json!({"include": [{"email_domain": {"domain": "corp.test"}}], "exclude": [{"geo": {"country_code": "PT"}}]}))
        .policy("Team", Allow, json!({"include": [group_rule("Staff")], "exclude": [{"email": {"email": "intern@corp.test"}}]}))
        .policy("Rest", Deny, json!({"include": [{"everyone": {}}]}))
        .policy("CI", NonIdentity, json!({"include": [{"everyone": {}}]}))
        .policy("Health", Bypass, json!({"include": [{"ip": {"ip": "10.0.0.0/8"}}], "require": [{"device_posture": {"integration_uid": "u"}}]}))
}

#[test]
fn before_the_sign_in_the_tree_says_what_is_not_known_yet() {
    let sample = sample();
    let text = explain(&sample.app(), &sample.catalog(), &nobody()).to_string();
    assert_eq!(
        text,
        r#"login: Wiki, a policy could let in somebody who has signed in

3. CI (Service Auth): would let in a machine that proves itself, and none did
   include (any of)
     met      everyone

4. Health (Bypass): does not apply
   include (any of)
     not met  ip 10.0.0.0/8
   require (all of)
     unknown  device_posture u (this needs Cloudflare's device client, which does not report here)

1. Team (Allow): could apply once somebody has signed in
   include (any of)
     unknown  group Staff (nobody has signed in yet)
            include (any of)
              unknown  email_domain corp.test (nobody has signed in yet)
            exclude (none of)
              unknown  geo PT (the country of the address is not known)
   exclude (none of)
     unknown  email intern@corp.test (nobody has signed in yet)

2. Rest (Block): blocks
   include (any of)
     met      everyone
"#
    );
}

#[test]
fn the_json_form_names_verdict_app_policy_and_trace() {
    let sample = sample();
    let alice = person("alice@corp.test");
    let facts = crate::Facts { country: Some("US"), ..alice.facts() };
    let explained = serde_json::to_value(explain(&sample.app(), &sample.catalog(), &facts)).unwrap();
    assert_eq!(
        explained["trace"][3],
        json!({
            "policy": "Rest", "decision": "deny", "precedence": 2, "met": null, "outcome": "not_reached",
            "include": [], "require": [], "exclude": [],
        })
    );
    assert_eq!(
        explained["trace"][2],
        json!({
            "policy": "Team", "decision": "allow", "precedence": 1, "met": "met", "outcome": "opens",
            "include": [{"rule": "group Staff", "met": "met", "group": {
                "include": [{"rule": "email_domain corp.test", "met": "met"}],
                "require": [],
                "exclude": [{"rule": "geo PT", "met": "not_met"}],
            }}],
            "require": [],
            "exclude": [{"rule": "email intern@corp.test", "met": "not_met"}],
        })
    );
    let mut members: Vec<_> = explained.as_object().unwrap().keys().collect();
    members.sort();
    assert_eq!(members, ["app", "policy", "trace", "verdict"]);
    assert_eq!(
        (&explained["verdict"], &explained["app"], &explained["policy"]),
        (&json!("allow"), &json!("Wiki"), &json!("Team"))
    );
}

#[test]
fn the_first_line_names_what_decided() {
    let sample = sample();
    let eve = person("eve@evil.test");
    let text = explain(&sample.app(), &sample.catalog(), &eve.facts()).to_string();
    assert_eq!(text.lines().next(), Some(r#"deny: Wiki, by policy "Rest", include[0] everyone"#));
    let none = Sample::default();
    assert_eq!(explain(&none.app(), &none.catalog(), &eve.facts()).to_string(), "deny: Wiki, it has no policies\n");
}
