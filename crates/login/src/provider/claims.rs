//! From a provider's claims to a person. Pure: the claims were verified before.

use doorward_model::email::Email;
use doorward_model::identity::IdentityGroup;
use doorward_model::idp::OidcProvider;
use serde_json::{Map, Value};

/// More groups than any rule would name are cut off (J-06).
const MOST_GROUPS: usize = 1000;
const LONGEST_GROUP: usize = 1024;
const MOST_METHODS: usize = 20;
/// A configured claim of more than this is left out: it is kept with the session.
const LARGEST_CLAIM: usize = 16 * 1024;

/// A proven person, in our words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) subject: String,
    pub(crate) email: Email,
    pub(crate) name: Option<String>,
    pub(crate) groups: Vec<IdentityGroup>,
    pub(crate) amr: Vec<String>,
    /// An ISO 3166-1 alpha-2 code. Only the built-in provider means by it where they sign in from.
    pub(crate) country: Option<String>,
    pub(crate) oidc_fields: Map<String, Value>,
}

/// Why claims do not name a person that rules could be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClaimProblem {
    #[error("there is no subject")]
    NoSubject,
    #[error("there is no e-mail address")]
    NoEmail,
    #[error("the e-mail address is malformed")]
    MalformedEmail,
    #[error("the e-mail address is not verified")]
    UnverifiedEmail,
}

/// Reads a person out of verified claims.
pub(crate) fn person(claims: &Map<String, Value>, provider: &OidcProvider) -> Result<Person, ClaimProblem> {
    let subject = claims.get("sub").and_then(Value::as_str).filter(|subject| !subject.is_empty());
    let groups = groups(claims);
    if groups.is_empty() && has_overage(claims) {
        tracing::warn!("the provider left groups out of its token (overage): rules about groups will not match");
    }
    Ok(Person {
        subject: subject.ok_or(ClaimProblem::NoSubject)?.to_owned(),
        email: email(claims, provider)?,
        name: text(claims, "name").or_else(|| text(claims, "preferred_username")),
        groups,
        amr: methods(claims),
        country: text(claims, "country").filter(|code| is_country_code(code)).map(|code| code.to_ascii_uppercase()),
        oidc_fields: configured(claims, provider),
    })
}

/// Whether something is missing that userinfo could tell.
pub(crate) fn incomplete(claims: &Map<String, Value>, provider: &OidcProvider) -> bool {
    let lacks = |name: &str| claims.get(name).is_none_or(Value::is_null);
    lacks(email_claim(provider)) || provider.claims.iter().any(|name| lacks(name))
}

fn email_claim(provider: &OidcProvider) -> &str {
    provider.email_claim_name.as_deref().unwrap_or("email")
}

/// The address, if the provider vouches for it (J-01): what an account holder
/// may type into their profile is not who they are.
fn email(claims: &Map<String, Value>, provider: &OidcProvider) -> Result<Email, ClaimProblem> {
    let name = email_claim(provider);
    let value = claims.get(name).filter(|value| !value.is_null()).ok_or(ClaimProblem::NoEmail)?;
    let parsed = |value: &Value| value.as_str().and_then(|text| text.parse::<Email>().ok());
    let email = parsed(value).ok_or(ClaimProblem::MalformedEmail)?;
    let verified = match claims.get("email_verified") {
        None | Some(Value::Null) => None,
        Some(Value::Bool(verified)) => Some(*verified),
        Some(Value::String(text)) => Some(text == "true"),
        Some(_) => Some(false),
    };
    // The flag speaks of `email`; for another claim it counts only where that says the same.
    let about_this = claims.get("email").and_then(parsed).as_ref() == Some(&email);
    match verified {
        Some(true) if about_this => Ok(email),
        Some(true) | None if provider.trust_unverified_email => Ok(email),
        _ => Err(ClaimProblem::UnverifiedEmail),
    }
}

/// Adds what only userinfo tells. It never replaces what the ID token says, and
/// its `email_verified` speaks of its own address alone (J-01).
pub(crate) fn add_userinfo(claims: &mut Map<String, Value>, mut found: Map<String, Value>) {
    let address = |claims: &Map<String, Value>| claims.get("email").and_then(Value::as_str).map(str::to_lowercase);
    match address(claims) {
        Some(known) if address(&found).as_ref() != Some(&known) => {
            found.remove("email_verified");
        }
        Some(_) => {}
        // A flag without an address speaks of nothing; the pair comes from userinfo.
        None => {
            claims.remove("email_verified");
        }
    }
    for (name, value) in found.into_iter().filter(|(_, value)| !value.is_null()) {
        claims.entry(name).or_insert(value);
    }
}

/// The claim `groups` in whatever case, as one name, names or objects (J-06).
fn groups(claims: &Map<String, Value>) -> Vec<IdentityGroup> {
    let any_case = || claims.iter().find(|(name, _)| name.eq_ignore_ascii_case("groups")).map(|(_, value)| value);
    match claims.get("groups").or_else(any_case) {
        Some(Value::Array(items)) => items.iter().filter_map(group).take(MOST_GROUPS).collect(),
        Some(one) => group(one).into_iter().collect(),
        None => Vec::new(),
    }
}

fn group(value: &Value) -> Option<IdentityGroup> {
    let short = |text: &str| (!text.is_empty() && text.len() <= LONGEST_GROUP).then(|| text.to_owned());
    match value {
        Value::String(name) => short(name).map(IdentityGroup::Name),
        Value::Object(members) => {
            let member = |name: &str| members.get(name).and_then(Value::as_str).and_then(short);
            match (member("id"), member("name")) {
                (Some(id), name) => Some(IdentityGroup::Object { id, name, email: member("email") }),
                (None, Some(name)) => Some(IdentityGroup::Name(name)),
                (None, None) => None,
            }
        }
        _ => None,
    }
}

/// The provider says that there are groups, elsewhere. That address is the
/// token's word, so it is never called (J-07).
fn has_overage(claims: &Map<String, Value>) -> bool {
    let elsewhere = claims.get("_claim_names").and_then(|names| names.get("groups")).is_some();
    elsewhere || claims.get("hasgroups").is_some_and(|has| has == &Value::Bool(true) || has == "true")
}

fn methods(claims: &Map<String, Value>) -> Vec<String> {
    match claims.get("amr") {
        Some(Value::Array(items)) => {
            items.iter().filter_map(Value::as_str).take(MOST_METHODS).map(str::to_owned).collect()
        }
        Some(Value::String(one)) => vec![one.clone()],
        _ => Vec::new(),
    }
}

fn configured(claims: &Map<String, Value>, provider: &OidcProvider) -> Map<String, Value> {
    let found = provider.claims.iter().filter_map(|name| Some((name.clone(), claims.get(name)?.clone())));
    found
        .filter(|(name, value)| {
            let fits = value.to_string().len() <= LARGEST_CLAIM;
            if !fits {
                tracing::warn!(claim = name, "a claim of more than 16 KiB was left out");
            }
            fits
        })
        .collect()
}

fn is_country_code(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn text(claims: &Map<String, Value>, name: &str) -> Option<String> {
    claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use doorward_model::idp::OidcEndpoints;
    use doorward_model::secret::Secret;
    use serde_json::json;

    use super::*;

    fn provider() -> OidcProvider {
        OidcProvider {
            client_id: "client".into(),
            client_secret: Secret::new("secret".into()),
            endpoints: OidcEndpoints::Discovered { issuer: "https://idp.test".into() },
            scopes: vec![],
            claims: vec!["team".into(), "level".into()],
            email_claim_name: None,
            pkce_enabled: true,
            trust_unverified_email: false,
        }
    }

    fn read(claims: Value, provider: &OidcProvider) -> Result<Person, ClaimProblem> {
        let mut all = json!({"sub": "s1", "email": "root@corp.test", "email_verified": true});
        let all = all.as_object_mut().unwrap();
        all.extend(claims.as_object().unwrap().clone());
        all.retain(|_, value| value != &json!("(absent)"));
        person(all, provider)
    }

    #[test]
    fn j_01_an_address_counts_only_if_the_provider_vouches_for_it() {
        let trusting = OidcProvider { trust_unverified_email: true, ..provider() };
        for (flag, strict, trusted) in [
            (json!(true), true, true),
            (json!("true"), true, true),
            (json!(false), false, false),
            (json!("false"), false, false),
            (json!(0), false, false),
            (json!(1), false, false),
            (json!("(absent)"), false, true),
            (json!(null), false, true),
        ] {
            let claims = json!({"email_verified": flag});
            assert_eq!(read(claims.clone(), &provider()).is_ok(), strict, "strict, {flag}");
            assert_eq!(read(claims, &trusting).is_ok(), trusted, "trusting, {flag}");
        }
    }

    #[test]
    fn j_01_userinfo_vouches_for_no_address_but_its_own() {
        let merged = |id_token: Value, userinfo: Value| {
            let mut claims = id_token.as_object().unwrap().clone();
            add_userinfo(&mut claims, userinfo.as_object().unwrap().clone());
            Value::Object(claims)
        };
        let root = json!({"email": "root@corp.test"});
        assert_eq!(merged(root.clone(), json!({"email": "mallory@evil.test", "email_verified": true})), root);
        assert_eq!(merged(root.clone(), json!({"email_verified": true})), root);
        assert_eq!(
            merged(root.clone(), json!({"email": "Root@corp.test", "email_verified": true, "groups": ["a"]})),
            json!({"email": "root@corp.test", "email_verified": true, "groups": ["a"]})
        );
        let mallory = json!({"email": "mallory@evil.test", "email_verified": false});
        assert_eq!(merged(json!({"email_verified": true}), mallory.clone()), mallory);
    }

    #[test]
    fn j_01_the_flag_does_not_vouch_for_another_claim() {
        let upn = OidcProvider { email_claim_name: Some("upn".into()), ..provider() };
        assert_eq!(read(json!({"upn": "ceo@corp.test"}), &upn).unwrap_err(), ClaimProblem::UnverifiedEmail);
        assert_eq!(read(json!({"upn": "Root@corp.test"}), &upn).unwrap().email.as_str(), "root@corp.test");
        let trusting = OidcProvider { trust_unverified_email: true, ..upn };
        assert_eq!(read(json!({"upn": "ceo@corp.test"}), &trusting).unwrap().email.as_str(), "ceo@corp.test");
    }

    #[test]
    fn j_02_a_malformed_or_missing_address_is_nobody() {
        for (email, problem) in [
            (json!("mallory@evil.test@corp.test"), ClaimProblem::MalformedEmail),
            (json!("\"x@corp.test\"@evil.test"), ClaimProblem::MalformedEmail),
            (json!("a@corp.test\u{0}"), ClaimProblem::MalformedEmail),
            (json!("a@corp.test\n"), ClaimProblem::MalformedEmail),
            (json!("@corp.test"), ClaimProblem::MalformedEmail),
            (json!(["a@corp.test"]), ClaimProblem::MalformedEmail),
            (json!("(absent)"), ClaimProblem::NoEmail),
        ] {
            assert_eq!(read(json!({"email": email}), &provider()).unwrap_err(), problem, "{email}");
        }
    }

    #[test]
    fn j_06_groups_are_read_in_every_shape_and_never_split() {
        let name = |name: &str| IdentityGroup::Name(name.into());
        for (claims, expected) in [
            (json!({"groups": "admins"}), vec![name("admins")]),
            (json!({"groups": "admins,x"}), vec![name("admins,x")]),
            (json!({"Groups": ["a", 7, ["nested"], null, "b"]}), vec![name("a"), name("b")]),
            (
                json!({"groups": [{"id": "1", "name": "Admins"}, {"name": "only"}, {}]}),
                vec![IdentityGroup::Object { id: "1".into(), name: Some("Admins".into()), email: None }, name("only")],
            ),
            (json!({"groups": {"id": "1"}}), vec![IdentityGroup::Object { id: "1".into(), name: None, email: None }]),
            (json!({"groups": 7}), vec![]),
            (json!({}), vec![]),
        ] {
            assert_eq!(read(claims.clone(), &provider()).unwrap().groups, expected, "{claims}");
        }
    }

    #[test]
    fn j_06_the_number_of_groups_is_bounded() {
        let many: Vec<String> = (0..10_000).map(|i| format!("g{i}")).collect();
        assert_eq!(read(json!({"groups": many}), &provider()).unwrap().groups.len(), MOST_GROUPS);
    }

    #[test]
    fn j_07_groups_that_are_elsewhere_are_no_groups() {
        let claims = json!({
            "_claim_names": {"groups": "src1"},
            "_claim_sources": {"src1": {"endpoint": "https://evil.test/groups"}},
            "hasgroups": true,
        });
        assert!(read(claims, &provider()).unwrap().groups.is_empty());
    }

    #[test]
    fn configured_claims_are_kept_and_others_are_not() {
        let claims = json!({"level": 3, "team": {"name": "red"}, "secret": "x"});
        let fields = read(claims, &provider()).unwrap().oidc_fields;
        assert_eq!(Value::Object(fields), json!({"team": {"name": "red"}, "level": 3}));
    }

    #[test]
    fn a_token_without_a_subject_is_nobody() {
        for subject in [json!(""), json!(null), json!(7)] {
            assert_eq!(read(json!({"sub": subject}), &provider()).unwrap_err(), ClaimProblem::NoSubject);
        }
    }
}
