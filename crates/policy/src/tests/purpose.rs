//! Policies that ask for more than who somebody is.

use doorward_model::id::{AppId, IdentityNonce};
use doorward_model::policy::Decision::{Allow, Deny};
use doorward_model::purpose::Entry;
use doorward_model::time::Timestamp;
use serde_json::{Value, json};

use super::sample::{Sample, nobody, person};
use crate::{Facts, RefusalKind, Verdict, decide, explain};

fn everyone() -> Value {
    json!({"include": [{"everyone": {}}]})
}

/// An Allow policy for everyone that asks.
fn asks(groups: Value) -> Value {
    json!({"include": [{"everyone": {}}], "purpose": {"prompt": "Why?", "approval_groups": groups}})
}

/// What was given to the first policy of the sample.
fn entry(sample: &Sample, approved_until: Option<i64>) -> Entry {
    let app = sample.app();
    let approved_until = approved_until.map(Timestamp::from_secs);
    Entry { session: IdentityNonce::random(), app: app.id, policy: app.policies[0].id, approved_until }
}

#[test]
fn whoever_gave_nothing_is_asked_and_whoever_gave_it_is_let_in() {
    let sample = Sample::default().policy("Asks", Allow, asks(json!([])));
    let (app, catalog, alice) = (sample.app(), sample.catalog(), person("alice@corp.test"));
    let refusal = decide(&app, &catalog, &alice.facts()).unwrap_err();
    assert_eq!((refusal.kind, refusal.asks), (RefusalKind::NeedsPurpose, Some(app.policies[0].id)));
    assert_eq!(refusal.policy.as_deref(), Some("Asks"));
    assert_eq!(explain(&app, &catalog, &alice.facts()).verdict, Verdict::Login);
    let given = entry(&sample, None);
    let facts = Facts { entry: Some(&given), ..alice.facts() };
    let permit = decide(&app, &catalog, &facts).unwrap();
    assert_eq!(permit.purpose().map(|purpose| purpose.question()), Some("Why?"));
    assert_eq!(explain(&app, &catalog, &facts).verdict, Verdict::Allow);
}

#[test]
fn before_the_sign_in_nobody_is_asked_and_nothing_given_helps() {
    let sample = Sample::default().policy("Asks", Allow, asks(json!([])));
    let given = entry(&sample, Some(1));
    for facts in [nobody(), Facts { entry: Some(&given), ..nobody() }] {
        let refusal = decide(&sample.app(), &sample.catalog(), &facts).unwrap_err();
        assert_eq!((refusal.kind, refusal.asks), (RefusalKind::NeedsLogin, None));
    }
}

#[test]
fn what_was_given_to_one_policy_is_nothing_to_another() {
    let sample = Sample::default().policy("Asks", Allow, asks(json!([]))).policy("Other", Allow, asks(json!([])));
    let alice = person("alice@corp.test");
    let given = Entry { policy: sample.app().policies[1].id, ..entry(&sample, None) };
    let facts = Facts { entry: Some(&given), ..alice.facts() };
    let refusal = decide(&sample.app(), &sample.catalog(), &facts).unwrap_err();
    assert_eq!(refusal.asks, Some(sample.app().policies[0].id), "the first one that matches asks");
}

#[test]
fn words_are_no_approval() {
    let group = json!([{"approvals_needed": 1, "emails": ["root@corp.test"]}]);
    let sample = Sample::default().policy("Asks", Allow, asks(group));
    let alice = person("alice@corp.test");
    for (approved_until, passes) in [(None, false), (Some(7), true)] {
        let given = entry(&sample, approved_until);
        let facts = Facts { entry: Some(&given), ..alice.facts() };
        assert_eq!(decide(&sample.app(), &sample.catalog(), &facts).is_ok(), passes, "{approved_until:?}");
    }
}

#[test]
fn who_is_blocked_before_or_let_in_before_is_asked_nothing() {
    let alice = person("alice@corp.test");
    let blocked = Sample::default().policy("No", Deny, everyone()).policy("Asks", Allow, asks(json!([])));
    let refusal = decide(&blocked.app(), &blocked.catalog(), &alice.facts()).unwrap_err();
    assert_eq!((refusal.kind, refusal.asks), (RefusalKind::Denied, None));
    let open = Sample::default().policy("Yes", Allow, everyone()).policy("Asks", Allow, asks(json!([])));
    assert!(decide(&open.app(), &open.catalog(), &alice.facts()).unwrap().purpose().is_none());
    let asks_first = Sample::default().policy("Asks", Allow, asks(json!([]))).policy("Yes", Allow, everyone());
    let refusal = decide(&asks_first.app(), &asks_first.catalog(), &alice.facts()).unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::NeedsPurpose, "the first match ends, and it asks");
}

#[test]
fn an_entry_is_for_one_sign_in_one_application_and_its_time() {
    let sample = Sample::default().policy("Asks", Allow, asks(json!([])));
    let given = entry(&sample, Some(100));
    let at = |secs| given.holds(&given.session, given.app, Timestamp::from_secs(secs));
    assert!(at(99) && !at(100));
    assert!(!given.holds(&IdentityNonce::random(), given.app, Timestamp::from_secs(1)));
    assert!(!given.holds(&given.session, AppId::random(), Timestamp::from_secs(1)));
}
