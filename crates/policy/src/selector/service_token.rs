//! `service_token` and `any_valid_service_token`: the credential of a machine.

use doorward_model::rule::ServiceTokenRule;

use crate::facts::Seen;
use crate::met::{Answer, Why};

pub(crate) fn one(rule: &ServiceTokenRule, seen: &Seen<'_>) -> Answer {
    match seen.service_token {
        Some(token) => Answer::plain(rule.token_id.parse() == Ok(token)),
        None => Answer::not_met(Why::NoServiceToken),
    }
}

pub(crate) fn any(seen: &Seen<'_>) -> Answer {
    match seen.service_token {
        Some(_) => Answer::plain(true),
        None => Answer::not_met(Why::NoServiceToken),
    }
}

#[cfg(test)]
mod tests {
    use crate::Facts;
    use crate::met::Met::{False, True};
    use crate::tests::sample::{TOKEN, met, nobody, rule};
    use doorward_model::id::ServiceTokenId;
    use serde_json::json;

    #[test]
    fn a_service_token_rule_is_met_by_that_token_alone() {
        let other = ServiceTokenId(uuid::Uuid::from_u128(77));
        for (wanted, presented, expected) in [
            (TOKEN.to_string(), Some(TOKEN), True),
            (TOKEN.to_string(), Some(other), False),
            (TOKEN.to_string(), None, False),
            ("CI".to_owned(), Some(TOKEN), False),
        ] {
            let rule = rule(json!({"service_token": {"token_id": wanted}}));
            let facts = Facts { service_token: presented, ..nobody() };
            assert_eq!(met(&rule, &facts), expected, "{wanted} {presented:?}");
        }
    }

    #[test]
    fn any_valid_service_token_is_met_by_every_token_and_by_nothing_else() {
        let rule = rule(json!({"any_valid_service_token": {}}));
        assert_eq!(met(&rule, &Facts { service_token: Some(TOKEN), ..nobody() }), True);
        assert_eq!(met(&rule, &nobody()), False);
    }
}
