//! One table of the file, as a person would write it: a key on each line, and
//! lists of tables with one on each line.

use serde_json::Value;

use crate::report::plain;

/// A table in the making.
pub(super) struct Section(String);

impl Section {
    /// `[name]`
    pub(super) fn table(name: &str) -> Self {
        Self(format!("\n[{name}]\n"))
    }

    /// `[[name]]`
    pub(super) fn one_of(name: &str) -> Self {
        Self(format!("\n[[{name}]]\n"))
    }

    pub(super) fn note(&mut self, text: &str) {
        self.line(&format!("# {}", plain(text)));
    }

    pub(super) fn text(&mut self, key: &str, value: &str) {
        self.written(key, &quoted(value));
    }

    /// The same, if there is one.
    pub(super) fn maybe(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    /// A value that is read from the environment.
    pub(super) fn placeholder(&mut self, key: &str, name: &str) {
        self.written(key, &format!("\"${{{name}}}\""));
    }

    pub(super) fn value(&mut self, key: &str, value: &Value) {
        self.written(key, &inline(value));
    }

    pub(super) fn list(&mut self, key: &str, items: &[String]) {
        match items {
            [] => self.written(key, "[]"),
            [item] if item.len() < 60 => self.written(key, &format!("[{item}]")),
            items => {
                self.line(&format!("{key} = ["));
                items.iter().for_each(|item| self.line(&format!("  {item},")));
                self.line("]");
            }
        }
    }

    /// A value that is TOML already.
    pub(super) fn written(&mut self, key: &str, toml: &str) {
        self.line(&format!("{key} = {toml}"));
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }

    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }
}

/// A table on one line, its keys in this order.
pub(super) fn inline_table(pairs: &[(&str, String)]) -> String {
    if pairs.is_empty() {
        return "{}".to_owned();
    }
    let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    format!("{{ {} }}", pairs.join(", "))
}

/// JSON as TOML; a `null` is nothing.
pub(super) fn inline(value: &Value) -> String {
    match value {
        Value::Null => quoted(""),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().filter(|item| !item.is_null()).map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            let pairs: Vec<(String, String)> = fields.map(|(name, value)| (key(name), inline(value))).collect();
            let pairs: Vec<(&str, String)> = pairs.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
            inline_table(&pairs)
        }
    }
}

/// A string as the file has it: what reads as a variable is none.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.replace("${", "$${")).to_string()
}

fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if bare { name.to_owned() } else { toml::Value::String(name.to_owned()).to_string() }
}
