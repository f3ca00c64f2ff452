//! Lists of addresses and of networks that rules refer to by one id (Zero
//! Trust docs, "lists"). What is in one is found without going through it.

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;

use ipnet::IpNet;

use crate::email::Email;
use crate::id::ListId;

/// One list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    pub id: ListId,
    pub name: String,
    pub items: Items,
}

/// What a list holds: one kind of thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Items {
    Emails(HashSet<Email>),
    Networks(Networks),
}

impl Items {
    /// Cloudflare's word for the kind.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Emails(_) => EMAIL,
            Self::Networks(_) => IP,
        }
    }
}

/// The `type` of a list of e-mail addresses.
pub const EMAIL: &str = "EMAIL";
/// The `type` of a list of addresses and networks.
pub const IP: &str = "IP";

/// Networks, of which a look-up probes one of each length there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    v4: BTreeSet<u8>,
    v6: BTreeSet<u8>,
    networks: HashSet<IpNet>,
}

impl Networks {
    /// Whether one of them holds the address, which must be canonical: an
    /// IPv4-mapped IPv6 address is in no IPv4 network.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let lengths = if address.is_ipv4() { &self.v4 } else { &self.v6 };
        lengths
            .iter()
            .any(|&length| IpNet::new(address, length).is_ok_and(|network| self.networks.contains(&network.trunc())))
    }
}

impl FromIterator<IpNet> for Networks {
    fn from_iter<I: IntoIterator<Item = IpNet>>(networks: I) -> Self {
        let mut found = Self::default();
        for network in networks {
            let lengths = if network.addr().is_ipv4() { &mut found.v4 } else { &mut found.v6 };
            lengths.insert(network.prefix_len());
            found.networks.insert(network.trunc());
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_in_the_networks_that_hold_it_and_in_no_others() {
        let networks: Networks = ["10.1.0.0/16", "10.2.3.4/32", "192.0.2.77/24", "2001:db8::/32"]
            .map(|net| net.parse().unwrap())
            .into_iter()
            .collect();
        for (address, inside) in [
            ("10.1.255.255", true),
            ("10.2.3.4", true),
            ("10.2.3.5", false),
            ("192.0.2.1", true),
            ("192.0.3.1", false),
            ("2001:db8:1::1", true),
            ("2001:db9::1", false),
            ("::ffff:10.1.0.1", false),
        ] {
            assert_eq!(networks.contains(address.parse().unwrap()), inside, "{address}");
        }
        assert!(!Networks::default().contains("10.0.0.1".parse().unwrap()));
        let everything: Networks = ["0.0.0.0/0".parse().unwrap()].into_iter().collect();
        assert!(everything.contains("10.0.0.1".parse().unwrap()) && !everything.contains("::1".parse().unwrap()));
    }
}
