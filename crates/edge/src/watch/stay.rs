//! Somebody's right to go on with what they began: what it rested on, so that
//! it can be asked for again while an answer or a tunnel lasts (I10).

use doorward_model::catalog::Catalog;
use doorward_model::time::Timestamp;
use doorward_policy::Permit;

use crate::Edge;
use crate::arrive::Visit;
use crate::caller::{Caller, Person};
use crate::certificate;
use crate::watch::signal::Cut;

/// Who may go on, where, and under what state of things it was decided.
pub(crate) struct Stay {
    pub(crate) permit: Permit,
    pub(crate) caller: Caller,
    pub(crate) visit: Visit,
    /// Of the snapshot and the revocations that were looked at.
    pub(crate) generation: u64,
    pub(crate) revocations: u64,
    /// An unchecked preflight: no policy let it in, none can take it back.
    pub(crate) preflight: bool,
}

impl Stay {
    /// The same question as at the beginning, unless nothing it rested on has changed.
    pub(crate) fn holds(&self, edge: &Edge) -> Result<(), Cut> {
        let unchanged = self.generation == edge.catalog.load().generation()
            && self.revocations == edge.store.revocations().version();
        // Whose time is over while an origin thinks gets that answer, but no stream of it.
        let believed = !matches!(self.caller, Caller::Person { .. }) || edge.store.revocations().is_fresh();
        if unchanged && believed { Ok(()) } else { self.standing(edge, edge.clock.now()) }
    }

    /// Asks everything again that let the caller in.
    pub(crate) fn standing(&self, edge: &Edge, now: Timestamp) -> Result<(), Cut> {
        self.in_time(now)?;
        if self.preflight {
            return Ok(());
        }
        let catalog = edge.catalog.snapshot();
        let arrival = &self.visit.arrival;
        let app = catalog.answering(&arrival.host, &self.visit.path).filter(|app| app.id == self.permit.app().id);
        let app = app.ok_or(Cut::Ended)?;
        match &self.caller {
            Caller::Person { .. } | Caller::Linked(_) if !edge.store.revocations().is_fresh() => {
                return Err(Cut::Unchecked);
            }
            Caller::Person { person, .. } if !person.is_current(edge, app, now) => return Err(Cut::Ended),
            Caller::Person { person, .. } if !person.has_its_key(edge) => return Err(Cut::Ended),
            Caller::Linked(person) if !is_known_there(person, &catalog, edge, now) => return Err(Cut::Ended),
            Caller::Machine(machine) if !machine.is_known(&catalog, now) => return Err(Cut::Ended),
            _ => {}
        }
        // It may be needed by any policy, and one that ended does not come back on this connection.
        if arrival.certificate.valid().is_some_and(|own| !certificate::counts(own, &arrival.host, &catalog, now)) {
            return Err(Cut::Ended);
        }
        match doorward_policy::decide(app, &catalog, &self.caller.facts(arrival)) {
            Ok(_) => Ok(()),
            Err(_) => Err(Cut::Ended),
        }
    }

    /// Whether the credential itself has not come to its end.
    pub(crate) fn in_time(&self, now: Timestamp) -> Result<(), Cut> {
        let ended = match &self.caller {
            Caller::Person { person, .. } | Caller::Linked(person) => person.expires <= now,
            Caller::Machine(machine) => !machine.is_in_time(now),
            _ => false,
        };
        let certificate = self.visit.arrival.certificate.valid();
        let ended = ended || certificate.is_some_and(|certificate| certificate.not_after <= now);
        if ended { Err(Cut::Ended) } else { Ok(()) }
    }

    /// One line about an end that somebody else decided.
    pub(crate) fn log_end(&self, cut: Cut, now: Timestamp) {
        let arrival = &self.visit.arrival;
        tracing::info!(
            ray.id = %arrival.ray, app.name = self.permit.app().name, client.ip = %arrival.client_ip,
            caller = self.caller.name(), seconds = now.since(arrival.now).secs(), "closed a stream: {}", cut.why()
        );
    }
}

/// Whether the token that another application handed on still holds there.
fn is_known_there(person: &Person, catalog: &Catalog, edge: &Edge, now: Timestamp) -> bool {
    catalog.app(person.app).is_some_and(|other| person.is_current(edge, other, now))
}
