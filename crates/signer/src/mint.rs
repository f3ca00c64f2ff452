//! Minting a person's application token: the one place that knows what of a
//! sign-in goes into it and how long it lives. The login door mints at the end
//! of a sign-in, the edge when it renews.

use doorward_model::app::App;
use doorward_model::catalog::Catalog;
use doorward_model::session::{Bearings, Session};
use doorward_model::time::{Lifetime, Timestamp};

use crate::claims::{self, AudShape};
use crate::{Keyring, MAX_LIFETIME};

/// A token must outlive the redirect that carries it, also where every visit
/// is to be checked anew ("immediate timeout"); else the browser goes in circles.
const SHORTEST: Lifetime = Lifetime::from_secs(10);

/// How long a token may live that was asked to live this long.
#[must_use]
pub fn lifetime(asked: Lifetime) -> Lifetime {
    asked.clamp(SHORTEST, MAX_LIFETIME)
}

/// A token that was just signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Minted {
    pub token: String,
    pub expires: Timestamp,
    pub bearings: Bearings,
}

impl Keyring {
    /// The token that lets the person of this session into the application,
    /// issued at `iat` seconds and living as long as asked, within bounds.
    #[must_use]
    pub fn mint_app(&self, session: &Session, app: &App, catalog: &Catalog, iat: i64, asked: Lifetime) -> Minted {
        let identity = &session.identity;
        let expires = Timestamp::from_secs(iat).plus(lifetime(asked));
        let custom = claims::custom(identity, catalog.claims_of(identity.idp.id));
        let issuer = catalog.team().issuer();
        let claims =
            claims::app(identity, &session.nonce, &app.aud, issuer, iat, expires.secs(), AudShape::Array, &custom);
        let bearings = Bearings {
            session: Some(session.nonce.clone()),
            user: Some(identity.user_uuid),
            app: Some(app.aud.clone()),
            iat,
        };
        Minted { token: self.sign(&claims), expires: Timestamp::from_secs(expires.secs()), bearings }
    }
}
