//! `login_method` and `auth_method`: with which provider somebody signed in,
//! and how they proved themselves to it.

use doorward_model::rule::{AuthMethodRule, LoginMethodRule};

use crate::facts::Seen;
use crate::met::Answer;
use crate::selector::of_identity;

pub(crate) fn provider(rule: &LoginMethodRule, seen: &Seen<'_>) -> Answer {
    of_identity(seen, |person| person.provider.is(&rule.id))
}

/// A value of the provider's `amr`, which RFC 8176 §2 makes case-sensitive.
pub(crate) fn method(rule: &AuthMethodRule, seen: &Seen<'_>) -> Answer {
    of_identity(seen, |identity| identity.amr.contains(&rule.auth_method))
}

#[cfg(test)]
mod tests {
    use crate::met::Met::{False, True, Unknown};
    use crate::tests::sample::{OTHER_IDP, met, nobody, person, rule};
    use serde_json::json;

    #[test]
    fn a_login_method_is_the_provider_that_was_used() {
        let alice = person("alice@corp.test");
        for (id, expected) in [
            (alice.idp.id.to_string(), True),
            (alice.idp.id.to_string().to_uppercase(), True),
            (OTHER_IDP.to_string(), False),
            ("Keycloak".to_owned(), False),
            (String::new(), False),
        ] {
            let rule = rule(json!({"login_method": {"id": id}}));
            assert_eq!(met(&rule, &alice.facts()), expected, "{id}");
            assert_eq!(met(&rule, &nobody()), Unknown);
        }
    }

    #[test]
    fn an_auth_method_is_one_exact_value_of_amr() {
        let mut alice = person("alice@corp.test");
        alice.amr = vec!["pwd".into(), "mfa".into()];
        for (method, expected) in [("mfa", True), ("pwd", True), ("MFA", False), ("mf", False), ("hwk", False)] {
            let rule = rule(json!({"auth_method": {"auth_method": method}}));
            assert_eq!(met(&rule, &alice.facts()), expected, "{method}");
            assert_eq!(met(&rule, &nobody()), Unknown);
        }
    }
}
