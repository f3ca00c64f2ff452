//! Hearing of what other nodes configured, and saying so when it is no longer
//! what this node's own file says.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use doorward_model::document::Owner;
use doorward_store::ObjectChange;

use crate::set::Set;
use crate::{Look, Objects, ObjectsError};

/// Without an announcement, a change is found within this time.
const POLL: Duration = Duration::from_secs(1);
/// Rounds after which everything is read again, whatever was heard: a database
/// restored from a backup or a replica that took over may have counted otherwise.
const WHOLE_ROUNDS: u64 = 300;

/// Whether another file is in force, as far as was said, and whether this node has fallen behind.
#[derive(Debug, Default)]
pub(crate) struct Follow {
    other_file: AtomicBool,
    /// What others configured could not be taken over at the last look.
    behind: AtomicBool,
}

impl Follow {
    /// This node's file was just put in force.
    pub(crate) fn is_ours(&self) {
        self.other_file.store(false, Ordering::Relaxed);
    }
}

impl Objects {
    /// Takes over what other nodes change. Runs for ever, through every outage of the database.
    pub async fn follow(&self) {
        let changed = self.0.store.objects_changed();
        let mut failing: Option<String> = None;
        let mut round: u64 = 0;
        loop {
            let _in_time = tokio::time::timeout(POLL, changed.notified()).await;
            let whole = failing.is_some() || round.is_multiple_of(WHOLE_ROUNDS);
            let outcome = self.hear_of(if whole { Look::Whole } else { Look::SinceLast }).await;
            failing = told(failing, outcome);
            self.0.follow.behind.store(failing.is_some(), Ordering::Relaxed);
            round = round.wrapping_add(1);
        }
    }

    /// Takes over, now, whatever others changed.
    ///
    /// # Errors
    /// When the database does not answer, or an object in it cannot be read;
    /// then everything stays as it was.
    pub async fn hear(&self) -> Result<(), ObjectsError> {
        self.hear_of(Look::SinceLast).await
    }

    async fn hear_of(&self, look: Look) -> Result<(), ObjectsError> {
        let _alone = self.0.changing.lock().await;
        self.catch_up(look).await
    }

    /// To be called by whoever holds the right to change.
    pub(crate) async fn catch_up(&self, look: Look) -> Result<(), ObjectsError> {
        let set = self.current();
        let mut read = self.0.store.objects_since(if look == Look::Whole { 0 } else { set.seq() }).await?;
        let went_back = read.seq < set.seq();
        if went_back && look == Look::SinceLast {
            read = self.0.store.objects_since(0).await?;
        }
        if went_back || look == Look::Whole {
            read.changes.extend(missing(&set, &read.changes));
        }
        let changes = set.different(read.changes);
        let after = set.with(changes.clone(), read.seq);
        if changes.is_empty() {
            self.0.set.store(after.into());
            return Ok(());
        }
        let entries = self.entries(&after, &changes)?;
        let files_changed = changes.iter().any(|change| match change {
            ObjectChange::Put(object) => object.owner == Owner::File,
            ObjectChange::Remove(key) => set.get(key).is_some_and(|known| known.owner == Owner::File),
        });
        self.0.set.store(after.into());
        self.show(entries);
        let generation = self.0.catalog.load().generation();
        tracing::info!(generation, objects = changes.len(), "what another node configured is in force");
        if files_changed {
            self.compare_with_file();
        }
        Ok(())
    }

    /// Whether what is in force is what is configured, as of the last look. While
    /// the database is away, or holds an object that this version cannot read,
    /// it is what was configured before.
    #[must_use]
    pub fn is_up_to_date(&self) -> bool {
        !self.0.follow.behind.load(Ordering::Relaxed)
    }

    /// Whether what files declare is what this node's own file says. The file
    /// that was put in force last counts, whole, on all nodes.
    #[must_use]
    pub fn is_own_file_in_force(&self) -> bool {
        self.declared().as_ref().is_none_or(|declared| declared.is_in_force(&self.current()))
    }

    fn compare_with_file(&self) {
        let other = !self.is_own_file_in_force();
        let file = self.file();
        match (self.0.follow.other_file.swap(other, Ordering::Relaxed), other) {
            (false, true) => tracing::warn!(
                file,
                "what is in force is no longer what {file} says: another node has put its own file in force; \
                 bring this file up to date"
            ),
            (true, false) => tracing::info!(file, "{file} is in force again"),
            _ => {}
        }
    }
}

/// What was known and is not among everything there is.
fn missing(set: &Set, everything: &[ObjectChange]) -> Vec<ObjectChange> {
    let there: std::collections::HashSet<_> = everything.iter().map(crate::set::key_of).collect();
    let gone = set.all().filter(|object| !there.contains(&object.key));
    gone.map(|object| ObjectChange::Remove(object.key.clone())).collect()
}

/// Says what is new about an outcome, and keeps what was said.
fn told(before: Option<String>, outcome: Result<(), ObjectsError>) -> Option<String> {
    match outcome {
        Ok(()) => {
            if before.is_some() {
                tracing::info!("what is configured is read again");
            }
            None
        }
        Err(error) => {
            let error = error.to_string();
            if before.as_ref() != Some(&error) {
                tracing::error!(error, "what other nodes configure cannot be taken over; what was in force stays");
            }
            Some(error)
        }
    }
}
