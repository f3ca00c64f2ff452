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

/// Numbers that are the same in every run: what they find can be found again.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % end.max(1)
    }
}

/// The input with a few bytes changed, dropped, doubled or taken from another input.
fn bent(input: &[u8], other: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=chance.below(4) {
        let at = chance.below(bytes.len() + 1);
        let piece = |bytes: &[u8], chance: &mut Chance| {
            let start = chance.below(bytes.len() + 1);
            bytes[start..bytes.len().min(start + chance.below(24))].to_vec()
        };
        match chance.below(5) {
            0 => bytes.insert(at, u8::try_from(chance.below(256)).expect("a byte")),
            1 if at < bytes.len() => bytes[at] ^= 1 << chance.below(8),
            2 if at < bytes.len() => drop(bytes.drain(at..bytes.len().min(at + 1 + chance.below(8)))),
            3 => drop(bytes.splice(at..at, piece(input, chance))),
            _ => drop(bytes.splice(at..at, piece(other, chance))),
        }
    }
    bytes
}

/// Without the fuzzer's eyes, but on any toolchain. `FUZZ_ROUNDS` makes it look longer.
#[test]
fn every_input_with_a_few_bytes_changed_holds_what_it_should() {
    let rounds = std::env::var("FUZZ_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    for (target, _) in TARGETS {
        let files = std::fs::read_dir(corpus(target)).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap());
        let inputs: Vec<Vec<u8>> = files.filter(|input| input.len() < 4096).collect();
        let mut chance = Chance(rounds);
        for round in 0..rounds {
            for input in &inputs {
                let bent = bent(input, &inputs[chance.below(inputs.len())], &mut chance);
                let held = std::panic::catch_unwind(|| run(target, &bent));
                assert!(held.is_ok(), "{target}, round {round}: {:?} breaks a promise", String::from_utf8_lossy(&bent));
            }
        }
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
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let mut path = String::new();
    for _ in 0..1_000_000 {
        path.clear();
        path.push('/');
        for _ in 0..chance.below(8) {
            path.push_str(pieces[chance.below(pieces.len())]);
        }
        one_reading(&path);
    }
}
