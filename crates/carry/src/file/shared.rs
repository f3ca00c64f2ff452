//! What applications and rules share: lists, groups, reusable policies, pages.

use doorward_model::custom_page::PageKind;
use doorward_model::id::{CustomPageId, GroupId, ListId};
use doorward_model::list::{EMAIL, IP};
use doorward_model::time::Lifetime;
use serde_json::Value;

use super::names::Names;
use super::policies::written;
use super::rules::{Rules, undecided};
use super::section::{Section, inline_table, quoted};
use crate::account::{Account, items, name, text};
use crate::report::Report;

/// All of them, the ones that others refer to first.
pub(super) fn sections(account: &Account, names: &Names, report: &mut Report) -> String {
    let lists: String = account.lists.iter().map(|list| self::list(list, names, report)).collect();
    let groups: String = account.groups.iter().map(|group| self::group(group, names, report)).collect();
    let pages: String = account.custom_pages.iter().map(|page| custom_page(page, names, report)).collect();
    let policies = account.policies.iter().map(|policy| self::policy(policy, account, names, report));
    let policies: String = policies.collect();
    lists + &groups + &policies + &pages
}

fn list(list: &Value, names: &Names, report: &mut Report) -> String {
    let id = text(list, "id").unwrap_or_default();
    let kind = text(list, "type").unwrap_or_default();
    let directory = match kind {
        EMAIL => &names.email_lists,
        IP => &names.ip_lists,
        other => {
            report.left(format!("the list \"{}\"", name(list)), format!("no rule looks into lists of type {other}"));
            return String::new();
        }
    };
    let mut section = Section::one_of("list");
    section.text("name", directory.of_id(id).unwrap_or_default());
    section.maybe("id", Some(id).filter(|id| id.parse::<ListId>().is_ok()));
    section.text("type", kind);
    let items = items(list, "items").iter().filter_map(|item| {
        let value = quoted(text(item, "value")?);
        let described = text(item, "description")
            .map(|description| inline_table(&[("value", value.clone()), ("description", quoted(description))]));
        Some(described.unwrap_or(value))
    });
    section.list("items", &items.collect::<Vec<_>>());
    section.into_text()
}

fn group(group: &Value, names: &Names, report: &mut Report) -> String {
    let id = text(group, "id").unwrap_or_default();
    let mut rules = Rules::of(&format!("the group \"{}\"", name(group)), group, names, report);
    if rules.include.is_empty() {
        rules.include.push(undecided("an empty include"));
    }
    let mut section = Section::one_of("group");
    section.text("name", names.groups.of_id(id).unwrap_or_default());
    section.maybe("id", Some(id).filter(|id| id.parse::<GroupId>().is_ok()));
    rules.pairs().for_each(|(list, rules)| section.list(list, rules));
    section.into_text()
}

fn policy(policy: &Value, account: &Account, names: &Names, report: &mut Report) -> String {
    let id = text(policy, "id").unwrap_or_default();
    let uses = |app: &&Value| items(app, "policies").iter().any(|one| text(one, "id") == Some(id));
    let durations = account.apps.iter().filter(uses).filter_map(session_duration);
    let called = names.policies.of_id(id).unwrap_or_default().to_owned();
    written("", policy, &called, durations.min(), names, report).section()
}

/// How long the tokens of an application live.
pub(super) fn session_duration(app: &Value) -> Option<Lifetime> {
    text(app, "session_duration").unwrap_or("24h").parse().ok()
}

fn custom_page(page: &Value, names: &Names, report: &mut Report) -> String {
    let id = text(page, "uid").unwrap_or_default();
    let what = format!("the custom page \"{}\"", name(page));
    let kind = text(page, "type").unwrap_or_default();
    if !PageKind::ALL.contains(&kind) {
        report.left(
            format!("the type {kind} of {what}"),
            "there are no such pages here; choose one of the types in its place",
        );
    }
    let mut section = Section::one_of("custom_page");
    section.text("name", names.custom_pages.of_id(id).unwrap_or_default());
    section.maybe("id", Some(id).filter(|id| id.parse::<CustomPageId>().is_ok()));
    section.text("type", kind);
    if let Some(version) = page.get("contract_version").filter(|version| version.as_u64().is_some()) {
        section.value("contract_version", version);
    }
    section.text("custom_html", text(page, "custom_html").unwrap_or_default());
    section.into_text()
}
