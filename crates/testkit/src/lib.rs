//! The gateway in your own test.
