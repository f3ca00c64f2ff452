//! What applications and rules share: reusable policies, lists, and the roots
//! of client certificates.

use doorward_model::certificate::{RootCertificate, from_pem};
use doorward_model::document::{ListDocument, ListItem};
use doorward_model::id::{CertificateId, ListId};
use doorward_model::policy::Policy;
use serde_json::{Map, Value};

use super::Resolving;
use crate::config::document::At;
use crate::config::names::reusable_policy;
use crate::config::problem::Findings;
use crate::config::raw::{RawCertificate, RawList, RawPolicy};

/// The places of an application's policies.
pub(super) struct Places<'a> {
    pub(super) findings: &'a Findings,
    /// With the line of whatever took it.
    pub(super) taken: Vec<(u32, usize)>,
}

impl Places<'_> {
    /// Without a number, a policy comes after the one before it.
    pub(super) fn next(&mut self, written: Option<&At<u32>>, line: usize) -> u32 {
        let after = self.taken.last().map_or(1, |(before, _)| before.saturating_add(1));
        let (precedence, line) = written.map_or((after, line), |at| (at.value, at.line));
        if let Some((_, first)) = self.taken.iter().find(|(taken, _)| *taken == precedence) {
            let text = format!("precedence {precedence} is taken by the policy of line {first}; give each its own");
            self.findings.error(line, text);
        }
        self.taken.push((precedence, line));
        precedence
    }
}

impl Resolving<'_> {
    pub(super) fn shared_policy(&self, raw: RawPolicy) -> Option<Policy> {
        self.policy(raw, 0, |name| reusable_policy(self.account, name))
    }

    /// A shared policy at its place in an application.
    pub(super) fn linked(&self, reference: &At<String>, precedence: u32) -> Option<Policy> {
        let id = self.names.policies.id(&reference.value, reference.line, self.findings)?;
        // One that is not there was found wrong itself.
        let policy = self.shared.iter().find(|policy| policy.id == id)?;
        Some(Policy { precedence, ..policy.clone() })
    }

    pub(super) fn list(&self, raw: RawList) -> Option<ListDocument> {
        let name = raw.name?.value;
        let empty = ListDocument {
            id: raw.id.map_or_else(|| ListId::derived(self.account, &name), |at| at.value),
            kind: raw.kind?.value,
            name,
            items: Vec::new(),
            more: Map::new(),
        };
        let mut items = Vec::new();
        for At { value, line } in raw.items {
            let Some(item) = item(value) else {
                let text = "an item is a text, or a table with a value and a description";
                self.findings.error(line, text);
                continue;
            };
            // Each by itself, so that each has its line.
            if let Err(why) = (ListDocument { items: vec![item.clone()], ..empty.clone() }).list() {
                self.findings.error(line, format!("{}: {why}", empty.kind));
            }
            items.push(item);
        }
        Some(ListDocument { items, ..empty })
    }

    pub(super) fn root(&self, raw: RawCertificate) -> Option<RootCertificate> {
        let (name, pem) = (raw.name?.value, raw.pem?);
        let id = raw.id.map_or_else(|| CertificateId::derived(self.account, &name), |at| at.value);
        if raw.associated_hostnames.is_empty() {
            let text =
                format!("the certificate \"{name}\" counts nowhere; add associated_hostnames = [\"api.example.com\"]");
            self.findings.warning(raw.line, text);
        }
        let root = from_pem(&pem.value).map_err(|error| error.to_string()).and_then(|der| {
            doorward_edge::can_vouch(&der)
                .map_err(|why| format!("it cannot vouch for others ({why}); give a CA's own"))?;
            RootCertificate::of_der(id, name, &der).ok_or_else(|| "it is not a certificate".to_owned())
        });
        let mut root = root.map_err(|error| self.findings.error(pem.line, format!("certificate: {error}"))).ok()?;
        root.associated_hostnames = raw.associated_hostnames.into_iter().map(|at| at.value).collect();
        if raw.client_certificate_forwarding {
            root.forwarding_hostnames.clone_from(&root.associated_hostnames);
        }
        Some(root)
    }
}

fn item(written: Value) -> Option<ListItem> {
    match written {
        Value::String(value) => Some(ListItem { value, description: None, more: Map::new() }),
        table @ Value::Object(_) => serde_json::from_value(table).ok().filter(|item: &ListItem| item.more.is_empty()),
        _ => None,
    }
}
