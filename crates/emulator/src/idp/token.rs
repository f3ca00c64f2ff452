//! The token endpoint (RFC 6749 §4.1.3): a code becomes an ID token.

use axum::Json;
use axum::extract::rejection::RawFormRejection;
use axum::extract::{RawForm, State};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, PRAGMA, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::client::{NotAClient, authenticated};
use super::grants::{NotRedeemed, Redemption, TOKEN_LIFETIME};
use super::id_token;
use super::params::Params;
use crate::Site;

pub(super) async fn exchange(
    State(site): State<Site>,
    headers: HeaderMap,
    form: Result<RawForm, RawFormRejection>,
) -> Response {
    let answer = match form {
        Ok(RawForm(form)) => redeemed(&site, &headers, &Params::read(&form)),
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => return rejection.into_response(),
        Err(_) => Err(invalid("send a form, with Content-Type: application/x-www-form-urlencoded")),
    };
    let mut response = match answer {
        Ok(body) => Json(body).into_response(),
        Err(refusal) => refusal.into_response(),
    };
    // RFC 6749 §5.1.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

fn redeemed(site: &Site, headers: &HeaderMap, form: &Params) -> Result<Value, Refusal> {
    let emulator = &site.emulator;
    form.repeated().map_err(|error| invalid(&error.to_string()))?;
    let client = authenticated(&emulator.provider.clients, headers, form).map_err(Refusal::from)?;
    match form.value("grant_type") {
        Some("authorization_code") => {}
        Some(_) => return Err(refused("unsupported_grant_type", "grant_type must be authorization_code")),
        None => return Err(invalid("grant_type is missing; it must be authorization_code")),
    }
    let presented = Redemption {
        code: form.value("code").ok_or_else(|| invalid("code is missing"))?,
        client: &client.id,
        redirect_uri: form.value("redirect_uri"),
        verifier: form.value("code_verifier"),
    };
    let now = emulator.clock.now();
    let (grant, access) = emulator.provider.grants.redeem(&presented, now)?;
    let claims = id_token::claims(&grant, &access, site.catalog.load().team(), now);
    Ok(json!({
        "access_token": access.expose(),
        "token_type": "Bearer",
        "expires_in": TOKEN_LIFETIME.secs(),
        "scope": grant.scopes.join(" "),
        "id_token": emulator.provider.key.sign(claims),
    }))
}

/// RFC 6749 §5.2.
struct Refusal {
    status: StatusCode,
    error: &'static str,
    description: String,
}

fn refused(error: &'static str, description: &str) -> Refusal {
    Refusal { status: StatusCode::BAD_REQUEST, error, description: description.to_owned() }
}

fn invalid(description: &str) -> Refusal {
    refused("invalid_request", description)
}

impl From<NotAClient> for Refusal {
    fn from(why: NotAClient) -> Self {
        match why {
            NotAClient::Twice => invalid("authenticate by the Authorization header or by the form, not by both"),
            NotAClient::Refused => Self {
                status: StatusCode::UNAUTHORIZED,
                ..refused("invalid_client", "the client is not known or its secret is wrong")
            },
        }
    }
}

impl From<NotRedeemed> for Refusal {
    fn from(why: NotRedeemed) -> Self {
        match why {
            NotRedeemed::VerifierUnasked => invalid(&why.to_string()),
            _ => refused("invalid_grant", &why.to_string()),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = Json(json!({ "error": self.error, "error_description": self.description }));
        let mut response = (self.status, body).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"doorward\""));
        }
        response
    }
}
