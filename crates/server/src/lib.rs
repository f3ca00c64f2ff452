//! Wiring, configuration and the command line of Doorward. The only crate that
//! knows all others; `main.rs` is a call into [`cli`], and a test that wants a
//! gateway of its own calls [`run::start`].

pub mod cli;
pub mod config;
pub mod ready;
pub mod run;
pub mod telemetry;

mod authority;
mod chores;
mod keys;
mod tls;

pub use crate::authority::AuthorityError;
pub use crate::keys::KeysError;
pub use crate::tls::TlsError;
