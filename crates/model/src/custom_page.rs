//! A page of the operator's own in the place of one of ours (Access docs,
//! "custom pages").

use serde::{Deserialize, Serialize};

use crate::id::CustomPageId;

/// One custom page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomPage {
    pub id: CustomPageId,
    pub name: String,
    pub kind: PageKind,
    pub html: String,
    /// The text is a template with variables; without this it is shown as it is.
    pub is_template: bool,
}

/// In the place of which page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageKind {
    /// The policies refuse somebody who has signed in.
    IdentityDenied,
    /// No sign-in could help.
    Forbidden,
    /// The choice of a provider.
    Login,
    /// The approval of a command-line sign-in.
    Interstitial,
}

impl PageKind {
    pub const ALL: [&'static str; 4] = ["identity_denied", "forbidden", "login", "interstitial"];
}
