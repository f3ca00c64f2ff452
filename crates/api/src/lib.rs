//! The admin door: health, metrics and who may call.
