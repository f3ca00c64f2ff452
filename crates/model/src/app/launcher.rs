//! How the App Launcher looks, beside what the organisation's pages look like.

use serde::{Deserialize, Serialize};

use crate::colour::Colour;

/// What an application of that type says about its page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LauncherDesign {
    /// Where its logo is: an `https:` address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_launcher_logo_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bg_color: Option<Colour>,
    /// Behind the logo, or the name of the team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header_bg_color: Option<Colour>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub footer_links: Vec<FooterLink>,
    /// What greets whoever has not signed in yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landing_page_design: Option<LandingPage>,
    /// Nobody is greeted; they go to sign in at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skip_app_launcher_login_page: bool,
}

impl LauncherDesign {
    /// The greeting, where there is to be one.
    #[must_use]
    pub fn greeting(&self) -> Option<&LandingPage> {
        self.landing_page_design.as_ref().filter(|_| !self.skip_app_launcher_login_page)
    }
}

/// The page before the sign-in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LandingPage {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// An `https:` address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub button_color: Option<Colour>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub button_text_color: Option<Colour>,
}

/// A link below the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FooterLink {
    pub name: String,
    pub url: String,
}
