//! `doorward import` as a command, and what a file of its is filled in with.

use super::gateway::run_with;

pub(crate) const TOKEN: &str = "the-token-that-may-read-the-account-0123";

/// The command, with an account's API at this URL: exit code, output, errors.
pub(crate) async fn import(base: &str, token: &str, account: &str, words: &[&str]) -> (i32, String, String) {
    let environment = [("CLOUDFLARE_BASE_URL", base), ("CLOUDFLARE_API_TOKEN", token)];
    run_with(&[&["import", "cloudflare", "--account", account], words].concat(), &environment).await
}

/// What every place of the file is filled with, by the list at its top.
pub(crate) fn filled_in<'a>(text: &'a str, values: &[(&str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let names = text.lines().filter_map(|line| line.strip_prefix("#   ")?.split_once("  ")).map(|(name, _)| name);
    let upper = |name: &&str| name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    let value = |name: &str| values.iter().find(|(end, _)| name.ends_with(end)).map(|(_, value)| *value);
    names.filter(upper).map(|name| (name, value(name).unwrap_or("https://somewhere.example.com"))).collect()
}
