//! The whole gateway from outside.

mod harness;
mod refusal;
mod sign_in;
mod support;
