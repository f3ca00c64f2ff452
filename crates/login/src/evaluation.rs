//! Asking services about people, where a policy wants to know (Access docs,
//! "external evaluation"): at every sign-in to an application, the ones that go
//! by the organisation session among them. What cannot be believed is no answer.

use std::sync::Arc;

use doorward_model::app::App;
use doorward_model::identity::{Evaluation, Identity};
use doorward_model::rule::ExternalEvaluationRule;
use doorward_model::secret::Secret;
use doorward_model::session::Session;
use doorward_signer::{Question, verify_answer};
use futures_util::future::join_all;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Request, StatusCode};
use oauth2::HttpResponse;
use serde::Deserialize;
use serde_json::json;

use crate::outbound::OutboundError;
use crate::provider::chain;
use crate::respond::Stop;
use crate::visit::Visit;

/// Services asked about one person at once; an application with more gets no
/// answer from the others.
const MOST_QUESTIONS: usize = 16;
/// How often answers are kept anew because another sign-in kept some meanwhile.
const ATTEMPTS: usize = 5;

impl Visit {
    /// The identity with the answers that the policies of this application need.
    pub(crate) async fn evaluated(&self, app: &Arc<App>, identity: Identity, certificate: Option<&str>) -> Identity {
        let unasked = Identity { evaluations: Vec::new(), ..identity.clone() };
        let questions = doorward_policy::wanted(app, &self.catalog, &self.facts(Some(&unasked), certificate));
        if questions.is_empty() {
            return identity;
        }
        let answers = self.answers(&questions, &unasked).await;
        merged(identity, &questions, &answers)
    }

    /// The same for somebody who signed in before; their session keeps the answers.
    pub(crate) async fn evaluated_again(
        &self,
        app: &Arc<App>,
        session: Session,
        certificate: Option<&str>,
    ) -> Result<Session, Stop> {
        let unasked = Identity { evaluations: Vec::new(), ..session.identity.clone() };
        let questions = doorward_policy::wanted(app, &self.catalog, &self.facts(Some(&unasked), certificate));
        if questions.is_empty() {
            return Ok(session);
        }
        let answers = self.answers(&questions, &unasked).await;
        let store = &self.login.store;
        let mut session = session;
        for _ in 0..ATTEMPTS {
            let identity = merged(session.identity.clone(), &questions, &answers);
            if identity == session.identity || store.amend_session(&session, &identity).await? {
                return Ok(Session { identity, ..session });
            }
            // A sign-in to another application, in another tab, was faster.
            let Some(now) = store.session(&session.nonce).await? else { break };
            session = now;
        }
        // Nothing was kept, so nothing was answered.
        Ok(Session { identity: merged(session.identity.clone(), &questions, &[]), ..session })
    }

    async fn answers(&self, questions: &[ExternalEvaluationRule], identity: &Identity) -> Vec<Evaluation> {
        let asked = questions.iter().take(MOST_QUESTIONS).map(|question| async move {
            match self.ask(question, identity).await {
                Ok(success) => Some(Evaluation { asked: question.clone(), success }),
                Err(why) => {
                    tracing::warn!(
                        ray.id = %self.arrival.ray, url = question.evaluate_url, why, user.email = %identity.email,
                        "an external evaluation gave no answer to be believed"
                    );
                    None
                }
            }
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    async fn ask(&self, question: &ExternalEvaluationRule, identity: &Identity) -> Result<bool, String> {
        let (now, nonce) = (self.arrival.now, Secret::random());
        let ring = self.login.signer.load();
        let issuer = self.catalog.team().issuer();
        let token = ring.sign(&Question::new(self.told(identity), issuer, nonce.expose(), now));
        let post = Request::post(&question.evaluate_url)
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .body(json!({ "token": token }).to_string().into_bytes());
        let get = Request::get(&question.keys_url).header(ACCEPT, "application/json").body(Vec::new());
        let outbound = &self.login.outbound;
        let (post, get) = (post.map_err(|error| error.to_string())?, get.map_err(|error| error.to_string())?);
        let (answer, keys) = tokio::join!(outbound.send(post), outbound.send(get));
        let (answer, keys) = (body(answer)?, body(keys)?);
        let answer: Answer = serde_json::from_slice(&answer).map_err(|_| "its answer is no JSON with a token")?;
        verify_answer(&answer.token, &keys, nonce.expose(), now).map_err(|why| format!("its token: {why}"))
    }
}

fn body(answer: Result<HttpResponse, OutboundError>) -> Result<Vec<u8>, String> {
    let answer = answer.map_err(|error| chain(&error))?;
    match answer.status() {
        StatusCode::OK => Ok(answer.into_body()),
        status => Err(format!("it answered {status}")),
    }
}

#[derive(Deserialize)]
struct Answer {
    token: String,
}

/// What was answered now counts, for exactly what was asked now.
fn merged(identity: Identity, questions: &[ExternalEvaluationRule], answers: &[Evaluation]) -> Identity {
    let mut evaluations = identity.evaluations;
    evaluations.retain(|known| !questions.contains(&known.asked));
    evaluations.extend_from_slice(answers);
    Identity { evaluations, ..identity }
}
