//! The audit log. A line is written in the same transaction as the change it
//! tells of, so that there is neither without the other.

use doorward_model::audit::{AuditEntry, Author, Interface};
use doorward_model::time::Timestamp;
use serde_json::Value;
use sqlx::AssertSqlSafe;

use crate::Store;
use crate::database::{Step, must};
use crate::error::StoreError;
use crate::statement::{Row, Statement, number, optional_text, query, text, unreadable};

/// Which lines are asked for. What is `None` is not asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Not before this moment.
    pub since: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
    pub id: Option<String>,
    pub action: Option<String>,
    pub author_name: Option<String>,
    pub author_ip: Option<String>,
    pub oldest_first: bool,
    pub offset: u32,
    pub limit: u32,
}

/// Lines of one statement: few enough for every limit on parameters.
const LINES_AT_ONCE: usize = 100;

const MATCHING: &str = "FROM audit_log WHERE created_at >= $1 AND created_at < $2 AND ($3 = '' OR id = $3) \
                        AND ($4 = '' OR action = $4) AND ($5 = '' OR author_name = $5) AND ($6 = '' OR author_ip = $6)";

impl Store {
    /// Writes a line about what was refused, or about what is no change of ours.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn log_audit(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.database().change(written(std::slice::from_ref(entry))).await.map(|_| ())
    }

    /// The lines that a query asks for.
    ///
    /// # Errors
    /// When the database does not answer, or a line was changed from outside.
    pub async fn audit_log(&self, wanted: &AuditQuery) -> Result<Vec<AuditEntry>, StoreError> {
        let order = if wanted.oldest_first { "ASC" } else { "DESC" };
        let sql = format!("SELECT * {MATCHING} ORDER BY created_at {order}, id {order} LIMIT $7 OFFSET $8");
        let asked = || {
            let statement = bound(query(AssertSqlSafe(sql.clone())), wanted);
            statement.bind(i64::from(wanted.limit)).bind(i64::from(wanted.offset))
        };
        self.database().rows(asked).await?.iter().map(line).collect()
    }

    /// How many lines a query asks for, on all pages together.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn audit_log_count(&self, wanted: &AuditQuery) -> Result<usize, StoreError> {
        let sql = format!("SELECT COUNT(*) AS lines {MATCHING}");
        let rows = self.database().rows(|| bound(query(AssertSqlSafe(sql.clone())), wanted)).await?;
        let count = rows.first().map_or(Ok(0), |row| number(row, "lines"))?;
        usize::try_from(count).map_err(|error| unreadable("lines", error))
    }

    /// Deletes the lines from before a moment, and says how many.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget_audit_log(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.database().change(query("DELETE FROM audit_log WHERE created_at < $1").bind(before.0)).await
    }
}

/// The steps that write these lines, as part of the change they tell of.
pub(crate) fn logged(entries: &[AuditEntry]) -> impl Iterator<Item = Step> {
    entries.chunks(LINES_AT_ONCE).map(|entries| must(written(entries)))
}

fn written(entries: &[AuditEntry]) -> Statement {
    const COLUMNS: usize = 13;
    let row = |number: usize| {
        let places: Vec<String> = (1..=COLUMNS).map(|place| format!("${}", number * COLUMNS + place)).collect();
        format!("({})", places.join(", "))
    };
    let rows: Vec<String> = (0..entries.len()).map(row).collect();
    let sql = format!(
        "INSERT INTO audit_log (id, created_at, interface, author_id, author_name, author_ip, action, done, \
         resource_kind, resource_id, before_change, after_change, more) VALUES {}",
        rows.join(", ")
    );
    // Nothing but numbers of places went into the text.
    entries.iter().fold(query(AssertSqlSafe(sql)), |statement, entry| {
        let document = |document: &Option<Value>| document.as_ref().map(Value::to_string);
        statement
            .bind(entry.id.clone())
            .bind(entry.at.0)
            .bind(entry.author.by.as_str())
            .bind(entry.author.id.clone())
            .bind(entry.author.name.clone())
            .bind(entry.author.ip.map(|ip| ip.to_string()))
            .bind(entry.action.clone())
            .bind(i64::from(entry.done))
            .bind(entry.resource.0.clone())
            .bind(entry.resource.1.clone())
            .bind(document(&entry.before))
            .bind(document(&entry.after))
            .bind(entry.more.to_string())
    })
}

fn bound(statement: Statement, wanted: &AuditQuery) -> Statement {
    let text = |wanted: &Option<String>| wanted.clone().unwrap_or_default();
    statement
        .bind(wanted.since.map_or(i64::MIN, |since| since.0))
        .bind(wanted.until.map_or(i64::MAX, |until| until.0))
        .bind(text(&wanted.id))
        .bind(text(&wanted.action))
        .bind(text(&wanted.author_name))
        .bind(text(&wanted.author_ip))
}

fn line(row: &Row) -> Result<AuditEntry, StoreError> {
    let json = |column, text: String| serde_json::from_str(&text).map_err(|error| unreadable(column, error));
    let document = |column| optional_text(row, column)?.map(|text| json(column, text)).transpose();
    let interface = text(row, "interface")?;
    let ip = optional_text(row, "author_ip")?.map(|ip| ip.parse().map_err(|error| unreadable("author_ip", error)));
    let author = Author {
        by: Interface::from_text(&interface).ok_or_else(|| unreadable("interface", interface))?,
        id: text(row, "author_id")?,
        name: text(row, "author_name")?,
        ip: ip.transpose()?,
        deed: None,
    };
    Ok(AuditEntry {
        id: text(row, "id")?,
        at: Timestamp(number(row, "created_at")?),
        author,
        action: text(row, "action")?,
        done: number(row, "done")? != 0,
        resource: (text(row, "resource_kind")?, text(row, "resource_id")?),
        before: document("before_change")?,
        after: document("after_change")?,
        more: json("more", text(row, "more")?)?,
    })
}
