//! The behaviour of whole verdicts; each selector's table is in its own file.

mod explain;
mod invariants;
mod order;
mod purpose;
mod reference;
pub(crate) mod sample;
