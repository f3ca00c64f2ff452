//! Temporary access, from the side of whoever asks (Access docs, "temporary
//! authentication"): the request, telling those who may approve it, and waiting.

use axum::response::Response;
use doorward_model::app::App;
use doorward_model::approval::{Approval, ApprovalState, REQUEST_LIFETIME, Standing, approvers, standing};
use doorward_model::id::ApprovalId;
use doorward_model::letter::Letter;
use doorward_model::login::Handoff;
use doorward_model::purpose::{Entry, Justification, Purpose};
use doorward_pages::Waiting;
use http::StatusCode;

use crate::approving;
use crate::purpose::Question;
use crate::respond::{Stop, name_app, page};
use crate::visit::Visit;

/// After how many seconds the page of somebody who waits is loaded again.
const AGAIN_AFTER: u32 = 5;
/// People who are told of one request at most.
const MOST_LETTERS: usize = 100;

/// Where somebody stands with what they asked last.
pub(crate) enum Asked {
    /// Nothing yet, or nothing that could still be used; with what became of it.
    Nothing(Option<&'static str>),
    Waits(Approval),
    Approved(Box<Given>),
}

/// Who approved, and for how long.
pub(crate) struct Given {
    entry: Entry,
    justification: Justification,
}

impl Visit {
    /// What became of the last request for what a question is about.
    pub(crate) async fn asked(&self, question: &Question) -> Result<Asked, Stop> {
        let Question { asking, app, session, purpose } = question;
        let (store, now) = (&self.login.store, self.arrival.now);
        let last = store.last_approval(session.identity.user_uuid, app.id, asking.policy).await?;
        let Some(last) = last else { return Ok(Asked::Nothing(None)) };
        let (request, standing) = self.settled(last.id, purpose).await?.unwrap_or((last, Standing::Waiting));
        Ok(match (request.state, standing) {
            _ if !request.is_open(now) => Asked::Nothing(words(request.state)),
            // The decisions of then, by the policy of now: who must agree may have changed.
            (ApprovalState::Approved, Standing::Approved { by, life, .. }) => {
                let entry = Entry {
                    session: session.nonce.clone(),
                    app: app.id,
                    policy: asking.policy,
                    approved_until: request.approved_until,
                };
                let justification = Justification {
                    prompt: request.prompt.clone(),
                    response: request.response.clone(),
                    approval: Some(request.id),
                    approvers: by.iter().map(|email| email.as_str().to_owned()).collect(),
                    approved_secs: Some(life.secs()),
                };
                Asked::Approved(Box::new(Given { entry, justification }))
            }
            (ApprovalState::Approved, _) => {
                store.end_approval(request.id).await?;
                Asked::Nothing(Some("Who has to approve this has changed meanwhile. Please ask once more."))
            }
            _ => Asked::Waits(request),
        })
    }

    /// A request as it stands under what the policy asks now; what the
    /// decisions came to is written down here if nobody did it before.
    pub(crate) async fn settled(
        &self,
        id: ApprovalId,
        purpose: &Purpose,
    ) -> Result<Option<(Approval, Standing)>, Stop> {
        let store = &self.login.store;
        let Some((request, decisions)) = store.approval(id).await? else { return Ok(None) };
        let come_to = standing(&request, &decisions, purpose, &self.catalog);
        let settled = match (&come_to, request.state) {
            (Standing::Approved { until, .. }, ApprovalState::Waiting) => Some(Some(*until)),
            (Standing::Denied, ApprovalState::Waiting) => Some(None),
            _ => None,
        };
        let Some(until) = settled else { return Ok(Some((request, come_to))) };
        if store.settle_approval(id, until).await? {
            let by = decisions.last().map(|decision| decision.approver.to_string()).unwrap_or_default();
            tracing::info!(
                ray.id = %self.arrival.ray, approval.id = %id, user.email = %request.email, approver = by,
                approved = until.is_some(), "a request for access was decided"
            );
        }
        Ok(store.approval(id).await?.map(|(request, _)| (request, come_to)))
    }

    /// Keeps a new request, and tells those who may approve it.
    pub(crate) async fn request_approval(&self, question: &Question, response: String) -> Result<bool, Stop> {
        let Question { asking, app, session, purpose } = question;
        let request = Approval {
            id: ApprovalId::random(),
            user: session.identity.user_uuid,
            email: session.identity.email.clone(),
            app: app.id,
            policy: asking.policy,
            prompt: purpose.question().to_owned(),
            response,
            state: ApprovalState::Waiting,
            created_at: self.arrival.now,
            expires_at: self.arrival.now.plus(REQUEST_LIFETIME),
            approved_until: None,
        };
        if !self.login.store.ask_for_approval(&request).await? {
            return Ok(false);
        }
        tracing::info!(
            ray.id = %self.arrival.ray, app.name = app.name, approval.id = %request.id, user.email = %request.email,
            client.ip = %self.arrival.client_ip, "asked for approval"
        );
        self.tell_approvers(app, &request, purpose);
        Ok(true)
    }

    fn tell_approvers(&self, app: &App, request: &Approval, purpose: &Purpose) {
        let Some(post) = &self.login.post else { return };
        let everybody = approvers(purpose, &self.catalog);
        let others = everybody.into_iter().filter(|approver| **approver != request.email);
        for approver in others.take(MOST_LETTERS) {
            post(Letter {
                to: approver.clone(),
                subject: format!("{} asks for access to {}", request.email, app.name),
                text: format!(
                    "{} asks to be let in to {}.\n\n{}\n\n    {}\n\nApprove or deny it here, until {}:\n\n{}\n\n\
                     The link opens nothing by itself: you sign in first, and you have to be one of those who may \
                     approve.\n",
                    request.email,
                    app.name,
                    request.prompt,
                    request.response.replace('\n', "\n    "),
                    request.expires_at.to_rfc3339(),
                    self.decision_link(request.id)
                ),
            });
        }
    }

    /// The page of somebody who waits.
    pub(crate) fn waiting_page(&self, question: &Question, request: &Approval) -> Response {
        let (link, again) = (self.decision_link(request.id), self.question_again(question));
        let mut answer = page(
            StatusCode::OK,
            &Waiting {
                team: &self.catalog.team().name,
                app: &question.app.name,
                email: request.email.as_str(),
                question: &request.prompt,
                response: &request.response,
                link: &link,
                mailed: self.login.post.is_some(),
                ends: request.expires_at,
                again: &again,
                again_after: AGAIN_AFTER,
                emulator: self.login.emulator,
            },
        );
        name_app(&mut answer, &question.app);
        answer
    }

    /// On to the application, with what was approved.
    pub(crate) async fn enter_approved(&self, question: &Question, given: Given) -> Result<Response, Stop> {
        let asking = &question.asking;
        let handoff = Handoff::begun(asking.target.clone(), question.session.nonce.clone(), self.arrival.now);
        let handoff = Handoff { entry: Some(given.entry), justification: Some(given.justification), ..handoff };
        self.hand_over(handoff, asking.is_sso).await
    }

    fn decision_link(&self, id: ApprovalId) -> String {
        format!("{}{}{id}", self.catalog.team().url, approving::BELOW)
    }
}

/// What somebody is told who has to ask anew.
fn words(state: ApprovalState) -> Option<&'static str> {
    match state {
        ApprovalState::Denied => Some("Your last request was not approved. You may ask once more."),
        ApprovalState::Waiting | ApprovalState::Approved => {
            Some("Your last request is over. Please say once more what you need access for.")
        }
        ApprovalState::Used | ApprovalState::Ended => None,
    }
}
