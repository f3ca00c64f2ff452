//! `mfa_config`: a second factor that Access itself asks for. None is asked for
//! here, so that an application that people enter cannot demand one; what
//! demands nothing is kept, as clients write it.

use serde_json::{Map, Value};

use super::super::fields::{Field, Shape, field, shaped};
use super::super::refusal::Refusal;
use super::super::written::Written;

pub(in crate::cloudflare) const MEND: &str = "leave it out, or say mfa_disabled, and require a second factor of the \
                                               identity provider with the rule {\"auth_method\": {\"auth_method\": \"mfa\"}}";

const NAME: &str = "mfa_config";
const FIELDS: &[Field] = &[
    field("allowed_authenticators", Shape::Texts),
    field("mfa_disabled", Shape::Flag),
    field("session_duration", Shape::Session),
];
const AUTHENTICATORS: [&str; 5] = ["totp", "biometrics", "security_key", "piv_key", "ssh_fido2_key"];

/// `is_entered`: whether people are let in to the application.
pub(super) fn checked(fields: &mut Map<String, Value>, is_entered: bool) -> Result<(), Refusal> {
    let Some(Value::Object(written)) = fields.remove(NAME) else { return Ok(()) };
    let config = shaped(&Written::part(written), FIELDS).map_err(|refusal| refusal.below(&format!("/{NAME}")))?;
    let allowed = config.get("allowed_authenticators").and_then(Value::as_array);
    for (authenticator, index) in allowed.into_iter().flatten().zip(0..) {
        if !authenticator.as_str().is_some_and(|word| AUTHENTICATORS.contains(&word)) {
            let text = format!("invalid mfa authenticator type; one of {}", AUTHENTICATORS.join(", "));
            return Err(Refusal::invalid(format!("/{NAME}/allowed_authenticators/{index}"), text));
        }
    }
    if is_entered && demands(&config) {
        return Err(Refusal::not_there_yet(format!("/{NAME}"), NAME, MEND));
    }
    fields.insert(NAME.into(), Value::Object(config));
    Ok(())
}

fn demands(config: &Map<String, Value>) -> bool {
    let names_some =
        config.get("allowed_authenticators").and_then(Value::as_array).is_some_and(|some| !some.is_empty());
    config.get("mfa_disabled") != Some(&Value::Bool(true)) && (names_some || config.contains_key("session_duration"))
}
