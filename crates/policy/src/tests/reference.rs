//! Verdicts once more, written for the reader: nothing is made ready, settled
//! early or remembered, every text is lower-cased and every id is read where
//! it is compared. What decides must come to the same.

use doorward_model::group::Group;
use doorward_model::id::{GroupId, IdpId};
use doorward_model::identity::Identity;
use doorward_model::list::Items;
use doorward_model::policy::{Decision, Policy};
use doorward_model::rule::Rule;
use serde_json::Value;

use super::sample::Sample;
use crate::{Facts, Met, Verdict};

/// Met, not met, or unknown.
type Answer = Option<bool>;

/// The verdict, and the policy it is from.
pub(super) fn verdict(sample: &Sample, facts: &Facts<'_>) -> (Verdict, Option<String>) {
    let mut policies: Vec<&Policy> = sample.policies.iter().collect();
    policies.sort_by_key(|policy| policy.precedence);
    let (people, machines): (Vec<&Policy>, Vec<&Policy>) =
        policies.into_iter().partition(|policy| matches!(policy.decision, Decision::Allow | Decision::Deny));
    for policy in machines {
        let bypasses = policy.decision == Decision::Bypass;
        let world = World { sample, facts, identity: None };
        if (bypasses || world.is_proven(policy)) && world.set(parts(policy)) == Some(true) {
            let verdict = if bypasses { Verdict::Bypass } else { Verdict::ServiceAuth };
            return (verdict, Some(policy.name.clone()));
        }
    }
    let world = World { sample, facts, identity: facts.identity };
    let signed_in = world.identity.is_some();
    let mut sign_in_could_help = false;
    for policy in people {
        let name = Some(policy.name.clone());
        match (policy.decision, world.set(parts(policy))) {
            (Decision::Allow, Some(true)) if signed_in => return (Verdict::Allow, name),
            (Decision::Allow, Some(true) | None) if !signed_in => sign_in_could_help = true,
            (Decision::Deny, None) if signed_in => return (Verdict::Deny, name),
            (Decision::Deny, Some(true)) if sign_in_could_help => break,
            (Decision::Deny, Some(true)) => return (Verdict::Deny, name),
            _ => {}
        }
    }
    (if sign_in_could_help { Verdict::Login } else { Verdict::Deny }, None)
}

/// What a rule says to an Allow policy.
pub(super) fn met(sample: &Sample, facts: &Facts<'_>, rule: &Rule) -> Met {
    let answer = World { sample, facts, identity: facts.identity }.rule(rule);
    answer.map_or(Met::Unknown, |met| if met { Met::True } else { Met::False })
}

type Parts<'a> = [&'a [Rule]; 3];

fn parts(policy: &Policy) -> Parts<'_> {
    [&policy.include, &policy.require, &policy.exclude]
}

fn parts_of_group(group: &Group) -> Parts<'_> {
    [&group.include, &group.require, &group.exclude]
}

struct World<'a> {
    sample: &'a Sample,
    facts: &'a Facts<'a>,
    identity: Option<&'a Identity>,
}

impl World<'_> {
    fn is_proven(&self, policy: &Policy) -> bool {
        let Facts { service_token, certificate, linked_app, .. } = self.facts;
        let linked = linked_app.is_some() && self.includes_link(&policy.include, &mut Vec::new());
        service_token.is_some() || certificate.is_some() || linked
    }

    fn includes_link(&self, include: &[Rule], seen: &mut Vec<GroupId>) -> bool {
        include.iter().any(|rule| match rule {
            Rule::LinkedAppToken(rule) => Some(rule.app_uid) == self.facts.linked_app,
            Rule::Group(rule) => self.group(&rule.id).is_some_and(|group| {
                let new = !seen.contains(&group.id);
                seen.push(group.id);
                new && self.includes_link(&group.include, seen)
            }),
            _ => false,
        })
    }

    fn set(&self, [include, require, exclude]: Parts<'_>) -> Answer {
        let refused = |rules: &[Rule]| any(rules.iter().map(|rule| not(self.rule(rule))));
        let included = any(include.iter().map(|rule| self.rule(rule)));
        let excluded = any(exclude.iter().map(|rule| self.rule(rule)));
        not(any([not(included), refused(require), excluded]))
    }

    fn rule(&self, rule: &Rule) -> Answer {
        let facts = self.facts;
        match rule {
            Rule::Everyone(_) => Some(true),
            Rule::Email(rule) => Some(rule.email.to_lowercase() == self.identity?.email.as_str()),
            Rule::EmailDomain(rule) => {
                let domain = rule.domain.trim_start_matches('@').to_lowercase();
                Some(self.identity?.email.as_str().ends_with(&format!("@{domain}")))
            }
            Rule::EmailList(rule) => match self.list(&rule.id)? {
                Items::Emails(emails) => {
                    Some(emails.iter().any(|email| Some(email) == self.identity.map(|i| &i.email)))
                        .filter(|_| self.identity.is_some())
                }
                Items::Networks(_) => None,
            },
            Rule::Ip(rule) => Some(rule.ip.net().contains(&facts.client_ip)),
            Rule::IpList(rule) => match self.list(&rule.id)? {
                Items::Networks(networks) => Some(networks.contains(facts.client_ip)),
                Items::Emails(_) => None,
            },
            Rule::Geo(rule) => Some(rule.country_code.to_lowercase() == facts.country?.to_lowercase()),
            Rule::CommonName(rule) => Some(facts.certificate == Some(rule.common_name.as_str())),
            Rule::Certificate(_) => Some(facts.certificate.is_some()),
            Rule::ServiceToken(rule) => {
                Some(facts.service_token.is_some_and(|token| rule.token_id.parse() == Ok(token)))
            }
            Rule::AnyValidServiceToken(_) => Some(facts.service_token.is_some()),
            Rule::LinkedAppToken(rule) => Some(facts.linked_app == Some(rule.app_uid)),
            Rule::LoginMethod(rule) => Some(is_from(self.identity?, &rule.id)),
            Rule::AuthMethod(rule) => Some(self.identity?.amr.contains(&rule.auth_method)),
            Rule::Okta(rule) => {
                let identity = self.identity?;
                Some(is_from(identity, &rule.identity_provider_id) && is_in(identity, &rule.name))
            }
            Rule::Oidc(rule) => {
                let identity = self.identity?;
                let is_groups = rule.claim_name.to_lowercase() == "groups";
                match identity.oidc_fields.get(&rule.claim_name) {
                    _ if !is_from(identity, &rule.identity_provider_id) => Some(false),
                    _ if is_groups && is_in(identity, &rule.claim_value) => Some(true),
                    Some(Value::Number(number)) => Some(number.to_string() == rule.claim_value),
                    Some(other) => panic!("no random person has {other}"),
                    None => is_groups.then_some(false),
                }
            }
            Rule::Group(rule) => {
                let group = self.group(&rule.id)?;
                if self.is_endless(group, &mut Vec::new()) { None } else { self.set(parts_of_group(group)) }
            }
            Rule::ExternalEvaluation(rule) => {
                let answered = self.identity?.evaluations.iter().find(|answered| answered.asked == *rule);
                Some(answered?.success)
            }
            Rule::DevicePosture(_) => None,
            other => panic!("no random rule is {other:?}"),
        }
    }

    fn group(&self, id: &str) -> Option<&Group> {
        let id: GroupId = id.parse().ok()?;
        self.sample.groups.iter().find(|group| group.id == id)
    }

    fn list(&self, id: &str) -> Option<&Items> {
        self.sample.lists.iter().find(|list| list.id.to_string() == id).map(|list| &list.items)
    }

    /// Whether the group comes to one that includes itself.
    fn is_endless(&self, group: &Group, above: &mut Vec<GroupId>) -> bool {
        if above.contains(&group.id) {
            return true;
        }
        above.push(group.id);
        let nested = parts_of_group(group).into_iter().flatten().filter_map(|rule| match rule {
            Rule::Group(rule) => self.group(&rule.id),
            _ => None,
        });
        let endless = nested.into_iter().any(|group| self.is_endless(group, above));
        above.pop();
        endless
    }
}

fn is_from(identity: &Identity, provider: &str) -> bool {
    provider.parse::<IdpId>() == Ok(identity.idp.id)
}

fn is_in(identity: &Identity, group: &str) -> bool {
    identity.groups.iter().any(|known| known.is(group))
}

fn any(answers: impl IntoIterator<Item = Answer>) -> Answer {
    let answers: Vec<Answer> = answers.into_iter().collect();
    if answers.contains(&Some(true)) {
        return Some(true);
    }
    if answers.contains(&None) { None } else { Some(false) }
}

fn not(answer: Answer) -> Answer {
    answer.map(|met| !met)
}
