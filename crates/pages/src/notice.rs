//! Everything that needs a sentence and a way on: signed out, an expired
//! sign-in, an unknown application, trouble at the gateway.

use askama::Template;

/// A heading, a sentence, and what to do now.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "notice.html")]
pub struct Notice<'a> {
    /// Of the window, such as [`ERROR_TITLE`](crate::ERROR_TITLE).
    pub title: &'a str,
    /// What happened, in a few words.
    pub heading: &'a str,
    /// What it means, in a sentence or two. A blank line starts a paragraph.
    pub text: &'a str,
    /// The one thing to do now.
    pub action: Option<Action>,
    pub ray: Option<&'a str>,
    /// Other ways on.
    pub links: Vec<Action>,
    /// Nothing comes after it: the window closes itself.
    pub closes: bool,
}

/// A link with its words.
#[derive(Clone, Debug, Default)]
pub struct Action {
    pub label: String,
    pub href: String,
}

impl Action {
    #[must_use]
    pub fn new(label: impl Into<String>, href: impl Into<String>) -> Self {
        Self { label: label.into(), href: href.into() }
    }
}
