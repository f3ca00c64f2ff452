//! Addresses that this server is asked to call: never its own, and never one
//! that only machines on its network are told of (P-08). Names are looked at
//! again when they are called.

use std::net::IpAddr;

use url::{Host, Url};

/// What is wrong with a URL to call, if anything is. `on_this_machine`: an
/// emulator may call what runs beside it, and without TLS.
pub(super) fn allowed(name: &str, url: &Url, on_this_machine: bool) -> Result<(), String> {
    if on_this_machine {
        return Ok(());
    }
    if url.scheme() != "https" {
        return Err(format!("{name} must be an https:// URL"));
    }
    let own = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => is_own(address.into()),
        Some(Host::Ipv6(address)) => is_own(address.to_canonical()),
        None => true,
    };
    if own { Err(format!("{name} names an address of this machine or of its network's own services")) } else { Ok(()) }
}

fn is_own(address: IpAddr) -> bool {
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    address.is_loopback() || address.is_unspecified() || address.is_multicast() || link_local
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_08_addresses_of_the_machine_itself_are_never_called() {
        for url in [
            "http://kc.example.com/token",
            "https://localhost/",
            "https://door.localhost:8081/",
            "https://127.0.0.1/",
            "https://0x7f.1/",
            "https://2130706433/",
            "https://169.254.169.254/latest",
            "https://[::ffff:169.254.169.254]/",
            "https://[::1]/",
            "https://[fe80::1]/",
            "https://0.0.0.0/",
        ] {
            let url = Url::parse(url).unwrap();
            assert!(allowed("auth_url", &url, false).is_err(), "{url}");
            assert!(allowed("auth_url", &url, true).is_ok(), "an emulator may: {url}");
        }
        for url in ["https://kc.example.com/token", "https://10.1.2.3/token"] {
            assert_eq!(allowed("auth_url", &Url::parse(url).unwrap(), false), Ok(()));
        }
    }
}
