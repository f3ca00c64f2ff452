//! What of this door is worth throwing bytes at, for the oracles of the
//! `fuzzing` crate: pure functions that nothing of the product calls.

use std::net::{IpAddr, Ipv4Addr};

use doorward_model::id::RayId;
use doorward_model::path::NormPath;
use doorward_model::time::Timestamp;
use http::request::Parts;
use http::{HeaderMap, Uri};
use ipnet::IpNet;

use crate::arrive::{self, Socket, Trust};
use crate::upstream::request::origin_form;
use crate::{cookies, headers};

/// What a request that could be read means to the gateway.
#[derive(Debug)]
pub struct Read {
    /// The authority, as every later stage writes it.
    pub host: String,
    pub path: NormPath,
    pub client_ip: IpAddr,
    /// The request target that an origin would get.
    pub target: Uri,
}

/// Reads a request as the gate does; `None` when it is refused.
#[must_use]
pub fn read(head: &Parts, peer: IpAddr, proxies: &[IpNet]) -> Option<Read> {
    let trust = Trust { proxies: proxies.to_vec(), countries: Default::default(), country_from_anybody: false };
    let socket = Socket { peer: peer.to_canonical(), tls: false };
    let visit = arrive::read(head, socket, &trust, RayId::random(), Timestamp(0)).ok()?;
    let target = origin_form(&head.uri, &visit.path);
    let arrival = visit.arrival;
    Some(Read { host: arrival.host.to_string(), path: visit.path, client_ip: arrival.client_ip, target })
}

/// Takes out of a client's headers what no origin may get from it.
pub fn clean(fields: &mut HeaderMap) {
    headers::strip(fields);
    headers::remove_hop_by_hop(fields);
}

/// Makes the `Cookie` field as the origin gets it.
pub fn rewrite_cookies(fields: &mut HeaderMap, token: Option<&str>) {
    cookies::rewrite_for_origin(fields, token);
}

/// A peer that nobody trusts.
pub const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
