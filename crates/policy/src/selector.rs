//! The selectors that can be decided, one family per file. Each answers for
//! one rule from what is seen of the request, and says why when it cannot.
//! Names compare exactly, never by a part of them (J-03, J-06).

pub(crate) mod certificate;
pub(crate) mod claim;
pub(crate) mod email;
pub(crate) mod external;
pub(crate) mod geo;
pub(crate) mod group;
pub(crate) mod ip;
pub(crate) mod linked_app;
pub(crate) mod list;
pub(crate) mod login;
pub(crate) mod provider_group;
pub(crate) mod service_token;

use doorward_model::rule::Rule;

use crate::facts::{Person, Seen};
use crate::met::{Answer, Why};

/// The answer that an identity gives; unknown while there is none to look at.
fn of_identity(seen: &Seen<'_>, rule: impl FnOnce(&Person<'_>) -> bool) -> Answer {
    match &seen.identity {
        Ok(person) => Answer::plain(rule(person)),
        Err(why) => Answer::unknown(*why),
    }
}

/// The identity, where it came from the provider that the rule is about. What
/// one provider said of a person does not count after another one's sign-in (J-12).
fn from_provider<'a>(seen: &'a Seen<'_>, identity_provider_id: &str) -> Result<&'a Person<'a>, Answer> {
    let person = seen.identity.as_ref().map_err(|why| Answer::unknown(*why))?;
    match person.provider.is(identity_provider_id) {
        true => Ok(person),
        false => Err(Answer::not_met(Why::OtherProvider)),
    }
}

/// Whether this version can decide rules of this selector at all. The others
/// are read and written, are unknown in every verdict, and so never open.
#[must_use]
pub const fn decides(rule: &Rule) -> bool {
    undecidable(rule).is_none()
}

/// Why no rule of this selector can be decided; `None` for those that can.
pub(crate) const fn undecidable(rule: &Rule) -> Option<Why> {
    match rule {
        Rule::DevicePosture(_) | Rule::UserRiskScore(_) => Some(Why::NeedsAgent),
        Rule::CloudflareAccountMember(_) => Some(Why::NeedsCloudflare),
        Rule::AuthContext(_) => Some(Why::NeedsEntra),
        _ => None,
    }
}
