//! `email_list` and `ip_list`: lists that many rules share.

use doorward_model::catalog::Catalog;
use doorward_model::list::{Items, List};
use doorward_model::rule::ListRule;

use crate::facts::Seen;
use crate::met::{Answer, Why};
use crate::selector::of_identity;

pub(crate) fn emails(rule: &ListRule, seen: &Seen<'_>, catalog: &Catalog) -> Answer {
    match named(rule, catalog).map(|list| &list.items) {
        None => Answer::unknown(Why::ListMissing),
        Some(Items::Networks(_)) => Answer::unknown(Why::OtherList),
        Some(Items::Emails(emails)) => of_identity(seen, |identity| emails.contains(&identity.email)),
    }
}

pub(crate) fn networks(rule: &ListRule, seen: &Seen<'_>, catalog: &Catalog) -> Answer {
    match named(rule, catalog).map(|list| &list.items) {
        None => Answer::unknown(Why::ListMissing),
        Some(Items::Emails(_)) => Answer::unknown(Why::OtherList),
        Some(Items::Networks(networks)) => Answer::plain(networks.contains(seen.client_ip)),
    }
}

fn named<'a>(rule: &ListRule, catalog: &'a Catalog) -> Option<&'a List> {
    catalog.list(rule.id.parse().ok()?).map(AsRef::as_ref)
}

#[cfg(test)]
mod tests {
    use crate::Facts;
    use crate::met::Met::{False, True, Unknown};
    use crate::tests::sample::{Sample, list_id, nobody, person, rule};
    use serde_json::{Value, json};

    fn sample() -> Sample {
        Sample::default().list("Contractors", "EMAIL", &["carol@x.test", "Dan@Y.test"]).list(
            "Offices",
            "IP",
            &["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"],
        )
    }

    fn in_list(selector: &str, name: &str) -> Value {
        json!({selector: {"id": list_id(name)}})
    }

    #[test]
    fn an_email_list_is_met_by_the_addresses_in_it() {
        let wanted = rule(in_list("email_list", "Contractors"));
        for (email, expected) in
            [("carol@x.test", True), ("CAROL@x.test", True), ("dan@y.test", True), ("eve@x.test", False)]
        {
            assert_eq!(sample().met(&wanted, &person(email).facts()), expected, "{email}");
        }
        assert_eq!(sample().met(&wanted, &nobody()), Unknown, "before the sign-in");
    }

    #[test]
    fn j_10_an_ip_list_is_met_by_the_networks_in_it_in_their_canonical_form() {
        let wanted = rule(in_list("ip_list", "Offices"));
        for (address, expected) in [
            ("10.1.2.3", True),
            ("::ffff:10.1.2.3", True),
            ("11.1.2.3", False),
            ("192.0.2.7", True),
            ("192.0.2.8", False),
            ("2001:db8::1", True),
            ("2001:db9::1", False),
        ] {
            let facts = Facts { client_ip: address.parse().unwrap(), ..nobody() };
            assert_eq!(sample().met(&wanted, &facts), expected, "{address}");
        }
    }

    #[test]
    fn a_list_that_is_not_there_or_holds_something_else_is_unknown() {
        let alice = person("alice@corp.test");
        for (selector, name) in
            [("email_list", "Gone"), ("ip_list", "Gone"), ("email_list", "Offices"), ("ip_list", "Contractors")]
        {
            assert_eq!(sample().met(&rule(in_list(selector, name)), &alice.facts()), Unknown, "{selector} {name}");
        }
        assert_eq!(sample().met(&rule(json!({"email_list": {"id": "Contractors"}})), &alice.facts()), Unknown);
    }
}
