//! What the file calls the objects that others refer to. In an account names
//! may repeat; in the file each has its own.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::apps::is_written;
use super::providers::Way;
use super::rules;
use crate::account::{Account, name, text};
use crate::report::{Report, unique};

/// The objects that are carried over, by their ids.
pub(super) struct Names {
    pub(super) identity_providers: Directory,
    pub(super) service_tokens: Directory,
    pub(super) groups: Directory,
    pub(super) policies: Directory,
    pub(super) apps: Directory,
    pub(super) custom_pages: Directory,
    pub(super) certificates: Directory,
    pub(super) email_lists: Directory,
    pub(super) ip_lists: Directory,
    /// Groups with a rule that cannot be decided here, by their ids.
    pub(super) undecided_groups: HashSet<String>,
}

/// The objects of one kind.
#[derive(Default)]
pub(super) struct Directory {
    names: HashMap<String, String>,
    taken: HashSet<String>,
}

impl Names {
    pub(super) fn of(account: &Account, report: &mut Report) -> Self {
        let usable = account.identity_providers.iter().filter(|provider| Way::of(provider).is_ok());
        let lists = |kind: &'static str| account.lists.iter().filter(move |list| text(list, "type") == Some(kind));
        let mut email_lists = Directory::of("list", lists("EMAIL"), "id", HashSet::new(), report);
        let taken = std::mem::take(&mut email_lists.taken);
        let mut directory =
            |kind, documents: &[Value], id| Directory::of(kind, documents.iter(), id, HashSet::new(), report);
        let mut names = Self {
            service_tokens: directory("service token", &account.service_tokens, "id"),
            groups: directory("group", &account.groups, "id"),
            policies: directory("reusable policy", &account.policies, "id"),
            custom_pages: directory("custom page", &account.custom_pages, "uid"),
            certificates: directory("certificate", &account.certificates, "id"),
            identity_providers: Directory::of("identity provider", usable, "id", HashSet::new(), report),
            apps: Directory::of(
                "application",
                account.apps.iter().filter(|app| is_written(app)),
                "id",
                HashSet::new(),
                report,
            ),
            ip_lists: Directory::of("list", lists("IP"), "id", taken, report),
            email_lists,
            undecided_groups: HashSet::new(),
        };
        // Groups refer to groups: until nothing new is found.
        loop {
            let known = |group: &&Value| names.undecided_groups.contains(&key(group));
            let undecided = account.groups.iter().filter(|group| !known(group) && !rules::decided(group, &names));
            let found: Vec<String> = undecided.map(key).collect();
            if found.is_empty() {
                return names;
            }
            names.undecided_groups.extend(found);
        }
    }
}

fn key(group: &Value) -> String {
    text(group, "id").unwrap_or_default().to_lowercase()
}

impl Directory {
    fn of<'a>(
        kind: &str,
        documents: impl Iterator<Item = &'a Value>,
        id: &str,
        taken: HashSet<String>,
        report: &mut Report,
    ) -> Self {
        let mut directory = Self { names: HashMap::new(), taken };
        for document in documents {
            let given = directory.add(text(document, id).unwrap_or_default(), name(document));
            if given != name(document) {
                let what = format!("the name of another {kind} \"{}\"", name(document));
                report.left(what, format!("names are unique in the file; it is called \"{given}\" there"));
            }
        }
        directory
    }

    /// The name of one more.
    pub(super) fn add(&mut self, id: &str, wanted: &str) -> String {
        let given = unique(&mut self.taken, wanted.trim(), |name, number| format!("{name} ({number})"));
        self.names.insert(id.to_lowercase(), given.clone());
        given
    }

    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub(super) fn of_id(&self, id: &str) -> Option<&str> {
        self.names.get(&id.to_lowercase()).map(String::as_str)
    }
}
