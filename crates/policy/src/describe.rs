//! A rule in a few words, for logs and `explain`. Ids are told as names where
//! the snapshot knows them.

use doorward_model::catalog::Catalog;
use doorward_model::policy::Policy;
use doorward_model::rule::Rule;

use crate::evaluate::{Finding, RuleSet};

/// Where the rule that decided stands and what it says:
/// `include[0] email_domain corp.test`. `None` when no rule decided.
pub(crate) fn place(policy: &Policy, finding: &Finding, catalog: &Catalog) -> Option<String> {
    let (part, index) = finding.place?;
    let rule = RuleSet::from(policy).part(part).get(index)?;
    Some(format!("{}[{index}] {}", part.as_str(), self::rule(rule, catalog)))
}

/// The selector and its value: `geo PT`.
pub(crate) fn rule(rule: &Rule, catalog: &Catalog) -> String {
    match value(rule, catalog) {
        Some(value) => format!("{} {value}", rule.selector()),
        None => rule.selector().to_owned(),
    }
}

fn value(rule: &Rule, catalog: &Catalog) -> Option<String> {
    Some(match rule {
        Rule::Everyone(_) | Rule::Certificate(_) | Rule::AnyValidServiceToken(_) => return None,
        Rule::Email(rule) => rule.email.clone(),
        Rule::EmailDomain(rule) => rule.domain.clone(),
        Rule::EmailList(rule) | Rule::IpList(rule) => rule.id.clone(),
        Rule::Ip(rule) => rule.ip.to_string(),
        Rule::Geo(rule) => rule.country_code.clone(),
        Rule::CommonName(rule) => rule.common_name.clone(),
        Rule::ServiceToken(rule) => service_token(&rule.token_id, catalog),
        Rule::LinkedAppToken(rule) => {
            catalog.app(rule.app_uid).map_or_else(|| rule.app_uid.to_string(), |app| app.name.clone())
        }
        Rule::LoginMethod(rule) => provider(&rule.id, catalog),
        Rule::AuthMethod(rule) => rule.auth_method.clone(),
        Rule::AuthContext(rule) => rule.ac_id.clone(),
        Rule::AzureAd(rule) => rule.id.clone(),
        Rule::Gsuite(rule) => rule.email.clone(),
        Rule::GithubOrganization(rule) => match &rule.team {
            None => rule.name.clone(),
            Some(team) => format!("{}/{team}", rule.name),
        },
        Rule::Okta(rule) => rule.name.clone(),
        Rule::Saml(rule) => format!("{}={}", rule.attribute_name, rule.attribute_value),
        Rule::Oidc(rule) => format!("{}={}", rule.claim_name, rule.claim_value),
        Rule::Group(rule) => group(&rule.id, catalog),
        Rule::ExternalEvaluation(rule) => rule.evaluate_url.clone(),
        Rule::DevicePosture(rule) => rule.integration_uid.clone(),
        Rule::UserRiskScore(rule) => rule.user_risk_score.join(","),
        Rule::CloudflareAccountMember(rule) => return rule.account_id.clone(),
    })
}

fn group(id: &str, catalog: &Catalog) -> String {
    let group = id.parse().ok().and_then(|id| catalog.group(id));
    group.map_or_else(|| id.to_owned(), |group| group.name.clone())
}

fn provider(id: &str, catalog: &Catalog) -> String {
    let provider = id.parse().ok().and_then(|id| catalog.idp(id));
    provider.map_or_else(|| id.to_owned(), |provider| provider.name.clone())
}

fn service_token(id: &str, catalog: &Catalog) -> String {
    let token = id.parse().ok().and_then(|id| catalog.service_token_by_id(id));
    token.map_or_else(|| id.to_owned(), |token| token.name.clone())
}
