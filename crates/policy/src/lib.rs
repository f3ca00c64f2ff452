//! The verdict: a pure function from an app and the facts to a permit or a refusal.
