//! The team domain: sign-in, hand-over, certificates, sign-out.
