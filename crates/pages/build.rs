//! Hashes the stylesheet and the scripts that pages carry inline, so that the
//! content security policy can name exactly these and nothing else may run.

use std::{env, fs, path::Path};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

const INLINED: [(&str, &str); 9] = [
    ("style.css", "STYLE_HASH"),
    ("sign_in.js", "SIGN_IN_HASH"),
    ("search.js", "SEARCH_HASH"),
    ("claims.js", "CLAIMS_HASH"),
    ("copy.js", "COPY_HASH"),
    ("demo.js", "DEMO_HASH"),
    ("count.js", "COUNT_HASH"),
    ("wait.js", "WAIT_HASH"),
    ("close.js", "CLOSE_HASH"),
];

fn main() {
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo names the folder of the crate");
    let templates = Path::new(&root).join("../../templates");
    for (file, variable) in INLINED {
        let path = templates.join(file);
        let text = fs::read(&path).expect("every inlined file is among the templates");
        println!("cargo::rerun-if-changed={}", path.display());
        println!("cargo::rustc-env={variable}=sha256-{}", STANDARD.encode(Sha256::digest(text)));
    }
}
