//! `azureAD`, `okta`, `gsuite` and `github-organization`: groups as the
//! provider itself named them at the sign-in.

use doorward_model::identity::IdentityGroup;
use doorward_model::rule::{AzureAdRule, GithubOrganizationRule, GsuiteRule, OktaRule};

use crate::facts::Seen;
use crate::met::Answer;
use crate::selector::from_provider;

/// By id: anybody who may make groups may give one the name of another's id.
pub(crate) fn azure_ad(rule: &AzureAdRule, seen: &Seen<'_>) -> Answer {
    any_group(seen, &rule.identity_provider_id, |group| match group {
        IdentityGroup::Name(id) | IdentityGroup::Object { id, .. } => *id == rule.id,
    })
}

/// By name, as Okta's administrators do; its ids are of no use to them.
pub(crate) fn okta(rule: &OktaRule, seen: &Seen<'_>) -> Answer {
    any_group(seen, &rule.identity_provider_id, |group| match group {
        IdentityGroup::Name(name) | IdentityGroup::Object { name: Some(name), .. } => *name == rule.name,
        IdentityGroup::Object { name: None, .. } => false,
    })
}

/// Google names a group by its address, so case does not count.
pub(crate) fn gsuite(rule: &GsuiteRule, seen: &Seen<'_>) -> Answer {
    any_group(seen, &rule.identity_provider_id, |group| match group {
        IdentityGroup::Name(name) => name.eq_ignore_ascii_case(&rule.email),
        IdentityGroup::Object { email: Some(email), .. } if email.eq_ignore_ascii_case(&rule.email) => true,
        IdentityGroup::Object { .. } => group.is(&rule.email),
    })
}

/// An organisation is a group of its name; a team is written as GitHub writes
/// it, `organisation/team`, and is not the whole organisation.
pub(crate) fn github(rule: &GithubOrganizationRule, seen: &Seen<'_>) -> Answer {
    any_group(seen, &rule.identity_provider_id, |group| match &rule.team {
        None => group.is(&rule.name),
        Some(team) => group.is(&format!("{}/{team}", rule.name)),
    })
}

fn any_group(seen: &Seen<'_>, identity_provider_id: &str, wanted: impl Fn(&IdentityGroup) -> bool) -> Answer {
    match from_provider(seen, identity_provider_id) {
        Ok(identity) => Answer::plain(identity.groups.iter().any(wanted)),
        Err(answer) => answer,
    }
}

#[cfg(test)]
mod tests {
    use crate::met::Met::{False, True, Unknown};
    use crate::tests::sample::{OTHER_IDP, met, nobody, person, rule};
    use serde_json::{Value, json};

    #[test]
    fn a_provider_group_is_an_exact_id_or_name_from_that_provider() {
        let idp = person("x@corp.test").idp.id;
        let azure = |id: &str| json!({"azureAD": {"id": id, "identity_provider_id": idp}});
        let okta = |name: &str| json!({"okta": {"name": name, "identity_provider_id": idp}});
        let gsuite = |email: &str| json!({"gsuite": {"email": email, "identity_provider_id": idp}});
        let org = |name: &str| json!({"github-organization": {"name": name, "identity_provider_id": idp}});
        let team = json!({"github-organization": {"name": "acme", "team": "sre", "identity_provider_id": idp}});
        let table: Vec<(Value, Value, crate::Met)> = vec![
            (azure("g-1"), json!([{"id": "g-1", "name": "Admins"}]), True),
            (azure("g-1"), json!([{"id": "g-2", "name": "g-1"}]), False),
            (azure("g-1"), json!(["g-1"]), True),
            (azure("g-1"), json!(["g-11"]), False),
            (okta("Admins"), json!(["Users", "Admins"]), True),
            (okta("Admins"), json!([{"id": "00g1", "name": "Admins"}]), True),
            (okta("Admins"), json!(["admins"]), False),
            (okta("00g1"), json!([{"id": "00g1", "name": "Admins"}]), False),
            (gsuite("Ops@corp.test"), json!(["ops@corp.test"]), True),
            (gsuite("ops@corp.test"), json!([{"id": "1", "email": "ops@corp.test"}]), True),
            (gsuite("ops@corp.test"), json!(["devops@corp.test"]), False),
            (org("acme"), json!(["acme"]), True),
            (org("acme"), json!(["acme/sre"]), False),
            (team.clone(), json!(["acme/sre"]), True),
            (team, json!(["acme"]), False),
        ];
        for (wanted, groups, expected) in table {
            let rule = rule(wanted.clone());
            let mut alice = person("alice@corp.test");
            alice.groups = serde_json::from_value(groups.clone()).unwrap();
            assert_eq!(met(&rule, &alice.facts()), expected, "{wanted} {groups}");
            alice.idp.id = OTHER_IDP;
            assert_eq!(met(&rule, &alice.facts()), False, "j_12: {wanted}");
            assert_eq!(met(&rule, &nobody()), Unknown, "{wanted}");
        }
    }
}
