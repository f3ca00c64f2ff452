//! Rules as they are written: each is one selector that is known, whose value
//! can be one, and that refers to something that is there.

use doorward_model::document::{Key, Kind, ListDocument};
use doorward_model::list::{EMAIL, IP};
use doorward_model::rule::Rule;
use doorward_objects::Set;
use serde_json::{Map, Value};
use serde_path_to_error::Segment;

use super::Api;
use super::fields::web_url;
use super::refusal::Refusal;

pub(super) const LISTS: [&str; 3] = ["include", "exclude", "require"];
const RISK_SCORES: [&str; 4] = ["low", "medium", "high", "unscored"];

/// The three lists of rules of a policy or group, checked; those that were
/// left out are empty. Gives what there is to say about them.
pub(super) fn checked(api: &Api, set: &Set, fields: &mut Map<String, Value>) -> Result<Vec<String>, Refusal> {
    let mut notes = Vec::new();
    for list in LISTS {
        let rules = fields.entry(list).or_insert_with(|| Value::Array(Vec::new()));
        let rules = rules.as_array().ok_or_else(|| Refusal::invalid(format!("/{list}"), "must be a list of rules"))?;
        for (index, rule) in rules.iter().enumerate() {
            notes.extend(check(api, set, &format!("/{list}/{index}"), rule)?);
        }
    }
    notes.sort();
    notes.dedup();
    Ok(notes)
}

fn check(api: &Api, set: &Set, pointer: &str, written: &Value) -> Result<Option<String>, Refusal> {
    if written.as_object().is_none_or(|selectors| selectors.len() != 1) {
        return Err(Refusal::invalid(pointer, "a rule is an object with exactly one selector"));
    }
    let rule: Rule = serde_path_to_error::deserialize(written).map_err(|error| {
        // A name that is no selector is a segment that nobody knows.
        let known = error.path().iter().filter(|segment| !matches!(segment, Segment::Unknown));
        let place: String = known.map(|segment| format!("/{}", segment.to_string().trim_matches(['[', ']']))).collect();
        Refusal::invalid(format!("{pointer}{place}"), error.into_inner())
    })?;
    says_something(pointer, written)?;
    refers(api, set, pointer, &rule)?;
    value(pointer, &rule)?;
    let undecided = !doorward_policy::decides(&rule);
    Ok(undecided.then(|| format!("this version cannot decide {}, so that it lets nobody in", rule.selector())))
}

/// A text that is empty is met by nothing that was meant. Values that are
/// compared with what a provider says may be.
fn says_something(pointer: &str, rule: &Value) -> Result<(), Refusal> {
    const MAY_BE_EMPTY: [&str; 2] = ["claim_value", "attribute_value"];
    let fields = rule.as_object().into_iter().flatten();
    let fields = fields
        .flat_map(|(selector, value)| value.as_object().into_iter().flatten().map(move |field| (selector, field)));
    for (selector, (name, value)) in fields {
        let empty =
            value.as_str().is_some_and(|text| text.trim().is_empty()) || value.as_array().is_some_and(Vec::is_empty);
        if empty && !MAY_BE_EMPTY.contains(&name.as_str()) {
            return Err(Refusal::invalid(format!("{pointer}/{selector}/{name}"), format!("{name} is empty")));
        }
    }
    Ok(())
}

/// A reference that leads nowhere would never be met, and nobody would know why.
fn refers(api: &Api, set: &Set, pointer: &str, rule: &Rule) -> Result<(), Refusal> {
    let at = |field: &str| format!("{pointer}/{}/{field}", rule.selector());
    let missing = |field: &str, kind: Kind, id: &str| Refusal::invalid(at(field), format!("there is no {kind} {id}"));
    let there = |kind, id: &str| set.get(&Key::new(kind, id.to_lowercase())).is_some();
    match rule {
        Rule::Group(group) if !there(Kind::Group, &group.id) => Err(Refusal::no_such_group(at("id"), &group.id)),
        Rule::ServiceToken(token) if !there(Kind::ServiceToken, &token.token_id) => {
            Err(missing("token_id", Kind::ServiceToken, &token.token_id))
        }
        Rule::LinkedAppToken(linked) if !there(Kind::App, &linked.app_uid.to_string()) => {
            Err(missing("app_uid", Kind::App, &linked.app_uid.to_string()))
        }
        Rule::EmailList(list) => of_type(set, EMAIL, &list.id).map_err(|why| Refusal::invalid(at("id"), why)),
        Rule::IpList(list) => of_type(set, IP, &list.id).map_err(|why| Refusal::invalid(at("id"), why)),
        other => {
            let mut other = other.clone();
            let field = if matches!(other, Rule::LoginMethod(_)) { "id" } else { "identity_provider_id" };
            match other.identity_provider_mut() {
                Some(id) if !api.has_provider(set, id) => Err(missing(field, Kind::IdentityProvider, id)),
                _ => Ok(()),
            }
        }
    }
}

/// A list of another type would hold nothing that the rule could meet.
fn of_type(set: &Set, kind: &str, id: &str) -> Result<(), String> {
    let list = set.get(&Key::new(Kind::List, id.to_lowercase())).ok_or_else(|| format!("there is no list {id}"))?;
    match list.document::<ListDocument>() {
        Ok(list) if list.kind == kind => Ok(()),
        _ => Err(format!("the list {id} is of another type than {kind}")),
    }
}

/// What the type of a value does not say.
fn value(pointer: &str, rule: &Rule) -> Result<(), Refusal> {
    let at = |field: &str| format!("{pointer}/{}/{field}", rule.selector());
    match rule {
        Rule::UserRiskScore(rule)
            if !rule.user_risk_score.iter().all(|score| RISK_SCORES.contains(&score.as_str())) =>
        {
            Err(Refusal::invalid(at("user_risk_score"), "a risk score is low, medium, high or unscored"))
        }
        Rule::Geo(geo) if geo.country_code.len() != 2 || !geo.country_code.bytes().all(|b| b.is_ascii_uppercase()) => {
            Err(Refusal::invalid(at("country_code"), "a country has two upper-case letters, as in DE"))
        }
        Rule::EmailDomain(rule) if rule.domain.is_empty() || rule.domain.contains('@') => {
            Err(Refusal::invalid(at("domain"), "a domain is what follows the @, as in example.com"))
        }
        Rule::Email(rule) if !rule.email.contains('@') => {
            Err(Refusal::invalid(at("email"), "an e-mail address has an @, as in alice@example.com"))
        }
        Rule::ExternalEvaluation(rule) => {
            for (field, url) in [("evaluate_url", &rule.evaluate_url), ("keys_url", &rule.keys_url)] {
                let url = web_url(field, url).map_err(|detail| Refusal::invalid(at(field), detail))?;
                if url.scheme() != "https" {
                    return Err(Refusal::invalid(at(field), format!("{field} must be an https:// URL")));
                }
                super::outside::allowed(field, &url, false).map_err(|detail| Refusal::invalid(at(field), detail))?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

impl Api {
    /// The emulator's own provider is in no store.
    pub(super) fn has_provider(&self, set: &Set, id: &str) -> bool {
        let built_in = || id.parse().is_ok_and(|id| self.0.objects.catalog().load().idp(id).is_some());
        set.get(&Key::new(Kind::IdentityProvider, id.to_lowercase())).is_some() || built_in()
    }
}
