//! The store's behaviours, each on SQLite and on a real Postgres, and in memory
//! where no file is needed for it.

#![expect(clippy::unwrap_used, reason = "an unwrap that fails is a test that fails")]

mod access_requests;
mod approvals;
mod audit_log;
mod bench;
mod entries;
mod keys;
mod objects;
mod once;
mod outage;
mod people;
mod policy_tests;
mod postgres;
mod renewals;
mod revocations;
mod saved;
mod schema;
mod sessions;
mod upkeep;

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

/// A third test of behaviours that ask nothing of the database but through one node.
macro_rules! in_memory_too {
    ($($behaviour:ident)*) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() {
                super::$behaviour(crate::bench::Bench::memory()).await;
            })*
        }
    };
}
pub(crate) use {in_memory_too, on_both_databases};
