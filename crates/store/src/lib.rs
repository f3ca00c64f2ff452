//! The only SQL: one statement set for SQLite and Postgres.
