//! `linked_app_token`: the token of another application, which that
//! application hands on with a request of its own.

use doorward_model::rule::LinkedAppTokenRule;

use crate::facts::Seen;
use crate::met::{Answer, Why};

pub(crate) fn token(rule: &LinkedAppTokenRule, seen: &Seen<'_>) -> Answer {
    match seen.linked_app {
        Some(app) => Answer::plain(app == rule.app_uid),
        None => Answer::not_met(Why::NoLinkedToken),
    }
}

#[cfg(test)]
mod tests {
    use crate::Facts;
    use crate::met::Met::{False, True};
    use crate::tests::sample::{OTHER_APP, met, nobody, rule};
    use doorward_model::id::AppId;
    use serde_json::json;

    #[test]
    fn a_linked_token_is_the_token_of_that_application_alone() {
        let wanted = rule(json!({"linked_app_token": {"app_uid": OTHER_APP}}));
        for (presented, expected) in
            [(Some(OTHER_APP), True), (Some(AppId(uuid::Uuid::from_u128(78))), False), (None, False)]
        {
            assert_eq!(met(&wanted, &Facts { linked_app: presented, ..nobody() }), expected, "{presented:?}");
        }
    }
}
