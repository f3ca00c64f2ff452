//! Where a running emulator leaves its API token for `doorward token`: one file
//! for each admin port, in a folder of the user's own, readable by nobody else.

use std::path::PathBuf;

use crate::ready::write_private;

/// The file; gone when the emulator ends.
pub(crate) struct TokenFile(PathBuf);

impl TokenFile {
    /// Leaves the token. Without a folder to leave it in, `--token` remains.
    pub(crate) fn leave(port: u16, token: &str) -> Option<Self> {
        let path = path(port)?;
        let left = path.parent().map(std::fs::create_dir_all)?.and_then(|()| write_private(&path, token));
        left.map_err(|error| tracing::debug!(%error, "the API token was not left for `doorward token`")).ok()?;
        Some(Self(path))
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        // Nothing depends on it: the token in it ends with the process.
        let _gone = std::fs::remove_file(&self.0);
    }
}

/// The token that the emulator with this admin port left.
pub(crate) fn find(port: u16) -> Option<String> {
    let text = std::fs::read_to_string(path(port)?).ok()?;
    Some(text.trim().to_owned())
}

fn path(port: u16) -> Option<PathBuf> {
    let folder = |variable: &str| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let own = folder("XDG_RUNTIME_DIR").or_else(|| folder("HOME").map(|home| home.join(".local/state")))?;
    Some(own.join("doorward").join(format!("{port}.token")))
}
