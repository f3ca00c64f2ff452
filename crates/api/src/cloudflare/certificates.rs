//! Roots of client certificates (Access docs, "mutual TLS"), and what the
//! hosts they are for are told of clients. The certificate goes in and does not come out.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use axum::extract::{Path, State};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_model::certificate::{RootCertificate, from_pem};
use doorward_model::document::{CertificateDocument, CertificateExtension, Content, Key, Kind, Object};
use doorward_model::host::Host;
use doorward_model::id::CertificateId;
use doorward_objects::Set;
use doorward_store::ObjectChange;
use md5::{Digest as _, Md5};
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::caller::Caller;
use super::fields::{Field, Shape, field, needed, shaped};
use super::paging::{Page, Wanted};
use super::refusal::Refusal;
use super::written::Written;
use super::{Api, At, found, in_order};

pub(super) const FIELDS: &[Field] =
    &[field("name", Shape::Name), field("certificate", Shape::Text), field("associated_hostnames", Shape::Texts)];

pub(super) async fn list(State(api): State<Api>, wanted: Wanted) -> Result<Page, Refusal> {
    let roots = in_order(&api.set(), Kind::Certificate);
    wanted.page(roots.iter().map(|root| shown(root)).collect(), 50)
}

pub(super) async fn show(State(api): State<Api>, Path(At { id }): Path<At>) -> Result<Answer, Refusal> {
    found(&api.set(), &Key::new(Kind::Certificate, id)).map(|root| Answer::ok(shown(root)))
}

pub(super) async fn create(State(api): State<Api>, caller: Caller, written: Written) -> Result<Answer, Refusal> {
    let fields = shaped(&written, FIELDS)?;
    needed(&fields, "name")?;
    needed(&fields, "certificate")?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    let wrong = |why: String| Refusal::invalid("/certificate", why);
    let der = from_pem(text("certificate")).map_err(|error| wrong(error.to_string()))?;
    (api.0.can_vouch)(&der).map_err(|why| wrong(format!("it cannot vouch for others ({why}); give a CA's own")))?;
    let id = CertificateId::random();
    let root = RootCertificate::of_der(id, text("name").to_owned(), &der);
    let mut root = root.ok_or_else(|| wrong("it is not a certificate".to_owned()))?;
    root.associated_hostnames = hostnames(&fields)?;
    let (document, extension) = (CertificateDocument::from(&root), CertificateExtension::from(&root));
    let (key, content) = (Key::new(Kind::Certificate, id), Content::new(&document, &extension, None));
    let root = api.create(&caller, &key, |_| Ok(content.clone())).await?;
    Ok(Answer::created(shown(&root)))
}

/// Hostnames that are not written are none any more: that is how they are
/// taken off before a certificate is removed. The certificate itself stays.
pub(super) async fn update(
    State(api): State<Api>,
    Path(At { id }): Path<At>,
    caller: Caller,
    written: Written,
) -> Result<Answer, Refusal> {
    let fields = shaped(&written, FIELDS)?;
    let hostnames = hostnames(&fields)?;
    let key = Key::new(Kind::Certificate, id);
    let root = api.replace(&caller, &key, |_, before| {
        let (mut document, mut extension) = parts(before)?;
        if let Some(name) = fields.get("name").and_then(Value::as_str) {
            name.clone_into(&mut document.name);
        }
        extension.client_certificate_forwarding.retain(|host| hostnames.contains(host));
        document.associated_hostnames.clone_from(&hostnames);
        Ok(Content::new(&document, &extension, None))
    });
    root.await.map(|root| Answer::ok(shown(&root)))
}

/// 200, unlike other kinds.
pub(super) async fn remove(
    State(api): State<Api>,
    Path(At { id }): Path<At>,
    caller: Caller,
) -> Result<Answer, Refusal> {
    let unassociated = |_: &Set, root: &Object| match parts(root)?.0.associated_hostnames.is_empty() {
        true => Ok(()),
        false => Err(Refusal::conflict("certificate has active associations; take its hostnames off first")),
    };
    api.remove(&caller, &Key::new(Kind::Certificate, &id), unassociated).await?;
    Ok(Answer::ok(json!({ "id": id })))
}

pub(super) async fn settings(State(api): State<Api>) -> Answer {
    Answer::ok(hosts(&api.set()))
}

pub(super) const SETTINGS: &[Field] = &[field("settings", Shape::List)];
const SETTING: &[Field] = &[
    field("hostname", Shape::Name),
    field("china_network", Shape::Flag),
    field("client_certificate_forwarding", Shape::Flag),
];

/// The hosts that are named; others stay as they are.
pub(super) async fn set_settings(State(api): State<Api>, caller: Caller, written: Written) -> Result<Answer, Refusal> {
    let forwarding = forwarding(&written)?;
    let now = api.now();
    let plan = |set: &Set| {
        let mut changes = Vec::new();
        for (host, (pointer, _)) in &forwarding {
            if !set
                .of(Kind::Certificate)
                .any(|root| parts(root).is_ok_and(|(root, _)| root.associated_hostnames.contains(host)))
            {
                return Err(Refusal::invalid(pointer, format!("no certificate is associated with {host}")));
            }
        }
        for root in in_order(set, Kind::Certificate) {
            let (document, mut extension) = parts(&root)?;
            let before = extension.client_certificate_forwarding.clone();
            for host in document.associated_hostnames.iter().filter(|host| forwarding.contains_key(*host)) {
                extension.client_certificate_forwarding.retain(|known| known != host);
                if forwarding[host].1 {
                    extension.client_certificate_forwarding.push(host.clone());
                }
            }
            if extension.client_certificate_forwarding != before {
                let root = api.writable(set, &root.key)?;
                let content = Content::new(&document, &extension, None);
                changes.push(ObjectChange::Put(Object { content, updated_at: now, ..(**root).clone() }));
            }
        }
        Ok::<_, Refusal>((changes, ()))
    };
    api.0.objects.change(&caller.author(), now, plan).await?;
    Ok(Answer::accepted(hosts(&api.set())))
}

/// Which hosts are told from now on, and where that was written.
fn forwarding(written: &Written) -> Result<BTreeMap<String, (String, bool)>, Refusal> {
    let fields = shaped(written, SETTINGS)?;
    needed(&fields, "settings")?;
    let mut forwarding = BTreeMap::new();
    for (setting, index) in fields["settings"].as_array().into_iter().flatten().zip(0..) {
        let pointer = format!("/settings/{index}");
        let fields = setting.as_object().cloned();
        let fields = fields.ok_or_else(|| Refusal::invalid(&pointer, "a setting is an object"))?;
        let setting = shaped(&Written { fields, nulls: Default::default() }, SETTING);
        let setting = setting.map_err(|refusal| refusal.below(&pointer))?;
        needed(&setting, "hostname").map_err(|refusal| refusal.below(&pointer))?;
        if setting.get("china_network") == Some(&json!(true)) {
            return Err(Refusal::not_there_yet(
                format!("{pointer}/china_network"),
                "a network in China",
                "leave china_network out",
            ));
        }
        let host = host_name(&setting["hostname"], &format!("{pointer}/hostname"))?;
        let told = setting.get("client_certificate_forwarding") == Some(&json!(true));
        forwarding.insert(host, (format!("{pointer}/hostname"), told));
    }
    Ok(forwarding)
}

/// Every host of every root, once.
fn hosts(set: &Set) -> Value {
    let mut hosts: BTreeMap<String, bool> = BTreeMap::new();
    for (document, extension) in set.of(Kind::Certificate).filter_map(|root| parts(root).ok()) {
        for host in document.associated_hostnames {
            let told = extension.client_certificate_forwarding.contains(&host);
            *hosts.entry(host).or_default() |= told;
        }
    }
    let shown = |(host, told): (String, bool)| json!({ "hostname": host, "china_network": false, "client_certificate_forwarding": told });
    hosts.into_iter().map(shown).collect()
}

fn hostnames(fields: &Map<String, Value>) -> Result<Vec<String>, Refusal> {
    let mut hostnames: Vec<String> = Vec::new();
    for (name, index) in fields.get("associated_hostnames").and_then(Value::as_array).into_iter().flatten().zip(0..) {
        let host = host_name(name, &format!("/associated_hostnames/{index}"))?;
        if !hostnames.contains(&host) {
            hostnames.push(host);
        }
    }
    Ok(hostnames)
}

fn host_name(written: &Value, pointer: &str) -> Result<String, Refusal> {
    let host: Option<Host> = written.as_str().and_then(|name| name.parse().ok());
    let host = host.filter(|host| host.port().is_none());
    let host = host.ok_or_else(|| Refusal::invalid(pointer, "a hostname is a name like api.example.com"))?;
    Ok(host.name().to_owned())
}

fn parts(root: &Object) -> Result<(CertificateDocument, CertificateExtension), Refusal> {
    let read = (root.document(), root.extension());
    let (Ok(document), Ok(extension)) = read else { return Err(Refusal::not_found(Kind::Certificate)) };
    Ok((document, extension))
}

fn shown(root: &Object) -> Value {
    let mut shown = root.document::<Value>().unwrap_or_default();
    let der = root.extension().ok().and_then(|kept: CertificateExtension| STANDARD.decode(kept.certificate).ok());
    shown["fingerprint"] = json!(fingerprint(&der.unwrap_or_default()));
    shown["created_at"] = json!(root.created_at.to_rfc3339());
    shown["updated_at"] = json!(root.updated_at.to_rfc3339());
    shown
}

/// By which people tell certificates apart; nothing is believed because of it.
fn fingerprint(der: &[u8]) -> String {
    let mut text = "MD5 Fingerprint=".to_owned();
    for (byte, index) in Md5::digest(der).into_iter().zip(0..) {
        let colon = if index == 0 { "" } else { ":" };
        write!(text, "{colon}{byte:02X}").expect("a text takes every write");
    }
    text
}
