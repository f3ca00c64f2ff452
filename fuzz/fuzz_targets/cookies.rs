//! Throws bytes at the target of this name; what must hold is in `crates/fuzzing`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| doorward_fuzzing::run("cookies", input));
