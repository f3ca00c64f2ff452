//! The organisation, as far as it is there: ending everything of a person.

use axum::extract::State;
use doorward_model::email::Email;
use doorward_model::id::UserId;
use doorward_model::session::Revoked;
use serde_json::json;

use super::Api;
use super::answer::Answer;
use super::caller::Caller;
use super::fields::{Field, Shape, field, kept, needed, notes, shaped};
use super::refusal::Refusal;
use super::written::Written;

pub(super) const FIELDS: &[Field] = &[
    field("email", Shape::Name),
    // There are no devices whose session could be ended.
    kept("devices", Shape::Flag),
    kept("warp_session_reauth", Shape::Flag),
    kept("user_uid", Shape::Text),
];

/// Every session and token of an address ends, known here or not.
pub(super) async fn revoke_user(State(api): State<Api>, caller: Caller, written: Written) -> Result<Answer, Refusal> {
    let fields = shaped(&written, FIELDS)?;
    needed(&fields, "email")?;
    let email: Email = fields["email"]
        .as_str()
        .unwrap_or_default()
        .parse()
        .map_err(|error| Refusal::invalid("/email", format!("the text is {error}")))?;
    let (now, account) = (api.now(), &api.0.account);
    let user = api.0.store.user(&email, UserId::derived(account, email.as_str()), now).await?;
    api.0.store.revoke(&Revoked::User(user), now).await?;
    caller.log_deed(&format!("revoked everything of {email}"));
    Ok(Answer::ok(json!(true)).noting(notes(&fields, FIELDS)))
}
