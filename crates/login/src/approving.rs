//! Temporary access, from the side of whoever approves. The link in the mail
//! carries no right: what counts is who follows it, by a sign-in of their own
//! that the application would take, and whether the policy names them.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use doorward_model::app::App;
use doorward_model::approval::{Approval, ApprovalDecision, ApprovalState, LONGEST_APPROVAL, approvers, has_a_say};
use doorward_model::id::{ApprovalId, IdentityNonce, IdpId};
use doorward_model::login::{AtProvider, LOGIN_LIFETIME, Target};
use doorward_model::purpose::Purpose;
use doorward_model::redirect::ReturnPath;
use doorward_model::session::Session;
use doorward_model::time::{Lifetime, Timestamp};
use doorward_pages::{Action, Choice, Colours, Decide, Denied, Notice, SignIn};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::cookie;
use crate::form::Form;
use crate::provider::Prompt;
use crate::respond::{Stop, Trouble, designed_page, page, redirect};
use crate::visit::Visit;

/// Requests are below this on the team domain.
pub(crate) const BELOW: &str = "/cdn-cgi/access/approvals/";
/// The same as a route.
pub(crate) const ROUTE: &str = "/cdn-cgi/access/approvals/{id}";
/// What a decision that is being made is sealed for.
const DECIDING: &str = "approval";
const TITLE: &str = "A request for access ・ Cloudflare Access";

/// How long somebody can be let in, in minutes.
const DURATIONS: [(i64, &str); 7] = [
    (15, "15 minutes"),
    (60, "1 hour"),
    (120, "2 hours"),
    (240, "4 hours"),
    (480, "8 hours"),
    (720, "12 hours"),
    (1440, "24 hours"),
];
const USUAL: i64 = 60;

/// A form that was shown to one sign-in, about one request.
#[derive(Serialize, Deserialize)]
struct Deciding {
    id: ApprovalId,
    session: IdentityNonce,
    expires_at: Timestamp,
}

/// A request that can be looked at, and the rules by which it is decided.
struct Case {
    request: Approval,
    app: Arc<App>,
    purpose: Purpose,
}

/// `GET /cdn-cgi/access/approvals/{id}[?idp][&prompt]`
pub(crate) async fn show(visit: Visit, id: Result<Path<ApprovalId>, PathRejection>) -> Response {
    match visit.show_request(id.ok().map(|Path(id)| id)).await {
        Ok(answer) => answer,
        Err(stop) => stop.respond(&visit),
    }
}

/// `POST /cdn-cgi/access/approvals/{id}`
pub(crate) async fn decide(visit: Visit, id: Result<Path<ApprovalId>, PathRejection>, body: Bytes) -> Response {
    match visit.decide_request(id.ok().map(|Path(id)| id), &Form::of(&body)).await {
        Ok(answer) => answer,
        Err(stop) => stop.respond(&visit),
    }
}

impl Visit {
    async fn show_request(&self, id: Option<ApprovalId>) -> Result<Response, Stop> {
        let case = self.case(id).await?;
        let again =
            if self.parameter("prompt").as_deref() == Some("login") { Prompt::Again } else { Prompt::AsProviderLikes };
        if let Some(chosen) = self.parameter("idp") {
            let idp = chosen.parse().ok().and_then(|id: IdpId| self.catalog.idp(id));
            let idp = idp.filter(|idp| case.app.allows_idp(idp.id)).ok_or(Trouble::UsedLogin)?;
            return self.to_provider(idp, self.decision_target(&case), again, Some(case.request.id)).await;
        }
        match self.approver(&case).await?.filter(|_| again == Prompt::AsProviderLikes) {
            Some(session) => Ok(self.request_page(&case, &session)),
            None => Ok(self.approver_sign_in(&case, again, None)),
        }
    }

    async fn decide_request(&self, id: Option<ApprovalId>, form: &Form) -> Result<Response, Stop> {
        let case = self.case(id).await?;
        let here = here(&case.request);
        let session = self.approver(&case).await?.ok_or_else(|| Trouble::InvalidSession.back_to(&here))?;
        let sealed = self.login.store.sealer().open(DECIDING, &form.field("deciding"));
        let deciding: Option<Deciding> = sealed.and_then(|plain| serde_json::from_slice(&plain).ok());
        let is_ours = |deciding: &Deciding| {
            deciding.id == case.request.id
                && deciding.session == session.nonce
                && self.arrival.now < deciding.expires_at
        };
        if !self.is_own_form() || !deciding.as_ref().is_some_and(is_ours) {
            return Err(Trouble::InvalidSession.back_to(here));
        }
        if !has_a_say(&session.identity.email, &case.request, &case.purpose, &self.catalog) {
            return Ok(self.request_page(&case, &session));
        }
        let minutes = form.field("minutes").parse::<i64>().ok().filter(|minutes| *minutes > 0);
        let life = minutes.map(|minutes| Lifetime::from_secs(minutes.saturating_mul(60)));
        let allows = match (form.field("verdict").as_str(), life.filter(|life| *life <= LONGEST_APPROVAL)) {
            ("approve", Some(life)) => Some(life),
            ("deny", _) => None,
            _ => return Err(Trouble::InvalidSession.back_to(here)),
        };
        let identity = &session.identity;
        let decision = ApprovalDecision {
            approver: identity.email.clone(),
            approver_id: identity.user_uuid,
            allows,
            at: self.arrival.now,
        };
        if self.login.store.decide_approval(case.request.id, &decision).await? {
            tracing::info!(
                ray.id = %self.arrival.ray, app.name = case.app.name, approval.id = %case.request.id,
                approver = %identity.email, user.email = %case.request.email, approved = allows.is_some(),
                seconds = allows.map_or(0, Lifetime::secs), client.ip = %self.arrival.client_ip,
                "somebody decided about a request for access"
            );
        }
        self.settled(case.request.id, &case.purpose).await?;
        Ok(redirect(&here))
    }

    /// A request with the application and the policy that it is for, as they are now.
    async fn case(&self, id: Option<ApprovalId>) -> Result<Case, Stop> {
        let found = match id {
            Some(id) => self.login.store.approval(id).await?,
            None => None,
        };
        let (request, _) = found.ok_or(Trouble::UnknownRequest)?;
        let app = self.catalog.app(request.app).cloned().ok_or(Trouble::UnknownRequest)?;
        let policy = app.policies.iter().find(|policy| policy.id == request.policy);
        let purpose = policy.and_then(|policy| policy.purpose.clone()).ok_or(Trouble::UnknownRequest)?;
        Ok(Case { request, app, purpose })
    }

    /// Who looks at it, by a sign-in that the application would take.
    async fn approver(&self, case: &Case) -> Result<Option<Session>, Stop> {
        let session = self.org_session().await?;
        Ok(session.filter(|session| case.app.allows_idp(session.identity.idp.id)))
    }

    fn request_page(&self, case: &Case, session: &Session) -> Response {
        let (request, email) = (&case.request, session.identity.email.as_str());
        if session.identity.email == request.email {
            let text = "This is your own request. Somebody else has to decide it: pass this page's address on to them.";
            return self.said(StatusCode::FORBIDDEN, "You cannot approve your own request", text, None);
        }
        if !has_a_say(&session.identity.email, request, &case.purpose, &self.catalog) {
            let text = format!("You are signed in as {email}, who is not among those who approve this.");
            let other = Action::new("Use another account", format!("{}?prompt=login", here(request)));
            return self.said(StatusCode::FORBIDDEN, "This is not yours to decide", &text, Some(other));
        }
        let about = format!("{} asked for access to {}.", request.email, case.app.name);
        let heading = match request.state {
            ApprovalState::Waiting if self.arrival.now >= request.expires_at => "This request is over",
            ApprovalState::Waiting => return self.form(case, session),
            ApprovalState::Approved | ApprovalState::Used => "This request was approved",
            ApprovalState::Denied => "This request was denied",
            ApprovalState::Ended => "This request is over",
        };
        self.said(StatusCode::OK, heading, &about, None)
    }

    fn form(&self, case: &Case, session: &Session) -> Response {
        let (request, action) = (&case.request, here(&case.request));
        let deciding = Deciding {
            id: request.id,
            session: session.nonce.clone(),
            expires_at: self.arrival.now.plus(LOGIN_LIFETIME),
        };
        let plain = serde_json::to_vec(&deciding).expect("texts and numbers always serialize");
        page(
            StatusCode::OK,
            &Decide {
                team: &self.catalog.team().name,
                app: &case.app.name,
                requester: request.email.as_str(),
                question: &request.prompt,
                response: &request.response,
                asked: request.created_at,
                email: session.identity.email.as_str(),
                action: &action,
                hidden: vec![("deciding", self.login.store.sealer().seal(DECIDING, &plain))],
                durations: &DURATIONS,
                usual: &USUAL,
                emulator: self.login.emulator,
            },
        )
    }

    /// The choice of a provider for somebody who comes to decide.
    fn approver_sign_in(&self, case: &Case, prompt: Prompt, denied: Option<&str>) -> Response {
        let again = if prompt == Prompt::Again || denied.is_some() { "&prompt=login" } else { "" };
        let href = |id: IdpId| format!("{}?idp={id}{again}", here(&case.request));
        let what = format!("decide a request for {}", case.app.name);
        let design = &self.catalog.organization().login_design;
        let sign_in = SignIn {
            team: &self.catalog.team().name,
            app: &what,
            logo: design.logo_path.as_deref(),
            header: None,
            footer: None,
            colours: Colours::of(design),
            providers: self
                .catalog
                .idps_for(&case.app)
                .map(|idp| Choice { name: &idp.name, kind: idp.type_name(), href: href(idp.id) })
                .collect(),
            denied: denied.map(|email| Denied {
                message: "That account cannot decide this request",
                email: Some(email),
                switch_href: None,
                ray: self.arrival.ray.as_str(),
            }),
            emulator: self.login.emulator,
        };
        cookie::name_browser(&self.cookies, &self.headers, self.arrival.now);
        designed_page(StatusCode::OK, &sign_in, &sign_in.content_security_policy())
    }

    fn decision_target(&self, case: &Case) -> Target {
        Target {
            app: case.app.id,
            origin: self.catalog.team().url.clone(),
            return_to: ReturnPath::from_parameter(&here(&case.request)),
            app_session: None,
            certificate: None,
        }
    }

    /// Somebody who signed in to decide: `Some` is what they get who may not.
    /// Nothing is kept of a stranger, whatever their provider says of them.
    pub(crate) async fn refuse_as_approver(
        &self,
        attempt: &AtProvider,
        email: &doorward_model::email::Email,
    ) -> Result<Option<Response>, Stop> {
        let case = self.case(attempt.approval).await?;
        let knows = approvers(&case.purpose, &self.catalog).contains(email);
        Ok((!knows).then(|| self.approver_sign_in(&case, Prompt::Again, Some(email.as_str()))))
    }

    fn said(&self, status: StatusCode, heading: &str, text: &str, action: Option<Action>) -> Response {
        page(status, &Notice { title: TITLE, heading, text, action, ..Notice::default() })
    }
}

fn here(request: &Approval) -> String {
    format!("{BELOW}{}", request.id)
}
