//! The App Launcher (Access docs, "App Launcher"): the front page of the team
//! domain, for whom its policies admit. It shows what the policies of each
//! application would let this person open from here, and enters nothing itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::response::Response;
use doorward_model::app::{App, AppKind, LandingPage};
use doorward_model::host::Host;
use doorward_model::id::AppId;
use doorward_model::identity::Identity;
use doorward_model::login::Target;
use doorward_model::organization::LoginDesign;
use doorward_model::redirect::ReturnPath;
use doorward_model::session::Session;
use doorward_model::site;
use doorward_pages::{Action, Colours, Filter, Landing, Launcher, Tile};
use doorward_policy::{Facts, RefusalKind, decide};
use doorward_store::{AccessQuery, EmailFilter};
use http::StatusCode;
use url::form_urlencoded;

use crate::provider::Prompt;
use crate::respond::{Stop, Trouble, designed_page, redirect};
use crate::visit::Visit;

/// How far back the order of the list looks: this many entries.
const ENTRIES: u32 = 100;

impl Visit {
    /// The front page where there is a launcher: the list, or the way to it.
    pub(crate) async fn launch(&self, launcher: &Arc<App>) -> Result<Response, Stop> {
        let target = Target {
            app: launcher.id,
            origin: self.arrival.origin(),
            return_to: ReturnPath::root(),
            app_session: None,
            certificate: None,
        };
        let session = match self.org_session().await? {
            Some(session) => Some(self.evaluated_again(launcher, session, None).await?),
            None => None,
        };
        let facts = self.facts(session.as_ref().map(|session| &session.identity), None);
        let refusal = match (decide(launcher, &self.catalog, &facts), &session) {
            (Ok(_), Some(Session { identity, .. })) => {
                let entered = self.entered_last(identity).await;
                return Ok(self.tiles_page(launcher, identity, &entered));
            }
            (Ok(_), None) => return Err(Trouble::Forbidden(launcher.clone()).into()),
            (Err(refusal), _) => refusal,
        };
        match (refusal.kind, session) {
            (RefusalKind::NeedsLogin, session) => {
                let sign_in = self.sign_in_href(launcher, &target, Prompt::AsProviderLikes);
                match launcher.launcher_design.greeting().filter(|_| session.is_none()) {
                    Some(greeting) => Ok(self.landing_page(launcher, greeting, sign_in)),
                    None => Ok(redirect(&sign_in)),
                }
            }
            (RefusalKind::Denied, Some(Session { identity, .. })) => {
                let facts = self.facts(Some(&identity), None);
                self.log_refusal("denied", launcher, &facts, &refusal);
                self.record_refusal(launcher, &identity, &refusal).await;
                Ok(self.denied(launcher, &target, identity.email.as_str()))
            }
            (RefusalKind::Denied | RefusalKind::NeedsPurpose | RefusalKind::Forbidden, _) => {
                self.log_refusal("forbidden", launcher, &self.facts(None, None), &refusal);
                Err(Trouble::Forbidden(launcher.clone()).into())
            }
        }
    }

    /// What greets whoever has not signed in yet.
    fn landing_page(&self, launcher: &App, greeting: &LandingPage, sign_in: String) -> Response {
        let page = Landing {
            team: &self.catalog.team().name,
            logo: self.launcher_logo(launcher),
            colours: self.launcher_colours(launcher),
            header: launcher.launcher_design.header_bg_color,
            button: (greeting.button_color, greeting.button_text_color),
            title: greeting.title.as_deref().unwrap_or("Welcome!"),
            message: greeting.message.as_deref(),
            image: greeting.image_url.as_deref(),
            sign_in,
            links: footer_links(launcher),
            emulator: self.login.emulator,
        };
        designed_page(StatusCode::OK, &page, &page.content_security_policy())
    }

    /// The applications that somebody entered, the last one first. When the log
    /// cannot be read, the list is in the order of names.
    async fn entered_last(&self, identity: &Identity) -> Vec<AppId> {
        let query = AccessQuery {
            email: Some(EmailFilter { text: identity.email.as_str().to_owned(), exact: true, negated: false }),
            allowed: Some(true),
            of_app: Some(true),
            limit: ENTRIES,
            ..AccessQuery::default()
        };
        let entries = self.login.store.access_requests(&query).await;
        let entries = entries.inspect_err(|error| tracing::warn!(%error, "what was entered last could not be read"));
        entries.unwrap_or_default().into_iter().filter_map(|entry| entry.app_uid).collect()
    }

    fn launcher_logo<'a>(&'a self, launcher: &'a App) -> Option<&'a str> {
        let own = launcher.launcher_design.app_launcher_logo_url.as_deref().or(launcher.logo_url.as_deref());
        own.or(self.catalog.organization().login_design.logo_path.as_deref())
    }

    fn launcher_colours(&self, launcher: &App) -> Option<Colours> {
        let design = &self.catalog.organization().login_design;
        let Some(ground) = launcher.launcher_design.bg_color else { return Colours::of(design) };
        Colours::of(&LoginDesign {
            background_color: Some(ground),
            text_color: design.text_color,
            ..LoginDesign::default()
        })
    }

    fn tiles_page(&self, launcher: &App, identity: &Identity, entered: &[AppId]) -> Response {
        let mut shown: Vec<(&Arc<App>, String)> = self.shown_to(identity);
        let chosen = self.parameter("tag").filter(|chosen| shown.iter().any(|(app, _)| app.tags.contains(chosen)));
        let tags: BTreeSet<String> = shown.iter().flat_map(|(app, _)| app.tags.iter().cloned()).collect();
        shown.retain(|(app, _)| chosen.as_ref().is_none_or(|chosen| app.tags.contains(chosen)));
        shown.sort_by_cached_key(|(app, _)| {
            let last = entered.iter().position(|entered| *entered == app.id);
            (last.unwrap_or(usize::MAX), app.name.to_lowercase(), app.id)
        });
        let page = Launcher {
            team: &self.catalog.team().name,
            logo: self.launcher_logo(launcher),
            colours: self.launcher_colours(launcher),
            header: launcher.launcher_design.header_bg_color,
            links: footer_links(launcher),
            email: identity.email.as_str(),
            sign_out: self.catalog.team().logout(),
            tiles: shown.iter().map(|(app, href)| tile(app, href)).collect(),
            filters: filters(tags, chosen.as_deref()),
            emulator: self.login.emulator,
        };
        designed_page(StatusCode::OK, &page, &page.content_security_policy())
    }

    /// What this person may open from here, and where it is.
    fn shown_to(&self, identity: &Identity) -> Vec<(&Arc<App>, String)> {
        let facts = self.facts(Some(identity), None);
        let listed = self.catalog.apps().chain(self.catalog.bookmarks()).filter(|app| app.app_launcher_visible);
        let open = listed.filter(|app| {
            let is_for_all = matches!(app.kind, AppKind::Bookmark { .. }) && app.policies.is_empty();
            is_for_all || self.opens(app, &facts)
        });
        open.filter_map(|app| self.address(app).map(|address| (app, address))).collect()
    }

    /// Whether they may open it, perhaps after saying what for.
    fn opens(&self, app: &Arc<App>, facts: &Facts<'_>) -> bool {
        match decide(app, &self.catalog, facts) {
            Ok(_) => true,
            Err(refusal) => refusal.kind == RefusalKind::NeedsPurpose,
        }
    }

    /// Where an application begins. One that has patterns of hosts alone begins nowhere.
    fn address(&self, app: &App) -> Option<String> {
        if let AppKind::Bookmark { link } = &app.kind {
            return Some(link.clone());
        }
        let exact = app.domains.iter().find(|domain| domain.host.is_exact())?;
        let host: Host = self.arrival.host.with_name(exact.host.as_str()).parse().ok()?;
        let place = self.place(app, &host, ReturnPath::root())?;
        Some(site::app_url(&site::origin(self.arrival.https, &host), &place))
    }
}

fn footer_links(launcher: &App) -> Vec<Action> {
    launcher.launcher_design.footer_links.iter().map(|link| Action::new(&link.name, &link.url)).collect()
}

fn tile<'a>(app: &'a App, href: &'a str) -> Tile<'a> {
    let address = href.split_once("://").map_or(href, |(_, rest)| rest);
    Tile {
        name: &app.name,
        href,
        place: address.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/'),
        logo: app.logo_url.as_deref(),
        tags: &app.tags,
    }
}

/// A link for each tag, and one back to everything.
fn filters(tags: BTreeSet<String>, chosen: Option<&str>) -> Vec<Filter> {
    if tags.is_empty() {
        return Vec::new();
    }
    let all = Filter { name: "All".to_owned(), href: "/".to_owned(), is_chosen: chosen.is_none() };
    let of_tag = tags.into_iter().map(|name| Filter {
        href: format!("/?{}", form_urlencoded::Serializer::new(String::new()).append_pair("tag", &name).finish()),
        is_chosen: chosen == Some(&*name),
        name,
    });
    std::iter::once(all).chain(of_tag).collect()
}
