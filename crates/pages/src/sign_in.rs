//! Where a sign-in starts: who is being signed in to what, and by which provider.

use askama::Template;

use crate::Colours;
use crate::csp::content_security_policy_for_style;

/// The choice of a provider. Status 200, for GET and HEAD.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "sign_in.html")]
pub struct SignIn<'a> {
    /// The organisation, as people call it.
    pub team: &'a str,
    /// The application that is being signed in to.
    pub app: &'a str,
    /// Address of the organisation's logo: `https:`, `data:` or on this host.
    pub logo: Option<&'a str>,
    /// The organisation's words above and below.
    pub header: Option<&'a str>,
    pub footer: Option<&'a str>,
    /// The organisation's colours, instead of ours.
    pub colours: Option<Colours>,
    /// In the order they are to be shown. None at all gets a clear sentence.
    pub providers: Vec<Choice<'a>>,
    /// Set when an account was just refused and another may be tried.
    pub denied: Option<Denied<'a>>,
    /// Says that nothing here is real.
    pub emulator: bool,
}

impl SignIn<'_> {
    /// The policy of this page, which vouches for its colours too.
    #[must_use]
    pub fn content_security_policy(&self) -> String {
        content_security_policy_for_style(self.colours.as_ref().map(Colours::style).as_deref())
    }
}

/// One way to sign in.
#[derive(Clone, Debug, Default)]
pub struct Choice<'a> {
    pub name: &'a str,
    /// Cloudflare's type of the provider: `oidc`, `saml`, `onetimepin`, …
    pub kind: &'a str,
    pub href: String,
}

/// Why somebody who has just signed in is back at the start.
#[derive(Clone, Debug, Default)]
pub struct Denied<'a> {
    /// `That account does not have access`, or the application's own words.
    pub message: &'a str,
    /// The account that was refused, where it is known.
    pub email: Option<&'a str>,
    /// Leads to a provider that asks for the account again.
    pub switch_href: Option<String>,
    /// Under which the log says why.
    pub ray: &'a str,
}
