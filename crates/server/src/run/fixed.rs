//! The settings that were read once, at the start: a reload names those that
//! the file says otherwise now.

use doorward_model::secret::Secret;
use doorward_model::time::Lifetime;

use crate::config::{Config, Listen};

/// The settings that were read once, at the start.
pub(super) fn needing_restart(old: &Config, new: &Config) -> Vec<&'static str> {
    let token_changed = new.api_token.is_some() && old.api_token != new.api_token;
    [
        ("mode", old.mode != new.mode),
        ("[listen]", listeners(old) != listeners(new)),
        ("[limits]", old.limits != new.limits),
        ("[log]", old.log != new.log),
        ("[telemetry]", old.telemetry != new.telemetry),
        ("[smtp]", old.smtp != new.smtp),
        ("[team]", old.team != new.team),
        ("[store]", store(old) != store(new)),
        ("[keys]", old.encryption_key != new.encryption_key),
        ("[api]", token_changed),
        ("[[user]]", old.users != new.users),
    ]
    .into_iter()
    .filter_map(|(setting, changed)| changed.then_some(setting))
    .collect()
}

/// `[listen]` without the files of the certificate, which are read again, and
/// whether there are any, which is not.
fn listeners(config: &Config) -> (Listen, bool) {
    (Listen { tls: None, ..config.listen.clone() }, config.listen.tls.is_some())
}

const fn store(config: &Config) -> (&Option<Secret>, Lifetime) {
    (&config.store_url, config.revocation_freshness)
}
