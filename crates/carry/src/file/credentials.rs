//! What machines prove themselves with. An account shows neither secrets nor
//! certificates, so both are placeholders.

use doorward_model::host::Host;
use doorward_model::id::{CertificateId, ServiceTokenId};
use doorward_model::service_token::ClientId;
use doorward_model::time::Timestamp;
use serde_json::{Value, json};

use super::names::Names;
use super::section::{Section, quoted};
use crate::account::{Account, is_set, name, text, texts};
use crate::report::{Like, Report};

pub(super) fn sections(account: &Account, names: &Names, report: &mut Report) -> String {
    let tokens: String = account.service_tokens.iter().map(|token| service_token(token, names, report)).collect();
    let certificates = account.certificates.iter().map(|root| certificate(root, account, names, report));
    tokens + &certificates.collect::<String>()
}

fn service_token(token: &Value, names: &Names, report: &mut Report) -> String {
    let id = text(token, "id").unwrap_or_default();
    let what = format!("the service token \"{}\"", name(token));
    let secret = format!("the client secret of {what}; nobody but its holders has it, or rotate it");
    let secret = report.placeholder(&["service_token", name(token), "secret"], secret, Like::Secret);
    let client_id = text(token, "client_id").filter(|id| ClientId::try_from((*id).to_owned()).is_ok());
    if client_id.is_none() {
        report.left(
            format!("the client id of {what}"),
            "it is not of the form of one; another one follows from the name",
        );
    }
    let mut section = Section::one_of("service_token");
    section.text("name", names.service_tokens.of_id(id).unwrap_or_default());
    section.maybe("id", Some(id).filter(|id| id.parse::<ServiceTokenId>().is_ok()));
    section.maybe("client_id", client_id);
    section.placeholder("client_secret", &secret);
    let forever = text(token, "duration") == Some("forever");
    let end = text(token, "expires_at").filter(|_| !forever);
    match end.filter(|end| Timestamp::from_rfc3339(end).is_some()) {
        Some(end) => section.text("expires_at", end),
        None if !forever => {
            // Without an end it would never have one.
            report.left(format!("the end of {what}"), "the account tells none; the token is off until it has one");
            section.note("Give it an end with expires_at, or take this line out: without one it never ends.");
            section.value("enabled", &json!(false));
            return section.into_text();
        }
        None => {}
    }
    if token.get("enabled") == Some(&Value::Bool(false)) {
        section.value("enabled", &json!(false));
    }
    section.into_text()
}

fn certificate(root: &Value, account: &Account, names: &Names, report: &mut Report) -> String {
    let id = text(root, "id").unwrap_or_default();
    let what = format!("the certificate \"{}\"", name(root));
    let pem = report.placeholder(
        &["certificate", name(root), "pem"],
        format!("{what} itself, in PEM: the API never shows it"),
        Like::Certificate,
    );
    let exact = |host: &&str| host.parse::<Host>().is_ok_and(|host| host.port().is_none());
    let (hosts, odd): (Vec<&str>, Vec<&str>) = texts(root, "associated_hostnames").partition(exact);
    for host in odd {
        report.left(format!("the host {host} of {what}"), "certificates count on exact names here");
    }
    let forwards = |host: &&str| {
        account
            .hostname_settings
            .iter()
            .any(|setting| text(setting, "hostname") == Some(*host) && is_set(setting, "client_certificate_forwarding"))
    };
    let forwarding = hosts.iter().filter(|host| forwards(host)).count();
    if forwarding > 0 && forwarding < hosts.len() {
        report.left(
            format!("client_certificate_forwarding of some hosts of {what}"),
            "the file says it for all hosts of a certificate; split it in two",
        );
    }
    let mut section = Section::one_of("certificate");
    section.text("name", names.certificates.of_id(id).unwrap_or_default());
    section.maybe("id", Some(id).filter(|id| id.parse::<CertificateId>().is_ok()));
    section.placeholder("certificate", &pem);
    section.list("associated_hostnames", &hosts.iter().map(|host| quoted(host)).collect::<Vec<_>>());
    if forwarding > 0 && forwarding == hosts.len() {
        section.value("client_certificate_forwarding", &json!(true));
    }
    section.into_text()
}
