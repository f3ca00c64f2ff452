//! `ip`: the network that the request comes from.

use doorward_model::rule::IpRule;

use crate::facts::Seen;
use crate::met::Answer;

pub(crate) fn network(rule: &IpRule, seen: &Seen<'_>) -> Answer {
    Answer::plain(rule.ip.contains(seen.client_ip))
}

#[cfg(test)]
mod tests {
    use crate::Facts;
    use crate::met::Met::{False, True};
    use crate::tests::sample::{met, nobody, rule};
    use serde_json::json;

    #[test]
    fn j_10_an_address_is_matched_in_its_canonical_form() {
        for (network, address, expected) in [
            ("10.0.0.0/8", "10.1.2.3", True),
            ("10.0.0.0/8", "::ffff:10.1.2.3", True),
            ("10.0.0.0/8", "11.1.2.3", False),
            ("10.1.2.3", "10.1.2.3", True),
            ("10.1.2.3", "10.1.2.4", False),
            ("0.0.0.0/0", "10.1.2.3", True),
            ("0.0.0.0/0", "2001:db8::1", False),
            ("::/0", "::ffff:10.1.2.3", False),
            ("2001:db8::/32", "2001:db8::1", True),
            ("2001:db8::/32", "2001:db9::1", False),
        ] {
            let facts = Facts { client_ip: address.parse().unwrap(), ..nobody() };
            assert_eq!(met(&rule(json!({"ip": {"ip": network}})), &facts), expected, "{network} {address}");
        }
    }
}
