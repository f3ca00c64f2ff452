//! The whole gateway from outside.

mod authority;
mod harness;
mod paths;
mod proxies;
mod refresh;
mod refusal;
mod revocation;
mod sessions;
mod sign_in;
mod spoofing;
mod support;
