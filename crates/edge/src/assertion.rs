//! What an origin is told about who is calling, and the renewed cookie that
//! goes back with the answer.

use doorward_model::app::App;
use doorward_model::cookie;
use doorward_model::time::Timestamp;
use http::header::{HeaderMap, HeaderName, HeaderValue, SET_COOKIE};

use crate::caller::Person;
use crate::respond;

const JWT_ASSERTION: HeaderName = HeaderName::from_static("cf-access-jwt-assertion");
const USER_EMAIL: HeaderName = HeaderName::from_static("cf-access-authenticated-user-email");

/// The identity headers of one request; the empty one for bypassed requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Assertion {
    token: Option<HeaderValue>,
    email: Option<HeaderValue>,
}

impl Assertion {
    pub(crate) fn of_person(person: &Person) -> Self {
        Self { token: Some(person.assertion.clone()), email: Some(person.email.clone()) }
    }

    pub(crate) const fn of_machine(token: HeaderValue) -> Self {
        Self { token: Some(token), email: None }
    }

    /// The same with another token, or with none: an emulator's fault.
    pub(crate) fn saying(self, token: Option<&str>) -> Self {
        Self { token: token.map(respond::header), ..self }
    }

    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_ref().and_then(|value| value.to_str().ok())
    }

    /// Adds the headers to a set that was stripped before.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        if let Some(token) = &self.token {
            headers.insert(JWT_ASSERTION, token.clone());
        }
        if let Some(email) = &self.email {
            headers.insert(USER_EMAIL, email.clone());
        }
    }
}

/// Gives the client the token that replaces the one it sent, if it sent one.
pub(crate) fn give_cookie(headers: &mut HeaderMap, app: &App, token: &str, expires: Timestamp, now: Timestamp) {
    let cookie = cookie::app_cookie(app, token, now, expires);
    if let Ok(value) = HeaderValue::try_from(cookie) {
        headers.append(SET_COOKIE, value);
    }
}
