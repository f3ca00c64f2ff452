//! Tests of policies on everybody known: begun on one node, asked about on any.

use doorward_model::audit::AuditEntry;
use doorward_model::email::Email;
use doorward_model::id::UserId;
use doorward_model::identity::Identity;
use doorward_model::time::{Lifetime, Timestamp};

use crate::Store;
use crate::audit_log::logged;
use crate::database::{also, must};
use crate::error::StoreError;
use crate::statement::{Row, Statement, number, query, text, unreadable};

/// A test without a sign of life for so long has nobody who runs it.
const SILENCE: Lifetime = Lifetime::from_secs(60);
/// Tests that run at once, on all nodes together.
const MOST_AT_ONCE: i64 = 4;
/// How long the answers are kept.
const KEPT: Lifetime = Lifetime::from_hours(24);
/// Rows of one statement: five values each, of which SQLite takes 32 766 and Postgres 65 535.
const ROWS: usize = 500;

/// What the policies say of one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestStatus {
    Approved,
    Blocked,
    /// It cannot be said from what was last seen of them.
    Error,
}

/// One person of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestedUser {
    pub id: UserId,
    pub email: Email,
    pub name: String,
    pub status: TestStatus,
}

/// Somebody who was here.
#[derive(Clone, Debug)]
pub struct KnownUser {
    pub id: UserId,
    pub email: Email,
    /// As last seen; none where nothing was, or what was can be read by a newer version alone.
    pub identity: Option<Identity>,
}

/// How far a test is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyTest {
    pub progress: Progress,
    pub total_users: u64,
    pub approved: u64,
    pub blocked: u64,
    pub errors: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    Processing,
    Complete,
    ExceededTime,
}

impl Progress {
    /// Cloudflare's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "processing",
            Self::Complete => "complete",
            Self::ExceededTime => "exceeded time",
        }
    }
}

impl TestStatus {
    pub const ALL: [Self; 3] = [Self::Approved, Self::Blocked, Self::Error];

    /// Cloudflare's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Blocked => "blocked",
            Self::Error => "error",
        }
    }
}

impl Store {
    /// Begins a test, unless enough of them run, with the lines of the audit
    /// log that tell of it; says whether.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn begin_policy_test(&self, id: &str, told: &[AuditEntry], now: Timestamp) -> Result<bool, StoreError> {
        let statement = query(
            "INSERT INTO policy_tests (id, created_at, updated_at, status, total_users) \
             SELECT $1, $2, $2, 'processing', (SELECT COUNT(*) FROM users) \
             WHERE (SELECT COUNT(*) FROM policy_tests WHERE status = 'processing' AND updated_at > $3) < $4",
        );
        let statement = statement.bind(id).bind(now.0).bind(now.minus(SILENCE).0).bind(MOST_AT_ONCE);
        let steps = std::iter::once(must(statement)).chain(logged(told)).collect();
        self.database().all_or_nothing(steps).await.map(|begun| begun.is_some())
    }

    /// The people whose addresses come after this one, in the order of their addresses.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn known_users(&self, after: &str, most: u32) -> Result<Vec<KnownUser>, StoreError> {
        let rows = self.database().rows(|| {
            query("SELECT id, email, identity FROM users WHERE email > $1 ORDER BY email LIMIT $2")
                .bind(after)
                .bind(i64::from(most))
        });
        rows.await?.iter().map(known).collect()
    }

    /// One person, by address or id.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn known_user(&self, who: &str) -> Result<Option<KnownUser>, StoreError> {
        let rows = self.database().rows(|| {
            query("SELECT id, email, identity FROM users WHERE email = $1 OR id = $1 LIMIT 1").bind(who.to_lowercase())
        });
        rows.await?.first().map(known).transpose()
    }

    /// Whoever was seen last.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn newest_user(&self) -> Result<Option<KnownUser>, StoreError> {
        let rows = self.database().rows(|| {
            query("SELECT id, email, identity FROM users WHERE identity IS NOT NULL ORDER BY last_seen_at DESC, email LIMIT 1")
        });
        rows.await?.first().map(known).transpose()
    }

    /// Keeps what a test found, while it runs; says whether it does.
    ///
    /// # Errors
    /// When the database does not answer; then nothing was kept.
    pub async fn keep_tested(&self, test: &str, users: &[TestedUser], now: Timestamp) -> Result<bool, StoreError> {
        let alive = query("UPDATE policy_tests SET updated_at = $1 WHERE id = $2 AND status = 'processing'");
        let mut steps = vec![must(alive.bind(now.0).bind(test))];
        steps.extend(users.chunks(ROWS).map(|users| also(insert(test, users))));
        self.database().all_or_nothing(steps).await.map(|done| done.is_some())
    }

    /// Ends a test.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn end_policy_test(&self, test: &str, progress: Progress, now: Timestamp) -> Result<(), StoreError> {
        let statement = query(
            "UPDATE policy_tests SET status = $1, updated_at = $2, total_users = \
             CASE WHEN $1 = 'complete' THEN (SELECT COUNT(*) FROM policy_test_users WHERE test_id = $3) \
             ELSE total_users END WHERE id = $3 AND status = 'processing'",
        );
        let statement = statement.bind(progress.as_str()).bind(now.0).bind(test);
        self.database().change(statement).await.map(|_| ())
    }

    /// How far a test is.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn policy_test(&self, test: &str, now: Timestamp) -> Result<Option<PolicyTest>, StoreError> {
        let count = |status: TestStatus| {
            let status = status.as_str();
            format!("(SELECT COUNT(*) FROM policy_test_users WHERE test_id = $1 AND status = '{status}') AS {status}")
        };
        let [approved, blocked, error] = TestStatus::ALL.map(count);
        let sql = format!(
            "SELECT status, updated_at, total_users, {approved}, {blocked}, {error} FROM policy_tests WHERE id = $1"
        );
        let rows = self.database().rows(|| query(sqlx::AssertSqlSafe(sql.clone())).bind(test)).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let count = |column| number(row, column).map(|count| u64::try_from(count).unwrap_or_default());
        let silent = number(row, "updated_at")? <= now.minus(SILENCE).0;
        let progress = match text(row, "status")?.as_str() {
            "processing" if !silent => Progress::Processing,
            "complete" => Progress::Complete,
            _ => Progress::ExceededTime,
        };
        Ok(Some(PolicyTest {
            progress,
            total_users: count("total_users")?,
            approved: count("approved")?,
            blocked: count("blocked")?,
            errors: count("error")?,
        }))
    }

    /// A part of the people of a test, in the order of their addresses, and how many there are.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn tested_users(
        &self,
        test: &str,
        status: Option<TestStatus>,
        skip: u64,
        most: u64,
    ) -> Result<(u64, Vec<TestedUser>), StoreError> {
        let status = status.map_or("", TestStatus::as_str);
        let place = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let which = "FROM policy_test_users WHERE test_id = $1 AND ($2 = '' OR status = $2)";
        let all = format!("SELECT COUNT(*) AS total {which}");
        let part = format!("SELECT user_id, email, name, status {which} ORDER BY email LIMIT $3 OFFSET $4");
        let all = self.database().rows(|| query(sqlx::AssertSqlSafe(all.clone())).bind(test).bind(status)).await?;
        let total = all.first().map_or(Ok(0), |row| number(row, "total"))?;
        let rows = self.database().rows(|| {
            let statement = query(sqlx::AssertSqlSafe(part.clone())).bind(test).bind(status);
            statement.bind(place(most)).bind(place(skip))
        });
        let users: Vec<TestedUser> = rows.await?.iter().map(tested).collect::<Result<_, _>>()?;
        Ok((u64::try_from(total).unwrap_or_default(), users))
    }

    /// What of old tests is deleted, as statements.
    pub(crate) fn old_policy_tests(now: Timestamp) -> [Statement; 2] {
        let before = now.minus(KEPT).0;
        [
            query(
                "DELETE FROM policy_test_users WHERE test_id IN (SELECT id FROM policy_tests WHERE created_at <= $1)",
            )
            .bind(before),
            query("DELETE FROM policy_tests WHERE created_at <= $1").bind(before),
        ]
    }
}

fn insert(test: &str, users: &[TestedUser]) -> Statement {
    let rows: Vec<String> = (0..users.len())
        .map(|row| format!("($1, ${}, ${}, ${}, ${})", row * 4 + 2, row * 4 + 3, row * 4 + 4, row * 4 + 5))
        .collect();
    let sql =
        format!("INSERT INTO policy_test_users (test_id, email, user_id, name, status) VALUES {}", rows.join(", "));
    users.iter().fold(query(sqlx::AssertSqlSafe(sql)).bind(test), |statement, user| {
        statement
            .bind(user.email.as_str())
            .bind(user.id.to_string())
            .bind(user.name.as_str())
            .bind(user.status.as_str())
    })
}

fn known(row: &Row) -> Result<KnownUser, StoreError> {
    let identity = crate::statement::optional_text(row, "identity")?;
    Ok(KnownUser {
        id: text(row, "id")?.parse().map_err(|error| unreadable("id", error))?,
        email: text(row, "email")?.parse().map_err(|error| unreadable("email", error))?,
        identity: identity.and_then(|json| serde_json::from_str(&json).ok()),
    })
}

fn tested(row: &Row) -> Result<TestedUser, StoreError> {
    let status = text(row, "status")?;
    Ok(TestedUser {
        id: text(row, "user_id")?.parse().map_err(|error| unreadable("user_id", error))?,
        email: text(row, "email")?.parse().map_err(|error| unreadable("email", error))?,
        name: text(row, "name")?,
        status: TestStatus::ALL
            .into_iter()
            .find(|known| known.as_str() == status)
            .ok_or_else(|| unreadable("status", status))?,
    })
}
