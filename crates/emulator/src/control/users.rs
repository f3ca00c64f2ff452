//! The people of the built-in provider. A change holds from the next sign-in;
//! who is removed is signed out at once.

use std::collections::HashSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use doorward_model::email::Email;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::refusal::Refusal;
use super::wanted::{self, Wanted};
use crate::Emulator;
use crate::people::{Person, check_claims};

/// Somebody as a call describes them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Draft {
    /// May be left out where the path says it.
    email: Option<Email>,
    name: Option<String>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    claims: Map<String, Value>,
    #[serde(default)]
    amr: Vec<String>,
    country: Option<String>,
}

pub(super) async fn list(State(emulator): State<Arc<Emulator>>) -> Json<Vec<Person>> {
    Json(emulator.people.all())
}

pub(super) async fn show(
    State(emulator): State<Arc<Emulator>>,
    Path(email): Path<String>,
) -> Result<Json<Person>, Refusal> {
    let email = address(&email)?;
    emulator.people.person(&email).map(Json).ok_or_else(|| nobody(&email))
}

pub(super) async fn put(
    State(emulator): State<Arc<Emulator>>,
    Path(email): Path<String>,
    Wanted(draft): Wanted<Draft>,
) -> Result<Json<Person>, Refusal> {
    let email = address(&email)?;
    if draft.email.as_ref().is_some_and(|named| *named != email) {
        let error = "the email in the body is another than the one in the path";
        return Err(Refusal::unusable(error).hint("leave it out of the body, or make them the same"));
    }
    let person = person(email, draft)?;
    emulator.people.put(person.clone());
    emulator.publish_claim_names();
    Ok(Json(person))
}

/// Makes the list the people. Whoever is not on it is removed, as by `DELETE`.
pub(super) async fn put_many(
    State(emulator): State<Arc<Emulator>>,
    Wanted(body): Wanted<Value>,
) -> Result<Json<Vec<Person>>, Refusal> {
    let people = people(body)?;
    // Off the list first, so that nobody signs in between the two steps.
    let removed = emulator.people.replace(people);
    emulator.publish_claim_names();
    for email in &removed {
        emulator.revoke_person(email).await?;
    }
    Ok(Json(emulator.people.all()))
}

/// A list of people as a call sends it.
pub(super) fn people(body: Value) -> Result<Vec<Person>, Refusal> {
    if !body.is_array() {
        let hint = "send a list of people, or PUT one of them at /emulator/v1/users/{email}";
        return Err(Refusal::unusable("the body is not a list").hint(hint));
    }
    let drafts: Vec<Draft> = wanted::from(body)?;
    let people = drafts.into_iter().map(|mut draft| {
        let email = draft.email.take();
        let email = email.ok_or_else(|| Refusal::unusable("missing field `email`"))?;
        person(email, draft)
    });
    let people = people.collect::<Result<Vec<_>, _>>()?;
    if let Some(email) = twice(&people) {
        return Err(Refusal::unusable(&format!("{email} is on the list twice")).hint("list everybody once"));
    }
    Ok(people)
}

pub(super) async fn remove(
    State(emulator): State<Arc<Emulator>>,
    Path(email): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let email = address(&email)?;
    emulator.people.person(&email).ok_or_else(|| nobody(&email))?;
    emulator.dismiss(&email).await?;
    Ok(Json(json!({ "deleted": [email] })))
}

pub(super) async fn remove_all(State(emulator): State<Arc<Emulator>>) -> Result<Json<Value>, Refusal> {
    let everybody: Vec<Email> = emulator.people.all().into_iter().map(|person| person.email).collect();
    for email in &everybody {
        emulator.dismiss(email).await?;
    }
    Ok(Json(json!({ "deleted": everybody })))
}

impl Emulator {
    /// Off the list first, so that nobody signs in between the two steps.
    async fn dismiss(&self, email: &Email) -> Result<(), Refusal> {
        self.people.remove(email);
        self.publish_claim_names();
        self.revoke_person(email).await
    }
}

fn person(email: Email, draft: Draft) -> Result<Person, Refusal> {
    check_claims(&draft.claims).map_err(|error| Refusal::unusable(&error.to_string()))?;
    let country = draft.country.map(|country| country.to_ascii_uppercase());
    if country.as_ref().is_some_and(|code| code.len() != 2 || !code.bytes().all(|b| b.is_ascii_uppercase())) {
        return Err(Refusal::unusable("country is not a country code").hint("write two letters, like DE"));
    }
    let mut person = Person {
        name: draft.name,
        groups: draft.groups,
        claims: draft.claims,
        amr: draft.amr,
        country,
        ..Person::known_by(email)
    };
    person.amr = person.methods();
    Ok(person)
}

/// Somebody who is among these more than once.
fn twice(people: &[Person]) -> Option<&Email> {
    let mut seen = HashSet::new();
    people.iter().map(|person| &person.email).find(|email| !seen.insert(*email))
}

fn address(text: &str) -> Result<Email, Refusal> {
    text.parse().map_err(|error| Refusal::unusable(&format!("\"{text}\" is {error}")))
}

fn nobody(email: &Email) -> Refusal {
    Refusal::not_found(&format!("there is nobody with the address {email}"))
        .hint("GET /emulator/v1/users lists everybody; PUT makes somebody")
}
