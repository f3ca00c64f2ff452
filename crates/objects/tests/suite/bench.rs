//! An empty database, nodes on it, and files for them.

use std::time::Duration;

use doorward_model::app::{App, Refresh};
use doorward_model::audit::Author;
use doorward_model::document::{
    AppDocument, AppExtension, AppPolicy, Content, Key, Kind, Object, Owner, PolicyDocument, PolicyLink,
};
use doorward_model::id::{AccountId, AppId, PolicyId};
use doorward_model::secret::Secret;
use doorward_model::site::Team;
use doorward_model::time::{Lifetime, Timestamp};
use doorward_objects::{Declared, Objects, ObjectsError, Setting};
use doorward_store::{ObjectChange, Seal, Store};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::postgres;

pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

pub(crate) struct Bench {
    url: String,
    _folder: Option<TempDir>,
}

/// One process's view.
pub(crate) struct Node {
    pub(crate) objects: Objects,
    pub(crate) store: Store,
}

impl Bench {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { url: format!("sqlite://{}/door.db", folder.path().display()), _folder: Some(folder) }
    }

    pub(crate) fn postgres() -> Self {
        Self { url: postgres::database_url(), _folder: None }
    }

    pub(crate) async fn store(&self) -> Store {
        let seal = Seal::from_key(&Secret::new("the installation's encryption key".into()));
        let store = Store::connect(&self.url, seal, Duration::from_secs(5)).await.unwrap();
        store.migrate().await.unwrap();
        store.refresh_revocations().await.unwrap();
        store
    }

    pub(crate) async fn start(&self, file: Declared) -> Result<Node, ObjectsError> {
        let store = self.store().await;
        Objects::open(store.clone(), setting(), file, NOW).await.map(|objects| Node { objects, store })
    }

    pub(crate) async fn node(&self, apps: &[&str]) -> Node {
        self.start(file(apps)).await.unwrap()
    }
}

impl Node {
    /// The name of the application at this host.
    pub(crate) fn serves(&self, host: &str) -> Option<String> {
        let catalog = self.objects.catalog().load();
        catalog.app_at(&host.parse().unwrap(), &"/".parse().unwrap()).map(|app| app.name.clone())
    }

    pub(crate) fn generation(&self) -> u64 {
        self.objects.catalog().load().generation()
    }

    pub(crate) async fn declare(&self, apps: &[&str]) {
        self.objects.declare(file(apps), NOW).await.unwrap();
    }

    /// Puts an object as the API would.
    pub(crate) async fn put(&self, object: Object) {
        let change = ObjectChange::Put(object);
        self.objects
            .change(&Author::command_line(), NOW, |_| Ok::<_, ObjectsError>((vec![change.clone()], ())))
            .await
            .unwrap();
    }

    pub(crate) async fn remove(&self, key: &Key) {
        let change = ObjectChange::Remove(key.clone());
        self.objects
            .change(&Author::command_line(), NOW, |_| Ok::<_, ObjectsError>((vec![change.clone()], ())))
            .await
            .unwrap();
    }

    /// Listens to the others, as a running process does.
    pub(crate) fn listen(&self) -> [tokio::task::JoinHandle<()>; 2] {
        let (store, objects) = (self.store.clone(), self.objects.clone());
        [tokio::spawn(async move { store.watch().await }), tokio::spawn(async move { objects.follow().await })]
    }

    pub(crate) async fn stop(self) {
        self.store.close().await;
    }
}

pub(crate) fn account() -> AccountId {
    AccountId::derived("acme")
}

fn setting() -> Setting {
    let team = Team {
        account: account(),
        name: "acme".into(),
        domain: "acme.cloudflareaccess.com".into(),
        url: "https://acme.cloudflareaccess.com".into(),
        host: "acme.cloudflareaccess.com".parse().unwrap(),
        session_duration: Lifetime::from_hours(24),
    };
    Setting { team, refresh: Refresh::Edge }
}

/// A file that declares one application at each of these hosts, named after it.
pub(crate) fn file(hosts: &[&str]) -> Declared {
    let objects = hosts.iter().map(|host| {
        let object = app(host, host, Owner::File);
        (object.key, object.content)
    });
    Declared { file: "doorward.toml".into(), objects: objects.collect(), built_in: None }
}

/// An application of this name at a host, without policies.
pub(crate) fn app(name: &str, host: &str, owner: Owner) -> Object {
    app_with(name, host, owner, vec![])
}

pub(crate) fn app_with(name: &str, host: &str, owner: Owner, policies: Vec<AppPolicy>) -> Object {
    let app = App::new(&account(), name, vec![host.parse().unwrap()], vec![]);
    let document = AppDocument { policies, ..AppDocument::from(&app) };
    let content = Content::new(&document, &AppExtension::default(), None);
    Object { key: Key::new(Kind::App, app.id), owner, content, created_at: NOW, updated_at: NOW }
}

pub(crate) fn app_key(name: &str) -> Key {
    Key::new(Kind::App, AppId::derived(&account(), name))
}

pub(crate) fn link(id: PolicyId) -> AppPolicy {
    AppPolicy::Link(PolicyLink { id, precedence: 1 })
}

/// A reusable policy that lets everybody of a domain in.
pub(crate) fn policy(id: PolicyId, domain: &str) -> Object {
    let json =
        json!({ "id": id, "name": "Staff", "decision": "allow", "include": [{"email_domain": {"domain": domain}}] });
    let document: PolicyDocument = serde_json::from_value(json).unwrap();
    let content = Content::new(&document, &Value::Object(Default::default()), None);
    Object { key: Key::new(Kind::Policy, id), owner: Owner::Api, content, created_at: NOW, updated_at: NOW }
}

/// Waits for something that another task does.
pub(crate) async fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    let waited = tokio::time::timeout(Duration::from_secs(20), async {
        while !is_so() {
            ticks.tick().await;
        }
    });
    assert!(waited.await.is_ok(), "never happened: {what}");
}
