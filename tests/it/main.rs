//! The whole gateway from outside.

mod authority;
mod drain;
mod harness;
mod independent_provider;
mod login_flow;
mod origins;
mod paths;
mod proxies;
mod redirects;
mod refresh;
mod refusal;
mod reload;
mod revocation;
mod sessions;
mod sign_in;
mod spoofing;
mod streaming;
mod support;
mod tokens;
mod verifiers;
mod websocket;
