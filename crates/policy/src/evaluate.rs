//! Rules, and sets of rules, to three values. A set is met when any `include`
//! rule is met, every `require` rule is met and no `exclude` rule is met.
//! Allocates nothing unless groups are used or somebody listens.

use doorward_model::catalog::Catalog;
use doorward_model::group::Group;
use doorward_model::policy::Policy;
use doorward_model::rule::Rule;

use crate::facts::Seen;
use crate::met::{Answer, Met, Why};
use crate::selector::group::Groups;
use crate::selector::{
    certificate, claim, email, external, geo, ip, linked_app, list, login, provider_group, service_token, undecidable,
};
use crate::trace::Trace;

/// One pass over rules under one view of the facts.
pub(crate) struct Evaluation<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) seen: Seen<'a>,
    pub(crate) groups: Groups,
}

/// What a set of rules came to, and the rule that made it so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finding {
    pub(crate) met: Met,
    pub(crate) why: Option<Why>,
    /// `None` when no rule decided: an empty `include`.
    pub(crate) place: Option<(Part, usize)>,
}

/// The three parts of a set of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Include,
    Require,
    Exclude,
}

/// The rules of a policy or of a group.
#[derive(Clone, Copy)]
pub(crate) struct RuleSet<'a> {
    pub(crate) include: &'a [Rule],
    pub(crate) require: &'a [Rule],
    pub(crate) exclude: &'a [Rule],
}

impl<'a> Evaluation<'a> {
    pub(crate) fn new(catalog: &'a Catalog, seen: Seen<'a>) -> Self {
        Self { catalog, seen, groups: Groups::default() }
    }

    /// What the set comes to. Once that is settled the remaining rules are
    /// asked only for a trace that wants all of them.
    pub(crate) fn rule_set<T: Trace>(&mut self, rules: RuleSet<'a>, trace: &mut T) -> Finding {
        trace.enter();
        let mut found = self.part(Part::Include, rules.include, trace);
        for (part, rules) in [(Part::Require, rules.require), (Part::Exclude, rules.exclude)] {
            if found.met == Met::False && !T::COMPLETE {
                break;
            }
            let next = self.part(part, rules, trace);
            if next.met < found.met {
                found = next;
            }
        }
        trace.leave();
        found
    }

    /// Whether a part lets its set be met: `include` is "any of", the others
    /// are "all of", an `exclude` rule counting as its opposite.
    fn part<T: Trace>(&mut self, part: Part, rules: &'a [Rule], trace: &mut T) -> Finding {
        let any = part == Part::Include;
        let (start, settled) = if any { (Met::False, Met::True) } else { (Met::True, Met::False) };
        let mut found = Finding { met: start, why: None, place: None };
        for (index, rule) in rules.iter().enumerate() {
            let answer = self.answer(rule, trace);
            trace.rule(part, rule, answer, self.catalog);
            let met = if part == Part::Exclude { !answer.met } else { answer.met };
            let decides = if any { met > found.met } else { met < found.met };
            if decides {
                found = Finding { met, why: answer.why, place: Some((part, index)) };
            }
            if met == settled && !T::COMPLETE {
                break;
            }
        }
        found
    }

    /// What one rule says.
    pub(crate) fn answer<T: Trace>(&mut self, rule: &'a Rule, trace: &mut T) -> Answer {
        let (seen, catalog) = (&self.seen, self.catalog);
        match rule {
            Rule::Everyone(_) => Answer::plain(true),
            Rule::Email(rule) => email::address(rule, seen),
            Rule::EmailDomain(rule) => email::domain(rule, seen),
            Rule::EmailList(rule) => list::emails(rule, seen, catalog),
            Rule::Ip(rule) => ip::network(rule, seen),
            Rule::IpList(rule) => list::networks(rule, seen, catalog),
            Rule::Geo(rule) => geo::country(rule, seen),
            Rule::CommonName(rule) => certificate::common_name(rule, seen),
            Rule::Certificate(_) => certificate::valid(seen),
            Rule::ServiceToken(rule) => service_token::one(rule, seen),
            Rule::AnyValidServiceToken(_) => service_token::any(seen),
            Rule::LinkedAppToken(rule) => linked_app::token(rule, seen),
            Rule::LoginMethod(rule) => login::provider(rule, seen),
            Rule::AuthMethod(rule) => login::method(rule, seen),
            Rule::AzureAd(rule) => provider_group::azure_ad(rule, seen),
            Rule::Gsuite(rule) => provider_group::gsuite(rule, seen),
            Rule::GithubOrganization(rule) => provider_group::github(rule, seen),
            Rule::Okta(rule) => provider_group::okta(rule, seen),
            Rule::Saml(rule) => claim::saml(rule, seen),
            Rule::Oidc(rule) => claim::oidc(rule, seen, catalog),
            Rule::Group(rule) => self.group(rule, trace),
            Rule::ExternalEvaluation(rule) => external::answer(rule, seen),
            Rule::AuthContext(_)
            | Rule::DevicePosture(_)
            | Rule::UserRiskScore(_)
            | Rule::CloudflareAccountMember(_) => {
                Answer::unknown(undecidable(rule).expect("these are the selectors that cannot be decided"))
            }
        }
    }
}

impl Part {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Include => "include",
            Self::Require => "require",
            Self::Exclude => "exclude",
        }
    }
}

impl<'a> RuleSet<'a> {
    pub(crate) fn all(self) -> impl Iterator<Item = &'a Rule> {
        self.include.iter().chain(self.require).chain(self.exclude)
    }

    pub(crate) const fn part(self, part: Part) -> &'a [Rule] {
        match part {
            Part::Include => self.include,
            Part::Require => self.require,
            Part::Exclude => self.exclude,
        }
    }
}

impl<'a> From<&'a Policy> for RuleSet<'a> {
    fn from(policy: &'a Policy) -> Self {
        Self { include: &policy.include, require: &policy.require, exclude: &policy.exclude }
    }
}

impl<'a> From<&'a Group> for RuleSet<'a> {
    fn from(group: &'a Group) -> Self {
        Self { include: &group.include, require: &group.require, exclude: &group.exclude }
    }
}
