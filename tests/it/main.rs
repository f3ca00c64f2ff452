//! The whole gateway from outside.

#![expect(clippy::unwrap_used, reason = "a test reports by panicking, in its own functions too")]

mod admin;
mod architecture;
mod authority;
mod bounds;
mod browser_forms;
mod browser_sign_in;
mod cli;
mod counts;
mod drain;
mod error_pages;
mod framing;
mod harness;
mod http2;
mod http2_frames;
mod independent_provider;
mod limits;
mod live_streams;
mod login_flow;
mod logs;
mod lying_providers;
mod nodes;
mod objects;
mod observability;
mod origin_answers;
mod origins;
mod paths;
mod policies;
mod proxies;
mod redirects;
mod refresh;
mod refusal;
mod reload;
mod revocation;
mod sessions;
mod sign_in;
mod spoofing;
mod stores;
mod streaming;
mod supply_chain;
mod support;
mod tokens;
mod trust;
mod verifiers;
mod websocket;
