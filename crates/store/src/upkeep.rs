//! Taking out what is over, and the emulator's way back to the start.

use doorward_model::time::Timestamp;

use crate::Store;
use crate::database::{Step, also, must};
use crate::error::StoreError;
use crate::postgres::Topic;
use crate::revoking::LONGEST_TOKEN;
use crate::statement::query;

impl Store {
    /// Deletes what nobody can use any more, and says how much it was.
    ///
    /// A session that ended by itself is kept as long as tokens from it may
    /// live: their identity is looked up in it.
    ///
    /// # Errors
    /// When the database does not answer; what is left is deleted the next time.
    pub async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut deleted = 0;
        for (statement, bound) in [
            ("DELETE FROM attempts WHERE expires_at <= $1", now),
            ("DELETE FROM handoffs WHERE expires_at <= $1", now),
            ("DELETE FROM renewals WHERE expires_at <= $1", now),
            ("DELETE FROM entries WHERE expires_at <= $1", now),
            ("DELETE FROM approvals WHERE expires_at <= $1", now.minus(LONGEST_TOKEN)),
            ("DELETE FROM revocations WHERE expires_at <= $1", now),
            ("DELETE FROM sessions WHERE expires_at <= $1 AND ended_at IS NOT NULL", now),
            ("DELETE FROM sessions WHERE expires_at <= $1", now.minus(LONGEST_TOKEN)),
        ] {
            deleted += self.database().change(query(statement).bind(bound.0)).await?;
        }
        let orphans = "DELETE FROM approval_decisions WHERE approval_id NOT IN (SELECT id FROM approvals)";
        deleted += self.database().change(query(orphans)).await?;
        for statement in Self::old_policy_tests(now) {
            deleted += self.database().change(statement).await?;
        }
        deleted += self.database().change(Self::forgotten_objects(now)).await?;
        self.0.revocations.forget_expired(now);
        Ok(deleted)
    }

    /// Deletes people, sessions, one-use things, revocations and what the API
    /// configured, on all nodes. Keys, secrets, the schema and what
    /// configuration files declare stay. For the emulator alone.
    ///
    /// # Errors
    /// When the database does not answer; then nothing was deleted.
    pub async fn reset(&self) -> Result<(), StoreError> {
        let mut steps = people_forgotten();
        steps.extend([
            also(query("DELETE FROM access_requests")),
            also(query("DELETE FROM audit_log")),
            also(query("DELETE FROM service_token_uses")),
            also(query("UPDATE sequences SET value = value + 1 WHERE name = 'objects'")),
            also(query(
                "UPDATE objects SET removed = 1, document = '{}', extension = '{}', sealed = NULL, \
                 seq = (SELECT value FROM sequences WHERE name = 'objects') WHERE owner = 'api' AND removed = 0",
            )),
        ]);
        self.database().all_or_nothing(self.announced(Topic::Reset, steps)).await?;
        self.0.revocations.replace(Vec::new());
        self.0.objects_changed.notify_one();
        Ok(())
    }
}

/// People with all they did, taken out; whoever looks sees it as a change.
pub(crate) fn people_forgotten() -> Vec<Step> {
    let mut steps = vec![must(query("UPDATE sequences SET value = value + 1 WHERE name = 'revocations'"))];
    steps.extend(
        [
            "DELETE FROM revocations",
            "DELETE FROM handoffs",
            "DELETE FROM attempts",
            "DELETE FROM renewals",
            "DELETE FROM entries",
            "DELETE FROM approval_decisions",
            "DELETE FROM approvals",
            "DELETE FROM sessions",
            "DELETE FROM users",
            "DELETE FROM policy_test_users",
            "DELETE FROM policy_tests",
        ]
        .map(|statement| also(query(statement))),
    );
    steps
}
