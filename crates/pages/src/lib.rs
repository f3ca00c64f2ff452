//! The HTML that people see: one struct, one template and one snapshot for
//! each page. A page is data only. Who may see it, its status and its headers
//! are the business of the door that answers with it.
//!
//! Pages are whole: stylesheet and scripts are inlined and named by their
//! hashes in [`CONTENT_SECURITY_POLICY`], so a page is one round trip. All of
//! them work with scripts switched off.

mod approval;
mod colours;
mod csp;
mod custom;
mod demo;
mod forbidden;
mod launcher;
mod notice;
mod people;
mod sign_in;
mod text;
mod what_for;

pub use approval::{Decide, Waiting};
pub use colours::Colours;
pub use csp::{CONTENT_SECURITY_POLICY, FRAMED_CONTENT_SECURITY_POLICY, content_security_policy};
pub use custom::{CUSTOM_CONTENT_SECURITY_POLICY, TemplateError, Variables, check_template, custom};
pub use demo::{Actions, Caller, Demo, Shown, Token};
pub use forbidden::{Forbidden, forbidden_json};
pub use launcher::{Filter, Landing, Launcher, Tile};
pub use notice::{Action, Notice};
pub use people::{Field, People, Person, Problem, Someone};
pub use sign_in::{Choice, Denied, SignIn};
pub use what_for::WhatFor;

/// The title by which clients know a sign-in page.
pub const SIGN_IN_TITLE: &str = "Sign in ・ Cloudflare Access";

/// The title by which clients know a page that refuses them.
pub const ERROR_TITLE: &str = "Error ・ Cloudflare Access";

/// Something that can be shown to a person.
pub trait Page {
    /// The whole document, to be sent as `text/html; charset=utf-8`.
    fn html(&self) -> String;
}

impl<T: askama::Template> Page for T {
    fn html(&self) -> String {
        self.render().expect("writing to a String cannot fail, and no template calls anything that does")
    }
}
