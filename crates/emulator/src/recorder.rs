//! What was asked of the gateway and how it decided, kept for tests to look at.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use doorward_model::id::{AppId, RayId};
use doorward_model::time::Timestamp;
use serde_json::{Value, json};

/// Decisions kept at most; the oldest are forgotten first.
const MOST_KEPT: usize = 10_000;

/// One decision at the edge.
#[derive(Clone, Debug)]
pub struct Decision {
    pub ray: RayId,
    pub at: Timestamp,
    pub client_ip: IpAddr,
    pub method: String,
    pub host: String,
    /// Without its query, which holds secrets at times.
    pub path: String,
    /// None where no application covers the address.
    pub app: Option<(AppId, String)>,
    /// `allow`, `service_auth`, `bypass`, `login`, `deny` or `unmatched`.
    pub verdict: &'static str,
    pub policy: Option<String>,
    pub rule: Option<String>,
    /// How the policies came to a refusal, rule by rule.
    pub rules: Option<String>,
    pub caller: Caller,
}

/// Who a decision was about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    Nobody,
    /// By their e-mail address.
    Person(String),
    /// A service token, by its name.
    Service(String),
    /// Credentials that do not hold.
    Unproven,
}

/// Everything that was noted since the start, or since it was last cleared.
#[derive(Default)]
pub(crate) struct Recorder {
    kept: Mutex<VecDeque<Decision>>,
    decisions: AtomicU64,
    certs: AtomicU64,
    identity: AtomicU64,
}

/// What is counted beside decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fetch {
    /// Of the published keys.
    Certs,
    /// Of an identity.
    Identity,
}

impl Recorder {
    pub(crate) fn decided(&self, decision: Decision) {
        self.decisions.fetch_add(1, Ordering::Relaxed);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == MOST_KEPT {
            kept.pop_front();
        }
        kept.push_back(decision);
    }

    /// Counts a fetch; gives how many there were before it.
    pub(crate) fn fetched(&self, what: Fetch) -> u64 {
        let counter = match what {
            Fetch::Certs => &self.certs,
            Fetch::Identity => &self.identity,
        };
        counter.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn clear(&self) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clear();
        for counter in [&self.decisions, &self.certs, &self.identity] {
            counter.store(0, Ordering::Relaxed);
        }
    }

    /// As the control API shows it, the oldest first; of one application where one is named.
    pub(crate) fn shown(&self, app: Option<AppId>) -> Value {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let of_app = |decision: &&Decision| app.is_none() || decision.app.as_ref().map(|(id, _)| *id) == app;
        json!({
            "requests": kept.iter().filter(of_app).map(Decision::shown).collect::<Vec<_>>(),
            "counters": {
                "decisions": self.decisions.load(Ordering::Relaxed),
                "certs_fetches": self.certs.load(Ordering::Relaxed),
                "identity_calls": self.identity.load(Ordering::Relaxed),
            },
        })
    }
}

impl Decision {
    fn shown(&self) -> Value {
        let (kind, name) = match &self.caller {
            Caller::Nobody => ("nobody", None),
            Caller::Person(email) => ("user", Some(email)),
            Caller::Service(name) => ("service_token", Some(name)),
            Caller::Unproven => ("unproven", None),
        };
        json!({
            "ray_id": self.ray.as_str(),
            "at": self.at.to_rfc3339(),
            "client_ip": self.client_ip,
            "method": self.method,
            "host": self.host,
            "path": self.path,
            "app": self.app.as_ref().map(|(_, name)| name),
            "verdict": self.verdict,
            "policy": self.policy,
            "rule": self.rule,
            "rules": self.rules,
            "caller": { "kind": kind, "name": name },
        })
    }
}
