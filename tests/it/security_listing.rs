//! The table of attacks in docs/security.md and the tests that name them: each
//! knows exactly the other, so that neither can drift.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// The groups whose rows are listed: what comes in at the doors, what is
/// believed, and what is told. Others belong to the documents of their parts.
const GROUPS: &str = "abcdefghijklmpqs";

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The ids at the beginning of a test's name: `d_01_d_02_…` is about two rows.
fn ids(name: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut rest = name;
    while let [group, b'_', tens, ones, b'_', ..] = rest.as_bytes()
        && GROUPS.contains(char::from(*group))
        && tens.is_ascii_digit()
        && ones.is_ascii_digit()
    {
        ids.push(rest[..4].to_ascii_uppercase().replace('_', "-"));
        rest = &rest[5..];
    }
    ids
}

/// Every test that names rows, by row.
fn written() -> BTreeMap<String, BTreeSet<String>> {
    let listed = Command::new("git")
        .args(["-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "*.rs"])
        .output();
    let listed = listed.expect("git lists the sources").stdout;
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in String::from_utf8_lossy(&listed).lines() {
        let Ok(text) = std::fs::read_to_string(Path::new(ROOT).join(path)) else { continue };
        let names = text.lines().filter_map(|line| line.split_once("fn ")).map(|(_, rest)| rest);
        for name in names.map(|rest| rest.split(['(', '<']).next().unwrap_or_default()) {
            for id in ids(name) {
                found.entry(id).or_default().insert(name.to_owned());
            }
        }
    }
    found
}

/// The rows of the document: id, and what its last column holds.
fn rows() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(Path::new(ROOT).join("docs/security.md")).expect("docs/security.md");
    let rows = text.lines().filter_map(|line| {
        let mut columns = line.strip_prefix("| ")?.trim_end_matches([' ', '|']).split(" | ");
        let id = columns.next()?;
        let is_id = ids(&format!("{}_", id.to_ascii_lowercase().replace('-', "_"))).len() == 1;
        is_id.then(|| (id.to_owned(), columns.last().unwrap_or_default().to_owned()))
    });
    rows.collect()
}

#[test]
fn the_table_of_attacks_names_every_test_and_every_test_is_there() {
    let (written, rows) = (written(), rows());
    assert!(rows.len() > 80, "the table has a row for every attack: {}", rows.len());
    let mut wrong = Vec::new();
    for (id, column) in &rows {
        let listed: BTreeSet<String> =
            column.split('`').filter(|text| !ids(text).is_empty()).map(str::to_owned).collect();
        let exist = written.get(id).cloned().unwrap_or_default();
        if listed.is_empty() && exist.is_empty() && column.contains("not yet") {
            continue;
        }
        if listed != exist || exist.is_empty() {
            let names: Vec<String> = exist.iter().map(|name| format!("`{name}`")).collect();
            wrong.push(format!("the last column of {id} is to be: {}", names.join(" ")));
        }
    }
    for id in written.keys().filter(|id| !rows.contains_key(*id)) {
        wrong.push(format!("{id} has tests and no row"));
    }
    assert!(wrong.is_empty(), "docs/security.md and the tests differ:\n{}", wrong.join("\n"));
}
