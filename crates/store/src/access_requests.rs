//! The authentication log. It is written when somebody is let in, refused or
//! signs out, which is rare beside requests, and kept for as long as the
//! operator says.

use doorward_model::access_request::{AccessRequest, Action};
use doorward_model::id::{AppId, IdpId, UserId};
use doorward_model::secret::random_hex;
use doorward_model::time::Timestamp;

use crate::Store;
use crate::error::StoreError;
use crate::patterns::containing;
use crate::statement::{self, Row, number, optional_text, query, text, unreadable};

/// Which lines of the log are asked for. What is `None` is not asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessQuery {
    /// Not before this moment.
    pub since: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
    /// An address or a part of one, in lower case.
    pub email: Option<EmailFilter>,
    pub user_id: Option<Filter<UserId>>,
    pub app_uid: Option<Filter<AppId>>,
    pub idp_id: Option<Filter<IdpId>>,
    pub country: Option<Filter<String>>,
    pub ray_id: Option<Filter<String>>,
    pub allowed: Option<bool>,
    pub non_identity: Option<bool>,
    /// Whether it is about an application; a sign-out is not.
    pub of_app: Option<bool>,
    pub action: Option<Action>,
    pub oldest_first: bool,
    pub offset: u32,
    pub limit: u32,
}

/// A value that lines have, or do not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter<T> {
    pub value: T,
    /// Whether it is the others that are asked for.
    pub negated: bool,
}

/// What the address of a line is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailFilter {
    pub text: String,
    /// Whether it is the whole address.
    pub exact: bool,
    pub negated: bool,
}

impl Store {
    /// Writes a line.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn log_access(&self, request: &AccessRequest) -> Result<(), StoreError> {
        let statement = statement::query(
            "INSERT INTO access_requests (id, created_at, action, allowed, user_email, user_id, ip_address, country, \
             app_uid, app_domain, connection, ray_id, non_identity, detail, idp_id) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
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
        .bind(serde_json::to_string(&request.detail).expect("texts and numbers always serialize"))
        .bind(request.idp_id.map(|id| id.to_string()));
        self.database().change(statement).await.map(|_| ())
    }

    /// The lines that a query asks for.
    ///
    /// # Errors
    /// When the database does not answer, or a line was changed from outside.
    pub async fn access_requests(&self, query: &AccessQuery) -> Result<Vec<AccessRequest>, StoreError> {
        let (mut conditions, values) = query.conditions();
        conditions.push("1 = 1".to_owned());
        let order = if query.oldest_first { "ASC" } else { "DESC" };
        let sql = format!(
            "SELECT * FROM access_requests WHERE created_at >= $1 AND created_at < $2 AND {} \
             ORDER BY created_at {order}, id {order} LIMIT $3 OFFSET $4",
            conditions.join(" AND ")
        );
        let rows = self
            .database()
            .rows(|| {
                // Nothing but names of columns and numbers of places went into the text.
                let statement = statement::query(sqlx::AssertSqlSafe(sql.clone()))
                    .bind(query.since.map_or(i64::MIN, |since| since.0))
                    .bind(query.until.map_or(i64::MAX, |until| until.0))
                    .bind(i64::from(query.limit))
                    .bind(i64::from(query.offset));
                values.iter().fold(statement, |statement, value| statement.bind(value.clone()))
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

impl AccessQuery {
    /// What has to be true of a line, and the texts that this compares with,
    /// which are bound after the four that every question has.
    fn conditions(&self) -> (Vec<String>, Vec<String>) {
        let ids = [
            ("user_id", self.user_id.as_ref().map(Filter::as_text)),
            ("app_uid", self.app_uid.as_ref().map(Filter::as_text)),
            ("idp_id", self.idp_id.as_ref().map(Filter::as_text)),
            ("country", self.country.as_ref().map(Filter::as_text)),
            ("ray_id", self.ray_id.as_ref().map(Filter::as_text)),
        ];
        let (mut conditions, mut values) = (Vec::new(), Vec::new());
        for (column, filter) in ids {
            let Some(Filter { value, negated }) = filter else { continue };
            values.push(value);
            let sign = if negated { "<>" } else { "=" };
            // A line without a value has another one than any that is asked about.
            conditions.push(format!("COALESCE({column}, '') {sign} ${}", values.len() + 4));
        }
        if let Some(email) = &self.email {
            values.push(if email.exact { email.text.clone() } else { containing(&email.text) });
            let not = if email.negated { "NOT " } else { "" };
            let like = if email.exact { "= $" } else { "LIKE $" };
            let escape = if email.exact { "" } else { " ESCAPE '!'" };
            conditions.push(format!("{not}(user_email {like}{}{escape})", values.len() + 4));
        }
        let flags = [("allowed", self.allowed), ("non_identity", self.non_identity)];
        conditions.extend(flags.iter().filter_map(|(column, is)| Some(format!("{column} = {}", i64::from((*is)?)))));
        conditions.extend(self.of_app.map(|is| format!("app_uid IS {}NULL", if is { "NOT " } else { "" })));
        conditions.extend(self.action.map(|action| format!("action = '{}'", action.as_str())));
        (conditions, values)
    }
}

impl<T: ToString> Filter<T> {
    fn as_text(&self) -> Filter<String> {
        Filter { value: self.value.to_string(), negated: self.negated }
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
        idp_id: id("idp_id")?.map(|id| id.parse().map_err(|error| unreadable("idp_id", error))).transpose()?,
        ray_id: text(row, "ray_id")?,
        non_identity: number(row, "non_identity")? != 0,
        detail: serde_json::from_str(&text(row, "detail")?).map_err(|error| unreadable("detail", error))?,
    })
}
