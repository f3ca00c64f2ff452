//! Who takes the doors' letters, and what becomes of them at the end.

use std::sync::Arc;
use std::time::Duration;

use doorward_emulator::Emulator;
use doorward_login::Post;
use doorward_mail::Smtp;

use crate::config::Config;

/// How long the mail server may take for the last letters.
const LAST_LETTERS: Duration = Duration::from_secs(5);

/// The way to the mail server of the file.
pub(super) fn server(config: &Config) -> Option<Smtp> {
    Smtp::new(config.smtp.as_ref()?)
        .inspect_err(|error| tracing::error!(%error, "no mail is sent; mend [smtp], then start anew"))
        .ok()
}

/// Who takes mail: the server of the file; an emulator without one keeps it.
pub(super) fn post(config: &Config, smtp: Option<&Smtp>, emulator: Option<&Arc<Emulator>>) -> Option<Post> {
    if config.smtp.is_some() {
        let smtp = smtp?.clone();
        return Some(Arc::new(move |letter| smtp.post(letter)));
    }
    let emulator = Arc::clone(emulator?);
    Some(Arc::new(move |letter| emulator.deliver(letter)))
}

/// Lets the letters under way be sent, unless the server takes none.
pub(super) async fn send_last(smtp: &Smtp) {
    let lost = smtp.drain(LAST_LETTERS).await;
    if lost > 0 {
        tracing::error!(lost, "mails were not sent: the server did not take them within {LAST_LETTERS:?}");
    }
}
