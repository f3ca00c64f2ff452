//! The emulator as the edge knows it: each in its own words, since neither
//! knows the other.

use std::sync::Arc;

use doorward_edge::{Bent, Decided, Emulation, Instead, Who};
use doorward_emulator::{self as emulator, Caller, Decision, Emulator};
use doorward_model::app::App;
use doorward_model::path::NormPath;

pub(super) struct Watching(pub(super) Arc<Emulator>);

impl Emulation for Watching {
    fn decided(&self, decided: &Decided<'_>) {
        let arrival = decided.arrival;
        self.0.decided(Decision {
            ray: arrival.ray,
            at: arrival.now,
            client_ip: arrival.client_ip,
            method: decided.method.to_string(),
            host: arrival.host.to_string(),
            path: decided.path.to_string(),
            app: arrival.app.as_ref().map(|app| (app.id, app.name.clone())),
            verdict: decided.verdict,
            policy: decided.policy.map(str::to_owned),
            rule: decided.rule.map(str::to_owned),
            caller: match decided.caller {
                Who::Nobody => Caller::Nobody,
                Who::Person(email) => Caller::Person(email.to_owned()),
                Who::Service(name) => Caller::Service(name.to_owned()),
                Who::Unproven => Caller::Unproven,
            },
        });
    }

    fn bent(&self, app: &App, path: &NormPath, token: Option<&str>) -> Option<Bent> {
        let bent = self.0.bent(app, path)?;
        Some(Bent {
            delay: bent.delay,
            instead: bent.instead.map(|instead| match instead {
                emulator::Instead::Status(status) => Instead::Status(status),
                emulator::Instead::Reset => Instead::Reset,
            }),
            // Without a token there is none to spoil.
            token: bent.defect.zip(token).map(|(defect, token)| self.0.spoiled(token, defect)),
        })
    }
}
