//! What the sign-in counts: every sign-in once, by provider and outcome.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// The counters of this door.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    sign_ins: Family<SignIn, Counter>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct SignIn {
    provider: String,
    outcome: Outcome,
}

/// How a sign-in ended.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelValue)]
pub(crate) enum Outcome {
    /// At the application, with an identity it permits.
    Permitted,
    /// The person was proven, and the policies refuse them.
    Denied,
    /// The provider did not prove anybody.
    Failed,
    /// No provider was asked: the organisation session was enough.
    Sso,
}

impl Metrics {
    pub(crate) fn registered(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register("doorward_sign_ins", "Sign-ins by identity provider and outcome", metrics.sign_ins.clone());
        metrics
    }

    pub(crate) fn count(&self, provider: &str, outcome: Outcome) {
        self.sign_ins.get_or_create(&SignIn { provider: provider.to_owned(), outcome }).inc();
    }
}
