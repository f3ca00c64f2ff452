//! What is configured, as it is kept: which objects there are, what changed
//! since a number, and changes that succeed only on the state they were made
//! for. What the documents mean is the business of others.

use doorward_model::audit::AuditEntry;
use doorward_model::document::{Content, Key, Kind, Object, Owner};
use doorward_model::secret::Secret;
use doorward_model::time::{Lifetime, Timestamp};
use sqlx::AssertSqlSafe;

use crate::Store;
use crate::audit_log::logged;
use crate::database::must;
use crate::error::{KeyMismatch, StoreError};
use crate::postgres::Topic;
use crate::statement::{Row, Statement, number, optional_text, query, text, unreadable};

/// What is to be different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectChange {
    Put(Object),
    Remove(Key),
}

/// What was read in one look.
#[derive(Clone, Debug)]
pub struct ObjectsRead {
    /// The number of the last change that the look saw.
    pub seq: i64,
    pub changes: Vec<ObjectChange>,
}

/// Rows of one statement: enough to save round trips, far from every limit on parameters.
const ROWS_AT_ONCE: usize = 200;

/// How long a removal can be heard of. A node that heard nothing for longer reads everything.
const REMOVALS_KEPT: Lifetime = Lifetime::from_days(1);

impl Store {
    /// What changed after a number; after zero, everything there is. Objects
    /// of kinds that only a newer version knows are left out.
    ///
    /// # Errors
    /// When the database does not answer, or a secret in it does not open.
    pub async fn objects_since(&self, seq: i64) -> Result<ObjectsRead, StoreError> {
        // One statement, so that the number and the rows belong together.
        let rows = self
            .watching()
            .rows(|| {
                query(
                    "SELECT sequences.value, kind, id, owner, document, extension, sealed, removed, created_at, \
                     updated_at FROM sequences LEFT JOIN objects ON seq > $1 WHERE sequences.name = 'objects'",
                )
                .bind(seq)
            })
            .await?;
        let first = rows.first().ok_or_else(|| unreadable("sequences.value", "the row objects is gone"))?;
        let seq = number(first, "value")?;
        let changes = rows.iter().filter_map(|row| self.object_change(row).transpose());
        Ok(ObjectsRead { seq, changes: changes.collect::<Result<_, _>>()? })
    }

    /// Makes all these changes, or none: `false` when the objects are no longer
    /// as they were at `seen`. When it is `true` they are durable, with the
    /// lines of the audit log that tell of them, and other nodes hear of them.
    ///
    /// # Errors
    /// When they could not be stored; then they are not to be reported as done.
    pub async fn change_objects(
        &self,
        seen: i64,
        changes: &[ObjectChange],
        told: &[AuditEntry],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let number = query("UPDATE sequences SET value = $1 WHERE name = 'objects' AND value = $2");
        let mut steps = vec![must(number.bind(seen + 1).bind(seen))];
        steps.extend(changes.chunks(ROWS_AT_ONCE).map(|changes| must(self.written(changes, seen + 1, now))));
        steps.extend(logged(told));
        let changed = self.database().all_or_nothing(self.announced(Topic::Objects, steps)).await?;
        if changed.is_some() {
            self.0.objects_changed.notify_one();
        }
        Ok(changed.is_some())
    }

    /// Deletes the traces of removals that everybody has heard of.
    pub(crate) fn forgotten_objects(now: Timestamp) -> Statement {
        query("DELETE FROM objects WHERE removed = 1 AND updated_at <= $1").bind(now.minus(REMOVALS_KEPT).0)
    }

    fn written(&self, changes: &[ObjectChange], seq: i64, now: Timestamp) -> Statement {
        const COLUMNS: usize = 10;
        let row = |number: usize| {
            let first = number * COLUMNS + 1;
            let places: Vec<String> = (first..first + COLUMNS).map(|place| format!("${place}")).collect();
            format!("({})", places.join(", "))
        };
        let rows: Vec<String> = (0..changes.len()).map(row).collect();
        let sql = format!(
            "INSERT INTO objects (kind, id, owner, document, extension, sealed, removed, seq, created_at, updated_at) \
             VALUES {} ON CONFLICT (kind, id) DO UPDATE SET owner = excluded.owner, document = excluded.document, \
             extension = excluded.extension, sealed = excluded.sealed, removed = excluded.removed, \
             seq = excluded.seq, created_at = excluded.created_at, updated_at = excluded.updated_at",
            rows.join(", ")
        );
        // Nothing but numbers of places went into the text.
        changes.iter().fold(query(AssertSqlSafe(sql)), |statement, change| {
            let gone = Content { document: "{}".into(), extension: "{}".into(), secret: None };
            let (key, owner, content, removed, created_at) = match change {
                ObjectChange::Put(object) => (&object.key, object.owner, &object.content, 0, object.created_at),
                ObjectChange::Remove(key) => (key, Owner::Api, &gone, 1, now),
            };
            let sealed =
                content.secret.as_ref().map(|secret| self.sealer().seal(&purpose(key), secret.expose().as_bytes()));
            statement
                .bind(key.kind.as_str())
                .bind(key.id.to_string())
                .bind(owner.as_str())
                .bind(content.document.to_string())
                .bind(content.extension.to_string())
                .bind(sealed)
                .bind(i64::from(removed))
                .bind(seq)
                .bind(created_at.0)
                .bind(now.0)
        })
    }

    /// `None`: a row of nothing, or of a kind that only a newer version knows.
    fn object_change(&self, row: &Row) -> Result<Option<ObjectChange>, StoreError> {
        let Some(kind) = optional_text(row, "kind")?.as_deref().and_then(Kind::from_text) else { return Ok(None) };
        let key = Key { kind, id: text(row, "id")?.into() };
        if number(row, "removed")? != 0 {
            return Ok(Some(ObjectChange::Remove(key)));
        }
        let owner = text(row, "owner")?;
        let sealed = optional_text(row, "sealed")?;
        let content = Content {
            document: text(row, "document")?.into(),
            extension: text(row, "extension")?.into(),
            secret: sealed.map(|sealed| self.opened_secret(&key, &sealed)).transpose()?,
        };
        Ok(Some(ObjectChange::Put(Object {
            key,
            owner: Owner::from_text(&owner).ok_or_else(|| unreadable("owner", owner))?,
            content,
            created_at: Timestamp(number(row, "created_at")?),
            updated_at: Timestamp(number(row, "updated_at")?),
        })))
    }

    fn opened_secret(&self, key: &Key, sealed: &str) -> Result<Secret, StoreError> {
        let plain = self.sealer().open(&purpose(key), sealed);
        let text = plain.and_then(|plain| String::from_utf8(plain).ok());
        text.map(Secret::new).ok_or(StoreError::WrongKey(KeyMismatch::DamagedValue))
    }
}

/// It names the object, so that a secret moved to another row does not open.
fn purpose(key: &Key) -> String {
    format!("object {} {}", key.kind.as_str(), key.id)
}
