//! A gateway that is killed in the midst of writing, again and again: all that
//! it acknowledged is there, and nothing is half done.

use std::time::Duration;

use sqlx::{AnyConnection, Connection};
use tokio::time::Instant;

use crate::nodes::load::{Chance, Load, Reach};
use crate::nodes::of_one_team;
use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::origin::Origin;
use crate::support::postgres;

/// How often it is killed on each database; `DOORWARD_KILLS` says otherwise.
fn kills() -> usize {
    std::env::var("DOORWARD_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(30)
}

/// What must never be found, whatever was interrupted.
const HALF_DONE: [(&str, &str); 5] = [
    ("a key that signs is missing, or there are two", "SELECT COUNT(*) - 1 FROM signing_keys WHERE state = 'current'"),
    (
        "a key that comes next is there twice",
        "SELECT COUNT(*) FROM signing_keys WHERE state = 'next' HAVING COUNT(*) > 1",
    ),
    (
        "a revocation whose number was not taken",
        "SELECT COUNT(*) FROM revocations WHERE seq > (SELECT value FROM sequences WHERE name = 'revocations')",
    ),
    (
        "a person was revoked and some of their sign-ins were not",
        "SELECT COUNT(*) FROM revocations JOIN sessions ON user_id = subject WHERE kind = 'user' AND ended_at IS NULL",
    ),
    (
        "a sign-in ended without its mark",
        "SELECT COUNT(*) FROM sessions WHERE ended_at IS NOT NULL AND NOT EXISTS \
         (SELECT 1 FROM revocations WHERE kind = 'session' AND subject = nonce)",
    ),
];

async fn assert_nothing_is_half_done(store: &str) {
    sqlx::any::install_default_drivers();
    let mut database = AnyConnection::connect(store).await.expect("the database is there");
    for (what, query) in HALF_DONE {
        let count: Option<i64> = sqlx::query_scalar(query).fetch_optional(&mut database).await.expect("an answer");
        assert_eq!(count.unwrap_or(0), 0, "{what}");
    }
    if store.starts_with("sqlite") {
        let verdict: String =
            sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut database).await.expect("an answer");
        assert_eq!(verdict, "ok");
    }
    database.close().await.expect("nothing is under way");
}

/// Writes of all kinds at once, until the process is gone.
async fn write(load: &Load, at: &Reach, mut chance: Chance, until: Instant) {
    while Instant::now() < until {
        match chance.below(24) {
            0 => load.rotate(at).await,
            1..=14 => load.sign_in(at, 1 + chance.below(3)).await,
            _ => load.end_somebody(at, &mut chance).await,
        }
    }
}

async fn killed_again_and_again(store: &str, mut chance: Chance) {
    let origin = Origin::start().await;
    let config = of_one_team(Config::standard(&origin)).on_store(store);
    let load = Load::new();
    let (mut asked, mut restarts) = (0, Vec::new());
    for kill in 0..=kills() {
        let life = load.history.begins();
        let began = Instant::now();
        let mut gateway = Gateway::serve(&config).await;
        restarts.push(began.elapsed());
        let at = Reach::of(&gateway, life);
        // Those of the round before, and some of all.
        let people = load.people();
        let some: Vec<usize> = (0..people.min(10)).map(|_| chance.below(people)).collect();
        for who in (asked..people).chain(some) {
            load.ask(&at, who, &mut chance).await;
        }
        asked = people;
        if kill < kills() {
            let until = Instant::now() + chance.millis(80, 250);
            let writing = futures_util::future::join_all(
                (0..4).map(|_| write(&load, &at, chance.split(), until + Duration::from_millis(50))),
            );
            let killing = async {
                tokio::time::sleep_until(until).await;
                load.history.is_killed(life);
                gateway.kill().await;
            };
            tokio::join!(writing, killing);
            assert_nothing_is_half_done(store).await;
        }
    }
    restarts.sort();
    let usual = restarts[restarts.len() / 2];
    assert!(usual < Duration::from_secs(3), "a restart takes {usual:?}");
    eprintln!("{store}: restart {usual:?}; sign-ins, ends, passed, refused: {:?}", load.history.counts());
    assert!(load.history.counts().iter().all(|count| *count > kills() / 2), "it was a real load");
    let violations = load.history.violations();
    assert!(violations.is_empty(), "{} of them:\n{}", violations.len(), violations.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_06_killed_again_and_again_on_sqlite_it_keeps_what_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite://{}/kept.db", folder.path().display());
    killed_again_and_again(&store, Chance::seeded("kills on SQLite")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_06_killed_again_and_again_on_postgres_it_keeps_what_it_acknowledged() {
    killed_again_and_again(&postgres::database().await, Chance::seeded("kills on Postgres")).await;
}
