//! What an origin is told about who is calling, and the token that goes back
//! with the answer.

use doorward_model::app::App;
use doorward_model::cookie;
use doorward_model::time::Timestamp;
use http::header::{HeaderMap, HeaderName, HeaderValue, SET_COOKIE};

use crate::Edge;
use crate::arrive::Visit;
use crate::caller::Person;
use crate::machine::Made;
use crate::respond::{self, header};

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

/// A token to come back with: in the place of one that was sent, or of a credential.
pub(crate) struct Given {
    pub(crate) token: HeaderValue,
    pub(crate) expires: Timestamp,
}

impl Given {
    pub(crate) fn of_person(person: &Person) -> Self {
        Self { token: person.assertion.clone(), expires: person.expires }
    }

    pub(crate) fn of_machine(made: &Made) -> Self {
        Self { token: made.assertion.clone(), expires: made.expires }
    }

    /// Puts it into the cookies of the answer.
    pub(crate) fn write(&self, headers: &mut HeaderMap, edge: &Edge, app: &App, visit: &Visit) {
        let token = self.token.to_str().unwrap_or_default();
        let (now, path) = (visit.arrival.now, app.cookie_path(&visit.arrival.host, &visit.path));
        let mut cookies = vec![cookie::app_cookie(app, path, token, now, self.expires)];
        if app.enable_binding_cookie {
            let binding = edge.store.sealer().binding(token);
            cookies.push(cookie::binding_cookie(path, &binding, now, self.expires));
        }
        for cookie in cookies {
            headers.append(SET_COOKIE, header(&cookie));
        }
    }
}
