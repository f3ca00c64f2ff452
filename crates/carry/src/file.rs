//! An account as a configuration file. The order is the file's own: the head,
//! then who can prove an identity, then who may reach what.

mod apps;
mod credentials;
mod launcher;
mod names;
mod policies;
mod providers;
mod rules;
mod section;
mod shared;
mod team;

#[cfg(test)]
mod tests;

use url::Url;

use self::names::Names;
use crate::account::Account;
use crate::report::{Left, Placeholder, Report, plain};

/// What the file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Production,
    /// For development and tests: nothing of production's own has to be filled in.
    Emulator,
}

/// A configuration file, and what to know about it.
#[derive(Clone, Debug)]
pub struct Carried {
    pub text: String,
    pub placeholders: Vec<Placeholder>,
    pub left: Vec<Left>,
}

/// The file that says the same as the account, as far as a file can.
#[must_use]
pub fn carried(account: &Account, mode: Mode) -> Carried {
    let mut report = Report::default();
    for (what, why) in &account.unread {
        report.left(what, why);
    }
    let mut names = Names::of(account, &mut report);
    let mut body = team::sections(account, mode, &names, &mut report);
    body.push_str(&providers::sections(account, &names, &mut report));
    body.push_str(&credentials::sections(account, &names, &mut report));
    body.push_str(&shared::sections(account, &names, &mut report));
    body.push_str(&apps::sections(account, &mut names, &mut report));
    if mode == Mode::Emulator {
        body.push_str(PEOPLE);
    }
    let text = format!("{}{body}", head(account, mode, &report));
    Carried { text, placeholders: report.placeholders, left: report.left }
}

const PEOPLE: &str =
    "\n# People to sign in as, beside those of the identity providers:\n# [[user]]\n# email = \"alice@example.com\"\n";

fn head(account: &Account, mode: Mode, report: &Report) -> String {
    let mut head = format!("# The Access configuration of the account {}.\n", plain(&account.id));
    if !report.placeholders.is_empty() {
        head.push_str("#\n# To be filled in: set these in the environment, or write the values in their places.\n");
        let width = report.placeholders.iter().map(|one| one.name.len()).max().unwrap_or_default();
        for one in &report.placeholders {
            head.push_str(&format!("#   {:width$}  {}\n", one.name, one.what));
        }
    }
    if !report.left.is_empty() {
        head.push_str("#\n# Not carried over:\n");
        for left in &report.left {
            head.push_str(&format!("#   {}: {}\n", left.what, left.why));
        }
    }
    let mode = match mode {
        Mode::Production => "production",
        Mode::Emulator => "emulator",
    };
    format!("{head}\nmode = \"{mode}\"\n")
}

/// Where a browser may be sent; what a page over https shows is https itself.
fn web_url(text: &str, shown: bool) -> Result<(), String> {
    let url = Url::parse(text).map_err(|_| "it is not a URL".to_owned())?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a user name or password in a URL ends up in logs".into());
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if !shown => Ok(()),
        "http" => Err("a page over https cannot show it".into()),
        _ => Err("browsers are sent to http:// and https:// alone".into()),
    }
}
