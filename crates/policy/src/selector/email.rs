//! `email` and `email_domain`: the address of the person who signed in.

use doorward_model::rule::{EmailDomainRule, EmailRule};

use crate::facts::Seen;
use crate::met::Answer;
use crate::selector::of_identity;

pub(crate) fn address(rule: &EmailRule, seen: &Seen<'_>) -> Answer {
    of_identity(seen, |person| lower_cases_to(&rule.email, person.email.as_str()))
}

/// The whole domain: sub-domains and look-alikes are other domains (J-03).
pub(crate) fn domain(rule: &EmailDomainRule, seen: &Seen<'_>) -> Answer {
    // The dashboard shows `@corp.test`, the API stores `corp.test`.
    let domain = rule.domain.strip_prefix('@').unwrap_or(&rule.domain);
    of_identity(seen, |person| lower_cases_to(domain, person.domain))
}

/// Whether the text is `lower` but for case; `lower` is in lower case already.
fn lower_cases_to(text: &str, lower: &str) -> bool {
    for (ours, theirs) in text.bytes().zip(lower.bytes()) {
        if !ours.is_ascii() {
            return text.to_lowercase() == lower;
        }
        if ours.to_ascii_lowercase() != theirs {
            return false;
        }
    }
    text.len() == lower.len()
}

#[cfg(test)]
mod tests {
    use crate::met::Met::{self, False, True, Unknown};
    use crate::tests::sample::{met, nobody, person, rule};
    use serde_json::json;

    #[test]
    fn an_email_rule_is_met_by_that_address_in_any_case() {
        let table: [(&str, &str, Met); 6] = [
            ("alice@corp.test", "alice@corp.test", True),
            ("Alice@CORP.test", "alice@corp.test", True),
            ("alice@corp.test", "ALICE@corp.test", True),
            ("ÄNNE@corp.test", "änne@corp.test", True),
            ("alice@corp.test", "malice@corp.test", False),
            ("alice@corp.test", "alice@corp.tes", False),
        ];
        for (wanted, email, expected) in table {
            let rule = rule(json!({"email": {"email": wanted}}));
            assert_eq!(met(&rule, &person(email).facts()), expected, "{wanted} {email}");
        }
    }

    #[test]
    fn j_03_a_domain_rule_is_met_by_that_domain_alone() {
        for (domain, email, expected) in [
            ("corp.test", "alice@corp.test", True),
            ("corp.test", "Alice@CORP.test", True),
            ("@Corp.test", "alice@corp.test", True),
            ("corp.test", "x@notcorp.test", False),
            ("corp.test", "x@corp.test.evil.test", False),
            ("corp.test", "x@sub.corp.test", False),
            ("corp.test", "corp.test@evil.test", False),
            ("", "x@corp.test", False),
        ] {
            let rule = rule(json!({"email_domain": {"domain": domain}}));
            assert_eq!(met(&rule, &person(email).facts()), expected, "{domain} {email}");
        }
    }

    #[test]
    fn before_the_sign_in_an_address_is_unknown() {
        for rule in [json!({"email": {"email": "a@b"}}), json!({"email_domain": {"domain": "b"}})] {
            assert_eq!(met(&crate::tests::sample::rule(rule), &nobody()), Unknown);
        }
    }
}
