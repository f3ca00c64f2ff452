//! The selector language. Its serde form *is* Cloudflare's JSON: a rule is an
//! object with one member whose name says what is selected on.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::id::{AppId, IdpId};

/// One rule of a policy's or group's `include`, `require` or `exclude`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    Email(EmailRule),
    EmailDomain(EmailDomainRule),
    EmailList(ListRule),
    Everyone(Nothing),
    Ip(IpRule),
    IpList(ListRule),
    Geo(GeoRule),
    CommonName(CommonNameRule),
    Certificate(Nothing),
    ServiceToken(ServiceTokenRule),
    AnyValidServiceToken(Nothing),
    LinkedAppToken(LinkedAppTokenRule),
    LoginMethod(LoginMethodRule),
    AuthMethod(AuthMethodRule),
    AuthContext(AuthContextRule),
    #[serde(rename = "azureAD")]
    AzureAd(AzureAdRule),
    Gsuite(GsuiteRule),
    #[serde(rename = "github-organization")]
    GithubOrganization(GithubOrganizationRule),
    Okta(OktaRule),
    Saml(SamlRule),
    Oidc(OidcRule),
    Group(GroupRule),
    ExternalEvaluation(ExternalEvaluationRule),
    DevicePosture(DevicePostureRule),
    UserRiskScore(UserRiskScoreRule),
    CloudflareAccountMember(CloudflareAccountMemberRule),
}

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident { $($(#[$meta:meta])* $field:ident : $type:ty),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$meta])* pub $field: $type),* }
    )*};
}

rules! {
    /// The empty object of selectors that have no value.
    Nothing {}
    /// One address, compared without regard to case.
    EmailRule { email: String }
    /// Every address of one domain; sub-domains are other domains.
    EmailDomainRule { domain: String }
    /// A list of addresses or of networks, by its id.
    ListRule { id: String }
    /// A network in CIDR form, or one address.
    IpRule { ip: Network }
    /// An ISO 3166-1 alpha-2 country.
    GeoRule { country_code: String }
    /// The common name of a client certificate.
    CommonNameRule { common_name: String }
    /// One service token, by the id of its object.
    ServiceTokenRule { token_id: String }
    /// A token of another application.
    LinkedAppTokenRule { app_uid: AppId }
    /// The identity provider that was used, by its id.
    LoginMethodRule { id: String }
    /// A value of the identity provider's `amr` (RFC 8176).
    AuthMethodRule { auth_method: String }
    /// An Entra authentication context.
    AuthContextRule { id: String, ac_id: String, identity_provider_id: String }
    /// An Entra group.
    AzureAdRule { id: String, identity_provider_id: String }
    /// A Google Workspace group.
    GsuiteRule { email: String, identity_provider_id: String }
    /// A GitHub organisation, or one team of it.
    GithubOrganizationRule {
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        team: Option<String>,
        identity_provider_id: String,
    }
    /// An Okta group.
    OktaRule { name: String, identity_provider_id: String }
    /// A SAML attribute with exactly this value.
    SamlRule { attribute_name: String, attribute_value: String, identity_provider_id: String }
    /// An OIDC claim with exactly this value, or with it among its values.
    OidcRule { claim_name: String, claim_value: String, identity_provider_id: String }
    /// A rule group, by its id (a name in a configuration file).
    GroupRule { id: String }
    /// The answer of a service that is asked at sign-in.
    ExternalEvaluationRule { evaluate_url: String, keys_url: String }
    /// A device posture check.
    DevicePostureRule { integration_uid: String }
    /// Any of these risk levels.
    UserRiskScoreRule { user_risk_score: Vec<String> }
    /// A member of a Cloudflare account; without an id, of the own one.
    CloudflareAccountMemberRule {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        account_id: Option<String>,
    }
}

/// A network as it was written: a lone address stays a lone address when the
/// rule is written out again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    written: String,
    net: IpNet,
}

impl Network {
    /// Whether the address is inside. The address must be canonical: an
    /// IPv4-mapped IPv6 address never matches an IPv4 network.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.net, address) {
            (IpNet::V4(net), IpAddr::V4(address)) => {
                let differs = net.addr().to_bits() ^ address.to_bits();
                differs & net.netmask().to_bits() == 0
            }
            (IpNet::V6(net), IpAddr::V6(address)) => {
                let differs = net.addr().to_bits() ^ address.to_bits();
                differs & net.netmask().to_bits() == 0
            }
            _ => false,
        }
    }

    #[must_use]
    pub const fn net(&self) -> IpNet {
        self.net
    }
}

impl std::str::FromStr for Network {
    type Err = InvalidNetwork;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let net = text
            .parse::<IpNet>()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
            .map_err(|_| InvalidNetwork(text.to_owned()))?;
        Ok(Self { written: text.to_owned(), net })
    }
}

impl TryFrom<String> for Network {
    type Error = InvalidNetwork;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.written
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.written)
    }
}

/// The text is neither an address nor a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a network; write it like 10.0.0.0/8 or 2001:db8::/32")]
pub struct InvalidNetwork(String);

impl Rule {
    /// The member name of the rule's JSON: `email`, `azureAD`, `github-organization`.
    #[must_use]
    pub const fn selector(&self) -> &'static str {
        match self {
            Self::Email(_) => "email",
            Self::EmailDomain(_) => "email_domain",
            Self::EmailList(_) => "email_list",
            Self::Everyone(_) => "everyone",
            Self::Ip(_) => "ip",
            Self::IpList(_) => "ip_list",
            Self::Geo(_) => "geo",
            Self::CommonName(_) => "common_name",
            Self::Certificate(_) => "certificate",
            Self::ServiceToken(_) => "service_token",
            Self::AnyValidServiceToken(_) => "any_valid_service_token",
            Self::LinkedAppToken(_) => "linked_app_token",
            Self::LoginMethod(_) => "login_method",
            Self::AuthMethod(_) => "auth_method",
            Self::AuthContext(_) => "auth_context",
            Self::AzureAd(_) => "azureAD",
            Self::Gsuite(_) => "gsuite",
            Self::GithubOrganization(_) => "github-organization",
            Self::Okta(_) => "okta",
            Self::Saml(_) => "saml",
            Self::Oidc(_) => "oidc",
            Self::Group(_) => "group",
            Self::ExternalEvaluation(_) => "external_evaluation",
            Self::DevicePosture(_) => "device_posture",
            Self::UserRiskScore(_) => "user_risk_score",
            Self::CloudflareAccountMember(_) => "cloudflare_account_member",
        }
    }

    /// The id of the identity provider the rule is about, where it names one.
    /// In a configuration file this may be the provider's name.
    pub fn identity_provider_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::LoginMethod(rule) => Some(&mut rule.id),
            Self::AuthContext(rule) => Some(&mut rule.identity_provider_id),
            Self::AzureAd(rule) => Some(&mut rule.identity_provider_id),
            Self::Gsuite(rule) => Some(&mut rule.identity_provider_id),
            Self::GithubOrganization(rule) => Some(&mut rule.identity_provider_id),
            Self::Okta(rule) => Some(&mut rule.identity_provider_id),
            Self::Saml(rule) => Some(&mut rule.identity_provider_id),
            Self::Oidc(rule) => Some(&mut rule.identity_provider_id),
            _ => None,
        }
    }
}

/// The id of a provider beside its usual spelling, for whoever compares it
/// with many rules.
#[derive(Clone, Copy, Debug)]
pub struct SpelledProvider {
    id: IdpId,
    spelling: [u8; Self::LENGTH],
}

impl SpelledProvider {
    const LENGTH: usize = uuid::fmt::Hyphenated::LENGTH;

    #[must_use]
    pub fn of(id: IdpId) -> Self {
        let mut spelling = [0; Self::LENGTH];
        id.0.hyphenated().encode_lower(&mut spelling);
        Self { id, spelling }
    }

    /// Whether the text is the id of this provider.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        if text.as_bytes() == self.spelling {
            return true;
        }
        // Only this spelling has this length, so such a text need not be read.
        match text.len() {
            Self::LENGTH => text.as_bytes().eq_ignore_ascii_case(&self.spelling),
            _ => text.parse() == Ok(self.id),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every selector of spec page §3.4, in Cloudflare's own JSON.
    const ALL: &[&str] = &[
        r#"{"email":{"email":"a@b"}}"#,
        r#"{"email_domain":{"domain":"b.com"}}"#,
        r#"{"email_list":{"id":"uuid"}}"#,
        r#"{"everyone":{}}"#,
        r#"{"ip":{"ip":"10.0.0.0/8"}}"#,
        r#"{"ip":{"ip":"2001:db8::1"}}"#,
        r#"{"ip_list":{"id":"uuid"}}"#,
        r#"{"geo":{"country_code":"US"}}"#,
        r#"{"common_name":{"common_name":"cn"}}"#,
        r#"{"certificate":{}}"#,
        r#"{"service_token":{"token_id":"uuid"}}"#,
        r#"{"any_valid_service_token":{}}"#,
        r#"{"linked_app_token":{"app_uid":"8c2f3f4e-1a2b-4c3d-8e4f-5a6b7c8d9e0f"}}"#,
        r#"{"login_method":{"id":"uuid"}}"#,
        r#"{"auth_method":{"auth_method":"mfa"}}"#,
        r#"{"auth_context":{"id":"1","ac_id":"2","identity_provider_id":"3"}}"#,
        r#"{"azureAD":{"id":"1","identity_provider_id":"3"}}"#,
        r#"{"gsuite":{"email":"g@b","identity_provider_id":"3"}}"#,
        r#"{"github-organization":{"name":"o","identity_provider_id":"3"}}"#,
        r#"{"github-organization":{"name":"o","team":"t","identity_provider_id":"3"}}"#,
        r#"{"okta":{"name":"g","identity_provider_id":"3"}}"#,
        r#"{"saml":{"attribute_name":"a","attribute_value":"v","identity_provider_id":"3"}}"#,
        r#"{"oidc":{"claim_name":"a","claim_value":"v","identity_provider_id":"3"}}"#,
        r#"{"group":{"id":"uuid"}}"#,
        r#"{"external_evaluation":{"evaluate_url":"https://e","keys_url":"https://k"}}"#,
        r#"{"device_posture":{"integration_uid":"uuid"}}"#,
        r#"{"user_risk_score":{"user_risk_score":["low","medium"]}}"#,
        r#"{"cloudflare_account_member":{}}"#,
        r#"{"cloudflare_account_member":{"account_id":"a"}}"#,
    ];

    #[test]
    fn every_selector_reads_and_writes_cloudflares_json() {
        for text in ALL {
            let rule: Rule = serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(&serde_json::to_string(&rule).unwrap(), text);
            assert!(text.starts_with(&format!("{{\"{}\":", rule.selector())), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_network_holds_the_addresses_of_its_prefix(
            v4: (u32, u32), v6: (u128, u128), length in 0..=128_u8, alike in 0..=128_u32,
        ) {
            // Addresses that have some of their first bits in common.
            let near = v4.0 ^ v4.1.checked_shr(alike).unwrap_or(0);
            let nets = [(IpAddr::V4(v4.0.into()), length % 33), (IpAddr::V6(v6.0.into()), length)];
            for address in [IpAddr::V4(near.into()), IpAddr::V6((v6.0 ^ v6.1.checked_shr(alike).unwrap_or(0)).into())] {
                for (inside, length) in nets {
                    let network: Network = format!("{inside}/{length}").parse().unwrap();
                    prop_assert_eq!(network.contains(address), network.net().contains(&address), "{} {}", network, address);
                }
            }
        }

        #[test]
        fn a_provider_is_named_by_every_spelling_of_its_id_and_by_nothing_else(id: u128, other: u128, at in 0..36_usize) {
            let (id, other) = (uuid::Uuid::from_u128(id), uuid::Uuid::from_u128(other));
            let provider = SpelledProvider::of(IdpId(id));
            let mut broken = id.to_string();
            broken.replace_range(at..=at, "g");
            let spellings = |id: uuid::Uuid| {
                let (plain, simple) = (id.to_string(), id.simple().to_string());
                [plain.to_uppercase(), format!("{{{plain}}}"), format!("urn:uuid:{plain}"), format!(" {plain}"), plain, simple]
            };
            for text in spellings(id).into_iter().chain(spellings(other)).chain([broken, String::new(), "Keycloak".into()]) {
                prop_assert_eq!(provider.is(&text), text.parse() == Ok(IdpId(id)), "{}", text);
            }
        }
    }

    #[test]
    fn a_rule_that_is_not_exactly_one_known_selector_is_refused() {
        for text in [
            r#"{}"#,
            r#"{"email":{"email":"a@b"},"everyone":{}}"#,
            r#"{"emial":{"email":"a@b"}}"#,
            r#"{"email":{"email":"a@b","extra":1}}"#,
            r#"{"ip":{"ip":"10.0.0.0/33"}}"#,
            r#"{"everyone":{"really":true}}"#,
        ] {
            assert!(serde_json::from_str::<Rule>(text).is_err(), "{text}");
        }
    }
}
