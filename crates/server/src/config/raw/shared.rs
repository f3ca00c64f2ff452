//! What rules and hosts refer to: lists of addresses and networks, and the
//! roots of client certificates.

use doorward_model::id::{CertificateId, ListId};
use serde_json::Value;

use super::super::document::{At, Table};
use super::host_name;
use super::objects::uuid;

/// `[[list]]`
pub(in crate::config) struct RawList {
    pub(in crate::config) name: Option<At<String>>,
    pub(in crate::config) id: Option<At<ListId>>,
    /// `EMAIL` or `IP`.
    pub(in crate::config) kind: Option<At<String>>,
    /// Texts, or tables as Cloudflare's API has them.
    pub(in crate::config) items: Vec<At<Value>>,
}

impl RawList {
    pub(super) fn read(table: Table<'_>) -> Self {
        let list = Self {
            name: table.needed("name"),
            id: table.read("id", uuid),
            kind: table.needed_as("type", kind),
            items: table.json_list("items").map(|list| list.value).unwrap_or_default(),
        };
        table.close();
        list
    }
}

fn kind(text: &str) -> Result<String, String> {
    match text {
        doorward_model::list::EMAIL | doorward_model::list::IP => Ok(text.to_owned()),
        _ => Err(format!("\"{text}\" is no type that rules look into; write EMAIL or IP")),
    }
}

/// `[[certificate]]`
pub(in crate::config) struct RawCertificate {
    pub(in crate::config) line: usize,
    pub(in crate::config) name: Option<At<String>>,
    pub(in crate::config) id: Option<At<CertificateId>>,
    /// PEM, written here or read from `certificate_file`.
    pub(in crate::config) pem: Option<At<String>>,
    pub(in crate::config) associated_hostnames: Vec<At<String>>,
    pub(in crate::config) client_certificate_forwarding: bool,
}

impl RawCertificate {
    pub(super) fn read(table: Table<'_>) -> Self {
        let certificate = Self {
            line: table.line,
            name: table.needed("name"),
            id: table.read("id", uuid),
            pem: pem(&table),
            associated_hostnames: table
                .list("associated_hostnames", host_name)
                .map(|list| list.value)
                .unwrap_or_default(),
            client_certificate_forwarding: table
                .flag("client_certificate_forwarding")
                .is_some_and(|forwarding| forwarding.value),
        };
        table.close();
        certificate
    }
}

fn pem(table: &Table<'_>) -> Option<At<String>> {
    let read = |path: &str| {
        std::fs::read_to_string(path).map_err(|error| format!("{path} cannot be read ({error}); check the path"))
    };
    let (written, file) = (table.text("certificate"), table.read("certificate_file", read));
    let findings = table.findings();
    match (written, file) {
        (Some(written), Some(_)) => {
            findings.error(written.line, "certificate and certificate_file say the same twice; keep one of them");
            None
        }
        (None, None) if !table.has("certificate") && !table.has("certificate_file") => {
            let text = "the certificate is missing; add certificate_file = \"/etc/doorward/clients-ca.pem\", or certificate with the PEM text";
            findings.error(table.line, text);
            None
        }
        (written, file) => written.or(file),
    }
}
