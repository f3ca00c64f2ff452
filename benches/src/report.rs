//! What was found, as tables: on the terminal as they are, and in the document
//! with the machine and the method around them.

use std::fmt::Write as _;

use crate::machine;

/// Written by hand: the method, and what to know about the figures.
const METHOD: &str = include_str!("../method.md");
const NOTES: &str = include_str!("../notes.md");

#[derive(Default)]
pub(crate) struct Report {
    figures: Vec<Figure>,
    tables: Vec<Table>,
}

/// One line of the table of targets.
struct Figure {
    name: String,
    measured: String,
    target: String,
    verdict: &'static str,
}

/// A table of a section.
pub(crate) struct Table {
    pub(crate) title: String,
    /// What the columns mean.
    pub(crate) about: String,
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

/// What a figure should be at most, and what it must not reach; or at least, and must not fall to.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    AtMost(f64, f64),
    AtLeast(f64, f64),
    /// It is only printed.
    Told,
}

impl Goal {
    fn verdict(self, value: f64) -> &'static str {
        match self {
            Self::Told => "",
            Self::AtMost(target, _) if value <= target => "met",
            Self::AtLeast(target, _) if value >= target => "met",
            Self::AtMost(_, limit) if value <= limit => "**not yet**",
            Self::AtLeast(_, limit) if value >= limit => "**not yet**",
            _ => "**fails**",
        }
    }

    fn text(self, unit: &str) -> String {
        match self {
            Self::Told => String::new(),
            Self::AtMost(target, _) => format!("≤ {target}{unit}"),
            Self::AtLeast(target, _) => format!("≥ {target}{unit}"),
        }
    }
}

impl Report {
    /// A line of the table of targets. `unit` starts with a space where one is wanted.
    pub(crate) fn figure(&mut self, name: &str, value: f64, measured: &str, unit: &str, goal: Goal) {
        self.figures.push(Figure {
            name: name.to_owned(),
            measured: format!("{measured}{unit}"),
            target: goal.text(unit),
            verdict: goal.verdict(value),
        });
    }

    pub(crate) fn table(&mut self, title: &str, about: &str, columns: &[&str], rows: Vec<Vec<String>>) {
        self.tables.push(Table {
            title: title.to_owned(),
            about: about.to_owned(),
            columns: columns.iter().map(|&column| column.to_owned()).collect(),
            rows,
        });
    }

    /// The tables alone.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        if !self.figures.is_empty() {
            let rows = self.figures.iter().map(|figure| {
                vec![figure.name.clone(), figure.measured.clone(), figure.target.clone(), figure.verdict.to_owned()]
            });
            text += &markdown(&["figure", "measured", "target", ""].map(str::to_owned), &rows.collect::<Vec<_>>());
        }
        for table in &self.tables {
            let Table { title, about, columns, rows } = table;
            write!(text, "\n### {title}\n\n{about}\n\n{}", markdown(columns, rows)).expect("a String takes everything");
        }
        text
    }

    /// The whole of `docs/performance.md`.
    pub(crate) fn document(&self) -> String {
        format!(
            "# Performance\n\n\
             This page was written by the benchmark itself; run `scripts/bench` to repeat it and write it anew.\n\n\
             Measured on {}; the load of everything else on it was {:.1} at the end.\n\n\
             ## Targets\n\n{}\n{METHOD}\n{NOTES}",
            machine::line(),
            machine::busy(),
            self.text(),
        )
    }
}

fn markdown(columns: &[String], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule: Vec<String> = columns.iter().map(|_| "---".to_owned()).collect();
    line(columns) + &line(&rule) + &rows.iter().map(|row| line(row)).collect::<String>()
}
