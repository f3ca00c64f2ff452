//! Where a bastion may lead: places by name or address, and networks. What is
//! meant by a text is decided once; a name opens itself alone, whatever it
//! resolves to, and never this machine or what is next to it (P-08).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use url::{Host, Url};

/// A host and a port to connect to. The host is canonical: `0x7f.1` is
/// `127.0.0.1`, `::ffff:10.0.0.1` is `10.0.0.1`, names are in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Destination {
    host: Host,
    port: u16,
}

/// Why a text is not a destination.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a destination: {why}")]
pub struct InvalidDestination {
    text: String,
    why: &'static str,
}

impl Destination {
    pub(super) fn of(host: &str, port: u16) -> Option<Self> {
        let host = match Host::parse(host).ok()? {
            Host::Domain(name) => Host::Domain(name.trim_end_matches('.').to_owned()),
            Host::Ipv4(address) => Host::Ipv4(address),
            Host::Ipv6(address) => match IpAddr::V6(address).to_canonical() {
                IpAddr::V4(address) => Host::Ipv4(address),
                IpAddr::V6(address) => Host::Ipv6(address),
            },
        };
        (host != Host::Domain(String::new())).then_some(Self { host, port })
    }

    /// As it is resolved: a name, or an address without brackets.
    #[must_use]
    pub fn host(&self) -> String {
        match &self.host {
            Host::Domain(name) => name.clone(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        }
    }

    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    const fn address(&self) -> Option<IpAddr> {
        match &self.host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(IpAddr::V4(*address)),
            Host::Ipv6(address) => Some(IpAddr::V6(*address)),
        }
    }
}

impl FromStr for Destination {
    type Err = InvalidDestination;

    /// A scheme is taken for its port, and what follows the port is left out, as cloudflared does.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |why| InvalidDestination { text: text.chars().take(100).collect(), why };
        let (scheme, rest) = text.split_once("://").unwrap_or(("tcp", text));
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let url = Url::parse(&format!("tcp://{authority}")).map_err(|_| invalid("write it like 10.0.0.5:22"))?;
        if authority.contains('@') {
            return Err(invalid("user name and password do not belong here"));
        }
        let port = url.port().or_else(|| default_port(scheme));
        let port = port.ok_or_else(|| invalid("it names no port; write it like 10.0.0.5:22"))?;
        let host = url.host_str().and_then(|host| Self::of(host, port));
        host.ok_or_else(|| invalid("it names no host; write it like 10.0.0.5:22"))
    }
}

/// The port that goes without saying.
pub(super) fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "ssh" => Some(22),
        "rdp" => Some(3389),
        "smb" => Some(445),
        _ => None,
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// One entry of `allowed_destinations`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Allowed {
    One(Destination),
    /// The addresses of a network, but for those near this machine.
    Network(IpNet, u16),
}

impl FromStr for Allowed {
    type Err = InvalidDestination;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((network, port)) = text.rsplit_once(':').filter(|(network, _)| is_network(network)) else {
            if text.contains(['/', '*']) {
                let why = "write host and port alone, like 10.0.0.5:22, or a network and a port, like 10.0.0.0/24:22";
                return Err(InvalidDestination { text: text.to_owned(), why });
            }
            return text.parse().map(Self::One);
        };
        let invalid = || InvalidDestination { text: text.to_owned(), why: "write a network like 10.0.0.0/24:22" };
        let network: IpNet = network.replace(['[', ']'], "").parse().map_err(|_| invalid())?;
        Ok(Self::Network(network.trunc(), port.parse().ok().filter(|port| *port != 0).ok_or_else(invalid)?))
    }
}

fn is_network(text: &str) -> bool {
    text.contains('/') && !text.contains("://")
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(destination) => destination.fmt(f),
            Self::Network(IpNet::V4(network), port) => write!(f, "{network}:{port}"),
            Self::Network(IpNet::V6(network), port) => {
                write!(f, "[{}]/{}:{port}", network.network(), network.prefix_len())
            }
        }
    }
}

/// Where one bastion may lead.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Destinations(Vec<Allowed>);

impl Destinations {
    /// `None` for an empty list: it would lead nowhere.
    #[must_use]
    pub fn new(allowed: Vec<Allowed>) -> Option<Self> {
        (!allowed.is_empty()).then_some(Self(allowed))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Allowed> {
        self.0.iter()
    }

    /// Whether somebody may ask for it at all. For a name its addresses have to be looked at besides.
    #[must_use]
    pub fn name(&self, destination: &Destination) -> bool {
        self.names_literally(destination)
            || destination.address().is_some_and(|address| self.covers(address, destination.port))
    }

    /// Whether this address may be dialled for the destination that was asked for.
    #[must_use]
    pub fn lead_to(&self, destination: &Destination, address: IpAddr) -> bool {
        let address = address.to_canonical();
        if !self.name(destination) {
            return false;
        }
        let is_this_machine = destination.host == Host::Domain("localhost") && address.is_loopback();
        !is_near(address) || is_this_machine || self.names_address(address, destination.port)
    }

    fn covers(&self, address: IpAddr, port: u16) -> bool {
        let within = |one: &Allowed| matches!(one, Allowed::Network(net, at) if *at == port && net.contains(&address));
        !is_near(address) && self.0.iter().any(within)
    }

    fn names_literally(&self, destination: &Destination) -> bool {
        self.0.iter().any(|one| matches!(one, Allowed::One(one) if one == destination))
    }

    fn names_address(&self, address: IpAddr, port: u16) -> bool {
        let host = match address {
            IpAddr::V4(address) => Host::Ipv4(address),
            IpAddr::V6(address) => Host::Ipv6(address),
        };
        self.names_literally(&Destination { host, port })
    }
}

/// This machine and its immediate neighbours, where metadata services and
/// listeners for nobody else are; and what is no single place. Only who lists
/// such an address itself means it.
fn is_near(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            address.is_loopback()
                || address.is_link_local()
                || address.is_multicast()
                || address.is_broadcast()
                // "This network": Linux takes the whole of it for this machine.
                || address.octets()[0] == 0
        }
        IpAddr::V6(address) => {
            // Whatever leads to an IPv4 address in another guise is that address.
            let embedded = address.to_ipv4().or_else(|| translated(address));
            address.is_loopback()
                || address.is_unspecified()
                || address.is_unicast_link_local()
                || address.is_multicast()
                || embedded.is_some_and(|address| is_near(IpAddr::V4(address)))
        }
    }
}

/// The address behind a translator's well-known prefix (RFC 6052), or behind 6to4 (RFC 3056).
fn translated(address: std::net::Ipv6Addr) -> Option<std::net::Ipv4Addr> {
    let [first, second, third, .., high, low] = address.segments();
    let of = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        std::net::Ipv4Addr::new(a, b, c, d)
    };
    match (first, second) {
        (0x64, 0xff9b) => Some(of(high, low)),
        (0x2002, _) => Some(of(second, third)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destinations(texts: &[&str]) -> Destinations {
        Destinations::new(texts.iter().map(|text| text.parse().unwrap()).collect()).unwrap()
    }

    fn destination(text: &str) -> Destination {
        text.parse().unwrap()
    }

    #[test]
    fn a_destination_has_one_reading_however_it_is_written() {
        for (text, meant) in [
            ("10.0.0.5:22", "10.0.0.5:22"),
            ("ssh://10.0.0.5", "10.0.0.5:22"),
            ("ssh://10.0.0.5:2222/path?query", "10.0.0.5:2222"),
            ("rdp://Desk.Internal.", "desk.internal:3389"),
            ("smb://files", "files:445"),
            ("0x7f.1:22", "127.0.0.1:22"),
            ("2130706433:22", "127.0.0.1:22"),
            ("[::FFFF:169.254.169.254]:80", "169.254.169.254:80"),
            ("[fd00:0::1]:22", "[fd00::1]:22"),
        ] {
            assert_eq!(destination(text).to_string(), meant, "{text}");
        }
        for text in [
            "",
            "host",
            ":22",
            "10.0.0.5:0x16",
            "a b:22",
            "user@host:22",
            "host:99999",
            "tcp://host",
            "[::1:22",
            ".:22",
        ] {
            assert!(text.parse::<Destination>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_may_be_listed_comes_out_as_it_went_in() {
        for text in
            ["10.0.0.5:22", "db.internal:5432", "[fd00::1]:22", "10.0.0.0/24:22", "[fd00::]/8:22", "localhost:1"]
        {
            assert_eq!(text.parse::<Allowed>().unwrap().to_string(), text);
        }
        for text in ["10.0.0.0/24", "10.0.0.0/33:22", "10.0.0.0/24:ssh", "10.0.0.0/24:0", "host", "ssh://host", "*:22"]
        {
            assert!(text.parse::<Allowed>().is_err(), "{text}");
        }
        assert_eq!(Destinations::new(vec![]), None);
    }

    #[test]
    fn p_08_only_what_is_listed_may_be_asked_for() {
        let listed = destinations(&["10.0.0.5:22", "db.internal:5432", "192.168.0.0/16:3389"]);
        for text in ["10.0.0.5:22", "DB.internal:5432", "192.168.7.7:3389", "[::ffff:10.0.0.5]:22"] {
            assert!(listed.name(&destination(text)), "{text}");
        }
        for text in ["10.0.0.5:23", "10.0.0.6:22", "db.internal:22", "db.internal.evil.test:5432", "192.168.7.7:22"] {
            assert!(!listed.name(&destination(text)), "{text}");
            assert!(!listed.lead_to(&destination(text), [10, 0, 0, 5].into()), "{text}");
        }
    }

    #[test]
    fn p_08_neither_a_name_nor_a_network_leads_to_this_machine_or_next_to_it() {
        let near = [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
        ];
        let everything = destinations(&["0.0.0.0/0:80", "[::]/0:80", "db.internal:80", "db.localhost:80"]);
        for address in near {
            let address: IpAddr = address.parse().unwrap();
            let asked = destination(&Destination { host: host(address), port: 80 }.to_string());
            assert!(!everything.name(&asked), "{address}");
            for name in ["db.internal:80", "db.localhost:80"] {
                assert!(!everything.lead_to(&destination(name), address), "{name} {address}");
            }
        }
        assert!(everything.lead_to(&destination("db.internal:80"), [10, 0, 0, 1].into()));
        let meant = destinations(&["127.0.0.1:80", "169.254.169.254:80", "db.internal:80", "localhost:81"]);
        for name in ["127.0.0.1:80", "db.internal:80"] {
            assert!(meant.lead_to(&destination(name), [127, 0, 0, 1].into()), "{name}: the address is listed too");
        }
        assert!(meant.name(&destination("169.254.169.254:80")));
        assert!(meant.lead_to(&destination("localhost:81"), [127, 0, 0, 1].into()));
        assert!(!meant.lead_to(&destination("localhost:81"), [169, 254, 1, 1].into()));
    }

    fn host(address: IpAddr) -> Host {
        match address {
            IpAddr::V4(address) => Host::Ipv4(address),
            IpAddr::V6(address) => Host::Ipv6(address),
        }
    }
}
