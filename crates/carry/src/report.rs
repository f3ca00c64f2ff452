//! What somebody has to know who carried something over: which secrets are to
//! be filled in, and what was left behind.

use std::collections::HashSet;

/// A value that the account does not tell; whoever uses what was written fills it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placeholder {
    /// The environment variable, or the variable of Terraform.
    pub name: String,
    pub what: String,
    pub like: Like,
}

/// What goes in the place of a placeholder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Like {
    Secret,
    /// Scheme, host and port.
    Url,
    /// A certificate in PEM.
    Certificate,
    /// A lower-case word.
    Word,
}

/// Something that could not be carried over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    pub what: String,
    pub why: String,
}

/// The longest text of somebody else's that is put into one line.
const LONGEST: usize = 200;

/// Somebody else's text, fit for a comment or a terminal: it ends no line and
/// turns none around.
#[must_use]
pub fn plain(text: &str) -> String {
    let misleading = |c: char| {
        c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().take(LONGEST).map(|c| if misleading(c) { '\u{fffd}' } else { c }).collect()
}

/// Both lists in the making.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) placeholders: Vec<Placeholder>,
    pub(crate) left: Vec<Left>,
    named: HashSet<String>,
}

impl Report {
    pub(crate) fn left(&mut self, what: impl AsRef<str>, why: impl AsRef<str>) {
        let left = Left { what: plain(what.as_ref()), why: plain(why.as_ref()) };
        if !self.left.contains(&left) {
            self.left.push(left);
        }
    }

    /// The name of a placeholder that is nobody else's: of these words, in the
    /// letters that variables have.
    pub(crate) fn placeholder(&mut self, words: &[&str], what: impl AsRef<str>, like: Like) -> String {
        let letters = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        self.named(&words.join("_").replace('*', "any").chars().map(letters).collect::<String>(), what, like)
    }

    /// The same for variables of Terraform, whose words fit already.
    pub(crate) fn variable(&mut self, words: &[&str], what: impl AsRef<str>, like: Like) -> String {
        self.named(&words.join("_"), what, like)
    }

    fn named(&mut self, name: &str, what: impl AsRef<str>, like: Like) -> String {
        let name = unique(&mut self.named, name, |name, number| format!("{name}_{number}"));
        self.placeholders.push(Placeholder { name: name.clone(), what: plain(what.as_ref()), like });
        name
    }
}

/// The text, or the first of its variants that is not taken.
pub(crate) fn unique(taken: &mut HashSet<String>, text: &str, variant: impl Fn(&str, usize) -> String) -> String {
    let mut unique = text.to_owned();
    let mut number = 1;
    while !taken.insert(unique.clone()) {
        number += 1;
        unique = variant(text, number);
    }
    unique
}
