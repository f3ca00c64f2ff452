//! What the tests are made of: the gateway as a process, an origin that
//! records what reaches it, browsers of three kinds (a small one of our own, a
//! raw socket, Chromium), and software that is not ours. Nothing here knows
//! the inside of the gateway; tests speak to it as its users do.

pub mod browser;
pub mod client;
pub mod config;
pub mod cookies;
pub mod deadline;
pub mod gateway;
pub mod html;
pub mod node;
pub mod origin;
pub mod peers;
pub mod postgres;
pub mod raw;
pub mod tied;
pub mod token;
pub mod wire;
pub mod world;
