//! `geo`: the country of the client's address.

use doorward_model::rule::GeoRule;

use crate::facts::Seen;
use crate::met::{Answer, Why};

pub(crate) fn country(rule: &GeoRule, seen: &Seen<'_>) -> Answer {
    match seen.country {
        Some(country) => Answer::plain(country.eq_ignore_ascii_case(&rule.country_code)),
        None => Answer::unknown(Why::CountryUnknown),
    }
}

#[cfg(test)]
mod tests {
    use crate::Facts;
    use crate::met::Met::{False, True, Unknown};
    use crate::tests::sample::{met, nobody, rule};
    use serde_json::json;

    #[test]
    fn a_country_is_matched_in_any_case_and_unknown_when_it_is_not_known() {
        for (code, country, expected) in [
            ("US", Some("US"), True),
            ("us", Some("US"), True),
            ("US", Some("us"), True),
            ("US", Some("PT"), False),
            ("US", Some("USA"), False),
            ("US", None, Unknown),
            ("US", Some(""), Unknown),
            ("US", Some("XX"), Unknown),
        ] {
            let facts = Facts { country, ..nobody() };
            assert_eq!(met(&rule(json!({"geo": {"country_code": code}})), &facts), expected, "{code} {country:?}");
        }
    }
}
