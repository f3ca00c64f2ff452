//! What holds for every application and every request, tried on random ones.

use doorward_model::group::Group;
use doorward_model::identity::{Evaluation, IdentityGroup};
use doorward_model::policy::{Decision, Policy};
use doorward_model::rule::{ExternalEvaluationRule, Rule};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::reference;
use super::sample::{
    IDP, OTHER_APP, OTHER_IDP, Person, Sample, TOKEN, group, group_rule, list_id, nobody, person, policy, rule,
};
use crate::{Facts, Grant, Permit, Refusal, RefusalKind, Verdict, explain, wanted};

/// Few values, so that rules and requests often meet.
fn all_rules() -> Vec<Rule> {
    [
        json!({"everyone": {}}),
        json!({"everyone": {}}),
        json!({"everyone": {}}),
        json!({"email": {"email": "a@corp.test"}}),
        json!({"email": {"email": "A@Evil.test"}}),
        json!({"email_domain": {"domain": "@Corp.test"}}),
        json!({"ip": {"ip": "10.0.0.0/8"}}),
        json!({"ip": {"ip": "192.0.2.1"}}),
        json!({"geo": {"country_code": "pt"}}),
        json!({"login_method": {"id": IDP}}),
        json!({"login_method": {"id": IDP.0.simple().to_string()}}),
        json!({"auth_method": {"auth_method": "mfa"}}),
        json!({"okta": {"name": "x", "identity_provider_id": IDP.to_string().to_uppercase()}}),
        json!({"oidc": {"claim_name": "groups", "claim_value": "x", "identity_provider_id": IDP}}),
        json!({"oidc": {"claim_name": "Groups", "claim_value": "x", "identity_provider_id": OTHER_IDP}}),
        json!({"oidc": {"claim_name": "unit", "claim_value": "7", "identity_provider_id": IDP}}),
        json!({"service_token": {"token_id": TOKEN}}),
        json!({"any_valid_service_token": {}}),
        json!({"certificate": {}}),
        json!({"common_name": {"common_name": "robot"}}),
        json!({"linked_app_token": {"app_uid": OTHER_APP}}),
        json!({"email_list": {"id": list_id("L")}}),
        json!({"ip_list": {"id": list_id("N")}}),
        json!({"external_evaluation": {"evaluate_url": "https://e.test/", "keys_url": "https://e.test/keys"}}),
        group_rule("G0"),
        group_rule("G1"),
        group_rule("G2"),
        group_rule("Gone"),
        unknown(),
    ]
    .map(rule)
    .to_vec()
}

fn any_rule() -> impl Strategy<Value = Rule> {
    prop::sample::select(all_rules())
}

fn unknown() -> Value {
    json!({"device_posture": {"integration_uid": "u"}})
}

fn rules() -> impl Strategy<Value = [Vec<Rule>; 3]> {
    let some = |most| prop::collection::vec(any_rule(), 0..most);
    (some(5), some(2), some(2)).prop_map(<[Vec<Rule>; 3]>::from)
}

fn any_policy() -> impl Strategy<Value = Policy> {
    (any_decision(), 1..9_u32, rules()).prop_map(|(decision, precedence, [include, require, exclude])| {
        let empty = policy(&format!("P{precedence}"), decision, precedence, json!({"include": []}));
        Policy { include, require, exclude, ..empty }
    })
}

fn any_sample() -> impl Strategy<Value = Sample> {
    (prop::collection::vec(any_policy(), 0..6), [rules(), rules(), rules()]).prop_map(|(policies, groups)| {
        let groups = groups.into_iter().zip(["G0", "G1", "G2"]).map(|([include, require, exclude], name)| {
            let empty = group(name, json!({"include": []}));
            Group { include, require, exclude, ..empty }
        });
        let lists = Sample::default().list("L", "EMAIL", &["b@corp.test"]).list("N", "IP", &["10.0.0.0/8"]);
        Sample { policies, groups: groups.collect(), ..lists }
    })
}

#[derive(Clone, Debug)]
struct Asked {
    person: Option<Person>,
    token: bool,
    certificate: Option<&'static str>,
    linked: bool,
    inside: bool,
    country: Option<&'static str>,
}

impl Asked {
    fn facts(&self) -> Facts<'_> {
        Facts {
            identity: self.person.as_deref(),
            entry: None,
            service_token: self.token.then_some(TOKEN),
            certificate: self.certificate,
            linked_app: self.linked.then_some(OTHER_APP),
            client_ip: if self.inside { "10.1.2.3" } else { "192.0.2.1" }.parse().unwrap(),
            country: self.country,
        }
    }
}

fn any_person() -> impl Strategy<Value = Person> {
    let answer = prop_oneof![Just(None), Just(Some(true)), Just(Some(false))];
    let email = prop_oneof![Just("a@corp.test"), Just("b@corp.test"), Just("a@evil.test")];
    (email, answer, any::<[bool; 4]>()).prop_map(|(email, answer, [other, grouped, strong, unit])| {
        let mut person = person(email);
        person.idp.id = if other { OTHER_IDP } else { IDP };
        person.groups = grouped.then(|| IdentityGroup::Name("x".into())).into_iter().collect();
        person.amr = strong.then(|| "mfa".into()).into_iter().collect();
        person.oidc_fields.extend(unit.then(|| ("unit".to_owned(), json!(7))));
        person.evaluations = answer.map(|success| Evaluation { asked: question(), success }).into_iter().collect();
        person
    })
}

fn any_request() -> impl Strategy<Value = Asked> {
    let country = prop_oneof![Just(None), Just(Some("PT")), Just(Some("US"))];
    let certificate = prop_oneof![Just(None), Just(Some("robot")), Just(Some("other"))];
    (prop::option::of(any_person()), any::<bool>(), certificate, any::<bool>(), any::<bool>(), country).prop_map(
        |(person, token, certificate, linked, inside, country)| Asked {
            person,
            token,
            certificate,
            linked,
            inside,
            country,
        },
    )
}

/// What a decision is, in a form that compares.
fn told(decided: Result<Permit, Refusal>) -> (Verdict, Option<String>, Option<String>) {
    let verdict = Verdict::from(&decided);
    match decided {
        Ok(permit) => (verdict, Some(permit.policy().to_owned()), Some(permit.rule().to_owned())),
        Err(refusal) => (verdict, refusal.policy, refusal.rule),
    }
}

fn any_decision() -> impl Strategy<Value = Decision> {
    prop::sample::select(vec![Decision::Allow, Decision::Deny, Decision::Bypass, Decision::NonIdentity])
}

/// In the order in which they stand.
fn renumber(sample: &mut Sample) {
    for (policy, precedence) in sample.policies.iter_mut().zip(1..) {
        policy.precedence = precedence;
    }
}

fn question() -> ExternalEvaluationRule {
    ExternalEvaluationRule { evaluate_url: "https://e.test/".into(), keys_url: "https://e.test/keys".into() }
}

fn every_rule(sample: &mut Sample) -> impl Iterator<Item = &mut Rule> {
    let of_policies = sample.policies.iter_mut().map(|p| (&mut p.include, &mut p.require, &mut p.exclude));
    let of_groups = sample.groups.iter_mut().map(|g| (&mut g.include, &mut g.require, &mut g.exclude));
    of_policies
        .chain(of_groups)
        .flat_map(|(include, require, exclude)| include.iter_mut().chain(require.iter_mut()).chain(exclude.iter_mut()))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn explain_says_what_decide_says(sample in any_sample(), asked in any_request()) {
        let explained = explain(&sample.app(), &sample.catalog(), &asked.facts());
        prop_assert_eq!(explained.trace.len(), sample.policies.len());
        prop_assert_eq!(told(sample.decide(&asked.facts())), (explained.verdict, explained.policy, explained.rule));
    }

    #[test]
    fn a_verdict_is_what_the_rules_plainly_read_say(sample in any_sample(), asked in any_request()) {
        let rules = all_rules();
        let plainly: Vec<_> = rules.iter().map(|rule| reference::met(&sample, &asked.facts(), rule)).collect();
        prop_assert_eq!(sample.met_in_turn(&rules, &asked.facts()), plainly);
        let (verdict, policy, _) = told(sample.decide(&asked.facts()));
        prop_assert_eq!((verdict, policy), reference::verdict(&sample, &asked.facts()));
    }

    #[test]
    fn one_more_exclude_or_require_never_opens(
        sample in any_sample(), asked in any_request(), added in any_rule(), at in any::<prop::sample::Index>(), exclude: bool,
    ) {
        let mut stricter = sample.clone();
        // A Block with one more condition blocks less, as it should.
        let mut opening: Vec<_> = stricter.policies.iter_mut().filter(|p| p.decision != Decision::Deny).collect();
        if opening.is_empty() || sample.decide(&asked.facts()).is_ok() {
            return Ok(());
        }
        let at = at.index(opening.len());
        if exclude { opening[at].exclude.push(added) } else { opening[at].require.push(added) }
        prop_assert!(stricter.decide(&asked.facts()).is_err());
    }

    #[test]
    fn a_permit_would_stand_whatever_the_unknown_turned_out_to_be(
        sample in any_sample(), asked in any_request(), turns in prop::collection::vec(any::<bool>(), 60),
    ) {
        if sample.decide(&asked.facts()).is_err() {
            return Ok(());
        }
        let mut known = sample.clone();
        let posture = rule(unknown());
        let unknowns = every_rule(&mut known).filter(|rule| **rule == posture);
        for (unknown, met) in unknowns.zip(turns.into_iter().cycle()) {
            *unknown = rule(if met { json!({"everyone": {}}) } else { json!({"ip": {"ip": "198.51.100.1"}}) });
        }
        prop_assert!(known.decide(&asked.facts()).is_ok());
    }

    #[test]
    fn policies_that_do_not_apply_can_stand_anywhere(
        sample in any_sample(), asked in any_request(), place in any::<prop::sample::Index>(), decision in any_decision(),
    ) {
        let mut longer = sample.clone();
        let never = policy("Never", decision, 1, json!({"include": [{"ip": {"ip": "198.51.100.1"}}]}));
        longer.policies.insert(place.index(sample.policies.len() + 1), never);
        renumber(&mut longer);
        let mut shorter = sample;
        renumber(&mut shorter);
        prop_assert_eq!(told(longer.decide(&asked.facts())), told(shorter.decide(&asked.facts())));
    }

    #[test]
    fn policies_of_one_kind_in_a_row_give_one_verdict_in_any_order(
        sample in any_sample(), asked in any_request(), decision in any_decision(),
    ) {
        let mut forward = sample;
        forward.policies.iter_mut().for_each(|policy| policy.decision = decision);
        renumber(&mut forward);
        let mut backward = forward.clone();
        backward.policies.reverse();
        renumber(&mut backward);
        let verdict = |sample: &Sample| told(sample.decide(&asked.facts())).0;
        prop_assert_eq!(verdict(&forward), verdict(&backward));
    }

    #[test]
    fn machine_policies_and_people_policies_do_not_mind_who_is_listed_first(
        sample in any_sample(), asked in any_request(),
    ) {
        let mut sorted = sample.clone();
        sorted.policies.sort_by_key(|policy| policy.precedence);
        sorted.policies.sort_by_key(|policy| matches!(policy.decision, Decision::Allow | Decision::Deny));
        renumber(&mut sorted);
        prop_assert_eq!(told(sample.decide(&asked.facts())), told(sorted.decide(&asked.facts())));
    }

    #[test]
    fn what_is_wanted_settles_the_verdict_as_far_as_services_can(
        sample in any_sample(), asked in any_request(), success: bool,
    ) {
        // Answers to questions that were not wanted change nothing.
        let Some(mut person) = asked.person.clone() else { return Ok(()) };
        person.evaluations.clear();
        let without = Asked { person: Some(person.clone()), ..asked };
        if !wanted(&sample.app(), &sample.catalog(), &without.facts()).is_empty() {
            return Ok(());
        }
        person.evaluations.push(Evaluation { asked: question(), success });
        let with = Asked { person: Some(person), ..without.clone() };
        let verdict = |asked: &Asked| Verdict::from(&sample.decide(&asked.facts()));
        prop_assert_eq!(verdict(&with), verdict(&without));
    }

    #[test]
    fn nobody_passes_without_a_credential_but_by_bypass(sample in any_sample(), asked in any_request()) {
        if let Ok(permit) = sample.decide(&asked.facts()) {
            let decision = sample.policies.iter().any(|p| p.name == permit.policy() && match permit.grant() {
                Grant::Bypass => p.decision == Decision::Bypass,
                Grant::Service(id) => p.decision == Decision::NonIdentity && asked.facts().service_token == Some(id),
                Grant::Certificate => p.decision == Decision::NonIdentity && asked.certificate.is_some(),
                Grant::Linked => p.decision == Decision::NonIdentity && asked.linked,
                Grant::Identity => p.decision == Decision::Allow && asked.person.is_some(),
            });
            prop_assert!(decision);
        }
    }

    #[test]
    fn forbidden_before_the_sign_in_means_that_no_sign_in_helps(
        sample in any_sample(), asked in any_request(), someone in any_person(),
    ) {
        let before = Asked { person: None, ..asked };
        let Err(refusal) = sample.decide(&before.facts()) else { return Ok(()) };
        let after = Asked { person: Some(someone), ..before };
        let then = sample.decide(&after.facts());
        match refusal.kind {
            RefusalKind::Forbidden => prop_assert!(then.is_err()),
            kind => prop_assert_eq!(kind, RefusalKind::NeedsLogin),
        }
        if let Err(refusal) = then {
            prop_assert_eq!(refusal.kind, RefusalKind::Denied);
        }
    }
}

#[test]
fn the_random_applications_open_often_enough_to_prove_something() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut permits = 0;
    for _ in 0..1000 {
        let sample = any_sample().new_tree(&mut runner).unwrap().current();
        let asked = any_request().new_tree(&mut runner).unwrap().current();
        permits += usize::from(sample.decide(&asked.facts()).is_ok());
    }
    assert!((100..900).contains(&permits), "{permits}");
    assert!(Sample::default().decide(&nobody()).is_err());
}
