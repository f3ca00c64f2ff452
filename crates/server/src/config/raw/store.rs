//! `[store]`, as far as it needs more than a text.

use doorward_model::time::Lifetime;
use doorward_store::Patience;

/// The default, and the most: what a revocation may take at worst is promised to everybody.
pub(in super::super) const MOST_FRESHNESS: Lifetime = Lifetime::from_secs(Patience::MOST_FRESHNESS.as_secs() as i64);

/// How long the authentication log is kept unless the file says otherwise.
pub(in super::super) const LOG_RETENTION: Lifetime = Lifetime::from_hours(30 * 24);

/// The same for the audit log, which is read when something is found out late.
pub(in super::super) const AUDIT_RETENTION: Lifetime = Lifetime::from_days(548);

/// How long revocations are believed without news from the store.
pub(super) fn freshness(text: &str) -> Result<Lifetime, String> {
    let wanted: Lifetime = text.parse().map_err(|error: doorward_model::time::InvalidLifetime| error.to_string())?;
    if (Patience::LEAST_FRESHNESS..=Patience::MOST_FRESHNESS).contains(&wanted.as_std()) {
        return Ok(wanted);
    }
    Err(format!(
        "\"{text}\" is out of range; write a duration from {} to {} s",
        Patience::LEAST_FRESHNESS.as_secs(),
        Patience::MOST_FRESHNESS.as_secs()
    ))
}
