//! Where `scripts/test` put the software that is not ours.

use std::path::{Path, PathBuf};

/// The folder with the npm packages of `tests/node/package.json`.
pub(crate) fn node_folder() -> String {
    present("node", "node_modules/jose/package.json").to_str().expect("UTF-8").to_owned()
}

/// A Python that has PyJWT.
pub(crate) fn python() -> PathBuf {
    present("python", "bin/python").join("bin/python")
}

/// The program of `tests/rust`.
pub(crate) fn rust() -> PathBuf {
    present("rust", "debug/doorward-test-peers").join("debug/doorward-test-peers")
}

/// The program of `tests/go/originside`.
pub(crate) fn go() -> PathBuf {
    present("go", "originside").join("originside")
}

/// A script that is kept beside the tests.
pub(crate) fn script(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path).to_str().expect("UTF-8").to_owned()
}

fn present(folder: &str, witness: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let target = test.ancestors().nth(3).expect("target/<profile>/deps/<test>");
    let folder = target.join("test-deps").join(folder);
    assert!(folder.join(witness).exists(), "{} is not there: run `scripts/test --deps` first", folder.display());
    folder
}
