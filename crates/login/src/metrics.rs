//! What the sign-in counts: every sign-in once, by provider and outcome.

use prometheus_client::encoding::EncodeLabelSet;
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
    outcome: &'static str,
}

/// How a sign-in ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

impl Outcome {
    /// As the label is written.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Permitted => "permitted",
            Self::Denied => "denied",
            Self::Failed => "failed",
            Self::Sso => "sso",
        }
    }
}

impl Metrics {
    pub(crate) fn registered(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register("doorward_sign_ins", "Sign-ins by identity provider and outcome", metrics.sign_ins.clone());
        metrics
    }

    pub(crate) fn count(&self, provider: &str, outcome: Outcome) {
        self.sign_ins.get_or_create(&SignIn { provider: provider.to_owned(), outcome: outcome.as_str() }).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_in_lower_case() {
        let mut registry = Registry::default();
        let metrics = Metrics::registered(&mut registry);
        for outcome in [Outcome::Permitted, Outcome::Denied, Outcome::Failed, Outcome::Sso] {
            metrics.count("Test", outcome);
        }
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for outcome in ["permitted", "denied", "failed", "sso"] {
            let line = format!(r#"doorward_sign_ins_total{{provider="Test",outcome="{outcome}"}} 1"#);
            assert!(text.contains(&line), "{text}");
        }
    }
}
