//! A database in this process's memory, for installations that live as long
//! as a test: no file, no thread, no connection to wait for. It is SQLite as
//! well, asked directly; a statement takes microseconds, so that whoever asks
//! does it on the spot.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, MAIN_DB, ToSql, TransactionBehavior};

use crate::database::Step;
use crate::error::StoreError;
use crate::statement::{Row, Statement, Value};

/// A schema without a row, to begin with.
pub(crate) struct Template(Vec<u8>);

impl Template {
    /// What these texts make of nothing.
    pub(crate) fn of<'a>(schema: impl IntoIterator<Item = &'a str>) -> Result<Self, StoreError> {
        let made = || {
            let connection = Connection::open_in_memory()?;
            schema.into_iter().try_for_each(|sql| connection.execute_batch(sql))?;
            connection.serialize(MAIN_DB).map(|bytes| Self(bytes.to_vec()))
        };
        made().map_err(|error| unavailable(&error))
    }
}

/// Nothing of it is left when the last clone is dropped.
#[derive(Clone)]
pub(crate) struct Memory(Arc<Mutex<Connection>>);

impl Memory {
    pub(crate) fn new(template: &Template) -> Result<Self, StoreError> {
        let made = || {
            let mut connection = Connection::open_in_memory()?;
            connection.deserialize_read_exact(MAIN_DB, template.0.as_slice(), template.0.len(), false)?;
            connection
                .execute_batch("PRAGMA foreign_keys = ON; PRAGMA journal_mode = MEMORY; PRAGMA cache_size = -256")?;
            Ok(connection)
        };
        made().map(|connection| Self(Arc::new(Mutex::new(connection)))).map_err(|error| unavailable(&error))
    }

    pub(crate) fn rows(&self, statement: &Statement) -> Result<Vec<Row>, StoreError> {
        rows(&self.connection(), statement).map_err(|error| unavailable(&error))
    }

    pub(crate) fn change(&self, statement: &Statement) -> Result<u64, StoreError> {
        changed(&self.connection(), statement).map_err(|error| unavailable(&error))
    }

    /// As [`crate::database::Database::all_or_nothing`].
    pub(crate) fn all_or_nothing(&self, steps: &[Step]) -> Result<Option<u64>, StoreError> {
        let mut connection = self.connection();
        let mut run = || {
            // What is dropped without a commit is undone.
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut first = None;
            for step in steps {
                let affected = changed(&transaction, &step.statement)?;
                if step.required && affected == 0 {
                    return Ok(None);
                }
                first.get_or_insert(affected);
            }
            transaction.commit()?;
            Ok(first)
        };
        run().map_err(|error| unavailable(&error))
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn rows(connection: &Connection, statement: &Statement) -> rusqlite::Result<Vec<Row>> {
    let (sql, values) = statement.parts();
    let mut prepared = connection.prepare(sql)?;
    let columns = prepared.column_names().into_iter().enumerate().map(|(place, name)| (name.to_owned(), place));
    let columns: Arc<HashMap<String, usize>> = Arc::new(columns.collect());
    bind(&mut prepared, values)?;
    let (width, mut found) = (prepared.column_count(), Vec::new());
    let mut rows = prepared.raw_query();
    while let Some(row) = rows.next()? {
        let values = (0..width).map(|place| read(row.get_ref(place)?)).collect::<rusqlite::Result<_>>()?;
        found.push(Row::InMemory { columns: Arc::clone(&columns), values });
    }
    Ok(found)
}

fn changed(connection: &Connection, statement: &Statement) -> rusqlite::Result<u64> {
    let (sql, values) = statement.parts();
    let mut prepared = connection.prepare(sql)?;
    bind(&mut prepared, values)?;
    prepared.raw_execute().map(|rows| rows as u64)
}

/// To SQLite `$2` is a name; here it is the second value, wherever it stands.
fn bind(prepared: &mut rusqlite::Statement<'_>, values: &[Value]) -> rusqlite::Result<()> {
    for index in 1..=prepared.parameter_count() {
        let number = prepared.parameter_name(index).and_then(|name| name[1..].parse::<usize>().ok());
        let value = values.get(number.unwrap_or(index).wrapping_sub(1));
        let value = value.ok_or(rusqlite::Error::InvalidParameterCount(values.len(), index))?;
        prepared.raw_bind_parameter(index, value)?;
    }
    Ok(())
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Number(Some(number)) => ValueRef::Integer(*number),
            Self::Text(Some(text)) => ValueRef::Text(text.as_bytes()),
            Self::Number(None) | Self::Text(None) => ValueRef::Null,
        }))
    }
}

fn read(value: ValueRef<'_>) -> rusqlite::Result<Value> {
    match value {
        ValueRef::Null => Ok(Value::Text(None)),
        ValueRef::Integer(number) => Ok(Value::Number(Some(number))),
        value => Ok(Value::Text(Some(value.as_str()?.to_owned()))),
    }
}

fn unavailable(error: &rusqlite::Error) -> StoreError {
    StoreError::Unavailable { place: "in memory".to_owned(), why: error.to_string() }
}
