//! Asking somebody what for, where the policy that lets them in wants to know
//! (Access docs, "purpose justification"): after they have signed in, before
//! each hand-over to the application.
//!
//! What waits for the answer travels sealed, as a sign-in does on its way to a
//! provider: nothing is stored for a question.

use std::sync::Arc;

use axum::body::Bytes;
use axum::response::Response;
use doorward_model::app::App;
use doorward_model::id::PolicyId;
use doorward_model::login::{Asking, Handoff, Target};
use doorward_model::purpose::{Entry, Justification, Purpose};
use doorward_model::session::Session;
use doorward_model::site;
use doorward_pages::{Colours, WhatFor};
use doorward_policy::{RefusalKind, decide};
use http::StatusCode;

use crate::approval::Asked;
use crate::form::Form;
use crate::respond::{Stop, Trouble, designed_page, name_app, redirect};
use crate::visit::Visit;

/// Where people are asked, on the team domain.
pub(crate) const PATH: &str = "/cdn-cgi/access/purpose";
/// What a question under way is sealed for.
const ASKING: &str = "purpose";
/// Characters that an answer may have: it goes into a log that people read.
const LONGEST: usize = 1000;

/// `GET /cdn-cgi/access/purpose?asking`
pub(crate) async fn show(visit: Visit) -> Response {
    match visit.show_question().await {
        Ok(answer) => answer,
        Err(stop) => stop.respond(&visit),
    }
}

/// `POST /cdn-cgi/access/purpose`
pub(crate) async fn answer(visit: Visit, body: Bytes) -> Response {
    match visit.answer_question(&Form::of(&body)).await {
        Ok(answer) => answer,
        Err(stop) => stop.respond(&visit),
    }
}

/// A question that was put to this very browser, and is still to be answered.
#[derive(Clone)]
pub(crate) struct Question {
    pub(crate) asking: Asking,
    pub(crate) app: Arc<App>,
    pub(crate) session: Session,
    pub(crate) purpose: Purpose,
}

/// What becomes of whoever comes when the time for an answer is over.
#[derive(Clone, Copy)]
enum Late {
    BackToTheStart,
    Over,
}

/// What an answer comes back with that is not taken.
#[derive(Default)]
struct Again<'a> {
    typed: &'a str,
    why: Option<&'a str>,
}

impl Visit {
    /// Sends somebody whom a policy lets in, and wants to hear from, to its question.
    pub(crate) fn ask_what_for(
        &self,
        app: &App,
        session: &Session,
        target: Target,
        policy: Option<PolicyId>,
        is_sso: bool,
    ) -> Response {
        let asks = policy.and_then(|id| Some((id, purpose_of(app, id)?)));
        // Where nothing says which browser began on the application's host, the
        // edge sends it once more, and then it does: no answer is lost on the way.
        let (Some((policy, purpose)), true) = (asks, target.app_session.is_some()) else {
            return redirect(&site::app_url(&target.origin, &target.return_to));
        };
        tracing::info!(
            ray.id = %self.arrival.ray, app.name = app.name, user.email = %session.identity.email,
            client.ip = %self.arrival.client_ip, "asked what for"
        );
        let nonce = session.nonce.clone();
        redirect(&self.question_href(&Asking::begun(target, nonce, policy, purpose, is_sso, self.arrival.now)))
    }

    async fn show_question(&self) -> Result<Response, Stop> {
        let sealed = self.parameter("asking").unwrap_or_default();
        let question = match self.question(&sealed, Late::BackToTheStart).await? {
            Ok(question) => question,
            Err(elsewhere) => return Ok(elsewhere),
        };
        if !question.purpose.needs_approval() {
            return Ok(self.question_page(&question, &Again::default()));
        }
        match self.asked(&question).await? {
            Asked::Nothing(why) => Ok(self.question_page(&question, &Again { why, ..Again::default() })),
            Asked::Waits(request) => Ok(self.waiting_page(&question, &request)),
            Asked::Approved(given) => self.enter_approved(&question, *given).await,
        }
    }

    async fn answer_question(&self, form: &Form) -> Result<Response, Stop> {
        if !self.is_own_form() {
            return Err(Trouble::InvalidSession.into());
        }
        let question = match self.question(&form.field("asking"), Late::Over).await? {
            Ok(question) => question,
            Err(elsewhere) => return Ok(elsewhere),
        };
        let Question { asking, purpose, session, .. } = &question;
        let typed = plain(&form.field("purpose"));
        let length = typed.chars().count();
        let too_long = format!("That is {length} characters. Please keep it below {LONGEST}.");
        let why = match length {
            _ if !asking.is_about(asking.policy, purpose) => {
                Some("The question has changed meanwhile. Please read it once more.")
            }
            0 => Some("Please write what you need access for."),
            _ if length > LONGEST => Some(too_long.as_str()),
            _ => None,
        };
        if why.is_some() {
            return Ok(self.question_page(&question, &Again { typed: &typed, why }));
        }
        if !self.login.store.use_attempt(&asking.attempt, asking.expires_at).await? {
            return Err(Trouble::UsedLogin.back_to(back(asking)));
        }
        if purpose.needs_approval() {
            return self.ask_for_approval(&question, typed).await;
        }
        let entry = Entry {
            session: session.nonce.clone(),
            app: asking.target.app,
            policy: asking.policy,
            approved_until: None,
        };
        let justification =
            Justification { prompt: purpose.question().to_owned(), response: typed, ..Justification::default() };
        let handoff = Handoff::begun(asking.target.clone(), session.nonce.clone(), self.arrival.now);
        let handoff = Handoff { entry: Some(entry), justification: Some(justification), ..handoff };
        self.hand_over(handoff, asking.is_sso).await
    }

    /// An answer that others have to approve: a request, unless there is one.
    async fn ask_for_approval(&self, question: &Question, typed: String) -> Result<Response, Stop> {
        let again = redirect(&self.question_again(question));
        if matches!(self.asked(question).await?, Asked::Waits(_) | Asked::Approved(_)) {
            return Ok(again);
        }
        if self.request_approval(question, typed.clone()).await? {
            return Ok(again);
        }
        if matches!(self.asked(question).await?, Asked::Waits(_) | Asked::Approved(_)) {
            // Asked in another tab at the same time.
            return Ok(again);
        }
        let why = Some("You have asked often in the last hour. Please wait a while.");
        let question = Question { asking: self.anew(question), ..question.clone() };
        Ok(self.question_page(&question, &Again { typed: &typed, why }))
    }

    /// The question behind a seal of ours, if it was put to this browser and is
    /// still asked; where it is not, the way on.
    async fn question(&self, sealed: &str, late: Late) -> Result<Result<Question, Response>, Stop> {
        let asking = self.login.store.sealer().open(ASKING, sealed);
        let asking: Option<Asking> = asking.and_then(|plain| serde_json::from_slice(&plain).ok());
        let asking = asking.ok_or(Trouble::InvalidSession)?;
        if self.arrival.now >= asking.expires_at {
            return match late {
                Late::BackToTheStart => Ok(Err(redirect(&back(&asking)))),
                Late::Over => Err(Trouble::UsedLogin.back_to(back(&asking))),
            };
        }
        let app = self.catalog.app(asking.target.app).cloned().ok_or(Trouble::UnknownApp)?;
        let session = self.org_session().await?.filter(|session| session.nonce == asking.session);
        let session = session.ok_or_else(|| Trouble::InvalidSession.back_to(back(&asking)))?;
        let facts = self.facts(Some(&session.identity), asking.target.certificate.as_deref());
        let refusal = match decide(&app, &self.catalog, &facts) {
            Ok(_) => return Ok(Err(redirect(&back(&asking)))),
            Err(refusal) => refusal,
        };
        match refusal.kind {
            RefusalKind::NeedsPurpose if refusal.asks == Some(asking.policy) => {
                let purpose = purpose_of(&app, asking.policy).cloned().ok_or(Trouble::UnknownApp)?;
                Ok(Ok(Question { asking, app, session, purpose }))
            }
            RefusalKind::NeedsPurpose => {
                Ok(Err(self.ask_what_for(&app, &session, asking.target, refusal.asks, asking.is_sso)))
            }
            RefusalKind::Denied => {
                self.log_refusal("denied", &app, &facts, &refusal);
                self.record_refusal(&app, &session.identity, &refusal).await;
                Ok(Err(self.denied(&app, &asking.target, session.identity.email.as_str())))
            }
            RefusalKind::NeedsLogin | RefusalKind::Forbidden => Ok(Err(redirect(&back(&asking)))),
        }
    }

    fn question_page(&self, question: &Question, again: &Again<'_>) -> Response {
        let Question { asking, app, session, purpose } = question;
        // What is on the page is what an answer is to, in the words of now.
        let shown = Asking { asked: Asking::digest_of(purpose), ..asking.clone() };
        let design = &self.catalog.organization().login_design;
        let page = WhatFor {
            team: &self.catalog.team().name,
            app: &app.name,
            logo: app.logo_url.as_deref().or(design.logo_path.as_deref()),
            colours: Colours::of(design),
            question: purpose.question(),
            email: session.identity.email.as_str(),
            action: PATH,
            hidden: vec![("asking", self.sealed_question(&shown))],
            typed: again.typed,
            error: again.why,
            longest: LONGEST,
            approval: purpose.needs_approval(),
            emulator: self.login.emulator,
        };
        let policy = page.content_security_policy(self.catalog.team().is_https());
        let status = if again.why.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
        let mut answer = designed_page(status, &page, &policy);
        name_app(&mut answer, app);
        answer
    }

    /// The same question once more, for as long again.
    pub(crate) fn question_again(&self, question: &Question) -> String {
        self.question_href(&self.anew(question))
    }

    fn anew(&self, question: &Question) -> Asking {
        let Question { asking, session, purpose, .. } = question;
        let (target, nonce) = (asking.target.clone(), session.nonce.clone());
        Asking::begun(target, nonce, asking.policy, purpose, asking.is_sso, self.arrival.now)
    }

    fn question_href(&self, asking: &Asking) -> String {
        format!("{PATH}?asking={}", self.sealed_question(asking))
    }

    fn sealed_question(&self, asking: &Asking) -> String {
        let plain = serde_json::to_vec(asking).expect("texts and numbers always serialize");
        self.login.store.sealer().seal(ASKING, &plain)
    }
}

fn purpose_of(app: &App, policy: PolicyId) -> Option<&Purpose> {
    app.policies.iter().find(|known| known.id == policy)?.purpose.as_ref()
}

fn back(asking: &Asking) -> String {
    site::app_url(&asking.target.origin, &asking.target.return_to)
}

/// What somebody typed, as a log can hold it: lines, and no other control characters.
fn plain(typed: &str) -> String {
    let lines = typed.replace("\r\n", "\n");
    lines.chars().filter(|c| *c == '\n' || !c.is_control()).collect::<String>().trim().to_owned()
}
