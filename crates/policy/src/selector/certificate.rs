//! `certificate` and `common_name`: the client certificate of the connection.

use doorward_model::rule::CommonNameRule;

use crate::facts::Seen;
use crate::met::{Answer, Why};

pub(crate) fn valid(seen: &Seen<'_>) -> Answer {
    match seen.certificate {
        Some(_) => Answer::plain(true),
        None => Answer::not_met(Why::NoCertificate),
    }
}

pub(crate) fn common_name(rule: &CommonNameRule, seen: &Seen<'_>) -> Answer {
    match seen.certificate {
        // One without a name has no name, also where a rule asks for none.
        Some(name) => Answer::plain(!name.is_empty() && name == rule.common_name),
        None => Answer::not_met(Why::NoCertificate),
    }
}

#[cfg(test)]
mod tests {
    use crate::Facts;
    use crate::met::Met::{False, True};
    use crate::tests::sample::{met, nobody, rule};
    use serde_json::json;

    #[test]
    fn a_certificate_rule_is_met_by_any_valid_certificate_and_by_nothing_else() {
        let wanted = rule(json!({"certificate": {}}));
        for name in ["robot", ""] {
            assert_eq!(met(&wanted, &Facts { certificate: Some(name), ..nobody() }), True);
        }
        assert_eq!(met(&wanted, &nobody()), False);
    }

    #[test]
    fn a_common_name_is_one_exact_name() {
        for (wanted, name, expected) in [
            ("robot", "robot", True),
            ("robot", "Robot", False),
            ("robot", "robot2", False),
            ("robot.test", "*.test", False),
            ("", "", False),
        ] {
            let facts = Facts { certificate: Some(name), ..nobody() };
            let wanted = rule(json!({"common_name": {"common_name": wanted}}));
            assert_eq!(met(&wanted, &facts), expected, "{wanted:?} {name}");
            assert_eq!(met(&wanted, &nobody()), False);
        }
    }
}
