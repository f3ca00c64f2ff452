//! Which sign-in a browser's cookies speak of, and whether it still holds. A
//! valid signature is not enough: the session must live and not be revoked
//! (invariant I10).

use doorward_model::app::App;
use doorward_model::cookie::AUTHORIZATION;
use doorward_model::id::{Aud, IdentityNonce};
use doorward_model::session::{Bearings, Session};
use doorward_model::time::Lifetime;
use doorward_signer::{AppToken, OrgToken, claimed_aud};

use crate::cookie;
use crate::respond::{Stop, Trouble};
use crate::visit::Visit;

/// A verified token out of a browser's cookies.
pub(crate) enum Presented {
    Org(OrgToken),
    App(AppToken),
}

impl Presented {
    pub(crate) fn bearings(&self) -> Bearings {
        match self {
            Self::Org(token) => token.bearings(),
            Self::App(token) => token.bearings(),
        }
    }
}

impl Visit {
    /// The organisation session of this browser.
    pub(crate) async fn org_session(&self) -> Result<Option<Session>, Stop> {
        let tokens = self.org_tokens();
        let Some(token) = tokens.first() else { return Ok(None) };
        // Two people at once: a cookie was tossed in from elsewhere (G-02).
        if tokens.iter().any(|other| other.user != token.user) {
            return Ok(None);
        }
        for token in &tokens {
            if self.is_revoked(&token.bearings())? {
                continue;
            }
            let found = self.live_session(&token.nonce).await?;
            if let Some(session) = found.filter(|session| session.identity.user_uuid == token.user) {
                return Ok(Some(session));
            }
        }
        Ok(None)
    }

    /// The session under this nonce, if it lives and nobody revoked it.
    pub(crate) async fn live_session(&self, nonce: &IdentityNonce) -> Result<Option<Session>, Stop> {
        let found = self.login.store.session(nonce).await?;
        let Some(session) = found.filter(|session| session.is_live(self.arrival.now)) else { return Ok(None) };
        let bearings = Bearings {
            session: Some(nonce.clone()),
            user: Some(session.identity.user_uuid),
            app: None,
            iat: session.created_at.secs(),
        };
        Ok((!self.is_revoked(&bearings)?).then_some(session))
    }

    /// Fails closed while this node does not know what was revoked.
    pub(crate) fn is_revoked(&self, bearings: &Bearings) -> Result<bool, Stop> {
        let revocations = self.login.store.revocations();
        if !revocations.is_fresh() {
            tracing::error!("revocations are not fresh: no session is believed");
            return Err(Trouble::StoreUnavailable.into());
        }
        Ok(revocations.is_revoked(bearings))
    }

    /// Every organisation token among the cookies that verifies.
    pub(crate) fn org_tokens(&self) -> Vec<OrgToken> {
        let keyring = self.login.signer.keyring();
        let aud = Aud::of_team(&self.catalog.team().account);
        cookie::values(&self.headers, AUTHORIZATION)
            .filter_map(|token| keyring.verify_org(token, &self.login.issuers, &aud, self.arrival.now).ok())
            .collect()
    }

    /// Every application's token among the cookies that verifies, for the
    /// applications that `concerns` picks; until `grace` after its end.
    pub(crate) fn app_tokens(&self, grace: Lifetime, concerns: impl Fn(&App) -> bool) -> Vec<AppToken> {
        let keyring = self.login.signer.keyring();
        let verified = |token: &str| {
            // On the team domain any application's token may come (Pages plugin).
            let aud = claimed_aud(token)?;
            self.catalog.app_by_aud(&aud).filter(|app| concerns(app))?;
            keyring.verify_app(token, &self.login.issuers, &aud, self.arrival.now, grace).ok()
        };
        cookie::values(&self.headers, AUTHORIZATION).filter_map(verified).collect()
    }

    /// Whether the application has anything on the host of this request.
    pub(crate) fn is_here(&self, app: &App) -> bool {
        app.domains.iter().any(|domain| domain.host.matches(self.arrival.host.name()))
    }
}
