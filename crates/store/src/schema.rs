//! Bringing the database to this version's schema, and the proof that the
//! encryption key is the one it was made with.

use std::sync::OnceLock;
use std::time::Duration;

use sqlx::SqlSafeStr as _;
use sqlx::any::AnyPoolOptions;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use crate::Store;
use crate::database::reason;
use crate::error::{KeyMismatch, LostKeys, StoreError};
use crate::location::Location;
use crate::memory::Template;
use crate::seal::SealKind;
use crate::statement::{number, query, text};

/// Number, name and text of each file in `migrations`.
const MIGRATIONS: [(i64, &str, &str); 9] = [
    (1, "sessions", include_str!("../../../migrations/0001_sessions.sql")),
    (2, "nodes", include_str!("../../../migrations/0002_nodes.sql")),
    (3, "objects", include_str!("../../../migrations/0003_objects.sql")),
    (4, "access_requests", include_str!("../../../migrations/0004_access_requests.sql")),
    (5, "service_token_uses", include_str!("../../../migrations/0005_service_token_uses.sql")),
    (6, "entries", include_str!("../../../migrations/0006_entries.sql")),
    (7, "people", include_str!("../../../migrations/0007_people.sql")),
    (8, "audit_log", include_str!("../../../migrations/0008_audit_log.sql")),
    (9, "policy_tests", include_str!("../../../migrations/0009_policy_tests.sql")),
];

/// How long another node may take with the migrations before we give up.
const MIGRATION_LIMIT: Duration = Duration::from_secs(120);

const PROOF: &str = "proof of the encryption key";

impl Store {
    /// Brings the schema to this version, and proves that the seal belongs to
    /// the database. Nodes that start together do it one after the other.
    ///
    /// During a rolling upgrade an older node may start on a database that a
    /// newer one has brought further: changes only add to what was there, and
    /// one that older versions could not live with says so.
    ///
    /// # Errors
    /// When the database belongs to another key, to a version that is too new
    /// or to something else, and when keys that it once had are gone.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        if matches!(self.0.location, Location::Memory) {
            // It was made with this schema and this seal.
            return Ok(());
        }
        self.bring_schema_up().await?;
        self.refuse_what_is_too_new().await?;
        self.prove_seal().await
    }

    async fn bring_schema_up(&self) -> Result<(), StoreError> {
        let migrations = MIGRATIONS.map(|(version, name, sql)| {
            Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
        });
        // A connection of its own: Postgres' lock belongs to it, and goes with it when a run is given up.
        let pool = AnyPoolOptions::new().max_connections(1).connect_lazy_with(self.0.location.any_options()?);
        let mut migrator = Migrator::with_migrations(migrations.into());
        migrator.set_ignore_missing(true);
        let run = tokio::time::timeout(MIGRATION_LIMIT, migrator.run(&pool)).await;
        if run.is_ok() {
            pool.close().await;
        }
        match run {
            Ok(outcome) => outcome.map_err(|error| self.unmigrated(error)),
            Err(_) => Err(StoreError::Unavailable {
                place: self.0.location.to_string(),
                why: "another node has been migrating it for two minutes".to_owned(),
            }),
        }
    }

    fn unmigrated(&self, error: MigrateError) -> StoreError {
        match error {
            MigrateError::Execute(error) => self.database().unavailable(&error),
            MigrateError::ExecuteMigration(error, _) => self.foreign(&reason(&error)),
            error => self.foreign(&error.to_string()),
        }
    }

    fn foreign(&self, why: &str) -> StoreError {
        let place = &self.0.location;
        StoreError::Invalid(format!(
            "the schema of the database {place} cannot be brought to this version: {why}; \
             doorward needs a database, or a Postgres schema, of its own"
        ))
    }

    /// Looked at now and then too: a node that runs on must not misread either.
    pub(crate) async fn refuse_what_is_too_new(&self) -> Result<(), StoreError> {
        let rows = self.watching().rows(|| query("SELECT oldest FROM compatibility")).await?;
        let oldest = rows.first().map_or(Ok(0), |row| number(row, "oldest"))?;
        let [.., (newest_known, ..)] = MIGRATIONS;
        if oldest <= newest_known {
            return Ok(());
        }
        Err(StoreError::Invalid(format!(
            "the database {} was changed by a newer doorward in a way that this version cannot work with (it needs \
             schema {oldest}, this version knows {newest_known}); run the newer version, or restore the backup from \
             before the upgrade",
            self.0.location
        )))
    }

    /// The proof is one row, written with the first start and never again: the
    /// kind of seal, and a text sealed under it. Of several first nodes with
    /// different keys one writes it, and the others see that they are wrong.
    async fn prove_seal(&self) -> Result<(), StoreError> {
        let seal = self.sealer();
        if self.proof().await?.is_none() {
            self.refuse_orphans().await?;
            let proof = format!("{} {}", seal.kind().as_str(), seal.seal(PROOF, PROOF.as_bytes()));
            self.database()
                .change(
                    query("INSERT INTO installation (name, value) VALUES ('seal', $1) ON CONFLICT DO NOTHING")
                        .bind(proof),
                )
                .await?;
        }
        let proof = self.proof().await?.ok_or(StoreError::MissingKey(LostKeys::Proof))?;
        let (kind, sealed) = proof.split_once(' ').unwrap_or_default();
        match (kind == seal.kind().as_str(), seal.kind()) {
            (false, SealKind::Key) => Err(StoreError::WrongKey(KeyMismatch::EmulatorData)),
            (false, SealKind::Emulator) => Err(StoreError::WrongKey(KeyMismatch::ProductionData)),
            (true, _) if seal.open(PROOF, sealed).is_none() => Err(StoreError::WrongKey(KeyMismatch::OtherKey)),
            (true, _) => Ok(()),
        }
    }

    async fn proof(&self) -> Result<Option<String>, StoreError> {
        let rows = self.database().rows(|| query("SELECT value FROM installation WHERE name = 'seal'")).await?;
        rows.first().map(|row| text(row, "value")).transpose()
    }

    /// Sealed values without a proof were restored without it: another proof
    /// would make them look well until they are needed (L-06).
    async fn refuse_orphans(&self) -> Result<(), StoreError> {
        let orphans = "SELECT kid FROM signing_keys UNION ALL SELECT name FROM installation WHERE name <> 'seal' \
                       UNION ALL SELECT id FROM objects WHERE sealed IS NOT NULL";
        // Looked for first and the proof second: a node that starts beside us writes the proof before anything sealed.
        let found = !self.database().rows(|| query(orphans)).await?.is_empty();
        match found && self.proof().await?.is_none() {
            true => Err(StoreError::MissingKey(LostKeys::Proof)),
            false => Ok(()),
        }
    }
}

/// This version's schema, for databases that are made with it.
pub(crate) fn template() -> Result<&'static Template, StoreError> {
    static MADE: OnceLock<Template> = OnceLock::new();
    match MADE.get() {
        Some(made) => Ok(made),
        None => {
            let made = Template::of(MIGRATIONS.map(|(_, _, sql)| sql))?;
            Ok(MADE.get_or_init(|| made))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_migration_file_is_part_of_the_program() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");
        let mut files: Vec<String> =
            std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        files.retain(|name| name.ends_with(".sql"));
        files.sort();
        assert_eq!(files, MIGRATIONS.map(|(version, name, _)| format!("{version:04}_{name}.sql")));
    }
}
