//! Eager cookies (Access docs, "eager redirect cookie"): after a sign-in at
//! one host of an application, the browser is led past its other hosts, so that
//! each has its cookie before anybody goes there.
//!
//! Each host is a sign-in of its own by the organisation session, bound to this
//! browser there as every hand-over is (H-07): the host names the browser, the
//! team domain vouches for the person, the host gives the cookie. The first
//! host has its cookie before the way begins, so whoever is stranded at a dead
//! one goes back to where they wanted and is let in.

use std::sync::Arc;

use axum::response::Response;
use doorward_model::app::App;
use doorward_model::cookie::{APP_SESSION, http_date};
use doorward_model::host::Host;
use doorward_model::id::AppId;
use doorward_model::login::{Chain, Handoff, Target};
use doorward_model::purpose::Entry;
use doorward_model::redirect::ReturnPath;
use doorward_model::secret::{random_hex, sha256_hex};
use doorward_model::site::{self, ACCESS_PREFIX};
use doorward_model::time::Lifetime;
use doorward_policy::{Facts, Permit, decide};
use doorward_signer::claims::{self, Challenge};
use http::header::{HeaderValue, SET_COOKIE};
use url::form_urlencoded;

use crate::cookie;
use crate::respond::{Stop, redirect};
use crate::visit::Visit;

/// What a way is sealed for: it travels through URLs and nothing is stored for it.
const CHAIN: &str = "eager-cookies";
/// Hosts on one way at most. Each costs three redirects, of which browsers
/// follow twenty or so; the other hosts get their cookie at the first visit.
const MOST_HOSTS: usize = 4;
/// How long the way may take.
const CHAIN_LIFETIME: Lifetime = Lifetime::from_secs(120);
/// As long as the edge names a browser.
const APP_SESSION_LIFETIME: Lifetime = Lifetime::from_hours(24);

impl Visit {
    /// The way past the application's other hosts, if there is one to go.
    /// Where every visit is to be checked anew, their cookies would be over at arrival.
    pub(crate) fn eager(&self, app: &App, target: &Target, permit: &Permit, entry: Option<Entry>) -> Option<Chain> {
        let here = self.arrival.host.name();
        let others = app.eager_hosts().into_iter().filter(|host| *host != here && self.is_reached(app.id, host));
        let hosts: Vec<String> = others.take(MOST_HOSTS).map(str::to_owned).collect();
        let is_worth_it = !hosts.is_empty() && permit.session_duration() > CHAIN_LIFETIME;
        is_worth_it.then(|| Chain {
            app: app.id,
            hosts,
            end: site::app_url(&target.origin, &target.return_to),
            expires_at: self.arrival.now.plus(CHAIN_LIFETIME),
            entry,
        })
    }

    /// The way that a request is on, sealed by us and in time.
    pub(crate) fn chain(&self) -> Option<Chain> {
        let sealed = self.login.store.sealer().open(CHAIN, &self.parameter("chain")?)?;
        let chain: Chain = serde_json::from_slice(&sealed).ok()?;
        (self.arrival.now < chain.expires_at).then_some(chain)
    }

    /// On to the next host, or to where the person wanted to go.
    pub(crate) fn onward(&self, chain: &Chain) -> String {
        let next = chain.hosts.first().and_then(|name| self.arrival.host.with_name(name).parse::<Host>().ok());
        match next {
            Some(host) => {
                let origin = site::origin(self.arrival.https, &host);
                format!("{origin}{ACCESS_PREFIX}authorized?chain={}", self.sealed(chain))
            }
            None => chain.end.clone(),
        }
    }

    /// The first step at a host: names the browser there, and asks the team domain.
    pub(crate) fn step(&self, chain: &Chain) -> Response {
        let here = &self.arrival.host;
        let app = self.catalog.app(chain.app).filter(|_| chain.hosts.first().is_some_and(|next| next == here.name()));
        let place = app.and_then(|app| self.place(app, here, ReturnPath::root()).map(|place| (app, place)));
        let Some((app, place)) = place else { return redirect(&self.onward(&chain.after_this())) };
        let known = cookie::values(&self.headers, APP_SESSION).next();
        let app_session = known.map_or_else(|| format!("n{}", random_hex::<16>()), ToOwned::to_owned);
        let meta = self.login.signer.load().sign(&claims::meta(
            &Challenge {
                aud: &app.aud,
                hostname: &here.to_string(),
                redirect_url: place.as_str(),
                app_session_hash: &sha256_hex(&app_session),
                service_token_status: false,
                auth_status: "NONE",
                certificate: &self.arrival.certificate,
                country: self.arrival.country.as_deref(),
            },
            self.arrival.now.secs(),
        ));
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("kid", app.aud.as_str())
            .append_pair("meta", &meta)
            .append_pair("redirect_url", place.as_str())
            .append_pair("chain", &self.sealed(chain))
            .finish();
        let mut answer = redirect(&format!("{}?{query}", self.catalog.team().login(here)));
        if known.is_none() {
            let expires = self.arrival.now.plus(APP_SESSION_LIFETIME);
            let set = format!(
                "{APP_SESSION}={app_session}; Expires={}; Max-Age={}; Path=/; Secure; HttpOnly; SameSite=None",
                http_date(expires),
                APP_SESSION_LIFETIME.secs()
            );
            answer.headers_mut().append(SET_COOKIE, HeaderValue::try_from(set).expect("hex digits and attributes"));
        }
        answer
    }

    /// The second step, on the team domain: nobody is asked anything on the
    /// way. A host that may not be entered is passed by.
    pub(crate) async fn vouch(&self, app: &Arc<App>, target: Target, chain: Chain) -> Result<Response, Stop> {
        let session = self.org_session().await?.filter(|_| chain.app == app.id && target.app_session.is_some());
        let certificate = target.certificate.as_deref();
        let may_enter = match session {
            Some(session) => {
                let session = self.evaluated_again(app, session, certificate).await?;
                // What was given at the first host is this person's here, and nobody else's.
                let given = chain.entry.as_ref();
                let entry = given.filter(|entry| entry.holds(&session.nonce, app.id, self.arrival.now));
                let facts = Facts { entry, ..self.facts(Some(&session.identity), certificate) };
                decide(app, &self.catalog, &facts).is_ok().then_some(session)
            }
            None => None,
        };
        match may_enter {
            Some(session) => {
                let handoff = Handoff::begun(target, session.nonce, self.arrival.now);
                let handoff = Handoff { entry: chain.entry.clone(), chain: Some(chain), ..handoff };
                self.hand_over(handoff, true).await
            }
            None => Ok(redirect(&self.onward(&chain.after_this()))),
        }
    }

    fn is_reached(&self, app: AppId, host: &str) -> bool {
        let here: Option<Host> = self.arrival.host.with_name(host).parse().ok();
        let place = |app, host: &Host| self.place(app, host, ReturnPath::root());
        here.is_some_and(|host| self.catalog.app(app).is_some_and(|app| place(app, &host).is_some()))
    }

    fn sealed(&self, chain: &Chain) -> String {
        let plain = serde_json::to_vec(chain).expect("texts and numbers always serialize");
        self.login.store.sealer().seal(CHAIN, &plain)
    }
}
