//! Statements and rows, whichever database they are for.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, Row as _, SqlSafeStr, SqlStr};

use crate::error::StoreError;

/// One SQL text with what is bound to it.
pub(crate) struct Statement {
    sql: SqlStr,
    values: Vec<Value>,
}

/// All that our columns hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Number(Option<i64>),
    Text(Option<String>),
}

/// A statement with nothing bound to it yet. Places are written `$1`, `$2` and so on.
pub(crate) fn query(sql: impl SqlSafeStr) -> Statement {
    Statement { sql: sql.into_sql_str(), values: Vec::new() }
}

impl Statement {
    /// Binds the next place.
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    pub(crate) fn parts(&self) -> (&str, &[Value]) {
        (self.sql.as_str(), &self.values)
    }

    /// As the pools of connections take it.
    pub(crate) fn for_pool(self) -> Query<'static, Any, AnyArguments> {
        self.values.into_iter().fold(sqlx::query(self.sql), |query, value| match value {
            Value::Number(number) => query.bind(number),
            Value::Text(text) => query.bind(text),
        })
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<Option<i64>> for Value {
    fn from(number: Option<i64>) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

/// What a database gave back.
pub(crate) enum Row {
    Pooled(AnyRow),
    InMemory { columns: Arc<HashMap<String, usize>>, values: Vec<Value> },
}

impl Row {
    /// `None` where the column holds nothing.
    fn number(&self, column: &str) -> Result<Option<i64>, StoreError> {
        match self {
            Self::Pooled(row) => row.try_get(column).map_err(|error| unreadable(column, error)),
            Self::InMemory { columns, values } => match found(columns, values, column)? {
                Value::Number(number) => Ok(*number),
                Value::Text(None) => Ok(None),
                Value::Text(Some(_)) => Err(unreadable(column, "it holds a text")),
            },
        }
    }

    fn text(&self, column: &str) -> Result<Option<String>, StoreError> {
        match self {
            Self::Pooled(row) => row.try_get(column).map_err(|error| unreadable(column, error)),
            Self::InMemory { columns, values } => match found(columns, values, column)? {
                Value::Text(text) => Ok(text.clone()),
                Value::Number(None) => Ok(None),
                Value::Number(Some(_)) => Err(unreadable(column, "it holds a number")),
            },
        }
    }
}

fn found<'a>(columns: &HashMap<String, usize>, values: &'a [Value], column: &str) -> Result<&'a Value, StoreError> {
    let value = columns.get(column).and_then(|place| values.get(*place));
    value.ok_or_else(|| unreadable(column, "there is no such column"))
}

/// A text column.
pub(crate) fn text(row: &Row, column: &str) -> Result<String, StoreError> {
    row.text(column)?.ok_or_else(|| unreadable(column, "it holds nothing"))
}

/// A text that may be missing.
pub(crate) fn optional_text(row: &Row, column: &str) -> Result<Option<String>, StoreError> {
    row.text(column)
}

/// A number or a moment.
pub(crate) fn number(row: &Row, column: &str) -> Result<i64, StoreError> {
    row.number(column)?.ok_or_else(|| unreadable(column, "it holds nothing"))
}

/// A moment that may not have come yet.
pub(crate) fn optional_number(row: &Row, column: &str) -> Result<Option<i64>, StoreError> {
    row.number(column)
}

/// A row was written by something else than this program.
pub(crate) fn unreadable(column: &str, error: impl Display) -> StoreError {
    StoreError::Invalid(format!(
        "a row in the database cannot be read, column {column}: {error}; it was changed from outside, restore it"
    ))
}
