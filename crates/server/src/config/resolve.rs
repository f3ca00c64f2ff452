//! From the file as written to the configuration in force: ids derived,
//! names replaced by ids, defaults filled in.

mod purpose;
mod service_tokens;
mod shared;

use doorward_emulator::{Emulator, Person};
use doorward_model::app::{App, AppDomain, AppKind};
use doorward_model::custom_page::CustomPage;
use doorward_model::group::Group;
use doorward_model::id::{AccountId, AppId, Aud, CustomPageId, GroupId, IdpId, PolicyId};
use doorward_model::idp::{IdentityProvider, IdpKind, OidcEndpoints, OidcProvider};
use doorward_model::organization::{Organization, OrganizationPages};
use doorward_model::policy::{Decision, Policy};
use doorward_model::route::Route;
use doorward_model::secret::Secret;
use doorward_model::time::Lifetime;
use serde_json::Value;
use url::Url;

use self::shared::Places;
use super::document::At;
use super::names::{self, Names};
use super::problem::Findings;
use super::raw::store::{AUDIT_RETENTION, LOG_RETENTION, MOST_FRESHNESS};
use super::raw::{
    RawApp, RawCustomPage, RawFile, RawGroup, RawIdp, RawOrganization, RawPolicy, RawPolicyLink, RawRoute, RawRules,
    RawTls, RawUser,
};
use super::resolved::{Config, Listen, LogSettings, Mode, TeamSettings, UNNAMED_TEAM, default_listener};

/// Cloudflare's default for sessions and for application tokens.
const DAY: Lifetime = Lifetime::from_hours(24);

/// What could be resolved; the rest is among the findings.
pub(super) fn resolve(raw: RawFile, file: &str, findings: &Findings) -> Config {
    let mode = raw.mode;
    let team = team(&raw, findings);
    let mut names = Names::of(&raw, &team.account);
    if mode.is_emulator() {
        let somewhere = team.reached_at(default_listener(0), mode, false);
        names.add_provider(&Emulator::provider(&somewhere, &Secret::random(), Vec::new()));
    }
    let mut resolving = Resolving { account: &team.account, mode, names: &names, findings, shared: Vec::new() };
    resolving.shared = raw.policies.into_iter().filter_map(|policy| resolving.shared_policy(policy)).collect();
    let resolving = resolving;
    Config {
        file: file.to_owned(),
        mode,
        apps: raw.apps.into_iter().filter_map(|app| resolving.app(app)).collect(),
        groups: raw.groups.into_iter().filter_map(|group| resolving.group(group)).collect(),
        idps: raw.idps.into_iter().filter_map(|idp| resolving.idp(idp)).collect(),
        service_tokens: raw.service_tokens.into_iter().filter_map(|token| resolving.service_token(token)).collect(),
        routes: raw.routes.into_iter().filter_map(route).collect(),
        lists: raw.lists.into_iter().filter_map(|list| resolving.list(list)).collect(),
        roots: raw.certificates.into_iter().filter_map(|root| resolving.root(root)).collect(),
        organization: raw.team.organization.map(|organization| resolving.organization(organization)),
        custom_pages: raw.custom_pages.into_iter().filter_map(|page| resolving.custom_page(page)).collect(),
        users: raw.users.into_iter().filter_map(user).collect(),
        listen: Listen {
            public: raw.listen.public.map_or(default_listener(8080), |at| at.value),
            admin: raw.listen.admin.map_or(default_listener(8081), |at| at.value),
            admin_hosts: raw.listen.admin_hosts.into_iter().map(|at| at.value).collect(),
            trusted_proxies: raw.listen.trusted_proxies.into_iter().map(|at| at.value).collect(),
            proxy: raw.listen.proxy.map(|at| at.value),
            tls: raw.listen.tls.as_ref().map(RawTls::files),
        },
        limits: raw.limits,
        telemetry: raw.telemetry,
        smtp: raw.smtp,
        log: LogSettings {
            access: raw.log.access.and_then(|at| at.value),
            access_format: raw.log.access_format.unwrap_or_default(),
            rule_trees: raw.log.rule_trees.unwrap_or(LogSettings::default().rule_trees),
        },
        store_url: raw.store_url.into_value().map(Secret::new),
        revocation_freshness: raw.revocation_freshness.unwrap_or(MOST_FRESHNESS),
        log_retention: raw.log_retention.unwrap_or(LOG_RETENTION),
        audit_retention: raw.audit_retention.unwrap_or(AUDIT_RETENTION),
        encryption_key: raw.encryption_key.into_value(),
        api_token: raw.api_token.into_value(),
        policies: resolving.shared,
        geo_database: raw.geo_database.map(|at| at.value),
        team,
        seed: raw.emulator.seed.map(|at| at.value),
        warnings: Vec::new(),
    }
}

fn team(raw: &RawFile, findings: &Findings) -> TeamSettings {
    let name = raw.team.name.as_ref().map(|at| at.value.clone()).unwrap_or_else(|| {
        if !raw.mode.is_emulator() && !raw.team.is_named {
            findings.error(raw.team.line, "the team has no name; add name = \"…\" under [team]");
        }
        UNNAMED_TEAM.into()
    });
    TeamSettings {
        account: raw.account_id.as_ref().map_or_else(|| AccountId::derived(&name), |at| at.value.clone()),
        domain: raw.team.domain.as_ref().map_or_else(|| format!("{name}.cloudflareaccess.com"), |at| at.value.clone()),
        name,
        url: raw.team.url.as_ref().map(|at| at.value.clone()),
    }
}

fn route(raw: RawRoute) -> Option<Route> {
    Some(Route {
        hostname: raw.hostname?.value,
        path: raw.path.map_or_else(whole_host, |at| at.value),
        service: raw.service?.value,
    })
}

fn whole_host() -> doorward_model::path::PathPattern {
    "".parse().expect("an empty path pattern covers the whole host")
}

fn user(raw: RawUser) -> Option<Person> {
    let RawUser { name, groups, claims, amr, country, .. } = raw;
    Some(Person { email: raw.email?.value, name, groups, claims, amr, country })
}

/// What the objects are resolved against.
struct Resolving<'a> {
    account: &'a AccountId,
    mode: Mode,
    names: &'a Names,
    findings: &'a Findings,
    /// Policies that applications share.
    shared: Vec<Policy>,
}

impl Resolving<'_> {
    fn app(&self, raw: RawApp) -> Option<App> {
        let name = raw.name?.value;
        let id = raw.id.map_or_else(|| AppId::derived(self.account, &name), |at| at.value);
        if !raw.has_address {
            let text = format!("the application \"{name}\" has no address; add domain = \"wiki.example.com\"");
            self.findings.error(raw.line, text);
        }
        let is_for_all = matches!(raw.kind, AppKind::Bookmark { .. });
        if raw.policies.is_empty() && raw.links.is_empty() && !is_for_all {
            let text = format!("the application \"{name}\" has no policies, so nobody may pass; add one");
            self.findings.warning(raw.line, text);
        }
        let url = |url: Option<Url>| url.map(String::from);
        Some(App {
            id,
            aud: raw.aud.map_or_else(|| Aud::of_app(self.account, id), |at| at.value),
            kind: raw.kind,
            domains: raw.domains.into_iter().map(|at| at.value).collect::<Vec<AppDomain>>(),
            session_duration: raw.session_duration.unwrap_or(DAY),
            policies: self.policies(&name, raw.policies, raw.links),
            allowed_idps: raw
                .allowed_idps
                .into_iter()
                .filter_map(|idp| self.names.idps.id(&idp.value, idp.line, self.findings))
                .collect(),
            auto_redirect_to_identity: raw.auto_redirect_to_identity,
            refresh: raw.refresh.unwrap_or(self.mode.refresh()),
            http_only_cookie_attribute: raw.http_only_cookie_attribute,
            same_site_cookie_attribute: raw.same_site_cookie_attribute,
            enable_binding_cookie: raw.enable_binding_cookie,
            path_cookie_attribute: raw.path_cookie_attribute,
            eager_redirect_cookie_setting: raw.eager_redirect_cookie_setting,
            cors_headers: raw.cors_headers,
            options_preflight_bypass: raw.options_preflight_bypass,
            allow_iframe: raw.allow_iframe,
            read_service_tokens_from_header: raw.read_service_tokens_from_header,
            service_auth_401_redirect: raw.service_auth_401_redirect,
            custom_deny_message: raw.custom_deny_message,
            custom_deny_url: url(raw.custom_deny_url),
            custom_non_identity_deny_url: url(raw.custom_non_identity_deny_url),
            custom_pages: raw
                .custom_pages
                .into_iter()
                .filter_map(|page| self.names.custom_pages.id(&page.value, page.line, self.findings))
                .collect(),
            logo_url: url(raw.logo_url),
            app_launcher_visible: raw.app_launcher_visible,
            tags: raw.tags,
            launcher_design: raw.launcher_design,
            skip_interstitial: raw.skip_interstitial,
            name,
        })
    }

    fn organization(&self, raw: RawOrganization) -> Organization {
        let usual = Organization::default();
        let deny = raw.deny_unmatched_requests.as_ref().map_or(usual.deny_unmatched_requests, |at| at.value);
        if let (false, Some(at)) = (deny, &raw.deny_unmatched_requests) {
            let text = "everybody reaches the origin of a route that no application covers; \
                        name only their zones in deny_unmatched_requests_exempted_zone_names";
            self.findings.warning(at.line, text);
        }
        let page = |page: Option<At<String>>| {
            page.and_then(|page| self.names.custom_pages.id(&page.value, page.line, self.findings))
        };
        Organization {
            name: None,
            session_duration: raw.session_duration.unwrap_or(usual.session_duration),
            auto_redirect_to_identity: raw.auto_redirect_to_identity.unwrap_or(usual.auto_redirect_to_identity),
            deny_unmatched_requests: deny,
            deny_unmatched_requests_exempted_zone_names: raw.exempted_zones.into_iter().map(|at| at.value).collect(),
            strict_service_token_auth: raw.strict_service_token_auth.unwrap_or(usual.strict_service_token_auth),
            login_design: raw.login_design.unwrap_or_default(),
            custom_pages: OrganizationPages {
                forbidden: page(raw.forbidden),
                identity_denied: page(raw.identity_denied),
            },
        }
    }

    fn custom_page(&self, raw: RawCustomPage) -> Option<CustomPage> {
        let (name, html) = (raw.name?.value, raw.html?);
        let is_template = raw.contract_version.is_some_and(|version| version.value > 0);
        if is_template && let Err(error) = doorward_pages::check_template(&html.value) {
            self.findings.error(html.line, format!("the template of the custom page \"{name}\": {error}"));
        }
        Some(CustomPage {
            id: raw.id.map_or_else(|| CustomPageId::derived(self.account, &name), |at| at.value),
            kind: raw.kind?.value,
            html: html.value,
            is_template,
            name,
        })
    }

    /// In ascending precedence.
    fn policies(&self, app: &str, raw: Vec<RawPolicy>, links: Vec<RawPolicyLink>) -> Vec<Policy> {
        if let (Some(own), Some(link)) = (raw.first(), links.first()) {
            let text = format!(
                "policies are either all of the application's own, as in line {}, or all reusable; \
                 make a [[policy]] of each own one, or write \"{}\" out here",
                own.line, link.reference.value
            );
            self.findings.error(link.reference.line, text);
        }
        let mut places = Places { findings: self.findings, taken: Vec::new() };
        let mut policies = Vec::new();
        for raw in raw {
            let precedence = places.next(raw.precedence.as_ref(), raw.line);
            let id = |name: &str| PolicyId::derived(self.account, &format!("{app}/{name}"));
            policies.extend(self.policy(raw, precedence, id));
        }
        for link in links {
            let precedence = places.next(link.precedence.as_ref(), link.reference.line);
            policies.extend(self.linked(&link.reference, precedence));
        }
        policies.sort_by_key(|policy| policy.precedence);
        policies
    }

    fn policy(&self, raw: RawPolicy, precedence: u32, id: impl FnOnce(&str) -> PolicyId) -> Option<Policy> {
        if let Some(decision) = &raw.decision {
            self.unseen_people(decision.value, &raw.rules);
        }
        let rules = |rules| self.rules(rules);
        let (include, require, exclude) =
            (rules(raw.rules.include), rules(raw.rules.require), rules(raw.rules.exclude));
        let purpose = raw.decision.as_ref().and_then(|at| self.purpose(raw.purpose, at.value, raw.line));
        let name = raw.name?.value;
        Some(Policy {
            id: raw.id.map_or_else(|| id(&name), |at| at.value),
            name,
            decision: raw.decision?.value,
            precedence,
            include,
            require,
            exclude,
            session_duration: raw.session_duration,
            purpose,
        })
    }

    /// Bypass and Service Auth policies are asked before anybody signs in.
    fn unseen_people(&self, decision: Decision, rules: &RawRules) {
        let kind = match decision {
            Decision::Bypass => "Bypass",
            Decision::NonIdentity => "Service Auth",
            Decision::Allow | Decision::Deny => return,
        };
        let never_applies = "so the policy never applies";
        for (rules, effect) in [
            (&rules.include, "so this rule lets nobody in"),
            (&rules.require, never_applies),
            (&rules.exclude, never_applies),
        ] {
            for rule in rules {
                let Some(selector) = names::selector_of_people(&rule.value) else { continue };
                let text = format!(
                    "{selector} is about people who have signed in, whom a {kind} policy never sees, {effect}; \
                     use another selector, or decision = \"allow\""
                );
                self.findings.warning(rule.line, text);
            }
        }
    }

    fn group(&self, raw: RawGroup) -> Option<Group> {
        let rules = |rules| self.rules(rules);
        let (include, require, exclude) =
            (rules(raw.rules.include), rules(raw.rules.require), rules(raw.rules.exclude));
        let name = raw.name?.value;
        let id = raw.id.map_or_else(|| GroupId::derived(self.account, &name), |at| at.value);
        Some(Group { id, name, include, require, exclude })
    }

    fn rules(&self, written: Vec<At<Value>>) -> Vec<doorward_model::rule::Rule> {
        written.into_iter().filter_map(|rule| self.names.rule(rule, self.findings)).collect()
    }

    fn idp(&self, raw: RawIdp) -> Option<IdentityProvider> {
        let endpoints = raw.has_config.then(|| self.endpoints(&raw)).flatten();
        let name = raw.name?.value;
        let texts = |list: Vec<At<String>>| list.into_iter().map(|at| at.value).collect::<Vec<_>>();
        let mut scopes = texts(raw.scopes);
        if scopes.is_empty() {
            scopes = ["openid", "email", "profile"].map(str::to_owned).to_vec();
        }
        Some(IdentityProvider {
            id: raw.id.map_or_else(|| IdpId::derived(self.account, &name), |at| at.value),
            name,
            kind: IdpKind::Oidc(OidcProvider {
                client_id: raw.client_id?.value,
                client_secret: raw.client_secret?.value,
                endpoints: endpoints?,
                scopes,
                claims: texts(raw.claims),
                email_claim_name: raw.email_claim_name.map(|at| at.value),
                pkce_enabled: raw.pkce_enabled,
                trust_unverified_email: raw.trust_unverified_email,
            }),
        })
    }

    /// Three URLs, or an issuer to discover them from.
    fn endpoints(&self, raw: &RawIdp) -> Option<OidcEndpoints> {
        let issuer = raw.issuer.as_ref().map(|at| at.value.clone());
        let named = [("auth_url", &raw.auth_url), ("token_url", &raw.token_url), ("certs_url", &raw.certs_url)];
        let missing: Vec<&str> = named.iter().filter(|(_, url)| url.is_none()).map(|(key, _)| *key).collect();
        if let (Some(auth), Some(token), Some(certs)) = (&raw.auth_url, &raw.token_url, &raw.certs_url) {
            let [auth_url, token_url, certs_url] = [auth, token, certs].map(|at| at.value.to_string());
            return Some(OidcEndpoints::Explicit { issuer, auth_url, token_url, certs_url });
        }
        if let (Some(issuer), 3) = (issuer, missing.len()) {
            return Some(OidcEndpoints::Discovered { issuer });
        }
        let text = format!(
            "the identity provider has no {}; add it to config, or give only an issuer to discover all from",
            missing.join(", ")
        );
        self.findings.error(raw.line, text);
        None
    }
}
