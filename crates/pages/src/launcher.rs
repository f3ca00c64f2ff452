//! The list of applications on the team domain, and the greeting before it.

use askama::Template;
use doorward_model::colour::Colour;

use crate::colours::{button, header};
use crate::csp::content_security_policy_for_style;
use crate::{Action, Colours};

/// Everything that somebody may open. Status 200.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "launcher.html")]
pub struct Launcher<'a> {
    /// The organisation, as people call it.
    pub team: &'a str,
    /// Address of the organisation's logo.
    pub logo: Option<&'a str>,
    /// The organisation's colours, instead of ours.
    pub colours: Option<Colours>,
    /// Behind the logo.
    pub header: Option<Colour>,
    /// Who is signed in.
    pub email: &'a str,
    /// Leads to the end of the session.
    pub sign_out: String,
    /// In the order they are to be shown. None at all gets a clear sentence.
    pub tiles: Vec<Tile<'a>>,
    /// By which the list can be made shorter.
    pub filters: Vec<Filter>,
    /// Links below the list.
    pub links: Vec<Action>,
    /// Says that nothing here is real.
    pub emulator: bool,
}

/// What whoever has not signed in yet is greeted with. Status 200.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "landing.html")]
pub struct Landing<'a> {
    /// The organisation, as people call it.
    pub team: &'a str,
    /// Address of the organisation's logo.
    pub logo: Option<&'a str>,
    /// The organisation's colours, instead of ours.
    pub colours: Option<Colours>,
    /// Behind the logo.
    pub header: Option<Colour>,
    /// Of the button, and of its text.
    pub button: (Option<Colour>, Option<Colour>),
    pub title: &'a str,
    pub message: Option<&'a str>,
    pub image: Option<&'a str>,
    /// Leads to the sign-in.
    pub sign_in: String,
    /// Links below.
    pub links: Vec<Action>,
    /// Says that nothing here is real.
    pub emulator: bool,
}

/// One application.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tile<'a> {
    pub name: &'a str,
    pub href: &'a str,
    /// Its address, as people read it.
    pub place: &'a str,
    pub logo: Option<&'a str>,
    pub tags: &'a [String],
}

/// A link to a part of the list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub name: String,
    pub href: String,
    pub is_chosen: bool,
}

impl Launcher<'_> {
    /// The policy of this page, which vouches for its colours too.
    #[must_use]
    pub fn content_security_policy(&self) -> String {
        content_security_policy_for_style(self.style().as_deref())
    }

    fn style(&self) -> Option<String> {
        added([self.colours.as_ref().map(Colours::style), self.header.map(header)])
    }

    /// More than fit on a screen get a search.
    fn is_long(&self) -> bool {
        self.tiles.len() > 8
    }
}

impl Landing<'_> {
    /// The policy of this page, which vouches for its colours too.
    #[must_use]
    pub fn content_security_policy(&self) -> String {
        content_security_policy_for_style(self.style().as_deref())
    }

    fn style(&self) -> Option<String> {
        let (ground, text) = self.button;
        added([self.colours.as_ref().map(Colours::style), self.header.map(header), button(ground, text)])
    }
}

/// What a page adds to the stylesheet, if anything.
fn added<const N: usize>(parts: [Option<String>; N]) -> Option<String> {
    let style: String = parts.into_iter().flatten().collect();
    (!style.is_empty()).then_some(style)
}
