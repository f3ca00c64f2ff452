//! Policies tried on everybody who was here, as they were last seen. A test
//! runs beside the call that begins it; how far it is stands in the store, so
//! that any node can be asked.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use doorward_model::app::App;
use doorward_model::catalog::Catalog;
use doorward_model::document::{AppDocument, AppPolicy, Key, Kind, PolicyDocument};
use doorward_model::id::PolicyId;
use doorward_model::policy::Policy;
use doorward_model::secret::random_hex;
use doorward_objects::Set;
use doorward_policy::{Facts, RefusalKind, decide};
use doorward_store::{KnownUser, PolicyTest, Progress, StoreError, TestStatus, TestedUser};
use serde_json::{Value, json};

use super::answer::Answer;
use super::apps::written_policies::{Times, own};
use super::caller::Caller;
use super::fields::{Field, Shape, field, needed, shaped};
use super::paging::{Page, Wanted};
use super::refusal::Refusal;
use super::written::Written;
use super::{Api, At};

pub(super) const FIELDS: &[Field] = &[field("policies", Shape::List)];

/// However many people there are.
const LONGEST: Duration = Duration::from_secs(300);
/// People that are looked at between two notes of how far the test is.
const AT_ONCE: u32 = 500;
const USUAL_PAGE: usize = 25;

pub(super) async fn create(State(api): State<Api>, caller: Caller, written: Written) -> Result<Answer, Refusal> {
    let app = Arc::new(tried(&api, &written)?);
    let (id, now) = (random_hex::<16>(), api.now());
    let told = [caller.deed("policy-test", &id, now)];
    if !api.0.store.begin_policy_test(&id, &told, now).await? {
        return Err(Refusal::conflict("several policy tests are running; begin this one when they are over"));
    }
    tokio::spawn(run(api, id.clone(), app));
    Ok(Answer::ok(json!({ "id": id, "status": "success" })))
}

pub(super) async fn show(State(api): State<Api>, Path(At { id }): Path<At>) -> Result<Answer, Refusal> {
    let test = found(&api, &id).await?;
    let processed = test.approved + test.blocked + test.errors;
    // Somebody may have come while it ran.
    let total = test.total_users.max(processed);
    let percent = |part: u64| (part * 100).checked_div(total);
    Ok(Answer::ok(json!({
        "id": id,
        "status": test.progress.as_str(),
        "total_users": total,
        "users_approved": test.approved,
        "users_blocked": test.blocked,
        "users_errored": test.errors,
        "percent_approved": percent(test.approved).unwrap_or_default(),
        "percent_blocked": percent(test.blocked).unwrap_or_default(),
        "percent_errored": percent(test.errors).unwrap_or_default(),
        "percent_users_processed": percent(processed).unwrap_or(100),
    })))
}

pub(super) async fn users(State(api): State<Api>, Path(At { id }): Path<At>, wanted: Wanted) -> Result<Page, Refusal> {
    let status = match wanted.text("status") {
        None => None,
        Some("success" | "approved") => Some(TestStatus::Approved),
        Some("fail" | "blocked") => Some(TestStatus::Blocked),
        Some("error") => Some(TestStatus::Error),
        Some(_) => return Err(Refusal::invalid("/status", "status is success, fail or error")),
    };
    found(&api, &id).await?;
    let (page, per_page) = wanted.place(USUAL_PAGE)?;
    let skip = (page as u64 - 1).saturating_mul(per_page as u64);
    let (total, users) = api.0.store.tested_users(&id, status, skip, per_page as u64).await?;
    let shown = |user: &TestedUser| json!({ "id": user.id, "email": user.email, "name": user.name, "status": user.status.as_str() });
    let items = users.iter().map(shown).collect();
    Ok(Page { page, per_page, total: usize::try_from(total).unwrap_or(usize::MAX), items })
}

async fn found(api: &Api, id: &str) -> Result<PolicyTest, Refusal> {
    let test = api.0.store.policy_test(id, api.now()).await?;
    test.ok_or_else(|| Refusal::absent("policy test"))
}

/// An application that has these policies, in this order, and nothing else.
fn tried(api: &Api, written: &Written) -> Result<App, Refusal> {
    let fields = shaped(written, FIELDS)?;
    needed(&fields, "policies")?;
    let entries = fields["policies"].as_array().map(Vec::as_slice).unwrap_or_default();
    if entries.is_empty() {
        return Err(Refusal::invalid("/policies", "policies is a list of policies, or of their ids"));
    }
    let set = api.set();
    let policies = entries.iter().zip(1..).map(|(entry, place)| policy(api, &set, entry, place));
    let policies: Vec<Policy> = policies.collect::<Result<_, _>>()?;
    Ok(App::new(&api.0.account, "policy test", Vec::new(), policies))
}

fn policy(api: &Api, set: &Set, entry: &Value, place: u32) -> Result<Policy, Refusal> {
    let pointer = format!("/policies/{}", place - 1);
    let document = match entry {
        Value::String(id) => {
            let known = id.parse().ok().and_then(|id| known(set, id));
            known.ok_or_else(|| Refusal::invalid(&pointer, format!("there is no policy \"{id}\"")))?
        }
        Value::Object(fields) => {
            let now = api.now().to_rfc3339();
            let times = Times { created: now.clone(), updated: now };
            own(api, set, fields, PolicyId::random(), place, &times).map_err(|refusal| refusal.below(&pointer))?
        }
        _ => return Err(Refusal::invalid(pointer, "a policy is an id or an object")),
    };
    document.policy(place).map_err(|error| Refusal::invalid(pointer, error))
}

/// A reusable policy, or one of an application's own.
fn known(set: &Set, id: PolicyId) -> Option<PolicyDocument> {
    if let Some(reusable) = set.get(&Key::new(Kind::Policy, id)) {
        return reusable.document().ok();
    }
    let apps = set.of(Kind::App).filter_map(|app| app.document::<AppDocument>().ok());
    apps.flat_map(|app| app.policies).find_map(|policy| match policy {
        AppPolicy::Own(own) if own.id == id => Some(own),
        _ => None,
    })
}

async fn run(api: Api, id: String, app: Arc<App>) {
    let catalog = api.0.objects.catalog().snapshot();
    let progress = match tokio::time::timeout(LONGEST, everybody(&api, &id, &app, &catalog)).await {
        Ok(Ok(())) => Progress::Complete,
        Ok(Err(error)) => {
            tracing::error!(%error, policy_test.id = id, "a policy test was given up");
            Progress::ExceededTime
        }
        Err(_) => Progress::ExceededTime,
    };
    // If this cannot be kept either, the test is over when it was silent for a while.
    if let Err(error) = api.0.store.end_policy_test(&id, progress, api.now()).await {
        tracing::error!(%error, policy_test.id = id, "the end of a policy test was not kept");
    }
}

async fn everybody(api: &Api, id: &str, app: &Arc<App>, catalog: &Catalog) -> Result<(), StoreError> {
    let store = &api.0.store;
    let mut last = String::new();
    loop {
        let users = store.known_users(&last, AT_ONCE).await?;
        let Some(user) = users.last() else { return Ok(()) };
        last = user.email.as_str().to_owned();
        let tested: Vec<TestedUser> = users.iter().map(|user| tested(user, app, catalog)).collect();
        if !store.keep_tested(id, &tested, api.now()).await? {
            return Ok(());
        }
    }
}

fn tested(user: &KnownUser, app: &Arc<App>, catalog: &Catalog) -> TestedUser {
    let name = user.identity.as_ref().and_then(|identity| identity.name.clone());
    TestedUser {
        id: user.id,
        email: user.email.clone(),
        name: name.unwrap_or_default(),
        status: status(user, app, catalog),
    }
}

/// What policies say of somebody, as the edge would right after that sign-in.
pub(super) fn status(user: &KnownUser, app: &Arc<App>, catalog: &Catalog) -> TestStatus {
    let Some(facts) = facts(user) else { return TestStatus::Error };
    match decide(app, catalog, &facts) {
        Ok(_) => TestStatus::Approved,
        // Their provider is not there any more: what it said counts for nothing.
        Err(refusal) if refusal.kind == RefusalKind::NeedsLogin => TestStatus::Error,
        Err(_) => TestStatus::Blocked,
    }
}

/// What is known of somebody without a request of theirs.
pub(super) fn facts(user: &KnownUser) -> Option<Facts<'_>> {
    let identity = user.identity.as_ref()?;
    Some(Facts {
        identity: Some(identity),
        country: identity.country.as_deref(),
        ..Facts::of_nobody(identity.ip.to_canonical())
    })
}
