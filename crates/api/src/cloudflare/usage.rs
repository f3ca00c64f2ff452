//! What depends on an object: as long as something does, it stays.

use std::sync::Arc;

use doorward_model::document::{Key, Kind, Object};
use doorward_objects::Set;
use serde_json::Value;

use super::refusal::Refusal;

/// The objects whose documents name this one by its id.
pub(super) fn users<'a>(set: &'a Set, key: &'a Key) -> impl Iterator<Item = &'a Arc<Object>> {
    let may_name = [Kind::App, Kind::Policy, Kind::Group, Kind::Organization].into_iter().flat_map(|kind| set.of(kind));
    may_name.filter(move |object| object.key != *key && object.content.document.contains(&*key.id))
}

/// What nobody could ask for once this object is gone.
pub(super) fn goes_with(set: &Set, key: &Key) -> impl Iterator<Item = Key> + use<> {
    let ca = (key.kind == Kind::App).then(|| Key { kind: Kind::SshCa, id: Arc::clone(&key.id) });
    ca.filter(|ca| set.get(ca).is_some()).into_iter()
}

/// Refuses to leave a reference that leads nowhere.
pub(super) fn unused(set: &Set, object: &Object) -> Result<(), Refusal> {
    let Some(user) = users(set, &object.key).next() else { return Ok(()) };
    let name = user.document::<Value>().ok().and_then(|value| Some(value.get("name")?.as_str()?.to_owned()));
    let name = name.unwrap_or_else(|| user.key.id.to_string());
    Err(Refusal::conflict(format!(
        "the {} \"{name}\" uses this {}; change that one first",
        user.key.kind, object.key.kind
    )))
}
