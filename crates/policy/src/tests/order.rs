//! Which policy decides, and what kind of answer that gives.

use doorward_model::identity::IdentityGroup;
use doorward_model::policy::Decision::{Allow, Bypass, Deny, NonIdentity};
use doorward_model::time::Lifetime;
use serde_json::{Value, json};

use super::sample::{IDP, OTHER_APP, OTHER_IDP, Sample, TOKEN, group_rule, machine, nobody, person};
use crate::{Facts, Grant, RefusalKind};

fn everyone() -> Value {
    json!({"include": [{"everyone": {}}]})
}

fn only(email: &str) -> Value {
    json!({"include": [{"email": {"email": email}}]})
}

/// Matches nobody who asks here.
fn never() -> Value {
    json!({"include": [{"ip": {"ip": "198.51.100.0/24"}}]})
}

/// Who decided, in one text: `allow A`, `deny B`, `forbidden -`.
fn verdict(sample: &Sample, facts: &Facts<'_>) -> String {
    match sample.decide(facts) {
        Ok(permit) => match permit.grant() {
            Grant::Bypass => format!("bypass {}", permit.policy()),
            Grant::Service(id) => {
                assert_eq!(id, TOKEN);
                format!("service {}", permit.policy())
            }
            Grant::Certificate => format!("certificate {}", permit.policy()),
            Grant::Linked => format!("linked {}", permit.policy()),
            Grant::Identity => format!("allow {}", permit.policy()),
        },
        Err(refusal) => {
            format!("{} {}", refusal.kind.as_str(), refusal.policy.as_deref().unwrap_or("-"))
        }
    }
}

#[test]
fn j_09_machine_policies_come_first_and_each_round_goes_by_precedence() {
    // In listed order Allow A, Block B, Service Auth C, Bypass D, Allow E;
    // each step takes away the policy that decided the step before.
    let alice = person("alice@corp.test");
    let facts = Facts { service_token: Some(TOKEN), ..alice.facts() };
    let mut rules = [everyone(), everyone(), everyone(), everyone(), everyone()];
    for (decided, remove) in [
        ("service C", Some(2)),
        ("bypass D", Some(3)),
        ("allow A", Some(0)),
        ("denied B", Some(1)),
        ("allow E", Some(4)),
        ("denied -", None),
    ] {
        let sample = ["A", "B", "C", "D", "E"]
            .into_iter()
            .zip([Allow, Deny, NonIdentity, Bypass, Allow])
            .zip(&rules)
            .fold(Sample::default(), |sample, ((name, decision), rules)| sample.policy(name, decision, rules.clone()));
        assert_eq!(verdict(&sample, &facts), decided);
        let mut shuffled = sample.clone();
        shuffled.policies.reverse();
        assert_eq!(verdict(&shuffled, &facts), decided, "precedence counts, not the listing");
        if let Some(index) = remove {
            rules[index] = never();
        }
    }
}

#[test]
fn j_09_what_has_no_policy_or_no_include_is_refused() {
    let alice = person("alice@corp.test");
    let require_only = json!({"include": [], "require": [{"everyone": {}}]});
    for (sample, before, after) in [
        (Sample::default(), "forbidden -", "denied -"),
        (Sample::default().policy("P", Allow, json!({"include": []})), "forbidden -", "denied -"),
        (Sample::default().policy("P", Allow, require_only.clone()), "forbidden -", "denied -"),
        (Sample::default().policy("P", Bypass, require_only), "forbidden -", "denied -"),
        (
            Sample::default().policy("P", Allow, json!({"include": [group_rule("Deleted")]})),
            "needs_login -",
            "denied -",
        ),
        (Sample::default().policy("P", Bypass, json!({"include": [group_rule("Deleted")]})), "forbidden -", "denied -"),
    ] {
        assert_eq!(verdict(&sample, &nobody()), before);
        assert_eq!(verdict(&sample, &alice.facts()), after);
    }
}

#[test]
fn allow_opens_to_nobody_before_the_sign_in() {
    for include in [json!({"everyone": {}}), json!({"ip": {"ip": "0.0.0.0/0"}}), json!({"any_valid_service_token": {}})]
    {
        let sample = Sample::default().policy("P", Allow, json!({"include": [include]}));
        assert_eq!(verdict(&sample, &machine()), "needs_login -");
    }
}

#[test]
fn who_could_never_pass_is_refused_before_the_sign_in() {
    let abroad = json!({"include": [{"everyone": {}}], "require": [{"geo": {"country_code": "PT"}}]});
    let sample = Sample::default().policy("P", Allow, abroad);
    assert_eq!(verdict(&sample, &Facts { country: Some("US"), ..nobody() }), "forbidden -");
    assert_eq!(verdict(&sample, &Facts { country: Some("PT"), ..nobody() }), "needs_login -");
    let sample = Sample::default().policy("B", Deny, everyone()).policy("A", Allow, everyone());
    assert_eq!(verdict(&sample, &nobody()), "forbidden B");
    let sample = Sample::default().policy("A", Allow, only("alice@corp.test")).policy("B", Deny, everyone());
    assert_eq!(verdict(&sample, &nobody()), "needs_login -");
    assert_eq!(verdict(&sample, &person("bob@corp.test").facts()), "denied B");
}

#[test]
fn a_block_that_depends_on_the_identity_waits_for_it() {
    let sample = Sample::default().policy("B", Deny, only("bob@corp.test")).policy("A", Allow, everyone());
    assert_eq!(verdict(&sample, &nobody()), "needs_login -");
    assert_eq!(verdict(&sample, &person("bob@corp.test").facts()), "denied B");
    assert_eq!(verdict(&sample, &person("alice@corp.test").facts()), "allow A");
}

#[test]
fn i2_what_is_unknown_is_not_met_in_include_and_require_and_met_in_exclude_and_block() {
    let unknown = json!({"device_posture": {"integration_uid": "u"}});
    let all = json!({"everyone": {}});
    let alice = person("alice@corp.test");
    for (decision, rules, expected) in [
        (Allow, json!({"include": [unknown]}), "denied -"),
        (Allow, json!({"include": [unknown, all]}), "allow P"),
        (Allow, json!({"include": [all], "require": [unknown]}), "denied -"),
        (Allow, json!({"include": [all], "exclude": [unknown]}), "denied -"),
        (Bypass, json!({"include": [unknown]}), "denied -"),
        (Bypass, json!({"include": [all], "exclude": [unknown]}), "denied -"),
        (NonIdentity, json!({"include": [all], "require": [unknown]}), "denied -"),
        (Deny, json!({"include": [unknown]}), "denied P"),
        (Deny, json!({"include": [all], "require": [unknown]}), "denied P"),
        (Deny, json!({"include": [all], "exclude": [unknown]}), "denied P"),
    ] {
        let mut sample = Sample::default().policy("P", decision, rules.clone());
        if decision == Deny {
            sample = sample.policy("A", Allow, everyone());
        }
        let facts = Facts { service_token: Some(TOKEN), ..alice.facts() };
        assert_eq!(verdict(&sample, &facts), expected, "{decision:?} {rules}");
    }
}

#[test]
fn bypass_and_service_auth_do_not_look_at_who_signed_in() {
    let alice = person("alice@corp.test");
    let facts = Facts { service_token: Some(TOKEN), ..alice.facts() };
    for decision in [Bypass, NonIdentity] {
        for rules in [
            only("alice@corp.test"),
            json!({"include": [{"everyone": {}}], "exclude": [{"email": {"email": "bob@corp.test"}}]}),
            json!({"include": [{"login_method": {"id": IDP}}]}),
        ] {
            let sample = Sample::default().policy("P", decision, rules.clone());
            assert_eq!(verdict(&sample, &facts), "denied -", "{decision:?} {rules}");
        }
    }
}

#[test]
fn service_auth_admits_only_requests_with_a_service_token() {
    let alice = person("alice@corp.test");
    for rules in [everyone(), json!({"include": [{"ip": {"ip": "192.0.2.0/24"}}]})] {
        let sample = Sample::default().policy("S", NonIdentity, rules);
        assert_eq!(verdict(&sample, &nobody()), "forbidden -");
        assert_eq!(verdict(&sample, &alice.facts()), "denied -");
        assert_eq!(verdict(&sample, &machine()), "service S");
    }
    let other = json!({"include": [{"service_token": {"token_id": "other"}}]});
    assert_eq!(verdict(&Sample::default().policy("S", NonIdentity, other), &machine()), "forbidden -");
}

#[test]
fn several_values_in_require_are_all_required() {
    let rules = json!({"include": [{"everyone": {}}],
        "require": [{"geo": {"country_code": "PT"}}, {"geo": {"country_code": "US"}}]});
    let sample = Sample::default().policy("P", Allow, rules);
    let alice = person("alice@corp.test");
    for country in ["PT", "US"] {
        assert_eq!(verdict(&sample, &Facts { country: Some(country), ..alice.facts() }), "denied -");
    }
}

#[test]
fn j_10_a_mapped_address_does_not_slip_past_a_block() {
    let ten = json!({"include": [{"ip": {"ip": "10.0.0.0/8"}}]});
    let alice = person("alice@corp.test");
    let sample = Sample::default().policy("B", Deny, ten.clone()).policy("A", Allow, everyone());
    let facts = Facts { client_ip: "::ffff:10.1.2.3".parse().unwrap(), ..alice.facts() };
    assert_eq!(verdict(&sample, &facts), "denied B");
    assert_eq!(verdict(&Sample::default().policy("A", Allow, ten), &facts), "allow A");
}

#[test]
fn j_11_address_and_country_are_asked_on_every_request() {
    let rules =
        json!({"include": [{"email_domain": {"domain": "corp.test"}}], "require": [{"geo": {"country_code": "PT"}}]});
    let sample = Sample::default().policy("A", Allow, rules);
    let alice = person("alice@corp.test");
    assert_eq!(verdict(&sample, &Facts { country: Some("PT"), ..alice.facts() }), "allow A");
    assert_eq!(verdict(&sample, &Facts { country: Some("US"), ..alice.facts() }), "denied -");
}

#[test]
fn j_11_an_identity_from_a_provider_that_is_no_longer_allowed_is_none() {
    let mut sample = Sample::default().policy("A", Allow, everyone());
    let alice = person("alice@corp.test");
    assert_eq!(verdict(&sample, &alice.facts()), "allow A");
    sample.allowed_idps = vec![OTHER_IDP];
    assert_eq!(verdict(&sample, &alice.facts()), "needs_login -");
    sample.allowed_idps = vec![OTHER_IDP, IDP];
    assert_eq!(verdict(&sample, &alice.facts()), "allow A");
}

#[test]
fn j_11_an_identity_from_a_provider_that_is_not_configured_any_more_is_none() {
    let mut sample = Sample::default().policy("A", Allow, everyone());
    let alice = person("alice@corp.test");
    assert_eq!(verdict(&sample, &alice.facts()), "allow A");
    sample.gone = vec![IDP];
    assert_eq!(verdict(&sample, &alice.facts()), "needs_login -");
}

#[test]
fn j_12_groups_of_one_provider_do_not_count_after_a_sign_in_with_another() {
    let rules =
        json!({"include": [{"oidc": {"claim_name": "groups", "claim_value": "admins", "identity_provider_id": IDP}}]});
    let sample = Sample::default().policy("A", Allow, rules);
    let mut alice = person("alice@corp.test");
    alice.groups = vec![IdentityGroup::Name("admins".into())];
    assert_eq!(verdict(&sample, &alice.facts()), "allow A");
    alice.idp.id = OTHER_IDP;
    assert_eq!(verdict(&sample, &alice.facts()), "denied -");
}

#[test]
fn a_permit_and_a_refusal_name_the_policy_and_the_rule_that_decided() {
    let rules = json!({"include": [{"email": {"email": "bob@corp.test"}}, {"email_domain": {"domain": "corp.test"}}]});
    let posture = json!({"include": [{"everyone": {}}], "require": [{"device_posture": {"integration_uid": "u"}}]});
    let mut sample = Sample::default().policy("Staff", Allow, rules).policy("Posture", Deny, posture);
    sample.policies[0].session_duration = Some(Lifetime::from_hours(1));
    let permit = sample.decide(&person("alice@corp.test").facts()).unwrap();
    assert_eq!((permit.policy(), permit.rule()), ("Staff", "include[1] email_domain corp.test"));
    assert_eq!(permit.session_duration(), Lifetime::from_hours(1));
    let refusal = sample.decide(&person("eve@evil.test").facts()).unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Denied);
    assert_eq!(refusal.policy.as_deref(), Some("Posture"));
    assert_eq!(refusal.rule.as_deref(), Some("require[0] device_posture u"));
}

#[test]
fn without_a_duration_of_the_policy_the_applications_holds() {
    let permit = Sample::default().policy("A", Allow, everyone()).decide(&person("a@b").facts()).unwrap();
    assert_eq!(permit.session_duration(), Lifetime::from_hours(24));
}

#[test]
fn service_auth_admits_whoever_has_a_certificate_that_counts_on_the_host() {
    let robot = Facts { certificate: Some("robot"), ..nobody() };
    let sample = |rules: Value| {
        Sample::default().group("Robots", json!({"include": [{"common_name": {"common_name": "robot"}}]})).policy(
            "M",
            NonIdentity,
            rules,
        )
    };
    for (rules, verdict_of_robot, verdict_of_nobody) in [
        (json!({"include": [{"certificate": {}}]}), "certificate M", "forbidden -"),
        (json!({"include": [{"common_name": {"common_name": "robot"}}]}), "certificate M", "forbidden -"),
        (json!({"include": [{"common_name": {"common_name": "other"}}]}), "forbidden -", "forbidden -"),
        (json!({"include": [group_rule("Robots")]}), "certificate M", "forbidden -"),
        (json!({"include": [{"everyone": {}}], "require": [{"certificate": {}}]}), "certificate M", "forbidden -"),
        (json!({"include": [{"everyone": {}}]}), "certificate M", "forbidden -"),
        (json!({"include": [{"everyone": {}}], "exclude": [{"certificate": {}}]}), "forbidden -", "forbidden -"),
    ] {
        let sample = sample(rules.clone());
        assert_eq!(verdict(&sample, &robot), verdict_of_robot, "{rules}");
        assert_eq!(verdict(&sample, &nobody()), verdict_of_nobody, "{rules}");
    }
}

#[test]
fn a_certificate_alone_is_nobody_to_an_allow_policy() {
    let sample =
        Sample::default().policy("A", Allow, json!({"include": [{"everyone": {}}], "require": [{"certificate": {}}]}));
    let alice = person("alice@corp.test");
    assert_eq!(verdict(&sample, &Facts { certificate: Some("laptop"), ..nobody() }), "needs_login -");
    assert_eq!(verdict(&sample, &nobody()), "forbidden -", "no sign-in brings a certificate");
    assert_eq!(verdict(&sample, &Facts { certificate: Some("laptop"), ..alice.facts() }), "allow A");
    assert_eq!(verdict(&sample, &alice.facts()), "denied -");
}

#[test]
fn another_applications_token_opens_only_where_a_service_auth_policy_includes_it() {
    let linked = Facts { linked_app: Some(OTHER_APP), ..nobody() };
    let rule = json!({"linked_app_token": {"app_uid": OTHER_APP}});
    let another = json!({"linked_app_token": {"app_uid": uuid::Uuid::from_u128(99)}});
    for (decision, rules, expected) in [
        (NonIdentity, json!({"include": [rule]}), "linked P"),
        (NonIdentity, json!({"include": [{"everyone": {}}], "require": [rule]}), "forbidden -"),
        (NonIdentity, json!({"include": [group_rule("Fronts")], "require": [rule]}), "linked P"),
        (NonIdentity, json!({"include": [another]}), "forbidden -"),
        (NonIdentity, json!({"include": [{"everyone": {}}]}), "forbidden -"),
        (Bypass, json!({"include": [rule]}), "bypass P"),
        (Allow, json!({"include": [rule]}), "needs_login -"),
    ] {
        let fronts = json!({"include": [rule]});
        let sample = Sample::default().group("Fronts", fronts).policy("P", decision, rules.clone());
        assert_eq!(verdict(&sample, &linked), expected, "{decision:?} {rules}");
        let is_linked = crate::links(&sample.app(), &sample.catalog(), OTHER_APP);
        assert_eq!(is_linked, expected.ends_with(" P"), "{decision:?} {rules}");
    }
}

#[test]
fn j_13_what_services_have_to_say_is_wanted_only_where_it_decides() {
    let question = |n: u8| json!({"external_evaluation": {"evaluate_url": format!("https://e.test/{n}"), "keys_url": "https://e.test/keys"}});
    let alice = person("alice@corp.test");
    let wanted = |sample: &Sample, facts: &Facts<'_>| -> Vec<String> {
        crate::wanted(&sample.app(), &sample.catalog(), facts).into_iter().map(|asked| asked.evaluate_url).collect()
    };
    let sample = Sample::default()
        .group("Judged", json!({"include": [question(1)]}))
        .policy("Other", Allow, json!({"include": [question(0)], "require": [{"email": {"email": "bob@corp.test"}}]}))
        .policy("First", Allow, json!({"include": [group_rule("Judged"), group_rule("Judged")]}))
        .policy("Rest", Allow, only("alice@corp.test"))
        .policy("After", Deny, json!({"include": [question(2)]}));
    assert_eq!(wanted(&sample, &alice.facts()), ["https://e.test/1"]);
    assert!(crate::evaluates(&sample.app(), &sample.catalog()));
    let bypassed = sample.clone().policy("Open", Bypass, everyone());
    assert_eq!(wanted(&bypassed, &alice.facts()), [""; 0]);
    let plain = Sample::default().policy("Rest", Allow, only("alice@corp.test"));
    assert!(!crate::evaluates(&plain.app(), &plain.catalog()));
}
