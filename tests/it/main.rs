//! The whole gateway from outside.

mod authority;
mod harness;
mod login_flow;
mod paths;
mod proxies;
mod redirects;
mod refresh;
mod refusal;
mod revocation;
mod sessions;
mod sign_in;
mod spoofing;
mod support;
mod tokens;
