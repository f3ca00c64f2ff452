//! The nouns of Doorward: what an application, a rule, an identity, a session
//! and a moment in time are. Everything else is built from these.
//!
//! Nothing here does IO, knows HTTP or speaks SQL. A value that exists is
//! valid: text is parsed at the door into one of these types, once.

pub mod access_request;
pub mod app;
pub mod approval;
pub mod arrival;
pub mod audit;
pub mod catalog;
pub mod certificate;
pub mod colour;
pub mod cookie;
pub mod custom_page;
pub mod document;
pub mod email;
pub mod group;
pub mod host;
pub mod id;
pub mod identity;
pub mod idp;
pub mod letter;
pub mod list;
pub mod live;
pub mod login;
pub mod organization;
pub mod path;
pub mod policy;
pub mod purpose;
pub mod redirect;
pub mod route;
pub mod rule;
pub mod secret;
pub mod service_token;
pub mod session;
pub mod site;
pub mod ssh_ca;
pub mod time;
