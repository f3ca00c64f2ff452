//! Nodes whose clocks differ by more than tokens tolerate: what one issues, the
//! other does not take yet. Signing in again gives another token of the kind,
//! so that the browser would go in circles; after a few rounds it is told.

use std::time::Duration;

use doorward_model::app::App;
use doorward_model::arrival::Arrival;
use doorward_model::id::IdentityNonce;
use doorward_model::time::Lifetime;
use doorward_signer::Subject;
use tokio::time::Instant;

use crate::Edge;

/// How often a token from ahead is answered by signing in again.
const ROUNDS: u8 = 2;
/// A browser that goes in circles is back much sooner.
const ROUND: Duration = Duration::from_secs(60);
/// How much a node's clock may be ahead of ours for its tokens to be known as such.
const KNOWN_SKEW: Lifetime = Lifetime::from_hours(24);
/// How many sign-ins are remembered.
const CAPACITY: usize = 4096;

/// The sign-ins that brought tokens from ahead: how often, and when last.
pub(crate) struct Skew(quick_cache::sync::Cache<IdentityNonce, (u8, Instant)>);

impl Skew {
    pub(crate) fn new() -> Self {
        Self(quick_cache::sync::Cache::new(CAPACITY))
    }

    /// Whether a token that is dated in the future came once too often with its
    /// sign-in. Only what a key of ours signed counts.
    pub(crate) fn goes_in_circles(&self, edge: &Edge, token: &str, app: &App, arrival: &Arrival) -> bool {
        let there = arrival.now.plus(KNOWN_SKEW);
        let ahead = edge.signer.keyring().verify_app(token, &edge.issuers, &app.aud, there, KNOWN_SKEW);
        let Ok(Subject::User { nonce, .. }) = ahead.map(|ahead| ahead.subject) else { return false };
        let before = self.0.get(&nonce).filter(|(_, last)| last.elapsed() < ROUND);
        let count = before.map_or(0, |(count, _)| count).saturating_add(1);
        self.0.insert(nonce, (count, Instant::now()));
        if count > ROUNDS {
            tracing::error!(
                ray.id = %arrival.ray, app.name = app.name,
                "a token is dated in the future: the clocks of the nodes differ by more than 30 s; set them right"
            );
        }
        count > ROUNDS
    }
}
