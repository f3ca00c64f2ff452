//! The content security policy of every page, and the texts it vouches for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// Inlined in the `<style>` of every page.
pub(crate) const STYLE: &str = include_str!("../../../templates/style.css");
/// Keeps the fragment of the address through the sign-in.
pub(crate) const SIGN_IN_SCRIPT: &str = include_str!("../../../templates/sign_in.js");
/// Searches a long list.
pub(crate) const SEARCH_SCRIPT: &str = include_str!("../../../templates/search.js");
/// Checks claims as one types them.
pub(crate) const CLAIMS_SCRIPT: &str = include_str!("../../../templates/claims.js");
/// Shows the copy buttons, which cannot work without scripts.
pub(crate) const COPY_SCRIPT: &str = include_str!("../../../templates/copy.js");
/// Counts down the time that a token has left.
pub(crate) const DEMO_SCRIPT: &str = include_str!("../../../templates/demo.js");
/// Says how long an answer is, and how long it may be.
pub(crate) const COUNT_SCRIPT: &str = include_str!("../../../templates/count.js");
/// Closes the window of a page that is the last in it.
pub(crate) const CLOSE_SCRIPT: &str = include_str!("../../../templates/close.js");
/// Loads the page of somebody who waits again.
pub(crate) const WAIT_SCRIPT: &str = include_str!("../../../templates/wait.js");

macro_rules! policy {
    ($frame_ancestors:literal, $form_action:literal) => {
        concat!(
            "default-src 'none'; style-src '",
            env!("STYLE_HASH"),
            "'; script-src '",
            env!("SIGN_IN_HASH"),
            "' '",
            env!("SEARCH_HASH"),
            "' '",
            env!("CLAIMS_HASH"),
            "' '",
            env!("COPY_HASH"),
            "' '",
            env!("DEMO_HASH"),
            "' '",
            env!("COUNT_HASH"),
            "' '",
            env!("WAIT_HASH"),
            "' '",
            env!("CLOSE_HASH"),
            "'; img-src 'self' data: https:; frame-ancestors ",
            $frame_ancestors,
            "; base-uri 'none'; form-action ",
            $form_action
        )
    };
}

/// The `Content-Security-Policy` for all pages here. Nothing runs and nothing
/// styles but what this crate wrote; forms go back to the host they came from.
pub const CONTENT_SECURITY_POLICY: &str = policy!("'none'", "'self'");

/// The same for our answers on the hosts of applications that may be shown in frames.
pub const FRAMED_CONTENT_SECURITY_POLICY: &str = policy!("*", "'self'");

/// The same policy for a page whose style has something added to it.
pub(crate) fn content_security_policy_for_style(added: Option<&str>) -> String {
    let Some(added) = added else { return CONTENT_SECURITY_POLICY.to_owned() };
    let hash = STANDARD.encode(Sha256::digest(added));
    CONTENT_SECURITY_POLICY.replacen("; script-src", &format!(" 'sha256-{hash}'; script-src"), 1)
}

/// The same with another `form-action` besides.
pub(crate) fn content_security_policy_for_form(added: Option<&str>, form_action: &str) -> String {
    let policy = content_security_policy_for_style(added);
    policy.replacen("form-action 'self'", &format!("form-action {form_action}"), 1)
}

/// The same policy with another `form-action`, such as `'self' https://wiki.example.com`.
/// Browsers hold a form to it through every redirect, so a form whose answer
/// leads to another host has to name that host.
#[must_use]
pub fn content_security_policy(form_action: &str) -> String {
    format!("{}{form_action}", policy!("'none'", ""))
}
