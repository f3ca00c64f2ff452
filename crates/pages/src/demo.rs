//! The demonstration application: shows who it thinks its visitor is, and how it knows.

use askama::Template;
use doorward_model::time::Timestamp;

/// The page that somebody sees who has just started Doorward.
#[derive(Clone, Debug, Template)]
#[template(path = "demo.html")]
pub struct Demo<'a> {
    /// The application's name.
    pub app: &'a str,
    /// Where it lives, with the port: `app.localhost:8787`.
    pub host: &'a str,
    pub caller: Caller<'a>,
    /// The verified token, where the request carried one.
    pub token: Option<Token>,
    pub now: Timestamp,
    /// The request as the application received it, in the order received.
    pub headers: Vec<Shown>,
    /// A command that repeats this request from a terminal.
    pub curl: Option<String>,
    pub actions: Actions,
    /// What the last click did, in a sentence.
    pub done: Option<&'a str>,
}

/// Who the request speaks for.
#[derive(Clone, Debug)]
pub enum Caller<'a> {
    Person {
        name: Option<&'a str>,
        email: &'a str,
        provider: Option<&'a str>,
        groups: Vec<&'a str>,
    },
    /// A machine, by the `common_name` of its token.
    Service {
        common_name: &'a str,
    },
    Nobody,
}

/// A token whose signature has been checked.
#[derive(Clone, Debug)]
pub struct Token {
    pub issued: Timestamp,
    pub expires: Timestamp,
    /// Where its key is published.
    pub certs_url: String,
    /// The `kid` of that key.
    pub kid: String,
    /// Every claim with its value; what is not text is shown as JSON.
    pub claims: Vec<Shown>,
}

/// A row of a table.
#[derive(Clone, Debug)]
pub struct Shown {
    pub name: String,
    pub value: String,
}

impl Shown {
    #[must_use]
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

/// Where the buttons lead. One that is not given is not shown.
#[derive(Clone, Debug, Default)]
pub struct Actions {
    /// A link.
    pub sign_in: Option<String>,
    /// A link.
    pub sign_out: Option<String>,
    /// A link.
    pub become_other: Option<String>,
    /// Receives an empty POST.
    pub expire_session: Option<String>,
    /// Receives an empty POST.
    pub rotate_keys: Option<String>,
}
