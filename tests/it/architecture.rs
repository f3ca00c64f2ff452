//! The arrows between the crates, as ARCHITECTURE.md draws them. A new arrow
//! is a decision: it changes this table in the same commit.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

/// What each crate may use of the others. Tests of a crate may use no more than the crate.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("policy", &["model"]),
    ("signer", &["model"]),
    ("store", &["model"]),
    ("mail", &["model"]),
    ("objects", &["model", "store"]),
    ("pages", &["model"]),
    ("login", &["model", "policy", "signer", "store", "pages"]),
    ("edge", &["model", "policy", "signer", "store", "pages"]),
    ("api", &["model", "policy", "signer", "store", "objects", "pages"]),
    ("emulator", &["model", "policy", "signer", "store", "pages"]),
    ("carry", &["model"]),
    (
        "server",
        &[
            "model", "policy", "signer", "store", "objects", "pages", "login", "mail", "edge", "api", "emulator",
            "carry",
        ],
    ),
    ("testkit", &["model", "server"]),
    // The oracles of the fuzz targets look at every door; nothing of the product uses them.
    ("fuzzing", &["model", "policy", "signer", "store", "login", "edge", "server"]),
    // Its browser looks at the gallery of pages; the gateway it knows from outside alone.
    ("tests", &["model", "pages"]),
    ("bench", &["model", "policy", "server"]),
];

fn crates() -> Vec<Value> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let cargo = option_env!("CARGO").unwrap_or("cargo");
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline", "--manifest-path", manifest])
        .output()
        .expect("cargo is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    metadata["packages"].as_array().expect("packages").clone()
}

fn short(name: &Value) -> &str {
    name.as_str().expect("a name").trim_start_matches("doorward-")
}

#[test]
fn no_crate_uses_another_that_the_table_does_not_allow() {
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let packages = crates();
    let mut known: Vec<&str> = packages.iter().map(|package| short(&package["name"])).collect();
    known.sort_unstable();
    assert_eq!(known, allowed.keys().copied().collect::<Vec<_>>(), "the table names every crate");
    for package in &packages {
        let name = short(&package["name"]);
        let dependencies = package["dependencies"].as_array().expect("dependencies");
        let ours = dependencies.iter().filter(|dependency| dependency["path"].is_string());
        for used in ours.map(|dependency| short(&dependency["name"])) {
            assert!(allowed[name].contains(&used) || used == name, "{name} → {used} is not in the table");
        }
    }
}

#[test]
fn the_rooms_without_io_use_no_runtime_and_no_network() {
    let packages = crates();
    for package in packages
        .iter()
        .filter(|package| ["model", "policy", "signer", "pages", "carry"].contains(&short(&package["name"])))
    {
        let dependencies = package["dependencies"].as_array().expect("dependencies");
        for dependency in dependencies.iter().filter(|dependency| dependency["kind"].is_null()) {
            let used = dependency["name"].as_str().expect("a name");
            let io = ["tokio", "hyper", "reqwest", "axum", "sqlx", "socket2", "tokio-rustls"];
            assert!(!io.contains(&used), "{} uses {used}", package["name"]);
        }
    }
}

/// The tests look into the database as its thief, or its administrator, would.
#[test]
fn only_the_store_knows_sql() {
    for package in crates() {
        let uses = package["dependencies"].as_array().expect("dependencies").iter().any(|used| used["name"] == "sqlx");
        assert!(!uses || ["store", "tests"].contains(&short(&package["name"])), "{} uses sqlx", package["name"]);
    }
}

/// A module's own `tests.rs` is about that module.
#[test]
fn every_file_opens_by_saying_what_it_owns() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let output = Command::new("git").args(["-C", root, "ls-files", "*.rs"]).output();
    let Ok(output) = output else { return };
    for path in String::from_utf8_lossy(&output.stdout).lines().filter(|path| !path.ends_with("/tests.rs")) {
        let Ok(text) = std::fs::read_to_string(format!("{root}/{path}")) else { continue };
        assert!(text.starts_with("//!"), "{path} opens with a paragraph about itself");
    }
}
