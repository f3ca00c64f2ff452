//! The emulator as the edge knows it: each in its own words, since neither
//! knows the other.

use std::sync::Arc;

use axum::Router;
use doorward_edge::{Bent, Decided, Emulation, Instead, Who};
use doorward_emulator::names::TRANSFER_HOSTS;
use doorward_emulator::{self as emulator, CLI_PATH, Caller, Decision, Emulator};
use doorward_model::app::App;
use doorward_model::live::LiveCatalog;
use doorward_model::path::NormPath;

pub(super) struct Watching {
    emulator: Arc<Emulator>,
    transfer: Router,
    cli: Router,
}

impl Watching {
    /// For the edge that knows the team as this catalog does.
    pub(super) fn new(emulator: &Arc<Emulator>, catalog: &LiveCatalog) -> Self {
        let (transfer, cli) = (emulator.transfer_router(), emulator.cli_router(catalog));
        Self { emulator: Arc::clone(emulator), transfer, cli }
    }
}

impl Emulation for Watching {
    fn decided(&self, decided: &Decided<'_>) {
        let arrival = decided.arrival;
        self.emulator.decided(Decision {
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
            rules: decided.rules.clone(),
            caller: match decided.caller {
                Who::Nobody => Caller::Nobody,
                Who::Person(email) => Caller::Person(email.to_owned()),
                Who::Service(name) => Caller::Service(name.to_owned()),
                Who::Unproven => Caller::Unproven,
            },
        });
    }

    fn bent(&self, app: &App, path: &NormPath, token: Option<&str>) -> Option<Bent> {
        let bent = self.emulator.bent(app, path)?;
        Some(Bent {
            delay: bent.delay,
            instead: bent.instead.map(|instead| match instead {
                emulator::Instead::Status(status) => Instead::Status(status),
                emulator::Instead::Reset => Instead::Reset,
            }),
            // Without a token there is none to spoil.
            token: bent.defect.zip(token).map(|(defect, token)| self.emulator.spoiled(token, defect)),
        })
    }

    fn host(&self, name: &str) -> Option<Router> {
        TRANSFER_HOSTS.contains(&name).then(|| self.transfer.clone())
    }

    fn behind(&self, path: &str) -> Option<Router> {
        (path == CLI_PATH).then(|| self.cli.clone())
    }
}
