//! The question before a sign-in is brought to a command line (Access docs,
//! "automatic cloudflared authentication"). A link from anywhere leads to the
//! transfer: without a word of the person, whoever sent it would have their sign-in.
//!
//! The answer is a link that holds what was asked, sealed: for this command
//! line's key, this application and this very sign-in, and for minutes.

use axum::response::{Html, IntoResponse as _, Response};
use doorward_model::app::App;
use doorward_model::arrival::Arrival;
use doorward_model::catalog::Catalog;
use doorward_model::custom_page::PageKind;
use doorward_model::id::{AppId, IdentityNonce};
use doorward_model::session::Session;
use doorward_model::time::{Lifetime, Timestamp};
use doorward_pages::{Action, CUSTOM_CONTENT_SECURITY_POLICY, Notice, SIGN_IN_TITLE, Variables};
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use super::{CLI_PATH, Wish};
use crate::{Emulator, demo};

/// What an approval is sealed for.
const APPROVAL: &str = "cli-approval";
const LIFETIME: Lifetime = Lifetime::from_secs(300);

/// What a person says yes to.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Approval {
    key: [u8; 32],
    app: AppId,
    session: IdentityNonce,
    expires_at: Timestamp,
}

/// What is asked of whom.
pub(super) struct Question<'a> {
    pub(super) key: [u8; 32],
    pub(super) app: &'a App,
    pub(super) session: &'a Session,
    pub(super) wish: &'a Wish,
}

impl Question<'_> {
    /// Whether the person has said yes to exactly this, a moment ago.
    pub(super) fn is_approved(&self, emulator: &Emulator) -> bool {
        let opened = self.wish.approved.as_deref().and_then(|sealed| emulator.store.sealer().open(APPROVAL, sealed));
        let approval = opened.and_then(|plain| serde_json::from_slice::<Approval>(&plain).ok());
        approval.is_some_and(|said| {
            (said.key, said.app, &said.session) == (self.key, self.app.id, &self.session.nonce)
                && emulator.clock.now() < said.expires_at
        })
    }

    /// The page that asks, in the operator's own words where they have some.
    pub(super) fn page(&self, emulator: &Emulator, catalog: &Catalog, arrival: &Arrival) -> Response {
        let approve = self.link("approved", &self.sealed(emulator));
        let deny = self.link("denied", "true");
        if let Some(own) = self.own_page(catalog, arrival, &approve, &deny) {
            return own;
        }
        let email = &self.session.identity.email;
        let text = format!(
            "A command line asks for your sign-in to {} as {email}. Approve only if you have just started it yourself.",
            self.app.name
        );
        let page = Notice {
            title: SIGN_IN_TITLE,
            heading: "Sign in a command line?",
            text: &text,
            action: Some(Action::new("Approve", approve)),
            links: vec![Action::new("Deny", deny)],
            ..Notice::default()
        };
        demo::html(StatusCode::OK, &page)
    }

    fn own_page(&self, catalog: &Catalog, arrival: &Arrival, approve: &str, deny: &str) -> Option<Response> {
        // Without a template it could not say how to answer.
        let page = catalog.custom_page(self.app, PageKind::Interstitial).filter(|page| page.is_template)?;
        let (client_ip, domain) = (arrival.client_ip.to_string(), self.app.domain());
        let options = [("Approve".to_owned(), approve.to_owned()), ("Deny".to_owned(), deny.to_owned())];
        let variables = Variables {
            organization: &catalog.team().name,
            app: &self.app.name,
            app_domain: &domain,
            aud: self.app.aud.as_str(),
            ray: arrival.ray.as_str(),
            email: self.session.identity.email.as_str(),
            client_ip: &client_ip,
            country: arrival.country.as_deref().unwrap_or_default(),
            login_options: &options,
            ..Variables::default()
        };
        let html = doorward_pages::custom(page, &variables);
        let html = html.inspect_err(|error| tracing::warn!(page = page.name, %error, "a custom page is not shown"));
        let headers = [
            (header::CONTENT_SECURITY_POLICY, CUSTOM_CONTENT_SECURITY_POLICY),
            (header::CACHE_CONTROL, "no-store"),
            (header::REFERRER_POLICY, "same-origin"),
            (header::X_FRAME_OPTIONS, "DENY"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        Some((StatusCode::OK, headers, Html(html.ok()?)).into_response())
    }

    fn sealed(&self, emulator: &Emulator) -> String {
        let approval = Approval {
            key: self.key,
            app: self.app.id,
            session: self.session.nonce.clone(),
            expires_at: emulator.clock.now().plus(LIFETIME),
        };
        let plain = serde_json::to_vec(&approval).expect("bytes and texts always serialize");
        emulator.store.sealer().seal(APPROVAL, &plain)
    }

    /// The address of this question with an answer to it.
    fn link(&self, answer: &str, value: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let Wish { token, aud, close_interstitial, .. } = self.wish;
        for (name, asked) in [("token", token), ("aud", aud), ("close_interstitial", close_interstitial)] {
            if let Some(asked) = asked {
                query.append_pair(name, asked);
            }
        }
        format!("{CLI_PATH}?{}", query.append_pair(answer, value).finish())
    }
}
