//! The whole gateway from outside.

mod harness;
mod support;
