//! The authentication log: one line for each decision about a person, kept in
//! the store. A line that cannot be written is told in the process's log;
//! nobody is kept out for it.

use doorward_model::access_request::{AccessRequest, Action, Detail};
use doorward_model::app::App;
use doorward_model::identity::Identity;
use doorward_model::purpose::Justification;
use doorward_model::session::Session;
use doorward_policy::{Permit, Refusal};

use crate::visit::Visit;

impl Visit {
    /// Somebody entered an application with a sign-in; with what they said for it, where they were asked.
    pub(crate) async fn record_entry(&self, session: &Session, permit: &Permit, said: Option<Justification>) {
        let nonce = Some(session.nonce.as_str().to_owned());
        let detail = Detail { session: nonce, ..said.map(Detail::from).unwrap_or_default() };
        self.record_permit(&session.identity, permit, detail).await;
    }

    /// Somebody entered the launcher, which is where they signed in.
    pub(crate) async fn record_launched(&self, identity: &Identity, permit: &Permit) {
        self.record_permit(identity, permit, Detail::default()).await;
    }

    async fn record_permit(&self, identity: &Identity, permit: &Permit, detail: Detail) {
        let detail = Detail { policy: permit.policy().to_owned(), rule: permit.rule().to_owned(), ..detail };
        self.record(Action::Login, true, Some(permit.app()), identity, detail).await;
    }

    /// Somebody proved who they are, and was refused.
    pub(crate) async fn record_refusal(&self, app: &App, identity: &Identity, refusal: &Refusal) {
        let known = |text: &Option<String>| text.clone().unwrap_or_default();
        let detail = Detail { policy: known(&refusal.policy), rule: known(&refusal.rule), ..Detail::default() };
        self.record(Action::Login, false, Some(app), identity, detail).await;
    }

    /// Somebody signed out.
    pub(crate) async fn record_sign_out(&self, identity: &Identity) {
        self.record(Action::Logout, true, None, identity, Detail::default()).await;
    }

    pub(crate) async fn record(
        &self,
        action: Action,
        allowed: bool,
        app: Option<&App>,
        identity: &Identity,
        detail: Detail,
    ) {
        let arrival = &self.arrival;
        let request = AccessRequest {
            at: arrival.now,
            action,
            allowed,
            user_email: identity.email.as_str().to_owned(),
            user_id: Some(identity.user_uuid),
            ip_address: arrival.client_ip,
            country: arrival.country.clone(),
            app_uid: app.map(|app| app.id),
            app_domain: app.map(App::domain).unwrap_or_default(),
            connection: identity.idp.kind.clone(),
            idp_id: Some(identity.idp.id),
            ray_id: arrival.ray.as_str().to_owned(),
            non_identity: false,
            detail,
        };
        if let Err(error) = self.login.store.log_access(&request).await {
            tracing::error!(ray.id = %arrival.ray, %error, "a line of the authentication log could not be written");
        }
    }
}
