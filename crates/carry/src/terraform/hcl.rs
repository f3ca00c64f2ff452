//! HCL as text: blocks, attributes and expressions, in the layout of
//! `terraform fmt`. What a string holds is never read as a template.

use std::fmt::Write as _;

use serde_json::Value;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expr {
    Text(String),
    /// A number, a truth value, a reference: written as it is.
    Bare(String),
    List(Vec<Expr>),
    Object(Vec<(String, Expr)>),
}

impl Expr {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    /// JSON as it is; a `null` is nothing.
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Bare("null".to_owned()),
            Value::Bool(flag) => Self::Bare(flag.to_string()),
            Value::Number(number) => Self::Bare(number.to_string()),
            Value::String(text) => Self::text(text),
            Value::Array(items) => Self::List(items.iter().map(Self::of).collect()),
            Value::Object(fields) => {
                let said = fields.iter().filter(|(_, value)| !value.is_null());
                Self::Object(said.map(|(name, value)| (name.clone(), Self::of(value))).collect())
            }
        }
    }

    fn fits_a_line(&self) -> bool {
        match self {
            Self::Text(_) | Self::Bare(_) => true,
            Self::List(items) => items.iter().all(|item| matches!(item, Self::Text(_) | Self::Bare(_))),
            Self::Object(fields) => fields.is_empty(),
        }
    }

    fn write(&self, depth: usize, out: &mut String) {
        match self {
            Self::Text(text) => quote(text, out),
            Self::Bare(text) => out.push_str(text),
            Self::List(items) if self.fits_a_line() => {
                out.push('[');
                for (number, item) in items.iter().enumerate() {
                    out.push_str(if number == 0 { "" } else { ", " });
                    item.write(depth, out);
                }
                out.push(']');
            }
            Self::List(items) => {
                out.push_str("[\n");
                for item in items {
                    indent(depth + 1, out);
                    item.write(depth + 1, out);
                    out.push_str(",\n");
                }
                indent(depth, out);
                out.push(']');
            }
            Self::Object(fields) if fields.is_empty() => out.push_str("{}"),
            Self::Object(fields) => {
                out.push_str("{\n");
                attributes(fields, depth + 1, out);
                indent(depth, out);
                out.push('}');
            }
        }
    }
}

/// `kind "label" { … }`, with an empty line before it.
pub(super) fn block(kind: &str, labels: &[&str], fields: &[(String, Expr)]) -> String {
    let mut out = format!("\n{kind}");
    for label in labels {
        out.push(' ');
        quote(label, &mut out);
    }
    out.push_str(" {\n");
    attributes(fields, 1, &mut out);
    out.push_str("}\n");
    out
}

/// Neighbours of one line have their signs below each other.
fn attributes(fields: &[(String, Expr)], depth: usize, out: &mut String) {
    let mut width = 0;
    for (number, (name, value)) in fields.iter().enumerate() {
        let begins = number == 0 || !fields[number - 1].1.fits_a_line();
        if begins {
            let same = fields[number..].iter().take_while(|(_, value)| value.fits_a_line());
            width = same.map(|(name, _)| key(name).chars().count()).max().unwrap_or_default();
        }
        indent(depth, out);
        let width = if value.fits_a_line() { width } else { 0 };
        let _infallible = write!(out, "{:width$} = ", key(name));
        value.write(depth, out);
        out.push('\n');
    }
}

fn indent(depth: usize, out: &mut String) {
    out.extend(std::iter::repeat_n("  ", depth));
}

fn key(name: &str) -> String {
    let mut characters = name.chars();
    let plain = characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if plain {
        return name.to_owned();
    }
    let mut quoted = String::new();
    quote(name, &mut quoted);
    quoted
}

/// A quoted template that has nothing to fill in (HCL specification, "template literals").
fn quote(text: &str, out: &mut String) {
    out.push('"');
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '$' | '%' if characters.peek() == Some(&'{') => out.extend([character, character]),
            other if other.is_control() => {
                let _infallible = write!(out, "\\u{:04x}", u32::from(other));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_is_never_a_template() {
        for (text, written) in [
            ("plain é", r#""plain é""#),
            ("${var.x} %{if}", r#""$${var.x} %%{if}""#),
            ("$${x}", r#""$$${x}""#),
            ("$ { % 5$", r#""$ { % 5$""#),
            ("a\"b\\c\nd\r\te\u{1b}\u{0}", r#""a\"b\\c\nd\r\te\u001b\u0000""#),
        ] {
            let mut out = String::new();
            quote(text, &mut out);
            assert_eq!(out, written, "{text}");
        }
    }

    #[test]
    fn blocks_look_as_terraform_formats_them() {
        let fields = [
            ("name".to_owned(), Expr::text("Wiki")),
            ("account_id".to_owned(), Expr::Bare("var.account_id".to_owned())),
            ("include".to_owned(), Expr::of(&json!([{ "everyone": {} }, { "email": { "email": "a@b.test" } }]))),
            ("tags".to_owned(), Expr::of(&json!(["a", "b"]))),
            ("odd name".to_owned(), Expr::of(&json!({ "1": 2, "no": null }))),
        ];
        insta::assert_snapshot!(block("resource", &["kind", "wiki"], &fields), @r#"

        resource "kind" "wiki" {
          name       = "Wiki"
          account_id = var.account_id
          include = [
            {
              everyone = {}
            },
            {
              email = {
                email = "a@b.test"
              }
            },
          ]
          tags = ["a", "b"]
          "odd name" = {
            "1" = 2
          }
        }
        "#);
    }
}
