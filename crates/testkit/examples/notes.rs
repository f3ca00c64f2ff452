//! An application behind Access that believes nobody but a token that it
//! verified itself, and the tests in which that very code runs.
//!
//! `cargo run --package doorward-testkit --example notes` shows it once;
//! `cargo test --package doorward-testkit --example notes` runs its tests.

#![expect(clippy::unwrap_used, reason = "an example stops where something is not as it says")]
#![expect(clippy::print_stdout, reason = "it is there to be looked at")]

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::{HeaderMap, StatusCode};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;

/// What an application is configured with.
struct Access {
    team: String,
    certs: String,
    aud: String,
}

impl Access {
    /// Who is asking, if somebody is whom the team vouches for.
    async fn caller(&self, headers: &HeaderMap) -> Option<String> {
        let token = headers.get("cf-access-jwt-assertion")?.to_str().ok()?;
        let keys: JwkSet = reqwest::get(&self.certs).await.ok()?.json().await.ok()?;
        let key = keys.find(&jsonwebtoken::decode_header(token).ok()?.kid?)?;
        let mut rules = Validation::new(Algorithm::RS256);
        rules.set_issuer(&[&self.team]);
        rules.set_audience(&[&self.aud]);
        rules.validate_nbf = true;
        let key = DecodingKey::from_jwk(key).ok()?;
        let claims = jsonwebtoken::decode::<Value>(token, &key, &rules).ok()?.claims;
        Some(claims["email"].as_str()?.to_owned())
    }
}

fn app(access: Access) -> Router {
    Router::new().route("/me", get(me)).with_state(Arc::new(access))
}

async fn me(State(access): State<Arc<Access>>, headers: HeaderMap) -> (StatusCode, String) {
    match access.caller(&headers).await {
        Some(email) => (StatusCode::OK, email),
        None => (StatusCode::FORBIDDEN, "no valid Access token".to_owned()),
    }
}

#[tokio::main]
async fn main() {
    let trial = trial::Trial::start().await;
    let token = trial.gateway.token("notes.localhost", "alice@example.com").await;
    println!("with a token: {:?}", trial.ask(Some(&token)).await);
    println!("without one:  {:?}", trial.ask(None).await);
}

mod trial {
    use doorward_testkit::Gateway;

    use super::{Access, app};

    /// The application, which takes the gateway for its team.
    pub(super) struct Trial {
        pub(super) gateway: Gateway,
        url: String,
    }

    impl Trial {
        pub(super) async fn start() -> Self {
            let gateway = Gateway::builder().app("notes.localhost", "demo").start().await;
            let aud = gateway.aud("notes.localhost").to_owned();
            let app = app(Access { team: gateway.team_url().to_owned(), certs: gateway.certs_url(), aud });
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}/me", listener.local_addr().unwrap());
            tokio::spawn(async move { axum::serve(listener, app).await });
            Self { gateway, url }
        }

        pub(super) async fn ask(&self, token: Option<&str>) -> (u16, String) {
            let mut request = self.gateway.client().get(&self.url);
            if let Some(token) = token {
                request = request.header("Cf-Access-Jwt-Assertion", token);
            }
            let answer = request.send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::trial::Trial;

    #[tokio::test]
    async fn somebody_is_known_by_their_token() {
        let trial = Trial::start().await;
        let token = trial.gateway.token("notes.localhost", "alice@example.com").await;
        assert_eq!(trial.ask(Some(&token)).await, (200, "alice@example.com".to_owned()));
        assert_eq!(trial.ask(None).await.0, 403);
    }

    #[tokio::test]
    async fn a_bad_token_is_refused() {
        let trial = Trial::start().await;
        for defect in ["expired", "not-yet-valid", "wrong-aud", "wrong-iss", "alg-none", "hs256", "tampered"] {
            let defect = format!("token-{defect}");
            let order = serde_json::json!({ "app": "notes.localhost", "email": "alice@example.com", "defect": defect });
            let token = trial.gateway.mint_as(order).await.token;
            assert_eq!(trial.ask(Some(&token)).await.0, 403, "{defect}");
        }
    }

    #[tokio::test]
    async fn a_key_that_is_new_is_fetched() {
        let trial = Trial::start().await;
        trial.gateway.rotate_keys(true).await;
        let token = trial.gateway.token("notes.localhost", "alice@example.com").await;
        assert_eq!(trial.ask(Some(&token)).await.0, 200);
    }
}
