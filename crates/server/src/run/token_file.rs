//! Where a running emulator leaves its API token for `doorward token`: one file
//! for each admin port, in a folder of the user's own, readable by nobody else,
//! and locked as long as its emulator lives.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::ready::write_private;

/// The file; gone when the emulator ends.
pub(crate) struct TokenFile {
    path: PathBuf,
    _lock: File,
}

impl TokenFile {
    /// Leaves the token. Without a folder to leave it in, `--token` remains.
    pub(crate) fn leave(port: u16, token: &str) -> Option<Self> {
        let folder = folder()?;
        let path = path(&folder, port);
        sweep(&folder);
        let left = std::fs::create_dir_all(&folder).and_then(|()| write_private(&path, token));
        let left =
            left.map_err(|error| tracing::debug!(%error, "the API token was not left for `doorward token`")).ok()?;
        Some(Self { path, _lock: left })
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        // Nothing depends on it: the token in it ends with the process.
        let _gone = std::fs::remove_file(&self.path);
    }
}

/// The token that the emulator with this admin port left.
pub(crate) fn find(port: u16) -> Option<String> {
    let text = std::fs::read_to_string(path(&folder()?, port)).ok()?;
    Some(text.trim().to_owned())
}

/// An emulator that was killed left its file behind. The lock went with it.
fn sweep(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "token")) {
        if File::open(&path).is_ok_and(|file| file.try_lock().is_ok()) {
            // Another emulator that starts may have been faster.
            let _gone = std::fs::remove_file(&path);
        }
    }
}

fn folder() -> Option<PathBuf> {
    let folder = |variable: &str| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let own = folder("XDG_RUNTIME_DIR").or_else(|| folder("HOME").map(|home| home.join(".local/state")))?;
    Some(own.join("doorward"))
}

fn path(folder: &Path, port: u16) -> PathBuf {
    folder.join(format!("{port}.token"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_killed_emulators_left_is_swept_and_what_running_ones_left_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (killed, running) = (path(folder.path(), 1), path(folder.path(), 2));
        drop(write_private(&killed, "old").unwrap());
        let lock = write_private(&running, "new").unwrap();
        sweep(folder.path());
        assert!(!killed.exists() && running.exists());
        drop(lock);
        sweep(folder.path());
        assert!(!running.exists());
    }
}
