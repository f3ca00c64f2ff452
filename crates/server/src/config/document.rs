//! A TOML document as its author sees it: every value with its line. Tables are
//! read by asking for keys; what nobody asked for is an unknown key. Nothing
//! here knows what the keys mean.

use std::cell::RefCell;
use std::fmt::Display;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::expand::{Environment, expand};
use super::problem::{Findings, suggestion};

/// A value and the line it was written on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) line: usize,
}

impl<T> At<T> {
    pub(super) const fn new(value: T, line: usize) -> Self {
        Self { value, line }
    }
}

/// Where the lines of a text begin: every value of a long file is asked for its
/// line, and counting from the top each time would take minutes.
pub(super) struct Lines(Vec<usize>);

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        Self(std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect())
    }

    fn at(&self, offset: usize) -> usize {
        self.0.partition_point(|&begin| begin <= offset)
    }
}

/// What reading needs besides the tables themselves.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    text: &'a str,
    lines: &'a Lines,
    environment: Environment<'a>,
    pub(super) findings: &'a Findings,
}

impl<'a> Source<'a> {
    pub(super) const fn new(
        text: &'a str,
        lines: &'a Lines,
        environment: Environment<'a>,
        findings: &'a Findings,
    ) -> Self {
        Self { text, lines, environment, findings }
    }

    /// The document's tables; `None` when it is not TOML, with every syntax error noted.
    pub(super) fn parse(self) -> Option<DeTable<'a>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        let mut last = 0;
        for error in &errors {
            // One slip can make the parser stumble several times on its line.
            let line = self.line(error.span().map_or(0, |span| span.start));
            if line != last {
                self.findings.error(line, format!("this is not TOML: {}", error.message().replace('\n', ", ")));
            }
            last = line;
        }
        errors.is_empty().then(|| table.into_inner())
    }

    fn line(&self, offset: usize) -> usize {
        self.lines.at(offset)
    }

    fn expanded(self, text: &str, line: usize) -> Option<String> {
        expand(text, self.environment)
            .map_err(|wrong| wrong.into_iter().for_each(|text| self.findings.error(line, text)))
            .ok()
    }
}

/// One member of a list that may name things or hold them.
pub(super) enum TextOrTable<'a> {
    Text(At<String>),
    Table(Table<'a>),
}

/// One table, and which of its keys were asked for.
pub(super) struct Table<'a> {
    source: Source<'a>,
    entries: &'a DeTable<'a>,
    /// As the author would point to it: `[listen]`, `[[app]]`.
    name: String,
    is_root: bool,
    pub(super) line: usize,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Table<'a> {
    pub(super) fn root(source: Source<'a>, entries: &'a DeTable<'a>) -> Self {
        Self { source, entries, name: "the file".into(), is_root: true, line: 1, asked: RefCell::default() }
    }

    pub(super) fn findings(&self) -> &'a Findings {
        self.source.findings
    }

    pub(super) fn has(&self, key: &'static str) -> bool {
        self.entry(key).is_some()
    }

    /// A string after expansion.
    pub(super) fn text(&self, key: &'static str) -> Option<At<String>> {
        self.entry(key).and_then(|(value, line)| self.as_text(key, value, line))
    }

    /// A string that must be there and must not be empty.
    pub(super) fn needed(&self, key: &'static str) -> Option<At<String>> {
        if !self.has(key) {
            self.findings().error(self.line, format!("{} has no {key}; add it", self.name));
        }
        let text = self.text(key)?;
        if text.value.trim().is_empty() {
            self.findings().error(text.line, format!("{key} is empty; fill it in"));
            return None;
        }
        Some(text)
    }

    /// A string read into what it stands for.
    pub(super) fn read<T, E: Display>(
        &self,
        key: &'static str,
        reading: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<At<T>> {
        let text = self.text(key)?;
        self.interpreted(key, text, reading)
    }

    /// [`Self::needed`] and [`Self::read`] in one.
    pub(super) fn needed_as<T, E: Display>(
        &self,
        key: &'static str,
        reading: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<At<T>> {
        let text = self.needed(key)?;
        self.interpreted(key, text, reading)
    }

    /// A list of strings, each read into what it stands for.
    pub(super) fn list<T, E: Display>(
        &self,
        key: &'static str,
        reading: impl Fn(&str) -> Result<T, E>,
    ) -> Option<At<Vec<At<T>>>> {
        let (value, line) = self.entry(key)?;
        let Some(array) = value.as_array() else {
            self.wrong_type(key, line, "a list of strings", value);
            return None;
        };
        let items = array.iter().filter_map(|item| {
            let line = self.source.line(item.span().start);
            let text = self.as_text(key, item.get_ref(), line)?;
            self.interpreted(key, text, &reading)
        });
        Some(At::new(items.collect(), line))
    }

    pub(super) fn flag(&self, key: &'static str) -> Option<At<bool>> {
        let (value, line) = self.entry(key)?;
        let flag = value.as_bool();
        if flag.is_none() {
            self.wrong_type(key, line, "true or false", value);
        }
        flag.map(|flag| At::new(flag, line))
    }

    pub(super) fn number<T: TryFrom<i64>>(&self, key: &'static str) -> Option<At<T>> {
        let (value, line) = self.entry(key)?;
        let Some(integer) = value.as_integer() else {
            self.wrong_type(key, line, "a number", value);
            return None;
        };
        let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok().and_then(|n| T::try_from(n).ok());
        if number.is_none() {
            self.findings().error(line, format!("{key}: {} is out of range", integer.as_str()));
        }
        number.map(|number| At::new(number, line))
    }

    /// A number from 0 to 1, written with or without a point.
    pub(super) fn share(&self, key: &'static str) -> Option<At<f64>> {
        let (value, line) = self.entry(key)?;
        let number = match value {
            DeValue::Integer(number) => number.as_str(),
            DeValue::Float(number) => number.as_str(),
            other => {
                self.wrong_type(key, line, "a number from 0 to 1", other);
                return None;
            }
        };
        let share = number.parse().ok().filter(|share| (0.0..=1.0).contains(share));
        if share.is_none() {
            self.findings().error(line, format!("{key}: {number} is not a number from 0 to 1"));
        }
        share.map(|share| At::new(share, line))
    }

    /// The table under a key.
    pub(super) fn table(&self, key: &'static str) -> Option<Self> {
        let (value, line) = self.entry(key)?;
        let Some(entries) = value.as_table() else {
            self.wrong_type(key, line, "a table", value);
            return None;
        };
        Some(self.below(self.named(key, "[", "]"), entries, line))
    }

    /// The tables under a key: `[[key]]` sections, or a list of inline tables.
    pub(super) fn tables(&self, key: &'static str) -> Vec<Self> {
        let Some((value, line)) = self.entry(key) else { return Vec::new() };
        let Some(array) = value.as_array() else {
            self.wrong_type(key, line, &format!("a list of tables, as [[{key}]] makes them"), value);
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in array.iter() {
            let line = self.source.line(item.span().start);
            match item.get_ref().as_table() {
                Some(entries) => tables.push(self.below(self.named(key, "[[", "]]"), entries, line)),
                None => self.wrong_type(key, line, "a list of tables", item.get_ref()),
            }
        }
        tables
    }

    /// A list of strings and tables, as they come.
    pub(super) fn texts_and_tables(&self, key: &'static str) -> Vec<TextOrTable<'a>> {
        let Some((value, line)) = self.entry(key) else { return Vec::new() };
        let Some(array) = value.as_array() else {
            self.wrong_type(key, line, &format!("a list of tables, as [[{key}]] makes them"), value);
            return Vec::new();
        };
        let mut found = Vec::new();
        for item in array.iter() {
            let line = self.source.line(item.span().start);
            match (item.get_ref().as_table(), item.get_ref().as_str()) {
                (Some(entries), _) => {
                    found.push(TextOrTable::Table(self.below(self.named(key, "[[", "]]"), entries, line)));
                }
                (None, Some(_)) => found.extend(self.as_text(key, item.get_ref(), line).map(TextOrTable::Text)),
                (None, None) => self.wrong_type(key, line, "a list of names and tables", item.get_ref()),
            }
        }
        found
    }

    /// A list whose members are Cloudflare's JSON, whatever their shape.
    pub(super) fn json_list(&self, key: &'static str) -> Option<At<Vec<At<Value>>>> {
        let (value, line) = self.entry(key)?;
        let Some(array) = value.as_array() else {
            self.wrong_type(key, line, "a list", value);
            return None;
        };
        let items = array.iter().filter_map(|item| {
            let line = self.source.line(item.span().start);
            self.json(item).map(|value| At::new(value, line))
        });
        Some(At::new(items.collect(), line))
    }

    /// A table as JSON.
    pub(super) fn json_object(&self, key: &'static str) -> Option<serde_json::Map<String, Value>> {
        self.table(key)?
            .entries
            .iter()
            .map(|(key, value)| Some((key.get_ref().to_string(), self.json(value)?)))
            .collect()
    }

    /// A table in one of Cloudflare's own shapes, which says itself what is wrong with it.
    pub(super) fn shaped<T: serde::de::DeserializeOwned>(&self, key: &'static str) -> Option<At<T>> {
        let line = self.entry(key)?.1;
        let value = Value::Object(self.json_object(key)?);
        serde_json::from_value(value)
            .map_err(|error| self.findings().error(line, format!("{key}: {error}")))
            .ok()
            .map(|value| At::new(value, line))
    }

    /// Every key that nobody asked for is a problem. Call it last.
    pub(super) fn close(self) {
        let asked = self.asked.borrow();
        for key in self.entries.keys().filter(|key| !asked.contains(&key.get_ref().as_ref())) {
            let meant = suggestion(key.get_ref(), asked.iter().copied());
            let line = self.source.line(key.span().start);
            let mend = if meant.is_empty() { "; remove it" } else { &meant };
            self.findings().error(line, format!("{} has no key \"{}\"{mend}", self.name, key.get_ref()));
        }
    }

    fn entry(&self, key: &'static str) -> Option<(&'a DeValue<'a>, usize)> {
        self.asked.borrow_mut().push(key);
        let (written, value) = self.entries.get_key_value(key)?;
        Some((value.get_ref(), self.source.line(written.span().start)))
    }

    fn named(&self, key: &str, open: &str, close: &str) -> String {
        if self.is_root { format!("{open}{key}{close}") } else { format!("{key} of {}", self.name) }
    }

    fn below(&self, name: String, entries: &'a DeTable<'a>, line: usize) -> Self {
        Self { source: self.source, entries, name, is_root: false, line, asked: RefCell::default() }
    }

    fn as_text(&self, key: &str, value: &DeValue<'_>, line: usize) -> Option<At<String>> {
        if let Some(moment) = value.as_datetime() {
            return Some(At::new(moment.to_string(), line));
        }
        let Some(text) = value.as_str() else {
            self.wrong_type(key, line, "a string", value);
            return None;
        };
        self.source.expanded(text, line).map(|text| At::new(text, line))
    }

    fn interpreted<T, E: Display>(
        &self,
        key: &str,
        text: At<String>,
        reading: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<At<T>> {
        reading(&text.value)
            .map_err(|error| self.findings().error(text.line, format!("{key}: {error}")))
            .ok()
            .map(|value| At::new(value, text.line))
    }

    fn json(&self, value: &Spanned<DeValue<'_>>) -> Option<Value> {
        let line = self.source.line(value.span().start);
        Some(match value.get_ref() {
            DeValue::String(text) => Value::String(self.source.expanded(text, line)?),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok()?.into(),
            DeValue::Float(number) => number.as_str().parse::<f64>().ok()?.into(),
            DeValue::Boolean(flag) => Value::Bool(*flag),
            DeValue::Datetime(moment) => Value::String(moment.to_string()),
            DeValue::Array(items) => Value::Array(items.iter().map(|item| self.json(item)).collect::<Option<_>>()?),
            DeValue::Table(entries) => Value::Object(
                entries
                    .iter()
                    .map(|(key, value)| Some((key.get_ref().to_string(), self.json(value)?)))
                    .collect::<Option<_>>()?,
            ),
        })
    }

    fn wrong_type(&self, key: &str, line: usize, wanted: &str, found: &DeValue<'_>) {
        self.findings().error(line, format!("{key} must be {wanted}, not {}", found.type_str()));
    }
}
