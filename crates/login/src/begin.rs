//! The start of a sign-in on the team domain: which application it is for,
//! whether the organisation session is enough, and if not, which provider.

use std::sync::Arc;

use axum::extract::{Path, rejection::PathRejection};
use axum::response::Response;
use doorward_model::app::{App, AppKind};
use doorward_model::host::Host;
use doorward_model::id::{ApprovalId, Aud, IdpId};
use doorward_model::idp::IdentityProvider;
use doorward_model::login::{AtProvider, Handoff, Target};
use doorward_model::path::NormPath;
use doorward_model::redirect::ReturnPath;
use doorward_model::secret::Secret;
use doorward_model::session::Session;
use doorward_model::site;
use doorward_pages::{Choice, Colours, Denied, SignIn};
use doorward_policy::{RefusalKind, decide};
use doorward_signer::Meta;
use http::StatusCode;
use url::form_urlencoded;

use crate::metrics::Outcome;
use crate::provider::{Prompt, ProviderError, pkce_verifier};
use crate::respond::{Stop, Trouble, designed_page, name_app, redirect};
use crate::sign_out::{UNAUTHORIZED, with_message};
use crate::visit::Visit;
use crate::{callback, cookie};

/// What a sign-in under way is sealed for, into the `state` parameter: nothing
/// is stored for somebody who is not known yet.
pub(crate) const STATE: &str = "login-state";

/// What Access says to an account that the policies refuse.
const NO_ACCESS: &str = "That account does not have access";

/// `GET /cdn-cgi/access/login/{host}?kid&meta&redirect_url[&idp][&prompt]`
pub(crate) async fn begin(visit: Visit, host: Result<Path<String>, PathRejection>) -> Response {
    let host = host.map(|Path(host)| host).unwrap_or_default();
    match visit.begin(&host).await {
        Ok(answer) => answer,
        Err(stop) => stop.respond(&visit),
    }
}

impl Visit {
    async fn begin(&self, host: &str) -> Result<Response, Stop> {
        let (app, target) = self.target(host)?;
        if let Some(chain) = self.chain() {
            return self.vouch(&app, target, chain).await;
        }
        let facts = self.facts(None, target.certificate.as_deref());
        let nobody = decide(&app, &self.catalog, &facts);
        match nobody {
            // Nobody has to sign in from here.
            Ok(_) => return Ok(redirect(&site::app_url(&target.origin, &target.return_to))),
            Err(refusal) if refusal.kind == RefusalKind::Forbidden => {
                self.log_refusal("forbidden", &app, &facts, &refusal);
                return Err(Trouble::Forbidden(app).into());
            }
            Err(_) => {}
        }
        let prompt =
            if self.parameter("prompt").as_deref() == Some("login") { Prompt::Again } else { Prompt::AsProviderLikes };
        if let Some(chosen) = self.parameter("idp") {
            let idp =
                chosen.parse().ok().and_then(|id: IdpId| self.catalog.idp(id)).filter(|idp| app.allows_idp(idp.id));
            let idp =
                idp.ok_or_else(|| Trouble::UsedLogin.back_to(site::app_url(&target.origin, &target.return_to)))?;
            return self.to_provider(idp, target, prompt, None).await;
        }
        if prompt == Prompt::AsProviderLikes {
            if let Some(answer) = self.by_org_session(&app, &target).await? {
                return Ok(answer);
            }
            let mut idps = self.catalog.idps_for(&app);
            let straight = app.auto_redirect_to_identity || self.catalog.organization().auto_redirect_to_identity;
            if let (true, Some(only), None) = (straight, idps.next(), idps.next()) {
                return self.to_provider(only, target, prompt, None).await;
            }
        }
        Ok(self.sign_in_page(&app, &target, prompt, None))
    }

    /// Straight on, when this browser has signed in already and may enter
    /// (Access docs, "session management").
    async fn by_org_session(&self, app: &Arc<App>, target: &Target) -> Result<Option<Response>, Stop> {
        let Some(session) = self.org_session().await? else { return Ok(None) };
        let certificate = target.certificate.as_deref();
        let session = self.evaluated_again(app, session, certificate).await?;
        let facts = self.facts(Some(&session.identity), certificate);
        match decide(app, &self.catalog, &facts) {
            Ok(_) => {
                self.login.metrics.count(&self.provider_name(&session), Outcome::Sso);
                let handoff = Handoff::begun(target.clone(), session.nonce, self.arrival.now);
                self.hand_over(handoff, true).await.map(Some)
            }
            Err(refusal) if refusal.kind == RefusalKind::NeedsPurpose => {
                self.login.metrics.count(&self.provider_name(&session), Outcome::Sso);
                Ok(Some(self.ask_what_for(app, &session, target.clone(), refusal.asks, true)))
            }
            Err(refusal) if refusal.kind == RefusalKind::Denied => {
                self.log_refusal("denied", app, &facts, &refusal);
                self.record_refusal(app, &session.identity, &refusal).await;
                Ok(Some(self.denied(app, target, session.identity.email.as_str())))
            }
            Err(_) => Ok(None),
        }
    }

    fn provider_name(&self, session: &Session) -> String {
        self.catalog.idp(session.identity.idp.id).map(|idp| idp.name.clone()).unwrap_or_default()
    }

    /// What somebody gets whom the policies refuse after sign-in: the page
    /// again, so that another account can be chosen (Access docs, "block page").
    pub(crate) fn denied(&self, app: &App, target: &Target, email: &str) -> Response {
        if let Some(url) = &app.custom_deny_url {
            return redirect(
                &self.own_address(url).map_or_else(|| url.clone(), |url| with_message(&url, UNAUTHORIZED)),
            );
        }
        if let Some(page) = self.own_denied_page(app, target, email) {
            return page;
        }
        let message = app.custom_deny_message.as_deref().unwrap_or(NO_ACCESS);
        self.sign_in_page(app, target, Prompt::Again, Some((message, email)))
    }

    fn sign_in_page(&self, app: &App, target: &Target, prompt: Prompt, denied: Option<(&str, &str)>) -> Response {
        let again = self.sign_in_href(app, target, prompt);
        let choice = |idp: &'_ Arc<IdentityProvider>| format!("{again}&idp={}", idp.id);
        let design = &self.catalog.organization().login_design;
        let sign_in = SignIn {
            team: &self.catalog.team().name,
            app: &app.name,
            logo: app.logo_url.as_deref().or(design.logo_path.as_deref()),
            header: design.header_text.as_deref(),
            footer: design.footer_text.as_deref(),
            colours: Colours::of(design),
            providers: self
                .catalog
                .idps_for(app)
                .map(|idp| Choice { name: &idp.name, kind: idp.type_name(), href: choice(idp) })
                .collect(),
            denied: denied.map(|(message, email)| Denied {
                message,
                email: Some(email),
                switch_href: Some(again.clone()),
                ray: self.arrival.ray.as_str(),
            }),
            emulator: self.login.emulator,
        };
        cookie::name_browser(&self.cookies, &self.headers, self.arrival.now);
        let own = self.own_sign_in_page(app, &sign_in);
        let mut answer =
            own.unwrap_or_else(|| designed_page(StatusCode::OK, &sign_in, &sign_in.content_security_policy()));
        name_app(&mut answer, app);
        answer
    }

    /// The address of this very start, for the links of the page.
    pub(crate) fn sign_in_href(&self, app: &App, target: &Target, prompt: Prompt) -> String {
        let host = target.origin.split_once("://").map_or("", |(_, host)| host);
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("kid", app.aud.as_str());
        if let Some(meta) = self.parameter("meta") {
            query.append_pair("meta", &meta);
        }
        query.append_pair("redirect_url", target.return_to.as_str());
        if prompt == Prompt::Again {
            query.append_pair("prompt", "login");
        }
        format!("/cdn-cgi/access/login/{host}?{}", query.finish())
    }

    /// Sends the browser to a provider, bound to it by a cookie: to enter an
    /// application, or to decide about another's request.
    pub(crate) async fn to_provider(
        &self,
        idp: &IdentityProvider,
        target: Target,
        prompt: Prompt,
        approval: Option<ApprovalId>,
    ) -> Result<Response, Stop> {
        let now = self.arrival.now;
        let browser = Secret::random();
        let back = site::app_url(&target.origin, &target.return_to);
        let attempt = AtProvider { approval, ..AtProvider::begun(target, idp.id, pkce_verifier(idp), &browser, now) };
        let plain = serde_json::to_vec(&attempt).expect("texts and numbers always serialize");
        let state = self.login.store.sealer().seal(STATE, &plain);
        let callback = self.catalog.team().callback();
        let url = self.login.providers.sign_in_url(idp, &attempt, state, &callback, prompt).await;
        let url = url.map_err(|error: ProviderError| {
            tracing::warn!(idp.name = idp.name, %error, ray.id = %self.arrival.ray, "a sign-in could not start");
            self.login.metrics.count(&idp.name, Outcome::Failed);
            callback::trouble(&error).back_to(back)
        })?;
        cookie::name_browser(&self.cookies, &self.headers, now);
        cookie::remember_attempt(&self.cookies, &self.headers, &attempt, &browser, self.catalog.team(), now);
        Ok(redirect(url.as_str()))
    }

    /// What is being signed in to. The host is one of the application's, the
    /// scheme and port are those of this request, but for [`Self::own_port`]: there
    /// is no other place that a sign-in can lead to (invariant I8).
    fn target(&self, host: &str) -> Result<(Arc<App>, Target), Stop> {
        let asked: Host = host.parse().map_err(|_| Trouble::UnknownApp)?;
        let aud = self.parameter("kid").and_then(|kid| Aud::try_from(kid).ok());
        let app = aud.and_then(|aud| self.catalog.entered_by_aud(&aud)).ok_or(Trouble::UnknownApp)?;
        let wanted = ReturnPath::from_parameter(&self.parameter("redirect_url").unwrap_or_default());
        let return_to = self.place(app, &asked, wanted).ok_or(Trouble::UnknownApp)?;
        let meta = self.meta(app, &asked);
        let here = match meta.as_ref().and_then(|meta| self.own_port(meta)) {
            Some(here) => here,
            None => self.arrival.host.with_name(asked.name()).parse().map_err(|_| Trouble::UnknownApp)?,
        };
        let origin = site::origin(self.arrival.https, &here);
        let app_session = meta.as_ref().map(|meta| meta.app_session_hash.clone()).filter(|hash| !hash.is_empty());
        let certificate = meta.and_then(|meta| meta.mtls_auth.valid().map(ToOwned::to_owned));
        Ok((app.clone(), Target { app: app.id, origin, return_to, app_session, certificate }))
    }

    /// The application's host as the edge was asked for it, where that may have a port of its own: behind an
    /// emulator's proxy all ports are the gateway's. Elsewhere anybody can make the edge name a port by asking for
    /// it, and somebody else may listen there.
    fn own_port(&self, meta: &Meta) -> Option<Host> {
        meta.hostname.parse().ok().filter(|_| self.login.emulator && self.arrival.https)
    }

    /// Where on the host the application is to be entered: as asked, if that is
    /// this application's, else at the top of what it covers there.
    pub(crate) fn place(&self, app: &App, host: &Host, wanted: ReturnPath) -> Option<ReturnPath> {
        if app.kind == AppKind::AppLauncher {
            return (host.name() == self.catalog.team().host.name()).then(ReturnPath::root);
        }
        if self.catalog.is_of(app, host, &wanted) {
            return Some(wanted);
        }
        let tops = app.domains.iter().filter(|domain| domain.host.matches(host.name()));
        let top = |path: &str| ReturnPath::from_parameter(path.split('*').next().unwrap_or("/"));
        tops.map(|domain| top(domain.path.as_str())).find(|path| self.catalog.is_of(app, host, path))
    }

    /// The edge's word about the browser on the application's host: which one
    /// it is, and what certificate it has. Without it (`meta` is optional, and
    /// lives for minutes) the hand-over sets no cookie but passes the edge once more.
    fn meta(&self, app: &App, host: &Host) -> Option<Meta> {
        let meta = self.login.signer.load().verify_meta(&self.parameter("meta")?, self.arrival.now).ok()?;
        let same_host = meta.hostname.parse::<Host>().is_ok_and(|named| named.name() == host.name());
        (meta.aud == app.aud && same_host).then_some(meta)
    }
}

/// Whether a place belongs to an application.
pub(crate) trait Covers {
    fn is_of(&self, app: &App, host: &Host, place: &ReturnPath) -> bool;
}

impl Covers for doorward_model::catalog::Catalog {
    fn is_of(&self, app: &App, host: &Host, place: &ReturnPath) -> bool {
        let path = place.as_str().split('?').next().unwrap_or("/").parse::<NormPath>();
        path.is_ok_and(|path| self.app_at(host, &path).is_some_and(|found| found.id == app.id))
    }
}
