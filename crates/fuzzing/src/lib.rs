//! What must hold of whatever bytes come: one function for each door that
//! bytes of strangers reach, which panics when what it promises does not hold.
//! The fuzzer (`fuzz/`) calls them with what it makes up, the tests with what
//! it found worth keeping (`fuzz/corpus/`).

mod callback;
mod configuration;
mod fields;
mod request;
mod rules;
mod text;
mod token;
mod world;

pub use text::one_reading;

/// A fuzz target: its name, which is that of its folder of inputs, and what must hold of each input.
pub type Target = (&'static str, fn(&[u8]));

/// Every target there is.
pub const TARGETS: [Target; 10] = [
    ("request_head", request::head),
    ("path", text::path),
    ("host", text::host),
    ("redirect", text::redirect),
    ("cookies", fields::cookies),
    ("headers", fields::headers),
    ("token", token::token),
    ("configuration", configuration::configuration),
    ("rule", rules::rule),
    ("callback", callback::callback),
];

/// Runs one target; for the fuzzer's programs.
///
/// # Panics
/// When what must hold does not.
pub fn run(name: &str, input: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("a target of this name");
    target(input);
}
