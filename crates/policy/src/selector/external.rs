//! `external_evaluation`: what a service answered that was asked at the
//! sign-in. Nothing is asked here; [`wanted`](crate::wanted()) says what should be.

use doorward_model::rule::ExternalEvaluationRule;

use crate::facts::Seen;
use crate::met::{Answer, Why};

/// No answer that can be believed is no answer: not met where that keeps
/// somebody out, met where it would let somebody in (J-13).
pub(crate) fn answer(rule: &ExternalEvaluationRule, seen: &Seen<'_>) -> Answer {
    let identity = match &seen.identity {
        Ok(identity) => identity,
        Err(why) => return Answer::unknown(*why),
    };
    match identity.evaluations.iter().find(|evaluation| evaluation.asked == *rule) {
        Some(evaluation) => Answer::plain(evaluation.success),
        None => Answer::unknown(Why::NotAnswered),
    }
}

#[cfg(test)]
mod tests {
    use crate::met::Met::{False, True, Unknown};
    use crate::tests::sample::{met, nobody, person, rule};
    use doorward_model::identity::Evaluation;
    use doorward_model::rule::ExternalEvaluationRule;
    use serde_json::json;

    #[test]
    fn j_13_only_an_answer_to_this_very_question_decides() {
        let asked = |evaluate: &str, keys: &str| ExternalEvaluationRule {
            evaluate_url: evaluate.to_owned(),
            keys_url: keys.to_owned(),
        };
        let wanted = rule(
            json!({"external_evaluation": {"evaluate_url": "https://e.test/", "keys_url": "https://e.test/keys"}}),
        );
        for (answered, success, expected) in [
            (asked("https://e.test/", "https://e.test/keys"), true, True),
            (asked("https://e.test/", "https://e.test/keys"), false, False),
            (asked("https://e.test/", "https://evil.test/keys"), true, Unknown),
            (asked("https://e.test/other", "https://e.test/keys"), true, Unknown),
        ] {
            let mut alice = person("alice@corp.test");
            alice.evaluations = vec![Evaluation { asked: answered, success }];
            assert_eq!(met(&wanted, &alice.facts()), expected, "{:?}", alice.evaluations);
        }
        assert_eq!(met(&wanted, &person("alice@corp.test").facts()), Unknown);
        assert_eq!(met(&wanted, &nobody()), Unknown);
    }
}
