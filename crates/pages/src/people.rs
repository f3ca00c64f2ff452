//! The page of the emulator's identity provider: be anyone.

use askama::Template;

use crate::text::initials;

/// A list of people to click, and a form to be somebody else.
///
/// A click posts `email` and the hidden fields. The form posts `email`,
/// `name`, `groups` (separated by commas) and `claims` (a JSON object or
/// nothing) beside them, so the presence of `claims` tells the two apart.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "people.html")]
pub struct People<'a> {
    /// The application or client that is being signed in to.
    pub app: &'a str,
    pub people: Vec<Person<'a>>,
    /// Fields that both forms carry along.
    pub hidden: Vec<(&'a str, String)>,
    /// Where both forms are posted to.
    pub action: &'a str,
    /// Why the last attempt failed. What was typed is kept in `someone`.
    pub error: Option<Problem<'a>>,
    pub someone: Someone<'a>,
}

/// Somebody to sign in as.
#[derive(Clone, Debug, Default)]
pub struct Person<'a> {
    pub email: &'a str,
    pub name: Option<&'a str>,
    pub groups: &'a [String],
}

/// The form as it was typed.
#[derive(Clone, Debug, Default)]
pub struct Someone<'a> {
    pub email: &'a str,
    pub name: &'a str,
    pub groups: &'a str,
    pub claims: &'a str,
}

/// What is wrong with the form.
#[derive(Clone, Copy, Debug)]
pub struct Problem<'a> {
    pub field: Field,
    /// What to do, as a sentence.
    pub message: &'a str,
}

/// The input that a problem belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Email,
    Groups,
    Claims,
    /// None of them: shown above the list.
    Form,
}

impl People<'_> {
    /// More people than fit on a screen get a search.
    fn is_long(&self) -> bool {
        self.people.len() > 8
    }

    fn complaint(&self, field: Field) -> Option<&str> {
        self.error.filter(|problem| problem.field == field).map(|problem| problem.message)
    }

    /// The form is folded away unless it is the only way on or needs mending.
    fn someone_is_open(&self) -> bool {
        self.people.is_empty() || self.error.is_some_and(|problem| problem.field != Field::Form)
    }
}

impl Person<'_> {
    fn initials(&self) -> String {
        initials(self.name, self.email)
    }
}
