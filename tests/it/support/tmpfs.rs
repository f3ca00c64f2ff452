//! A file system of a few megabytes, to fill up.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// It is gone with this value.
pub(crate) struct Tmpfs(TempDir);

impl Tmpfs {
    /// Mounts one; that takes root, as in a container.
    pub(crate) fn of_megabytes(size: usize) -> Tmpfs {
        let folder = tempfile::Builder::new().prefix("doorward-tmpfs-").tempdir().expect("a temporary folder");
        let size = format!("size={size}m");
        let status = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).status();
        let mounted = status.is_ok_and(|status| status.success());
        assert!(mounted, "a small file system can be mounted: run this test as root, with the right to mount");
        Tmpfs(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Uses up all room that is left.
    pub(crate) fn fill(&self) {
        let mut file = std::fs::File::options().create(true).append(true).open(self.filler()).expect("an empty file");
        for size in [64 * 1024, 4096, 512, 1] {
            while file.write(&vec![b'x'; size]).is_ok_and(|written| written > 0) {}
        }
    }

    /// Makes room again.
    pub(crate) fn free(&self) {
        std::fs::remove_file(self.filler()).expect("it was filled");
    }

    fn filler(&self) -> PathBuf {
        self.0.path().join("filler")
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Lazily: the gateway may still be on its way out.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}
