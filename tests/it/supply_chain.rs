//! Attack catalogue, S-04: what may be in the tree. `cargo deny` says so where
//! it runs; this says so wherever the tests do.

use std::path::Path;
use std::process::Command;

/// Below these an advisory speaks against the crate.
const FLOORS: [(&str, [u64; 3]); 9] = [
    ("h2", [0, 4, 16]),
    ("jsonwebtoken", [10, 3, 0]),
    ("idna", [1, 0, 3]),
    ("rustls", [0, 23, 18]),
    ("tokio-postgres", [0, 7, 18]),
    ("sqlx", [0, 8, 1]),
    ("tungstenite", [0, 20, 1]),
    ("time", [0, 3, 47]),
    ("hyper", [1, 0, 0]),
];

fn text(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Names and versions of everything locked.
fn locked() -> Vec<(String, [u64; 3])> {
    let lock = text("Cargo.lock");
    let value = |block: &str, key: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(key))?;
        Some(line.trim_start_matches([' ', '=']).trim_matches('"').to_owned())
    };
    let packages = lock.split("[[package]]").skip(1);
    packages
        .map(|block| {
            let version = value(block, "version").unwrap();
            let mut numbers =
                version.split(['-', '+']).next().unwrap().split('.').map(|number| number.parse().unwrap());
            (value(block, "name").unwrap(), std::array::from_fn(|_| numbers.next().unwrap_or(0)))
        })
        .collect()
}

#[test]
fn s_04_no_crate_is_older_than_what_advisories_allow() {
    let deny = text("deny.toml");
    for (name, floor) in FLOORS {
        for (_, version) in locked().into_iter().filter(|(locked, _)| locked == name) {
            assert!(version >= floor, "{name} {version:?} is below {floor:?}");
        }
        if name != "hyper" {
            assert!(deny.contains(&format!("{name}:<")), "deny.toml holds the floor of {name}");
        }
    }
}

#[test]
fn s_04_one_tls_stack_and_no_private_key_for_the_rsa_crate() {
    // What is locked is more than what is built: `cargo tree` knows which features are on.
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let arguments = ["tree", "--workspace", "--edges", "normal,build", "--prefix", "none", "--offline", "--locked"];
    let tree = Command::new("cargo").args(arguments).current_dir(root).output().unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8_lossy(&tree.stdout).into_owned();
    for banned in ["openssl", "openssl-sys", "native-tls", "sqlx-mysql"] {
        assert!(
            !tree.lines().any(|line| line.starts_with(&format!("{banned} v"))),
            "{banned} is not to be in the tree"
        );
    }
    let deny = text("deny.toml");
    assert!(deny.contains("RUSTSEC-2023-0071") && deny.contains("reads public keys"), "why rsa may be there");
    let listed = Command::new("git").args(["-C", root, "ls-files", "crates/*.rs"]).output().unwrap();
    for path in String::from_utf8_lossy(&listed.stdout).lines() {
        // An emulator's keys are put together of primes there, and used elsewhere: no secret, no timing.
        if path == "crates/emulator/src/primes.rs" {
            continue;
        }
        let source = text(path);
        let of_rsa = source.lines().filter(|line| line.contains("rsa::") && !line.contains("aws_lc_rs::rsa"));
        for line in of_rsa {
            let private = ["PrivateKey", "SigningKey"].iter().find(|private| line.contains(*private));
            assert!(private.is_none(), "{path} gives a private key to the rsa crate: {line}");
        }
    }
}
