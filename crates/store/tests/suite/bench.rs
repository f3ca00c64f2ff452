//! An empty database and things to put into it.

use std::future::Future;
use std::time::Duration;

use doorward_model::email::Email;
use doorward_model::id::{AccountId, AppId, Aud, IdentityNonce, IdpId, UserId};
use doorward_model::identity::{Identity, IdpRef};
use doorward_model::secret::Secret;
use doorward_model::session::Session;
use doorward_model::time::{Lifetime, Timestamp};
use doorward_store::{NewKey, Seal, Store};
use sqlx::{AnyConnection, Connection as _};
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::postgres;

pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

/// One empty database, and how to reach it.
pub(crate) struct Bench {
    pub(crate) url: String,
    _folder: Option<TempDir>,
}

impl Bench {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { url: format!("sqlite://{}/door.db", folder.path().display()), _folder: Some(folder) }
    }

    pub(crate) fn postgres() -> Self {
        Self { url: postgres::database_url(), _folder: None }
    }

    /// For one node alone.
    pub(crate) fn memory() -> Self {
        Self { url: String::new(), _folder: None }
    }

    pub(crate) fn on(cluster: &postgres::Cluster) -> Self {
        Self { url: cluster.database_url(), _folder: None }
    }

    /// A node that is ready for work.
    pub(crate) async fn node(&self) -> Store {
        let store = self.open(seal()).await;
        store.migrate().await.unwrap();
        store.refresh_revocations().await.unwrap();
        store
    }

    /// A node that has not looked at the schema yet.
    pub(crate) async fn open(&self, seal: Seal) -> Store {
        if self.url.is_empty() {
            return Store::in_memory(seal).unwrap();
        }
        Store::connect(&self.url, seal, Duration::from_secs(5)).await.unwrap()
    }

    /// Does something to the database behind the store's back.
    pub(crate) async fn meddle(&self, sql: &'static str) {
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect(&self.url).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    /// A column of text as it stands in the database.
    pub(crate) async fn column(&self, sql: &'static str) -> Vec<String> {
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect(&self.url).await.unwrap();
        sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap()
    }
}

pub(crate) fn seal() -> Seal {
    Seal::from_key(&Secret::new("the installation's encryption key".into()))
}

pub(crate) fn email(text: &str) -> Email {
    text.parse().unwrap()
}

pub(crate) fn aud() -> Aud {
    Aud::of_app(&AccountId::derived("acme"), AppId::random())
}

pub(crate) fn session_of(address: &str) -> Session {
    let identity = Identity {
        user_uuid: UserId::derived(&AccountId::derived("acme"), address),
        id: "subject\u{0}with NUL".into(),
        email: email(address),
        name: Some("Ålice 🦀".into()),
        groups: Vec::new(),
        amr: vec!["mfa".into()],
        idp: IdpRef { id: IdpId::random(), kind: "oidc".into() },
        ip: "2001:db8::1".parse().unwrap(),
        country: None,
        oidc_fields: serde_json::json!({ "department": ["a", 1, null] }).as_object().unwrap().clone(),
        saml_attributes: serde_json::Map::new(),
        evaluations: Vec::new(),
        iat: NOW.secs(),
    };
    Session {
        nonce: IdentityNonce::random(),
        identity,
        created_at: NOW,
        expires_at: NOW.plus(Lifetime::from_hours(24)),
    }
}

pub(crate) fn key(kid: &str) -> NewKey {
    NewKey {
        kid: kid.into(),
        pkcs8: Zeroizing::new(format!("private part of {kid}").into_bytes()),
        certificate_pem: format!("certificate of {kid}"),
    }
}

/// How many of 16 callers at once succeeded.
pub(crate) async fn winners_of_16<F>(call: impl Fn(usize) -> F) -> usize
where
    F: Future<Output = bool> + Send + 'static,
{
    let callers: Vec<_> = (0..16).map(|index| tokio::spawn(call(index))).collect();
    let mut winners = 0;
    for caller in callers {
        winners += usize::from(caller.await.unwrap());
    }
    winners
}

/// Waits for something that another task does.
pub(crate) async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    let waited = tokio::time::timeout(Duration::from_secs(20), async {
        while !is_so() {
            ticks.tick().await;
        }
    });
    assert!(waited.await.is_ok(), "never happened: {what}");
}
