//! What the edge counts. Handles are made once; counting is one atomic addition.

use doorward_policy::{Grant, RefusalKind};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::caller::Caller;
use crate::upstream::exchange::Trouble;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

/// The counters of the public listener.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    pub(crate) connections: Gauge,
    pub(crate) tunnels: Gauge,
    pub(crate) forwarded: Counter,
    pub(crate) bypassed: Counter,
    pub(crate) renewals: Counter,
    pub(crate) unmatched: Counter,
    pub(crate) unreadable: Counter,
    refusals: Family<Reason, Counter>,
    origin_trouble: Family<Reason, Counter>,
}

impl Metrics {
    pub(crate) fn registered(registry: &mut Registry) -> Self {
        let metrics = Self {
            connections: Gauge::default(),
            tunnels: Gauge::default(),
            forwarded: Counter::default(),
            bypassed: Counter::default(),
            renewals: Counter::default(),
            unmatched: Counter::default(),
            unreadable: Counter::default(),
            refusals: Family::default(),
            origin_trouble: Family::default(),
        };
        registry.register("doorward_connections", "Open client connections", metrics.connections.clone());
        registry.register("doorward_tunnels", "Open WebSockets", metrics.tunnels.clone());
        registry.register(
            "doorward_requests_forwarded",
            "Requests forwarded with an identity",
            metrics.forwarded.clone(),
        );
        registry.register(
            "doorward_requests_bypassed",
            "Requests forwarded by a Bypass policy",
            metrics.bypassed.clone(),
        );
        registry.register("doorward_tokens_renewed", "Application tokens renewed in place", metrics.renewals.clone());
        registry.register(
            "doorward_requests_unmatched",
            "Requests for addresses no application covers",
            metrics.unmatched.clone(),
        );
        registry.register(
            "doorward_requests_unreadable",
            "Requests refused before they had a place",
            metrics.unreadable.clone(),
        );
        registry.register("doorward_requests_refused", "Requests refused, by reason", metrics.refusals.clone());
        registry.register(
            "doorward_origin_trouble",
            "Requests that got no answer from their origin",
            metrics.origin_trouble.clone(),
        );
        metrics
    }

    pub(crate) fn admitted(&self, grant: Grant) {
        match grant {
            Grant::Bypass => self.bypassed.inc(),
            Grant::Identity | Grant::Service(_) => self.forwarded.inc(),
        };
    }

    pub(crate) fn refused(&self, caller: &Caller, kind: RefusalKind) {
        let reason = match (caller, kind) {
            (Caller::Unavailable, _) => "unavailable",
            (Caller::BadServiceToken, _) => "service_token",
            (Caller::Conflict, _) => "conflict",
            (Caller::Nobody, RefusalKind::NeedsLogin) => "needs_login",
            _ => "policy",
        };
        self.refusals.get_or_create(&Reason { reason }).inc();
    }

    pub(crate) fn trouble(&self, trouble: &Trouble) {
        let reason = match trouble {
            Trouble::Unreachable(_) => "unreachable",
            Trouble::Slow => "slow",
            Trouble::Broken(_) => "broken",
        };
        self.origin_trouble.get_or_create(&Reason { reason }).inc();
    }
}
