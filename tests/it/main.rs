//! The whole gateway from outside.
