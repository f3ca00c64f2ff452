//! Faults on purpose: what goes wrong, where, and how often. Nothing goes
//! wrong that nobody asked for; each fault says what a correct application
//! does about it.

pub(crate) mod jwks;
mod kind;
mod token;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use doorward_model::app::App;
use doorward_model::id::AppId;
use doorward_model::path::{NormPath, PathPattern};
use doorward_model::time::Lifetime;
use http::StatusCode;
use serde_json::{Value, json};

pub(crate) use self::jwks::Profile;
pub(crate) use self::kind::{ALL, Kind, Traffic};
pub use self::token::Defect;
pub(crate) use self::token::Stranger;

/// One fault in force.
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    /// The application it strikes, with the name it was asked for by.
    pub(crate) app: Option<(AppId, String)>,
    pub(crate) path: Option<PathPattern>,
    /// The part of all matching requests that is struck.
    pub(crate) share: f64,
    pub(crate) once: bool,
    pub(crate) delay: Lifetime,
    pub(crate) status: StatusCode,
    pub(crate) seen: AtomicU64,
    pub(crate) struck: AtomicU64,
}

/// What is done to one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bent {
    pub delay: Duration,
    pub instead: Option<Instead>,
    pub defect: Option<Defect>,
}

/// What a request gets in place of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instead {
    Status(StatusCode),
    /// The connection ends without an answer.
    Reset,
}

/// The faults in force, in the order they were asked for.
#[derive(Default)]
pub(crate) struct Faults(RwLock<Arc<Vec<Arc<Fault>>>>);

impl Faults {
    pub(crate) fn replace(&self, faults: Vec<Fault>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(faults.into_iter().map(Arc::new).collect());
    }

    /// Ends the faults of one kind.
    pub(crate) fn end(&self, kind: Kind) {
        let mut faults = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let others = faults.iter().filter(|fault| fault.kind != kind).cloned().collect();
        *faults = Arc::new(others);
    }

    pub(crate) fn all(&self) -> Arc<Vec<Arc<Fault>>> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What happens to a request that goes on to an application.
    pub(crate) fn on_the_way(&self, app: &App, path: &NormPath) -> Option<Bent> {
        let faults = self.all();
        if faults.is_empty() {
            return None;
        }
        let mut bent = Bent::default();
        for fault in faults.iter().filter(|fault| fault.covers(Some(app.id), path)) {
            match fault.kind {
                Kind::Traffic(traffic) => bent.take(traffic, fault),
                Kind::Token(defect) if bent.defect.is_none() && fault.strikes() => bent.defect = Some(defect),
                Kind::Token(_) | Kind::Jwks(_) => {}
            }
        }
        (bent != Bent::default()).then_some(bent)
    }

    /// What happens to a request for what Access serves itself. It is struck
    /// by faults alone that name its path: an outage of the applications is
    /// none of the sign-in.
    pub(crate) fn at_the_door(&self, app: Option<AppId>, path: &str) -> Bent {
        let mut bent = Bent::default();
        let Ok(path) = path.parse::<NormPath>() else { return bent };
        for fault in self.all().iter().filter(|fault| fault.path.is_some() && fault.covers(app, &path)) {
            if let Kind::Traffic(traffic) = fault.kind {
                bent.take(traffic, fault);
            }
        }
        bent
    }

    /// The profile under which the keys are published this time, and its delay.
    pub(crate) fn at_the_keys(&self) -> Option<(Profile, Duration)> {
        self.all().iter().find_map(|fault| match fault.kind {
            Kind::Jwks(profile) if fault.strikes() => Some((profile, fault.delay.as_std())),
            _ => None,
        })
    }
}

impl Bent {
    fn take(&mut self, traffic: Traffic, fault: &Fault) {
        if self.instead.is_some() || !fault.strikes() {
            return;
        }
        match traffic {
            Traffic::Latency => self.delay += fault.delay.as_std(),
            Traffic::Error => self.instead = Some(Instead::Status(fault.status)),
            Traffic::Reset => self.instead = Some(Instead::Reset),
        }
    }
}

impl Fault {
    fn covers(&self, app: Option<AppId>, path: &NormPath) -> bool {
        self.app.as_ref().is_none_or(|(id, _)| app == Some(*id))
            && self.path.as_ref().is_none_or(|pattern| pattern.matches(path))
    }

    /// Counts a matching request and says whether it is struck. A share is
    /// spread evenly and not by chance: of a half, every second request.
    fn strikes(&self) -> bool {
        let before = self.seen.fetch_add(1, Ordering::Relaxed);
        #[expect(clippy::cast_precision_loss, reason = "nobody counts to 2^52 requests")]
        let due = |count: u64| (count as f64 * self.share).floor();
        let strikes = if self.once { self.struck.load(Ordering::Relaxed) == 0 } else { true }
            && due(before.saturating_add(1)) > due(before);
        if !strikes {
            return false;
        }
        if self.once {
            return self.struck.compare_exchange(0, 1, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        }
        self.struck.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// As the control API shows it.
    pub(crate) fn shown(&self) -> Value {
        let mut shown = self.asked();
        shown["seen"] = json!(self.seen.load(Ordering::Relaxed));
        shown["struck"] = json!(self.struck.load(Ordering::Relaxed));
        shown
    }

    /// As it was asked for.
    pub(crate) fn asked(&self) -> Value {
        let mut asked = json!({ "fault": self.kind.name(), "share": self.share, "once": self.once });
        let mut add = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                asked[name] = value;
            }
        };
        add("app", self.app.as_ref().map(|(_, name)| json!(name)));
        add("path", self.path.as_ref().map(|path| json!(path.as_str())));
        add("delay", self.kind.has_delay().then(|| json!(self.delay)));
        add("status", (self.kind == Kind::Traffic(Traffic::Error)).then(|| json!(self.status.as_u16())));
        asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(share: f64, once: bool) -> Fault {
        Fault {
            kind: Kind::Traffic(Traffic::Error),
            app: None,
            path: None,
            share,
            once,
            delay: Lifetime::ZERO,
            status: StatusCode::SERVICE_UNAVAILABLE,
            seen: AtomicU64::new(0),
            struck: AtomicU64::new(0),
        }
    }

    fn strikes(fault: &Fault, requests: usize) -> String {
        (0..requests).map(|_| if fault.strikes() { 'x' } else { '.' }).collect()
    }

    #[test]
    fn a_share_is_spread_evenly() {
        assert_eq!(strikes(&fault(1.0, false), 4), "xxxx");
        assert_eq!(strikes(&fault(0.5, false), 6), ".x.x.x");
        assert_eq!(strikes(&fault(0.25, false), 8), "...x...x");
        assert_eq!(strikes(&fault(0.0, false), 4), "....");
    }

    #[test]
    fn once_is_the_first_request_that_its_share_strikes() {
        assert_eq!(strikes(&fault(1.0, true), 3), "x..");
        assert_eq!(strikes(&fault(0.5, true), 6), ".x....");
    }
}
