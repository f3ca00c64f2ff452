//! The question that a policy has for somebody who signed in: what for.

use askama::Template;

use crate::Colours;
use crate::csp::content_security_policy_for_form;

/// A question with a field for its answer, which is posted as `purpose`.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "what_for.html")]
pub struct WhatFor<'a> {
    /// The organisation, as people call it.
    pub team: &'a str,
    /// The application that is about to be entered.
    pub app: &'a str,
    pub logo: Option<&'a str>,
    /// The organisation's colours, instead of ours.
    pub colours: Option<Colours>,
    /// The policy's own words, or ours.
    pub question: &'a str,
    /// Who is signed in.
    pub email: &'a str,
    /// Where the form is posted to.
    pub action: &'a str,
    /// Fields that it carries along.
    pub hidden: Vec<(&'a str, String)>,
    /// What was typed before.
    pub typed: &'a str,
    /// Why that was not taken, as a sentence.
    pub error: Option<&'a str>,
    /// Characters that an answer may have.
    pub longest: usize,
    /// Somebody else has to agree.
    pub approval: bool,
    /// Says that nothing here is real.
    pub emulator: bool,
}

impl WhatFor<'_> {
    /// The policy of this page. Its form may lead anywhere in the end, and
    /// browsers hold a form to this through every redirect: the application is
    /// on a host of its own, and sends its visitors on as it likes. No markup
    /// but ours gets into the page, so there is nothing that could be carried away.
    #[must_use]
    pub fn content_security_policy(&self, https: bool) -> String {
        let leads_to = if https { "'self' https:" } else { "'self' http: https:" };
        content_security_policy_for_form(self.colours.as_ref().map(Colours::style).as_deref(), leads_to)
    }
}
