//! A door for a test: the API alone, with what it stands on.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use doorward_model::app::Refresh;
use doorward_model::audit::Author;
use doorward_model::catalog::Catalog;
use doorward_model::document::{ApiTokenDocument, Content, Key, Object, Owner, Scope};
use doorward_model::id::AccountId;
use doorward_model::secret::Secret;
use doorward_model::site::Team;
use doorward_model::time::{Clock, Lifetime, Timestamp};
use doorward_objects::{Declared, Objects, ObjectsError, Setting};
use doorward_store::{ObjectChange, Seal, Store};
use http::{HeaderMap, Request};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

use crate::cloudflare::{Parts, SigningKeys, router};

pub(super) const START: Timestamp = Timestamp::from_secs(1_800_000_000);
/// What the team publishes for its key.
pub(super) const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
/// The token of the file.
pub(super) const TOKEN: &str = "the-token-of-the-file-0123456789abcdef01234";

#[derive(Clone)]
pub(super) struct Door {
    router: Router,
    pub(super) objects: Objects,
    pub(super) store: Store,
    pub(super) clock: Clock,
    /// What calls are below: the account, or one of its zones.
    above: String,
    _folder: Arc<TempDir>,
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Door {
    pub(super) async fn open() -> Self {
        Self::declaring(vec![]).await
    }

    /// With these objects in its configuration file.
    pub(super) async fn declaring(objects: Vec<(Key, Content)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/door.db", folder.path().display());
        let store = Store::connect(&url, Seal::for_emulator(), Duration::from_secs(5)).await.unwrap();
        store.migrate().await.unwrap();
        let clock = Clock::movable();
        assert!(clock.freeze(true) && clock.set(START));
        let account = AccountId::derived("acme");
        let team = Team {
            account: account.clone(),
            name: "acme".into(),
            domain: "acme.cloudflareaccess.com".into(),
            url: "https://acme.cloudflareaccess.com".into(),
            host: "acme.cloudflareaccess.com".parse().unwrap(),
            session_duration: Lifetime::from_hours(24),
        };
        let setting = Setting { team, refresh: Refresh::Edge };
        let declared = Declared { file: "/etc/doorward.toml".into(), objects, built_in: None };
        let objects = Objects::open(store.clone(), setting, declared, START).await.unwrap();
        let signs_since = Arc::new(AtomicI64::new(START.0));
        let parts = Parts {
            objects: objects.clone(),
            store: store.clone(),
            clock: clock.clone(),
            account: account.clone(),
            token: Some(Secret::new(TOKEN.into())),
            allow_http: false,
            leads_here: Box::new(|_| Ok(())),
            can_vouch: |der| if der.is_empty() { Err("it is empty".into()) } else { Ok(()) },
            log_retention: Lifetime::from_days(30),
            signing_keys: SigningKeys {
                since: Box::new({
                    let since = Arc::clone(&signs_since);
                    move || Timestamp(since.load(Ordering::Relaxed))
                }),
                certificate: Box::new(|| CERTIFICATE.into()),
                rotate: Box::new({
                    let (clock, store) = (clock.clone(), store.clone());
                    move |told| {
                        signs_since.store(clock.now().0, Ordering::Relaxed);
                        let store = store.clone();
                        Box::pin(async move {
                            for line in told {
                                store.log_audit(&line).await.map_err(|error| error.to_string())?;
                            }
                            Ok(())
                        })
                    }
                }),
            },
        };
        let above = format!("/client/v4/accounts/{}", account.as_str());
        Self { router: router(parts), objects, store, clock, above, _folder: folder.into() }
    }

    /// The same door, asked below a zone.
    pub(super) async fn of_zone(&self, name: &str) -> Self {
        let (target, bearer) = (format!("/client/v4/zones?name={name}"), format!("Bearer {TOKEN}"));
        let answer = self.send("GET", &target, &[("authorization", &bearer)], "").await;
        let zones = &answer.body["result"];
        let id = zones[0]["id"].as_str().unwrap_or_else(|| panic!("{name} is a zone"));
        Self { above: format!("/client/v4/zones/{id}"), ..self.clone() }
    }

    pub(super) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.above)
    }

    /// Any request, as it is.
    pub(super) async fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = to_bytes(body, 1 << 24).await.unwrap();
        let body = serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{method} {target}: {error}: {body:?}"));
        super::openapi::conforms(method, target, parts.status.as_u16(), &body);
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// A call of the account's API with the file's token.
    pub(super) async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        let bearer = format!("Bearer {TOKEN}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, &self.path(path), &headers, &body).await
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, Value::Null).await
    }

    /// The result of a call that must succeed with this status.
    pub(super) async fn done(&self, status: u16, method: &str, path: &str, body: Value) -> Value {
        let answer = self.call(method, path, body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        assert_eq!(answer.body["success"], true);
        answer.body["result"].clone()
    }

    /// What decides about requests now.
    pub(super) fn catalog(&self) -> Arc<Catalog> {
        self.objects.catalog().snapshot()
    }

    /// A token of its own for somebody.
    pub(super) async fn token(&self, scope: Scope, expires_on: Option<&str>) -> String {
        let document = ApiTokenDocument { name: uuid(), scope, expires_on: expires_on.map(str::to_owned) };
        let (token, key, content) = document.minted();
        let object = Object { key, owner: Owner::Api, content, created_at: START, updated_at: START };
        let change = ObjectChange::Put(object);
        self.objects
            .change(&Author::command_line(), START, |_| Ok::<_, ObjectsError>((vec![change.clone()], ())))
            .await
            .unwrap();
        token.expose().to_owned()
    }
}

impl Answer {
    /// A refusal with this status and code; gives its message.
    pub(super) fn refused(&self, status: u16, code: u64) -> String {
        assert_eq!((self.status, &self.body["errors"][0]["code"]), (status, &json!(code)), "{}", self.body);
        assert_eq!((&self.body["success"], &self.body["result"]), (&json!(false), &Value::Null));
        if status != 503 {
            assert_eq!(self.headers["x-should-retry"], "false");
        }
        self.body["errors"][0]["message"].as_str().unwrap().to_owned()
    }

    /// A 400 for the field at this pointer.
    pub(super) fn invalid(&self, pointer: &str) -> String {
        let message = self.refused(400, 12130);
        assert_eq!(self.body["errors"][0]["source"]["pointer"], pointer, "{}", self.body);
        message
    }
}

/// An id that nobody has.
pub(super) fn uuid() -> String {
    doorward_model::id::PolicyId::random().to_string()
}
