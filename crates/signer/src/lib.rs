//! Keys and tokens: mint, verify, publish; no IO.
