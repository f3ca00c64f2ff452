//! Requests to be let in for a while, and what was decided about them. Each
//! step is one conditional statement, so that of any number of nodes one takes it.

use doorward_model::approval::{Approval, ApprovalDecision, ApprovalState};
use doorward_model::email::Email;
use doorward_model::id::{AppId, ApprovalId, PolicyId, UserId};
use doorward_model::time::{Lifetime, Timestamp};

use crate::Store;
use crate::database::{Step, also};
use crate::error::StoreError;
use crate::statement::{Row, number, optional_number, query, text, unreadable};

/// Requests that one person may make within an hour: each is a mail to many.
const MOST_AN_HOUR: i64 = 10;

const COLUMNS: &str = "SELECT id, user_id, user_email, app_id, policy_id, prompt, response, state, created_at, \
                       expires_at, approved_until FROM approvals";

impl Store {
    /// Keeps a request, unless its person has an open one for the same, or
    /// made too many lately. `true`: it is the one that counts.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn ask_for_approval(&self, request: &Approval) -> Result<bool, StoreError> {
        let (now, hour_ago) = (request.created_at.0, request.created_at.minus(Lifetime::from_hours(1)).0);
        // One that nobody can decide or use any more makes room.
        let over = query(
            "UPDATE approvals SET state = 'ended' WHERE user_id = $1 AND app_id = $2 AND policy_id = $3 \
             AND ((state = 'waiting' AND expires_at <= $4) OR (state = 'approved' AND approved_until <= $4))",
        );
        let over = over.bind(request.user.to_string()).bind(request.app.to_string()).bind(request.policy.to_string());
        self.database().change(over.bind(now)).await?;
        let made = query(
            "INSERT INTO approvals (id, user_id, user_email, app_id, policy_id, prompt, response, state, created_at, \
             expires_at) SELECT $1, $2, $3, $4, $5, $6, $7, 'waiting', $8, $9 \
             WHERE (SELECT COUNT(*) FROM approvals WHERE user_id = $2 AND created_at > $10) < $11 ON CONFLICT DO NOTHING",
        )
        .bind(request.id.to_string())
        .bind(request.user.to_string())
        .bind(request.email.as_str())
        .bind(request.app.to_string())
        .bind(request.policy.to_string())
        .bind(request.prompt.clone())
        .bind(request.response.clone())
        .bind(now)
        .bind(request.expires_at.0)
        .bind(hour_ago)
        .bind(MOST_AN_HOUR);
        self.database().change(made).await.map(|rows| rows == 1)
    }

    /// What this person asked last for this application under this policy.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn last_approval(
        &self,
        user: UserId,
        app: AppId,
        policy: PolicyId,
    ) -> Result<Option<Approval>, StoreError> {
        let sql = format!(
            "{COLUMNS} WHERE user_id = $1 AND app_id = $2 AND policy_id = $3 ORDER BY created_at DESC, id LIMIT 1"
        );
        let asked = || {
            let statement = query(sqlx::AssertSqlSafe(sql.clone()));
            statement.bind(user.to_string()).bind(app.to_string()).bind(policy.to_string())
        };
        self.database().rows(asked).await?.first().map(approval).transpose()
    }

    /// A request, with what was decided so far, the first decision first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn approval(&self, id: ApprovalId) -> Result<Option<(Approval, Vec<ApprovalDecision>)>, StoreError> {
        let sql = format!("{COLUMNS} WHERE id = $1");
        let rows = self.database().rows(|| query(sqlx::AssertSqlSafe(sql.clone())).bind(id.to_string())).await?;
        let Some(approval) = rows.first().map(approval).transpose()? else { return Ok(None) };
        let decided = "SELECT approver_email, approver_id, secs, decided_at FROM approval_decisions \
                       WHERE approval_id = $1 ORDER BY decided_at, approver_email";
        let rows = self.database().rows(|| query(decided).bind(id.to_string())).await?;
        Ok(Some((approval, rows.iter().map(decision).collect::<Result<_, _>>()?)))
    }

    /// Keeps what an approver says, if the request waits and they said nothing before.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn decide_approval(&self, id: ApprovalId, decision: &ApprovalDecision) -> Result<bool, StoreError> {
        let statement = query(
            "INSERT INTO approval_decisions (approval_id, approver_email, approver_id, secs, decided_at) \
             SELECT id, $2, $3, $4, $5 FROM approvals WHERE id = $1 AND state = 'waiting' AND expires_at > $5 \
             ON CONFLICT DO NOTHING",
        )
        .bind(id.to_string())
        .bind(decision.approver.as_str())
        .bind(decision.approver_id.to_string())
        .bind(decision.allows.map_or(0, Lifetime::secs))
        .bind(decision.at.0);
        self.database().change(statement).await.map(|rows| rows == 1)
    }

    /// Writes down what the decisions came to, if nobody was faster.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn settle_approval(&self, id: ApprovalId, approved_until: Option<Timestamp>) -> Result<bool, StoreError> {
        let state = if approved_until.is_some() { ApprovalState::Approved } else { ApprovalState::Denied };
        let statement =
            query("UPDATE approvals SET state = $2, approved_until = $3 WHERE id = $1 AND state = 'waiting'")
                .bind(id.to_string())
                .bind(state.as_str())
                .bind(approved_until.map(|until| until.0));
        self.database().change(statement).await.map(|rows| rows == 1)
    }

    /// Ends an approved request that is not one any more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn end_approval(&self, id: ApprovalId) -> Result<(), StoreError> {
        let statement = query("UPDATE approvals SET state = 'ended' WHERE id = $1 AND state = 'approved'");
        self.database().change(statement.bind(id.to_string())).await.map(|_| ())
    }

    /// Uses an approved request up: `true` for one entry, on all nodes
    /// together, and for none once it is over.
    ///
    /// # Errors
    /// When the database does not answer; it may then be used up.
    pub async fn use_approval(&self, id: ApprovalId, now: Timestamp) -> Result<bool, StoreError> {
        let statement =
            query("UPDATE approvals SET state = 'used' WHERE id = $1 AND state = 'approved' AND approved_until > $2");
        self.database().change(statement.bind(id.to_string()).bind(now.0)).await.map(|rows| rows == 1)
    }
}

/// Whatever is open and this person asked for, or had a say in, ends.
pub(crate) fn ended_approvals(user: UserId) -> Step {
    let statement = query(
        "UPDATE approvals SET state = 'ended' WHERE state IN ('waiting', 'approved') AND (user_id = $1 \
         OR id IN (SELECT approval_id FROM approval_decisions WHERE approver_id = $1))",
    );
    also(statement.bind(user.to_string()))
}

fn approval(row: &Row) -> Result<Approval, StoreError> {
    let state = text(row, "state")?;
    Ok(Approval {
        id: id(row, "id")?,
        user: id(row, "user_id")?,
        email: email(row, "user_email")?,
        app: id(row, "app_id")?,
        policy: id(row, "policy_id")?,
        prompt: text(row, "prompt")?,
        response: text(row, "response")?,
        state: ApprovalState::ALL
            .into_iter()
            .find(|known| known.as_str() == state)
            .ok_or_else(|| unreadable("state", state))?,
        created_at: Timestamp(number(row, "created_at")?),
        expires_at: Timestamp(number(row, "expires_at")?),
        approved_until: optional_number(row, "approved_until")?.map(Timestamp),
    })
}

fn decision(row: &Row) -> Result<ApprovalDecision, StoreError> {
    let secs = number(row, "secs")?;
    Ok(ApprovalDecision {
        approver: email(row, "approver_email")?,
        approver_id: id(row, "approver_id")?,
        allows: (secs > 0).then(|| Lifetime::from_secs(secs)),
        at: Timestamp(number(row, "decided_at")?),
    })
}

fn id<T: std::str::FromStr<Err: std::fmt::Display>>(row: &Row, column: &str) -> Result<T, StoreError> {
    text(row, column)?.parse().map_err(|error| unreadable(column, error))
}

fn email(row: &Row, column: &str) -> Result<Email, StoreError> {
    text(row, column)?.parse().map_err(|error| unreadable(column, error))
}
