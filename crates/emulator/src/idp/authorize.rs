//! The authorization endpoint: shows the people, and sends the browser back
//! with a code for the one who was picked.

use axum::extract::{RawForm, State};
use axum::response::Response;
use doorward_model::secret::Secret;
use doorward_pages::{People, Person as Row, Problem, Someone};
use http::header::ORIGIN;
use http::{HeaderMap, StatusCode};

use super::answer;
use super::grants::Grant;
use super::params::Params;
use super::person_form::{Mistake, Picked, Typed, listed};
use super::request::{AuthorizationRequest, Prompt, Refused};
use crate::people::Person;
use crate::{Emulator, Site};

pub(super) async fn show(State(site): State<Site>, RawForm(query): RawForm) -> Response {
    respond(&site, &Params::read(&query), Picked::Nobody)
}

pub(super) async fn pick(State(site): State<Site>, headers: HeaderMap, RawForm(form): RawForm) -> Response {
    // P-03: a page of another site must not sign its visitor in as somebody.
    if !site.emulator.is_own_form(&headers) {
        let text = "The form was sent by a page of another site. Start again from the application.";
        return answer::refusal(StatusCode::FORBIDDEN, text);
    }
    let form = Params::read(&form);
    let picked = Picked::read(&form);
    respond(&site, &form, picked)
}

fn respond(site: &Site, params: &Params, picked: Picked) -> Response {
    let emulator = &*site.emulator;
    let issuer = super::issuer(site.catalog.load().team());
    let request = match AuthorizationRequest::read(params, &emulator.provider.clients, &issuer) {
        Ok(request) => request,
        Err(Refused::Here(text)) => return answer::refusal(StatusCode::BAD_REQUEST, text),
        Err(Refused::There(back, code, why)) => return answer::see_other(Refused::location(&back, code, &why)),
    };
    let person = match &picked {
        Picked::Nobody => match (request.prompt, hinted(emulator, &request)) {
            (Prompt::AsNeeded | Prompt::Never, Some(person)) => Ok(person),
            (Prompt::Never, None) => {
                let why = "nobody is signed in here; send login_hint with the address of a person";
                return answer::see_other(Refused::location(&request.back, "login_required", why));
            }
            _ => return people_page(emulator, &request, &Typed::default(), None),
        },
        Picked::Listed(email) => listed(email, &emulator.people),
        Picked::Typed(typed) => typed.person(),
    };
    match person {
        Ok(person) => {
            if matches!(picked, Picked::Typed(_)) && !person.claims.is_empty() {
                emulator.people.typed(&person.claims);
                emulator.publish_claim_names();
            }
            answer::see_other(request.back.with_code(code(emulator, &request, person).expose()))
        }
        Err(mistake) => {
            let typed = if let Picked::Typed(typed) = picked { typed } else { Typed::default() };
            people_page(emulator, &request, &typed, Some(&mistake))
        }
    }
}

/// Without a page, for clients that cannot show one: a listed person alone.
fn hinted(emulator: &Emulator, request: &AuthorizationRequest<'_>) -> Option<Person> {
    emulator.people.person(&request.login_hint.as_deref()?.parse().ok()?)
}

fn code(emulator: &Emulator, request: &AuthorizationRequest<'_>, person: Person) -> Secret {
    let now = emulator.clock.now();
    let grant = Grant {
        client: request.client.id.clone(),
        redirect_uri: request.back.redirect_uri.clone(),
        scopes: request.scopes.clone(),
        nonce: request.nonce.clone(),
        challenge: request.challenge.clone(),
        person,
        auth_time: now,
    };
    emulator.provider.grants.code(grant, now)
}

fn people_page(
    emulator: &Emulator,
    request: &AuthorizationRequest<'_>,
    typed: &Typed,
    mistake: Option<&Mistake>,
) -> Response {
    let people = emulator.people.all();
    let page = People {
        app: &request.client.name,
        people: people.iter().map(row).collect(),
        hidden: request.carried.iter().map(|(name, value)| (*name, value.clone())).collect(),
        action: "authorize",
        error: mistake.map(|mistake| Problem { field: mistake.field, message: &mistake.message }),
        someone: Someone { email: &typed.email, name: &typed.name, groups: &typed.groups, claims: &typed.claims },
    };
    let status = if mistake.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    answer::page(status, &page)
}

fn row(person: &Person) -> Row<'_> {
    Row { email: person.email.as_str(), name: person.name.as_deref(), groups: &person.groups }
}

impl Emulator {
    /// Whether a form was sent by one of our own pages, as far as the browser
    /// says; what is not a browser says nothing and is believed.
    fn is_own_form(&self, headers: &HeaderMap) -> bool {
        if let Some(site) = headers.get("sec-fetch-site") {
            return site == "same-origin" || site == "none";
        }
        let catalog = self.catalog.load();
        let own = |origin: &str| origin == catalog.team().url || self.issuers.iter().any(|issuer| issuer == origin);
        headers.get_all(ORIGIN).iter().all(|origin| origin.to_str().is_ok_and(own))
    }
}
