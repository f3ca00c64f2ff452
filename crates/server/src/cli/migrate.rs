//! `doorward migrate`: the store at this version's schema, without serving.

use std::path::Path;
use std::process::ExitCode;

use super::{complain, configuration, say};
use crate::run::{RunOptions, open_store};

pub(super) fn run(path: &Path) -> ExitCode {
    let config = match configuration(path) {
        Ok(config) => config,
        Err(refused) => return refused,
    };
    if config.store_url.is_none() {
        complain(&format!("{}: there is no store to migrate; add [store] with a url", config.file));
        return ExitCode::from(2);
    }
    let migrated = tokio::runtime::Runtime::new().map_err(|error| error.to_string()).and_then(|runtime| {
        runtime.block_on(async {
            let (store, _) =
                open_store(&config, RunOptions::default().store_wait).await.map_err(|error| error.to_string())?;
            store.close().await;
            Ok(())
        })
    });
    match migrated {
        Ok(()) => {
            say("the store is at the schema of this version");
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(&format!("doorward migrate: {error}"));
            ExitCode::FAILURE
        }
    }
}
