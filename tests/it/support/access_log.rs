//! The authentication log as it is kept, read from outside the process.

use serde_json::Value;
use sqlx::{Connection as _, Row as _};

use super::gateway::Gateway;

/// One line: what was decided about whom, and what else was noted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) email: String,
    pub(crate) allowed: bool,
    pub(crate) detail: Value,
}

/// The sign-ins to applications, the oldest first, of a gateway on a SQLite file of its own.
pub(crate) async fn sign_ins(gateway: &Gateway) -> Vec<Line> {
    sqlx::any::install_default_drivers();
    let url = format!("sqlite://{}?mode=ro", gateway.folder().join("doorward.db").display());
    let mut database = sqlx::AnyConnection::connect(&url).await.expect("the database is there");
    let columns =
        "SELECT user_email, allowed, detail FROM access_requests WHERE action = 'login' ORDER BY created_at, id";
    let rows = sqlx::query(columns).fetch_all(&mut database).await.expect("the log is there");
    let line = |row: &sqlx::any::AnyRow| Line {
        email: row.get("user_email"),
        allowed: row.get::<i64, _>("allowed") != 0,
        detail: serde_json::from_str(row.get("detail")).expect("JSON"),
    };
    rows.iter().map(line).collect()
}
