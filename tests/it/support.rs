//! What the tests are made of: the gateway as a process, an origin that
//! records what reaches it, browsers of three kinds (a small one of our own, a
//! raw socket, Chromium), and software that is not ours. Nothing here knows
//! the inside of the gateway; tests speak to it as its users do.

pub(crate) mod access_log;
pub(crate) mod authority;
pub(crate) mod browser;
pub(crate) mod carrying;
pub(crate) mod client;
pub(crate) mod clients;
pub(crate) mod cloudflared;
pub(crate) mod collector;
pub(crate) mod config;
pub(crate) mod cookies;
pub(crate) mod counterfeit;
pub(crate) mod deadline;
pub(crate) mod elsewhere;
pub(crate) mod evaluator;
pub(crate) mod frames;
pub(crate) mod gateway;
pub(crate) mod html;
pub(crate) mod http2;
pub(crate) mod link;
pub(crate) mod lying;
pub(crate) mod metrics;
pub(crate) mod mmdb;
pub(crate) mod node;
pub(crate) mod origin;
pub(crate) mod peers;
pub(crate) mod postgres;
pub(crate) mod raw;
pub(crate) mod reserved;
pub(crate) mod rows;
pub(crate) mod ssh;
pub(crate) mod tcp;
pub(crate) mod tied;
pub(crate) mod tmpfs;
pub(crate) mod token;
pub(crate) mod wire;
pub(crate) mod world;
