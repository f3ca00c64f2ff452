//! The signing keys: how long one signs, and since when. Of the keys themselves
//! this API shows the certificate alone, with SaaS applications.

use std::pin::Pin;

use axum::extract::State;
use doorward_model::audit::AuditEntry;
use doorward_model::document::Owner;
use doorward_model::document::{Content, KEY_CONFIGURATION, Key, KeyConfigurationDocument, Kind, NoExtension, Object};
use doorward_model::time::{Lifetime, Timestamp};
use doorward_objects::Set;
use doorward_signer::rotation::{INTERVAL, LONGEST_INTERVAL_DAYS, SHORTEST_INTERVAL_DAYS};
use serde_json::{Value, json};

use super::Api;
use super::answer::Answer;
use super::caller::Caller;
use super::fields::{Field, Shape, field, needed, shaped};
use super::refusal::Refusal;
use super::written::Written;

/// A rotation under way.
pub type Rotation = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// What is known of the keys, and what may be asked of those who keep them.
pub struct SigningKeys {
    /// Since when the current one signs.
    pub since: Box<dyn Fn() -> Timestamp + Send + Sync>,
    /// The certificate of the current one, as PEM.
    pub certificate: Box<dyn Fn() -> String + Send + Sync>,
    /// Lets the next one sign, with the lines of the audit log that tell of it.
    /// Resolves when it does, here; the text is for the log.
    pub rotate: Box<dyn Fn(Vec<AuditEntry>) -> Rotation + Send + Sync>,
}

const DAYS: &str = "key_rotation_interval_days";
pub(super) const FIELDS: &[Field] = &[field(DAYS, Shape::Number)];

pub(super) async fn show(State(api): State<Api>) -> Answer {
    Answer::ok(shown(&api))
}

pub(super) async fn update(State(api): State<Api>, caller: Caller, written: Written) -> Result<Answer, Refusal> {
    let fields = shaped(&written, FIELDS)?;
    needed(&fields, DAYS)?;
    let days = fields[DAYS].as_u64().and_then(|days| u32::try_from(days).ok());
    let days = days.filter(|days| (SHORTEST_INTERVAL_DAYS..=LONGEST_INTERVAL_DAYS).contains(days));
    let wrong = format!("{DAYS} is a number of days from {SHORTEST_INTERVAL_DAYS} to {LONGEST_INTERVAL_DAYS}");
    let days = days.ok_or_else(|| Refusal::invalid(format!("/{DAYS}"), wrong))?;
    let (key, now) = (Key::new(Kind::KeyConfiguration, KEY_CONFIGURATION), api.now());
    let content = Content::new(&KeyConfigurationDocument { key_rotation_interval_days: days }, &NoExtension {}, None);
    let plan = |set: &Set| {
        let created_at = set.get(&key).map_or(now, |before| before.created_at);
        Ok(Object { key: key.clone(), owner: Owner::Api, content: content.clone(), created_at, updated_at: now })
    };
    api.put(&caller, plan).await?;
    Ok(Answer::ok(shown(&api)))
}

/// The next key signs from now on; what the one before it signed is believed
/// for a while, here and on every node.
pub(super) async fn rotate(State(api): State<Api>, caller: Caller) -> Result<Answer, Refusal> {
    let told = vec![caller.deed("key", "", api.now())];
    (api.0.signing_keys.rotate)(told).await.map_err(|error| Refusal::unavailable(&error))?;
    Ok(Answer::ok(shown(&api)))
}

fn shown(api: &Api) -> Value {
    let interval = api.0.objects.key_rotation_interval().unwrap_or(INTERVAL);
    let since = (api.0.signing_keys.since)();
    let left = since.plus(interval).since(api.now());
    json!({
        DAYS: days(interval),
        // A day that has begun is one.
        "days_until_next_rotation": days(left) + i64::from(left.secs() % days_in_secs() != 0),
        "last_key_rotation_at": since.to_rfc3339(),
    })
}

const fn days(life: Lifetime) -> i64 {
    life.secs() / days_in_secs()
}

const fn days_in_secs() -> i64 {
    Lifetime::from_days(1).secs()
}
