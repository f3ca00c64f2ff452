//! The table of features in docs/parity.md and the tests that it names: each
//! row says truly what there is, so that neither can drift.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// How many features Access has, as the table counts them.
const FEATURES: usize = 160;

const STATES: [&str; 5] = ["same", "differs", "partly", "missing", "out of scope"];
const PRIORITIES: [&str; 5] = ["P0", "P1", "P2", "P3", "X"];

/// The rows about self-hosted applications, their sessions and their
/// operation: none of them that many need may be missing.
const SELF_HOSTED: [std::ops::RangeInclusive<usize>; 3] = [1..=85, 110..=118, 134..=160];

struct Row {
    number: usize,
    priority: String,
    state: String,
    tests: BTreeSet<String>,
}

fn rows() -> Vec<Row> {
    let text = std::fs::read_to_string(Path::new(ROOT).join("docs/parity.md")).expect("docs/parity.md");
    let lines = text.lines().filter_map(|line| line.strip_prefix("| "));
    lines
        .filter_map(|line| {
            let columns: Vec<&str> = line.trim_end_matches([' ', '|']).split(" | ").collect();
            let number = columns[0].parse().ok()?;
            assert_eq!(columns.len(), 6, "row {number} has six columns: {line}");
            let tests = columns[5].split('`').skip(1).step_by(2).map(str::to_owned).collect();
            Some(Row { number, priority: columns[2].to_owned(), state: columns[3].to_owned(), tests })
        })
        .collect()
}

/// The numbers at the beginning of a test's name: `row_003_row_004_…` is about two rows.
fn numbers(name: &str) -> Vec<usize> {
    let mut numbers = Vec::new();
    let mut rest = name;
    while let Some((digits, after)) = rest.strip_prefix("row_").and_then(|rest| rest.split_at_checked(3)) {
        let Ok(number) = digits.parse() else { break };
        numbers.push(number);
        rest = after.trim_start_matches('_');
    }
    numbers
}

struct Tests {
    /// Those that see the gateway from outside.
    outside: BTreeSet<String>,
    /// Functions of any name, wherever they are: some crates make their tests with macros.
    anywhere: BTreeSet<String>,
}

fn tests() -> Tests {
    let listed = Command::new("git")
        .args(["-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "*.rs"])
        .output();
    let listed = listed.expect("git lists the sources").stdout;
    let mut tests = Tests { outside: BTreeSet::new(), anywhere: BTreeSet::new() };
    for path in String::from_utf8_lossy(&listed).lines() {
        let Ok(text) = std::fs::read_to_string(Path::new(ROOT).join(path)) else { continue };
        let mut is_test = false;
        for line in text.lines() {
            is_test |= line.trim_start().starts_with("#[tokio::test") || line.trim() == "#[test]";
            let Some((_, rest)) = line.split_once("fn ") else { continue };
            let name = rest.split(['(', '<']).next().unwrap_or_default().to_owned();
            if is_test && path.starts_with("tests/it/") {
                tests.outside.insert(name.clone());
            }
            tests.anywhere.insert(name);
            is_test = false;
        }
    }
    tests
}

#[test]
fn the_table_of_features_names_tests_that_exist_and_every_test_of_a_row_stands_in_it() {
    let (rows, tests) = (rows(), tests());
    let counted: Vec<usize> = rows.iter().map(|row| row.number).collect();
    assert_eq!(counted, (1..=FEATURES).collect::<Vec<_>>(), "every feature has one row, in order");
    let mut wrong = Vec::new();
    let mut of_rows: BTreeMap<usize, Vec<&String>> = BTreeMap::new();
    for name in &tests.outside {
        numbers(name).into_iter().for_each(|number| of_rows.entry(number).or_default().push(name));
    }
    for Row { number, priority, state, tests: named } in &rows {
        let (state, priority) = (state.as_str(), priority.as_str());
        if !STATES.contains(&state) || !PRIORITIES.contains(&priority) {
            wrong.push(format!("row {number}: {state} is one of {STATES:?}, {priority} one of {PRIORITIES:?}"));
        }
        for name in named.iter().filter(|name| !tests.anywhere.contains(*name)) {
            wrong.push(format!("row {number} names a test that is not there: {name}"));
        }
        for name in named.iter().filter(|name| !numbers(name).is_empty() && !numbers(name).contains(number)) {
            wrong.push(format!("row {number} names a test of another row: {name}"));
        }
        for name in of_rows.remove(number).unwrap_or_default().into_iter().filter(|name| !named.contains(*name)) {
            wrong.push(format!("row {number} does not name its test {name}"));
        }
        let claims = ["same", "differs", "partly"].contains(&state);
        if claims && named.is_disjoint(&tests.outside) {
            wrong.push(format!("row {number} is said to be {state}, and no test from outside shows it"));
        }
        let matters = ["P0", "P1"].contains(&priority) && SELF_HOSTED.iter().any(|rows| rows.contains(number));
        if matters && !claims {
            wrong.push(format!("row {number} is {priority} and {state}"));
        }
    }
    wrong.extend(of_rows.into_keys().map(|number| format!("there is no row {number}, and it has tests")));
    assert!(wrong.is_empty(), "docs/parity.md and the tests differ:\n{}", wrong.join("\n"));
}
