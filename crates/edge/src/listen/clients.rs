//! Connections of each client address, so that one client cannot take all
//! places. An IPv6 client has a whole network of addresses; it counts as one.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// The clients that are connected.
#[derive(Clone, Default)]
pub(crate) struct Clients(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One client's place, as long as it lives.
pub(crate) struct Place {
    clients: Clients,
    client: IpAddr,
}

impl Clients {
    /// A place, unless the client has as many as it may; 0 sets no bound.
    pub(crate) fn admit(&self, peer: IpAddr, most: usize) -> Option<Place> {
        let client = network(peer);
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(client).or_default();
        if most != 0 && *count >= most {
            return None;
        }
        *count += 1;
        drop(open);
        Some(Place { clients: self.clone(), client })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.clients.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.client);
            }
        }
    }
}

/// The network that one client has for itself.
fn network(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V4(_) => peer,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (!0 << 64)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_as_many_places_as_the_bound_says_and_gets_them_back() {
        let clients = Clients::default();
        let [one, neighbour, other] =
            ["2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1"].map(|ip| ip.parse().unwrap());
        let held = clients.admit(one, 2).unwrap();
        let _second = clients.admit(neighbour, 2).unwrap();
        assert!(clients.admit(one, 2).is_none());
        assert!(clients.admit(other, 2).is_some(), "another network is another client");
        assert!(clients.admit(one, 0).is_some(), "no bound");
        drop(held);
        assert!(clients.admit(one, 2).is_some());
    }

    #[test]
    fn a_client_that_left_is_forgotten() {
        let clients = Clients::default();
        drop(clients.admit("192.0.2.1".parse().unwrap(), 1));
        assert!(clients.0.lock().unwrap().is_empty());
    }
}
