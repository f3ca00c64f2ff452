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
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub footer_links: Vec<FooterLink>,
}

/// A link below the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FooterLink {
    pub name: String,
    pub url: String,
}
