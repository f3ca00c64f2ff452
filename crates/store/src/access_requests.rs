//! The authentication log. It is written when somebody is let in, refused or
//! signs out, which is rare beside requests, and kept for as long as the
//! operator says.

use doorward_model::access_request::{AccessRequest, Action};
use doorward_model::id::AppId;
use doorward_model::secret::random_hex;
use doorward_model::time::Timestamp;

use crate::Store;
use crate::error::StoreError;
use crate::statement::{self, Row, number, optional_text, query, text, unreadable};

/// Which lines of the log are asked for. What is `None` is not asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessQuery {
    /// Not before this moment.
    pub since: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
    /// The whole address, in lower case.
    pub email: Option<String>,
    pub app_uid: Option<AppId>,
    pub allowed: Option<bool>,
    pub non_identity: Option<bool>,
    pub ray_id: Option<String>,
    pub oldest_first: bool,
    pub offset: u32,
    pub limit: u32,
}

impl Store {
    /// Writes a line.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn log_access(&self, request: &AccessRequest) -> Result<(), StoreError> {
        let statement = query(
            "INSERT INTO access_requests (id, created_at, action, allowed, user_email, user_id, ip_address, country, \
             app_uid, app_domain, connection, ray_id, non_identity, detail) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        )
        .bind(random_hex::<16>())
        .bind(request.at.0)
        .bind(request.action.as_str())
        .bind(i64::from(request.allowed))
        .bind(request.user_email.clone())
        .bind(request.user_id.map(|id| id.to_string()))
        .bind(request.ip_address.to_string())
        .bind(request.country.clone())
        .bind(request.app_uid.map(|id| id.to_string()))
        .bind(request.app_domain.clone())
        .bind(request.connection.clone())
        .bind(request.ray_id.clone())
        .bind(i64::from(request.non_identity))
        .bind(serde_json::to_string(&request.detail).expect("texts and numbers always serialize"));
        self.database().change(statement).await.map(|_| ())
    }

    /// The lines that a query asks for.
    ///
    /// # Errors
    /// When the database does not answer, or a line was changed from outside.
    pub async fn access_requests(&self, query: &AccessQuery) -> Result<Vec<AccessRequest>, StoreError> {
        let order = if query.oldest_first { "ASC" } else { "DESC" };
        // One text for every question: what is not asked about is true of every line.
        let sql = format!(
            "SELECT * FROM access_requests WHERE created_at >= $1 AND created_at < $2 \
             AND ($3 = '' OR user_email = $3) AND ($4 = '' OR app_uid = $4) AND ($5 < 0 OR allowed = $5) \
             AND ($6 < 0 OR non_identity = $6) AND ($7 = '' OR ray_id = $7) \
             ORDER BY created_at {order}, id {order} LIMIT $8 OFFSET $9"
        );
        let flag = |flag: Option<bool>| flag.map_or(-1, i64::from);
        let rows = self
            .database()
            .rows(|| {
                statement::query(sqlx::AssertSqlSafe(sql.clone()))
                    .bind(query.since.map_or(i64::MIN, |since| since.0))
                    .bind(query.until.map_or(i64::MAX, |until| until.0))
                    .bind(query.email.clone().unwrap_or_default())
                    .bind(query.app_uid.map(|id| id.to_string()).unwrap_or_default())
                    .bind(flag(query.allowed))
                    .bind(flag(query.non_identity))
                    .bind(query.ray_id.clone().unwrap_or_default())
                    .bind(i64::from(query.limit))
                    .bind(i64::from(query.offset))
            })
            .await?;
        rows.iter().map(line).collect()
    }

    /// Deletes the lines from before a moment, and says how many.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget_access_requests(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.database().change(query("DELETE FROM access_requests WHERE created_at < $1").bind(before.0)).await
    }
}

fn line(row: &Row) -> Result<AccessRequest, StoreError> {
    let id = |column| optional_text(row, column);
    let action = match text(row, "action")?.as_str() {
        "login" => Action::Login,
        "logout" => Action::Logout,
        other => return Err(unreadable("action", other)),
    };
    Ok(AccessRequest {
        at: Timestamp(number(row, "created_at")?),
        action,
        allowed: number(row, "allowed")? != 0,
        user_email: text(row, "user_email")?,
        user_id: id("user_id")?.map(|id| id.parse().map_err(|error| unreadable("user_id", error))).transpose()?,
        ip_address: text(row, "ip_address")?.parse().map_err(|error| unreadable("ip_address", error))?,
        country: optional_text(row, "country")?,
        app_uid: id("app_uid")?.map(|id| id.parse().map_err(|error| unreadable("app_uid", error))).transpose()?,
        app_domain: text(row, "app_domain")?,
        connection: text(row, "connection")?,
        ray_id: text(row, "ray_id")?,
        non_identity: number(row, "non_identity")? != 0,
        detail: serde_json::from_str(&text(row, "detail")?).map_err(|error| unreadable("detail", error))?,
    })
}
