//! An account as HCL for Terraform, with the fifth version of Cloudflare's
//! provider: a resource for each object and a block that takes over what
//! there is. References are references, and what is secret is a variable.

mod apps;
mod hcl;
mod names;
mod objects;
mod rules;

#[cfg(test)]
mod tests;

use serde_json::Value;

use self::hcl::{Expr, block};
use self::names::Names;
use crate::account::{Account, says_something};
use crate::report::{Left, Like, Placeholder, Report, plain};

/// HCL, and what to know about it.
#[derive(Clone, Debug)]
pub struct Exported {
    pub text: String,
    /// Variables that have no value.
    pub variables: Vec<Placeholder>,
    pub left: Vec<Left>,
}

/// The resources that are what the account has.
#[must_use]
pub fn terraform(account: &Account) -> Exported {
    let names = Names::of(account);
    let mut writing = Writing { account: &account.id, names: &names, report: Report::default(), text: String::new() };
    for (what, why) in &account.unread {
        writing.report.left(what, why);
    }
    objects::write(account, &mut writing);
    account.apps.iter().for_each(|app| apps::write(app, &mut writing));
    let Writing { report, text, .. } = writing;
    Exported { text: head(account, &report) + &text, variables: report.placeholders, left: report.left }
}

/// Resources in the making.
struct Writing<'a> {
    account: &'a str,
    names: &'a Names,
    report: Report,
    text: String,
}

impl Writing<'_> {
    /// A resource that there is, under the id by which the provider finds it.
    fn resource(&mut self, kind: &'static str, id: &str, found_by: &str, fields: Vec<(String, Expr)>) {
        let name = self.names.name(kind, id).unwrap_or_default().to_owned();
        let import = [("to".to_owned(), Expr::Bare(format!("{kind}.{name}"))), ("id".to_owned(), Expr::text(found_by))];
        self.text.push_str(&block("import", &[], &import));
        self.new_resource(kind, &name, fields);
    }

    /// One that the provider cannot take over.
    fn new_resource(&mut self, kind: &str, name: &str, fields: Vec<(String, Expr)>) {
        let account = ("account_id".to_owned(), Expr::Bare("var.account_id".to_owned()));
        let fields: Vec<(String, Expr)> = [account].into_iter().chain(fields).collect();
        self.text.push_str(&block("resource", &[kind, name], &fields));
    }

    fn variable(&mut self, words: &[&str], what: &str, like: Like) -> Expr {
        let words: Vec<String> = words.iter().map(|word| names::word(word)).collect();
        let words: Vec<&str> = words.iter().map(|word| word.trim_start_matches('_')).collect();
        Expr::Bare(format!("var.{}", self.report.variable(&words, what, like)))
    }

    /// Tells of everything that says something and has no attribute.
    fn left_of(&mut self, what: &str, document: &Value, known: impl Fn(&str) -> bool) {
        for (field, value) in document.as_object().into_iter().flatten() {
            if says_something(value) && !known(field) {
                self.report.left(format!("{field} of {what}"), "the provider has no such attribute");
            }
        }
    }
}

/// Those of the fields that say something, as they are.
fn said(document: &Value, fields: &[&str]) -> Vec<(String, Expr)> {
    let value = |field: &&str| document.get(*field).filter(|value| says_something(value));
    fields.iter().filter_map(|field| Some(((*field).to_owned(), Expr::of(value(field)?)))).collect()
}

fn head(account: &Account, report: &Report) -> String {
    let mut head = format!("# The Access configuration of the account {}.\n", plain(&account.id));
    if !report.left.is_empty() {
        head.push_str("#\n# Not carried over:\n");
        for left in &report.left {
            head.push_str(&format!("#   {}: {}\n", left.what, left.why));
        }
    }
    head.push_str(PROVIDER);
    let id = [("type".to_owned(), Expr::Bare("string".to_owned())), ("default".to_owned(), Expr::text(&account.id))];
    head.push_str(&block("variable", &["account_id"], &id));
    for variable in &report.placeholders {
        let fields = [
            ("type".to_owned(), Expr::Bare("string".to_owned())),
            ("description".to_owned(), Expr::text(&variable.what)),
            ("sensitive".to_owned(), Expr::Bare((variable.like == Like::Secret).to_string())),
        ];
        head.push_str(&block("variable", &[&variable.name], &fields));
    }
    head
}

/// `import` blocks are older than 1.5 nowhere.
const PROVIDER: &str = r#"
terraform {
  required_version = ">= 1.5"
  required_providers {
    cloudflare = {
      source  = "cloudflare/cloudflare"
      version = "~> 5.27"
    }
  }
}
"#;
