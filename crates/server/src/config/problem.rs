//! What is wrong with a configuration file: every problem, each with its line
//! and the mend. Where problems come from is the business of the other files here.

use std::cell::RefCell;
use std::fmt;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// It is taken, but hardly what its author wanted.
    Warning,
}

/// One finding in a configuration file. What is missing altogether is found in
/// the line of its table, or in line 1; what is wrong with the file itself, in line 0.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    pub line: usize,
    pub severity: Severity,
    pub text: String,
}

/// Everything found in one file, in the order of its lines. As an error it
/// shows one `file:line: what, and the mend` per problem.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problems {
    pub file: String,
    pub found: Vec<Problem>,
}

impl Problems {
    /// Each problem and its place.
    pub fn places(&self) -> impl Iterator<Item = (String, &Problem)> {
        self.found.iter().map(|problem| match problem.line {
            0 => (self.file.clone(), problem),
            line => (format!("{}:{line}", self.file), problem),
        })
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (place, problem)) in self.places().enumerate() {
            let warning = if problem.severity == Severity::Warning { "warning: " } else { "" };
            let end = if number == 0 { "" } else { "\n" };
            write!(f, "{end}{place}: {warning}{}", problem.text)?;
        }
        Ok(())
    }
}

/// Where the checks leave what they find, so that none of them has to stop.
#[derive(Debug, Default)]
pub(super) struct Findings(RefCell<Vec<Problem>>);

impl Findings {
    pub(super) fn error(&self, line: usize, text: impl Into<String>) {
        self.0.borrow_mut().push(Problem { line, severity: Severity::Error, text: text.into() });
    }

    pub(super) fn warning(&self, line: usize, text: impl Into<String>) {
        self.0.borrow_mut().push(Problem { line, severity: Severity::Warning, text: text.into() });
    }

    pub(super) fn has_errors(&self) -> bool {
        self.0.borrow().iter().any(|problem| problem.severity == Severity::Error)
    }

    pub(super) fn into_problems(self, file: &str) -> Problems {
        let mut found = self.0.into_inner();
        found.sort();
        found.dedup();
        Problems { file: file.to_owned(), found }
    }
}

/// The known word that was probably meant: at most a third of it is different.
pub(super) fn suggestion<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    known
        .into_iter()
        .map(|word| (distance(&written.to_lowercase(), &word.to_lowercase()), word))
        .filter(|(distance, word)| *distance <= (word.chars().count() / 3).max(1))
        .min()
        .map(|(_, word)| format!("; did you mean \"{word}\"?"))
        .unwrap_or_default()
}

/// Edits (insert, delete, replace, swap two neighbours) from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=to.len()).collect()];
    for i in 1..=from.len() {
        let mut row = vec![i];
        for j in 1..=to.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(from[i - 1] != to[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_answered_with_the_word_that_was_meant() {
        let known = ["hostname", "service", "path"];
        assert_eq!(suggestion("hostnmae", known), "; did you mean \"hostname\"?");
        assert_eq!(suggestion("Service", known), "; did you mean \"service\"?");
        assert_eq!(suggestion("apth", known), "; did you mean \"path\"?");
        assert_eq!(suggestion("origin", known), "");
    }
}
