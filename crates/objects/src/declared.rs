//! A file's objects against what is there: what the file declares is owned by
//! files, what it does not declare any more is removed, what the API made is
//! left alone. What is the same already is not written again.

use std::collections::{HashMap, HashSet};

use doorward_model::document::{AppDocument, Content, Key, Kind, Object, Owner, ServiceTokenDocument};
use doorward_model::time::Timestamp;
use doorward_store::ObjectChange;

use crate::set::Set;
use crate::{Declared, ObjectsError};

impl Declared {
    /// What has to change so that files declare exactly these.
    pub(crate) fn changes(&self, set: &Set, now: Timestamp) -> Result<Vec<ObjectChange>, ObjectsError> {
        self.contradictions(set)?;
        let declared: HashSet<&Key> = self.objects.iter().map(|(key, _)| key).collect();
        let gone = set.all().filter(|object| object.owner == Owner::File && !declared.contains(&object.key));
        let mut changes: Vec<ObjectChange> = gone.map(|object| ObjectChange::Remove(object.key.clone())).collect();
        for (key, content) in &self.objects {
            let known = set.get(key);
            if known.is_some_and(|known| known.content == *content) {
                continue;
            }
            changes.push(ObjectChange::Put(Object {
                key: key.clone(),
                owner: Owner::File,
                content: content.clone(),
                created_at: known.map_or(now, |known| known.created_at),
                updated_at: now,
            }));
        }
        Ok(changes)
    }

    /// Whether what files declare is what this one says.
    pub(crate) fn is_in_force(&self, set: &Set) -> bool {
        let owned = set.all().filter(|object| object.owner == Owner::File).count();
        owned == self.objects.len() && self.objects.iter().all(|(key, content)| is_declared(set, key, content))
    }

    /// What the API made must not be taken over, and one address, audience or
    /// client id leads to one object. Within the file this was checked before,
    /// with lines.
    fn contradictions(&self, set: &Set) -> Result<(), ObjectsError> {
        let mut claims: HashMap<String, &Key> = HashMap::new();
        for (key, content) in &self.objects {
            if set.get(key).is_some_and(|known| known.owner == Owner::Api) {
                let text = format!(
                    "{}: the {} with the id {} was made through the API; give the file's own another id, or delete that one first",
                    self.file, key.kind, key.id
                );
                return Err(ObjectsError::Conflict(text));
            }
            claims.extend(exclusive(key.kind, &content.document).into_iter().map(|claim| (claim, key)));
        }
        for object in set.all().filter(|object| object.owner == Owner::Api) {
            for claim in exclusive(object.key.kind, &object.content.document) {
                if claims.contains_key(&claim) {
                    let text = format!(
                        "{}: {claim} belongs to the {} {}, which was made through the API; delete that one first, or use another in the file",
                        self.file, object.key.kind, object.key.id
                    );
                    return Err(ObjectsError::Conflict(text));
                }
            }
        }
        Ok(())
    }
}

fn is_declared(set: &Set, key: &Key, content: &Content) -> bool {
    set.get(key).is_some_and(|known| known.owner == Owner::File && known.content == *content)
}

/// What no two objects may have, in words. A document that cannot be read has nothing.
fn exclusive(kind: Kind, document: &str) -> Vec<String> {
    match kind {
        Kind::App => serde_json::from_str::<AppDocument>(document).map(|app| of_app(&app)).unwrap_or_default(),
        Kind::ServiceToken => serde_json::from_str::<ServiceTokenDocument>(document)
            .map(|token| vec![format!("the client id {}", token.client_id.as_str())])
            .unwrap_or_default(),
        Kind::Policy
        | Kind::Group
        | Kind::IdentityProvider
        | Kind::Route
        | Kind::ApiToken
        | Kind::Tag
        | Kind::List
        | Kind::Certificate
        | Kind::CustomPage
        | Kind::Organization
        | Kind::SshCa
        | Kind::KeyConfiguration => Vec::new(),
    }
}

fn of_app(app: &AppDocument) -> Vec<String> {
    let domains = app.domains().unwrap_or_default();
    let mut claims: Vec<String> = domains.iter().map(|domain| format!("the address {domain}")).collect();
    claims.push(format!("the audience {}", app.aud));
    claims
}
