//! Writes every sample page into a folder, to be looked at in a browser:
//! `cargo run -p doorward-pages --example samples -- FOLDER`.

mod gallery;

use std::{env, fs, io, path::PathBuf};

fn main() -> io::Result<()> {
    let folder = PathBuf::from(env::args_os().nth(1).unwrap_or_else(|| "pages".into()));
    fs::create_dir_all(&folder)?;
    for (name, html) in gallery::samples() {
        fs::write(folder.join(name).with_extension("html"), html)?;
    }
    fs::write(folder.join("policy.txt"), doorward_pages::CONTENT_SECURITY_POLICY)
}
