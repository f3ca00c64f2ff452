//! What is configured, on several nodes: each behaviour on SQLite, where there
//! is one node at a time, or on a real Postgres.

#![expect(clippy::unwrap_used, reason = "an unwrap that fails is a test that fails")]

mod bench;
mod change;
mod files;
mod nodes;
#[path = "../../../store/tests/suite/postgres.rs"]
mod postgres;

/// Makes two tests of each behaviour, one per database.
macro_rules! on_both_databases {
    ($($behaviour:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() {
                super::$behaviour(crate::bench::Bench::sqlite()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() {
                super::$behaviour(crate::bench::Bench::postgres()).await;
            })*
        }
    };
}
pub(crate) use on_both_databases;
