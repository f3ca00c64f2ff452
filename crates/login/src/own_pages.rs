//! The operator's own pages in the place of ours, where an application or the
//! organisation has some (Access docs, "custom pages").

use axum::response::Response;
use doorward_model::app::App;
use doorward_model::custom_page::PageKind;
use doorward_model::login::Target;
use doorward_pages::{SignIn, Variables};
use http::StatusCode;

use crate::provider::Prompt;
use crate::respond::{custom, name_app};
use crate::visit::Visit;

impl Visit {
    /// For somebody whom the policies refuse after sign-in.
    pub(crate) fn own_denied_page(&self, app: &App, target: &Target, email: &str) -> Option<Response> {
        let other_account = self.sign_in_href(app, target, Prompt::Again);
        self.own_page(app, PageKind::IdentityDenied, StatusCode::FORBIDDEN, |variables| Variables {
            message: app.custom_deny_message.as_deref().unwrap_or_default(),
            email,
            other_account: &other_account,
            ..variables
        })
    }

    /// For somebody whom no sign-in could help.
    pub(crate) fn own_forbidden_page(&self, app: &App) -> Option<Response> {
        self.own_page(app, PageKind::Forbidden, StatusCode::FORBIDDEN, |variables| variables)
    }

    /// For the choice of a provider. Without a template it could not name any.
    pub(crate) fn own_sign_in_page(&self, app: &App, page: &SignIn<'_>) -> Option<Response> {
        self.catalog.custom_page(app, PageKind::Login).filter(|page| page.is_template)?;
        let options: Vec<(String, String)> =
            page.providers.iter().map(|provider| (provider.name.to_owned(), provider.href.clone())).collect();
        let (message, email) =
            page.denied.as_ref().map_or(("", ""), |denied| (denied.message, denied.email.unwrap_or_default()));
        let other = page.denied.as_ref().and_then(|denied| denied.switch_href.as_deref()).unwrap_or_default();
        self.own_page(app, PageKind::Login, StatusCode::OK, |variables| Variables {
            message,
            email,
            other_account: other,
            login_options: &options,
            ..variables
        })
    }

    fn own_page<'a>(
        &'a self,
        app: &'a App,
        kind: PageKind,
        status: StatusCode,
        say: impl FnOnce(Variables<'a>) -> Variables<'a>,
    ) -> Option<Response> {
        let page = self.catalog.custom_page(app, kind)?;
        let (client_ip, domain) = (self.arrival.client_ip.to_string(), app.domain());
        let variables = Variables {
            organization: &self.catalog.team().name,
            app: &app.name,
            aud: app.aud.as_str(),
            ray: self.arrival.ray.as_str(),
            country: self.arrival.country.as_deref().unwrap_or_default(),
            ..Variables::default()
        };
        let variables = Variables { app_domain: &domain, client_ip: &client_ip, ..say(variables) };
        let mut answer = custom(status, page, &variables)?;
        name_app(&mut answer, app);
        Some(answer)
    }
}
