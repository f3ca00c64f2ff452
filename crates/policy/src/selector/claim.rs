//! `oidc` and `saml`: what the provider said about the person who signed in.

use doorward_model::catalog::Catalog;
use doorward_model::identity::Identity;
use doorward_model::idp::IdpKind;
use doorward_model::rule::{OidcRule, SamlRule};
use serde_json::Value;

use crate::facts::Seen;
use crate::met::{Answer, Why};
use crate::selector::from_provider;

pub(crate) fn oidc(rule: &OidcRule, seen: &Seen<'_>, catalog: &Catalog) -> Answer {
    let identity = match from_provider(seen, &rule.identity_provider_id) {
        Ok(identity) => identity,
        Err(answer) => return answer,
    };
    // Providers differ in how they write this one name (Access docs, "groups").
    let is_groups = rule.claim_name == "groups" || rule.claim_name.eq_ignore_ascii_case("groups");
    if is_groups && identity.groups.iter().any(|group| group.is(&rule.claim_value)) {
        return Answer::plain(true);
    }
    match identity.oidc_fields.get(&rule.claim_name) {
        Some(value) => Answer::plain(has(value, &rule.claim_value)),
        None if is_groups => Answer::plain(false),
        None if is_collected(&rule.claim_name, identity, catalog) => Answer::not_met(Why::ClaimAbsent),
        // Nobody asked the provider, so nobody can say "no": in an `exclude` that would open.
        None => Answer::unknown(Why::ClaimNotCollected),
    }
}

/// An attribute of the assertion, by its exact name.
pub(crate) fn saml(rule: &SamlRule, seen: &Seen<'_>) -> Answer {
    let identity = match from_provider(seen, &rule.identity_provider_id) {
        Ok(identity) => identity,
        Err(answer) => return answer,
    };
    match identity.saml_attributes.get(&rule.attribute_name) {
        Some(value) => Answer::plain(has(value, &rule.attribute_value)),
        None if identity.idp.kind == "saml" => Answer::not_met(Why::ClaimAbsent),
        // Other providers make no assertion, and so cannot say "no".
        None => Answer::unknown(Why::NoAssertion),
    }
}

/// The value itself, or one element of it, is exactly the wanted text. A text
/// is one value however many commas it has, and lists in lists are not opened (J-06).
fn has(value: &Value, wanted: &str) -> bool {
    match value {
        Value::Array(elements) => elements.iter().any(|element| is(element, wanted)),
        single => is(single, wanted),
    }
}

fn is(value: &Value, wanted: &str) -> bool {
    match value {
        Value::String(text) => text == wanted,
        Value::Bool(flag) => wanted == if *flag { "true" } else { "false" },
        Value::Number(number) => number.to_string() == wanted,
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

/// Whether sign-ins copy this claim into the identity. A provider that is no
/// longer configured counts as one that does: its identities are what they are.
fn is_collected(claim: &str, identity: &Identity, catalog: &Catalog) -> bool {
    catalog.idp(identity.idp.id).is_none_or(|idp| match &idp.kind {
        IdpKind::Oidc(provider) => provider.claims.iter().any(|name| name == claim),
    })
}

#[cfg(test)]
mod tests {
    use crate::met::Met::{False, True, Unknown};
    use crate::tests::sample::{OTHER_IDP, Sample, met, nobody, person, rule};
    use doorward_model::rule::Rule;
    use serde_json::{Value, json};

    fn oidc(name: &str, value: &str) -> Rule {
        let idp = person("x@corp.test").idp.id;
        rule(json!({"oidc": {"claim_name": name, "claim_value": value, "identity_provider_id": idp}}))
    }

    #[test]
    fn a_claim_is_met_by_its_exact_value_or_by_one_of_its_values() {
        let table: [(Value, &str, crate::Met); 15] = [
            (json!("eng"), "eng", True),
            (json!("eng"), "Eng", False),
            (json!("engineering"), "eng", False),
            (json!("eng,ops"), "eng", False),
            (json!(["ops", "eng"]), "eng", True),
            (json!(["ops", "xeng"]), "eng", False),
            (json!([["eng"]]), "eng", False),
            (json!({"eng": true}), "eng", False),
            (json!(true), "true", True),
            (json!("true"), "true", True),
            (json!(42), "42", True),
            (json!([1, 42]), "42", True),
            (json!(4.5), "4.5", True),
            (json!(42), "4", False),
            (json!(null), "null", False),
        ];
        for (claim, wanted, expected) in table {
            let mut alice = person("alice@corp.test");
            alice.oidc_fields.insert("department".into(), claim.clone());
            assert_eq!(met(&oidc("department", wanted), &alice.facts()), expected, "{claim} {wanted}");
        }
    }

    #[test]
    fn j_06_a_group_of_the_claim_is_one_exact_group() {
        for (groups, expected) in [
            (json!(["admins"]), True),
            (json!(["x", {"id": "1", "name": "admins"}]), True),
            (json!([{"id": "admins"}]), True),
            (json!(["admins,x"]), False),
            (json!(["xadmins"]), False),
            (json!(["adminsx"]), False),
            (json!(["Admins"]), False),
            (json!([]), False),
        ] {
            let mut alice = person("alice@corp.test");
            alice.groups = serde_json::from_value(groups.clone()).unwrap();
            assert_eq!(met(&oidc("groups", "admins"), &alice.facts()), expected, "{groups}");
        }
        let mut alice = person("alice@corp.test");
        alice.oidc_fields.insert("groups".into(), json!("admins"));
        assert_eq!(met(&oidc("groups", "admins"), &alice.facts()), True, "a lone text is one group");
    }

    #[test]
    fn j_12_what_one_provider_said_does_not_count_for_another() {
        let mut alice = person("alice@corp.test");
        alice.groups = serde_json::from_value(json!(["admins"])).unwrap();
        assert_eq!(met(&oidc("groups", "admins"), &alice.facts()), True);
        alice.idp.id = OTHER_IDP;
        assert_eq!(met(&oidc("groups", "admins"), &alice.facts()), False);
        assert_eq!(met(&oidc("groups", "admins"), &nobody()), Unknown);
    }

    #[test]
    fn a_saml_attribute_is_met_by_its_exact_value_or_by_one_of_its_values() {
        let idp = person("x@corp.test").idp.id;
        let wanted = |value: &str| {
            rule(json!({"saml": {"attribute_name": "role", "attribute_value": value, "identity_provider_id": idp}}))
        };
        let mut alice = person("alice@corp.test");
        assert_eq!(met(&wanted("eng"), &alice.facts()), Unknown, "a provider without assertions");
        alice.idp.kind = "saml".into();
        assert_eq!(met(&wanted("eng"), &alice.facts()), False, "an assertion without the attribute");
        for (attribute, value, expected) in [
            (json!("eng"), "eng", True),
            (json!(["ops", "eng"]), "eng", True),
            (json!(["ops", "eng"]), "en", False),
            (json!("eng,ops"), "eng", False),
        ] {
            alice.saml_attributes.insert("role".into(), attribute.clone());
            assert_eq!(met(&wanted(value), &alice.facts()), expected, "{attribute} {value}");
        }
        alice.idp.id = OTHER_IDP;
        assert_eq!(met(&wanted("eng"), &alice.facts()), False, "j_12");
    }

    #[test]
    fn a_claim_that_no_sign_in_collects_is_unknown_and_one_that_was_not_sent_is_not_met() {
        let alice = person("alice@corp.test");
        let sample = Sample::default().collects(&["department"]);
        assert_eq!(sample.met(&oidc("department", "eng"), &alice.facts()), False);
        assert_eq!(sample.met(&oidc("clearance", "top"), &alice.facts()), Unknown);
    }
}
