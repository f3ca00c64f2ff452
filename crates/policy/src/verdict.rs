//! What a decision is: a permit that only this crate can make, or a refusal
//! that says what could still be done about it.

use std::sync::Arc;

use doorward_model::app::App;
use doorward_model::id::{PolicyId, ServiceTokenId};
use doorward_model::policy::Policy;
use doorward_model::purpose::Purpose;
use doorward_model::time::Lifetime;

/// The proof that a request may pass (I2): without one, nothing can be sent
/// to an origin. Only [`decide`](crate::decide()) makes it.
#[derive(Clone, Debug)]
pub struct Permit {
    app: Arc<App>,
    /// Index of the policy in `app.policies`; none for an unchecked preflight.
    policy: Option<usize>,
    /// Shared, since a permit is cloned for every request it is used again for.
    rule: Arc<str>,
    grant: Grant,
}

impl Permit {
    /// `policy` must be an index into the application's policies.
    pub(crate) fn new(app: Arc<App>, policy: usize, rule: String, grant: Grant) -> Self {
        Self { app, policy: Some(policy), rule: rule.into(), grant }
    }

    /// The application lets preflights pass that it has to answer itself.
    pub(crate) fn unchecked_preflight(app: &Arc<App>) -> Self {
        Self { app: Arc::clone(app), policy: None, rule: "options_preflight_bypass".into(), grant: Grant::Bypass }
    }

    /// The application that may be entered.
    #[must_use]
    pub const fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// As what the caller may pass.
    #[must_use]
    pub const fn grant(&self) -> Grant {
        self.grant
    }

    /// The name of the policy that decided; empty where none was asked.
    #[must_use]
    pub fn policy(&self) -> &str {
        self.decided().map_or("", |policy| &policy.name)
    }

    /// The rule of that policy that was met: `include[0] email_domain corp.test`.
    #[must_use]
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// How long application tokens made on this permit live: as the policy
    /// says, else as the application says.
    #[must_use]
    pub fn session_duration(&self) -> Lifetime {
        self.decided().and_then(|policy| policy.session_duration).unwrap_or(self.app.session_duration)
    }

    /// What the policy asked of whoever passes, where it asks for something.
    #[must_use]
    pub fn purpose(&self) -> Option<&Purpose> {
        self.decided()?.purpose.as_ref()
    }

    fn decided(&self) -> Option<&Policy> {
        self.app.policies.get(self.policy?)
    }
}

/// As what a caller passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Grant {
    /// Unseen: no token is made and no identity is told to the origin.
    Bypass,
    /// As the machine that holds this service token.
    Service(ServiceTokenId),
    /// As the machine that holds the key of its client certificate.
    Certificate,
    /// As the person whom another application vouches for by its own token.
    Linked,
    /// As the person who signed in.
    Identity,
}

/// Why a request may not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub kind: RefusalKind,
    /// The name of the policy that blocked, or that asks; none when no policy let it in.
    pub policy: Option<String>,
    /// The rule of that policy that decided.
    pub rule: Option<String>,
    /// The policy that lets them in once they have given what it asks for.
    pub asks: Option<PolicyId>,
}

/// What could still be done about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusalKind {
    /// Nobody signed in with a provider the application allows; an Allow
    /// policy could match after that.
    NeedsLogin,
    /// Nobody signed in, and no sign-in could help.
    Forbidden,
    /// Somebody signed in, and a policy lets them in once they say what for,
    /// or once that is approved.
    NeedsPurpose,
    /// Somebody signed in, and is refused.
    Denied,
}

impl RefusalKind {
    /// The word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NeedsLogin => "needs_login",
            Self::Forbidden => "forbidden",
            Self::NeedsPurpose => "needs_purpose",
            Self::Denied => "denied",
        }
    }
}
