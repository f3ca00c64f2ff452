//! From documents to what the catalog holds: the one place where a kept object
//! becomes something that decides.

use std::collections::BTreeSet;
use std::sync::Arc;

use doorward_model::catalog::Change;
use doorward_model::custom_page::CustomPage;
use doorward_model::document::{
    AppDocument, AppExtension, CertificateDocument, CertificateExtension, CustomPageDocument, GroupDocument,
    IdentityProviderDocument, IdentityProviderExtension, Key, Kind, ListDocument, Object, OrganizationDocument,
    PolicyDocument, RouteDocument, RouteId, ServiceTokenDocument, ServiceTokenExtension, SshCaDocument, Unreadable,
};
use doorward_model::group::Group;
use doorward_model::idp::IdentityProvider;
use doorward_model::organization::Organization;
use doorward_model::route::Route;
use doorward_model::service_token::ServiceToken;
use doorward_store::ObjectChange;

use crate::Setting;
use crate::set::{Set, key_of};

/// What the catalog has to change when these objects have changed, on the state after it.
pub(crate) fn changed(set: &Set, changes: &[ObjectChange], setting: &Setting) -> Result<Vec<Change>, Unreadable> {
    of_keys(set, changes.iter().map(key_of), setting)
}

/// What makes a catalog of nothing that of all objects.
pub(crate) fn all(set: &Set, setting: &Setting) -> Result<Vec<Change>, Unreadable> {
    of_keys(set, set.all().map(|object| &object.key), setting)
}

fn of_keys<'a>(set: &Set, keys: impl Iterator<Item = &'a Key>, setting: &Setting) -> Result<Vec<Change>, Unreadable> {
    let mut entries = Vec::new();
    // An application may have changed with a policy that it links.
    let mut apps: BTreeSet<Key> = BTreeSet::new();
    let mut providers_changed = false;
    for key in keys {
        match key.kind {
            Kind::App => drop(apps.insert(key.clone())),
            Kind::Policy => apps.extend(linking(set, &key.id)),
            Kind::IdentityProvider => providers_changed = true,
            Kind::Group => entries.extend(group(set, key)?),
            Kind::ServiceToken => entries.extend(service_token(set, key)?),
            Kind::Route => entries.extend(route(set, key)?),
            // They decide about nothing that the catalog is asked for.
            Kind::ApiToken | Kind::Tag | Kind::KeyConfiguration => {}
            Kind::List => entries.extend(list(set, key)?),
            Kind::Certificate => entries.extend(certificate(set, key)?),
            Kind::CustomPage => entries.extend(custom_page(set, key)?),
            Kind::Organization => entries.extend(organization(set, key, setting)?),
            Kind::SshCa => entries.extend(ssh_ca(set, key)?),
        }
    }
    for key in apps {
        entries.extend(app(set, &key, setting)?);
    }
    if providers_changed {
        entries.push(providers(set)?);
    }
    Ok(entries)
}

/// The applications whose document holds the policy's id. One that holds it
/// elsewhere than among its policies is made anew for nothing.
fn linking(set: &Set, policy: &str) -> impl Iterator<Item = Key> {
    set.of(Kind::App).filter(move |app| app.content.document.contains(policy)).map(|app| app.key.clone())
}

fn app(set: &Set, key: &Key, setting: &Setting) -> Result<Option<Change>, Unreadable> {
    let absent = id(key).map(Change::NoApp);
    let Some(object) = set.get(key) else { return Ok(absent) };
    let extension: AppExtension = object.extension()?;
    let document: AppDocument = object.document()?;
    let reusable = |id| {
        let policy = set.get(&Key::new(Kind::Policy, id))?;
        policy.document::<PolicyDocument>().ok()
    };
    let app = document.app(extension.refresh.unwrap_or(setting.refresh), reusable);
    let app = app.map_err(|error| object.unreadable(error))?;
    Ok(app.map_or(absent, |app| Some(Change::App(Arc::new(app)))))
}

fn group(set: &Set, key: &Key) -> Result<Option<Change>, Unreadable> {
    let Some(object) = set.get(key) else { return Ok(id(key).map(Change::NoGroup)) };
    let document: GroupDocument = object.document()?;
    Ok(Some(Change::Group(Arc::new(Group::from(document)))))
}

fn service_token(set: &Set, key: &Key) -> Result<Option<Change>, Unreadable> {
    let Some(object) = set.get(key) else { return Ok(id(key).map(Change::NoServiceToken)) };
    token_of(object).map(|token| Some(Change::ServiceToken(Arc::new(token))))
}

fn token_of(object: &Object) -> Result<ServiceToken, Unreadable> {
    let extension: ServiceTokenExtension = object.extension()?;
    let document: ServiceTokenDocument = object.document()?;
    document.token(&extension).map_err(|error| object.unreadable(error))
}

fn route(set: &Set, key: &Key) -> Result<Option<Change>, Unreadable> {
    let Some(object) = set.get(key) else { return Ok(id(key).map(Change::NoRoute)) };
    let document: RouteDocument = object.document()?;
    let route = Route::try_from(document).map_err(|error| object.unreadable(error))?;
    if RouteId::from(&route).to_string() != *key.id {
        return Err(object.unreadable("its address is another than its id"));
    }
    Ok(Some(Change::Route(Arc::new(route))))
}

fn list(set: &Set, key: &Key) -> Result<Option<Change>, Unreadable> {
    let absent = id(key).map(Change::NoList);
    let Some(object) = set.get(key) else { return Ok(absent) };
    let document: ListDocument = object.document()?;
    let list = document.list().map_err(|error| object.unreadable(error))?;
    Ok(list.map_or(absent, |list| Some(Change::List(Arc::new(list)))))
}

fn certificate(set: &Set, key: &Key) -> Result<Option<Change>, Unreadable> {
    let Some(object) = set.get(key) else { return Ok(id(key).map(Change::NoRoot)) };
    let extension: CertificateExtension = object.extension()?;
    let document: CertificateDocument = object.document()?;
    let root = document.root(extension).map_err(|error| object.unreadable(error))?;
    Ok(Some(Change::Root(Arc::new(root))))
}

fn custom_page(set: &Set, key: &Key) -> Result<Option<Change>, Unreadable> {
    let Some(object) = set.get(key) else { return Ok(id(key).map(Change::NoCustomPage)) };
    let document: CustomPageDocument = object.document()?;
    Ok(Some(Change::CustomPage(Arc::new(CustomPage::from(document)))))
}

fn ssh_ca(set: &Set, key: &Key) -> Result<Option<Change>, Unreadable> {
    let Some(app) = id(key) else { return Ok(None) };
    let Some(object) = set.get(key) else { return Ok(Some(Change::NoSshCa(app))) };
    let document: SshCaDocument = object.document()?;
    let ca = document.ca(app, object.content.secret.clone()).map_err(|error| object.unreadable(error))?;
    Ok(Some(Change::SshCa(Arc::new(ca))))
}

/// Without its object everything is as it is usually.
fn organization(set: &Set, key: &Key, setting: &Setting) -> Result<[Change; 2], Unreadable> {
    let organization = match set.get(key) {
        Some(object) => {
            let document: OrganizationDocument = object.document()?;
            Organization::try_from(document).map_err(|error| object.unreadable(error))?
        }
        None => Organization::default(),
    };
    let name = organization.name.clone().unwrap_or_else(|| setting.team.name.clone());
    let team = Change::Team { name, session_duration: organization.session_duration };
    Ok([team, Change::Organization(Arc::new(organization))])
}

/// In the order of the file; what the API made comes after that, the oldest first.
fn providers(set: &Set) -> Result<Change, Unreadable> {
    let mut found = Vec::new();
    for object in set.of(Kind::IdentityProvider) {
        let extension: IdentityProviderExtension = object.extension()?;
        let place = (extension.place.unwrap_or(usize::MAX), object.created_at, Arc::clone(&object.key.id));
        found.extend(provider(object, extension)?.map(|provider| (place, Arc::new(provider))));
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(Change::Idps(found.into_iter().map(|(_, provider)| provider).collect()))
}

fn provider(object: &Object, extension: IdentityProviderExtension) -> Result<Option<IdentityProvider>, Unreadable> {
    let document: IdentityProviderDocument = object.document()?;
    document.provider(extension, object.content.secret.clone()).map_err(|error| object.unreadable(error))
}

/// `None` for an id that no object of the kind can have had: nothing came of it.
fn id<Id: std::str::FromStr>(key: &Key) -> Option<Id> {
    key.id.parse().ok()
}
