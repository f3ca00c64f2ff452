//! Everything that was worth keeping of what the fuzzer tried, tried again.

use std::path::Path;

use doorward_fuzzing::{TARGETS, one_reading, run};

fn corpus(target: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target)
}

#[test]
fn every_input_that_was_kept_holds_what_it_should() {
    for (target, _) in TARGETS {
        let folder = std::fs::read_dir(corpus(target)).unwrap_or_else(|error| panic!("inputs for {target}: {error}"));
        let mut count = 0;
        for file in folder {
            let file = file.unwrap().path();
            let input = std::fs::read(&file).unwrap();
            let held = std::panic::catch_unwind(|| run(target, &input));
            assert!(held.is_ok(), "{} breaks a promise", file.display());
            count += 1;
        }
        assert!(count > 2, "there are inputs for {target}");
    }
}

#[test]
fn every_target_has_a_program_for_the_fuzzer() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    for (target, _) in TARGETS {
        assert!(fuzz.join(format!("fuzz_targets/{target}.rs")).is_file(), "fuzz/fuzz_targets/{target}.rs");
        assert!(manifest.contains(&format!("\nname = \"{target}\"\n")), "{target} in fuzz/Cargo.toml");
    }
}

/// 10^6 paths out of the pieces that parsers disagree about.
#[test]
fn c_13_a_million_paths_have_one_reading_each() {
    let pieces = ["/", ".", "..", ";", "%2e", "%2f", "%5c", "\\", "//", "%25", "%00", "a", "admin", "public"];
    // The sequence is the same in every run: what it finds can be found again.
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).expect("31 bits")
    };
    let mut path = String::new();
    for _ in 0..1_000_000 {
        path.clear();
        path.push('/');
        for _ in 0..next() % 8 {
            path.push_str(pieces[next() % pieces.len()]);
        }
        one_reading(&path);
    }
}
