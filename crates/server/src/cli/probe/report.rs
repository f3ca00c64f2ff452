//! What got in: for people, for programs, and for code scanning (SARIF 2.1.0).

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::attack::{ATTACKS, Attack, Carrier};

pub(super) struct Report {
    pub(super) url: String,
    pub(super) carrier: Carrier,
    pub(super) outcomes: Vec<Outcome>,
}

pub(super) struct Outcome {
    pub(super) attack: &'static Attack,
    pub(super) got_in: bool,
    pub(super) status: u16,
}

impl Report {
    pub(super) fn is_clean(&self) -> bool {
        !self.outcomes.iter().any(|outcome| outcome.got_in && outcome.attack.grave)
    }

    pub(super) fn text(&self) -> String {
        let mut text = format!("{} reads the token from {}\n", self.url, self.carrier.as_str());
        for Outcome { attack, got_in, status } in &self.outcomes {
            let verdict = match (got_in, attack.grave) {
                (false, _) => "refused",
                (true, true) => "GOT IN ",
                (true, false) => "got in ",
            };
            writeln!(text, "{verdict}  {status}  {}", attack.what).expect("a String takes everything");
            if *got_in {
                writeln!(text, "              → {}", attack.mend).expect("a String takes everything");
            }
        }
        let verdict = if self.is_clean() {
            "Nothing got in that should not."
        } else {
            "It does not verify its tokens: whoever reaches it without the gateway is let in. If what was asked for is \
             there for everybody, ask for something that is not."
        };
        text + verdict
    }

    pub(super) fn json(&self) -> Value {
        let outcome = |outcome: &Outcome| {
            json!({
                "attack": outcome.attack.id,
                "got_in": outcome.got_in,
                "grave": outcome.attack.grave,
                "status": outcome.status,
                "what": outcome.attack.what,
                "mend": outcome.attack.mend,
            })
        };
        json!({
            "url": self.url,
            "token_from": self.carrier.as_str(),
            "clean": self.is_clean(),
            "outcomes": self.outcomes.iter().map(outcome).collect::<Vec<_>>(),
        })
    }

    pub(super) fn sarif(&self) -> Value {
        let level = |attack: &Attack| if attack.grave { "error" } else { "warning" };
        let rule = |attack: &Attack| {
            json!({
                "id": attack.id,
                "shortDescription": { "text": format!("The origin lets in {}", attack.what) },
                "help": { "text": attack.mend },
                "defaultConfiguration": { "level": level(attack) },
            })
        };
        let result = |outcome: &Outcome| {
            json!({
                "ruleId": outcome.attack.id,
                "level": level(outcome.attack),
                "message": {
                    "text": format!("{} answered {} to {}: {}", self.url, outcome.status, outcome.attack.what, outcome.attack.mend),
                },
                "locations": [{ "physicalLocation": { "artifactLocation": { "uri": self.url } } }],
            })
        };
        json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": {
                    "name": "doorward probe",
                    "version": env!("CARGO_PKG_VERSION"),
                    "rules": ATTACKS.iter().map(rule).collect::<Vec<_>>(),
                } },
                "results": self.outcomes.iter().filter(|outcome| outcome.got_in).map(result).collect::<Vec<_>>(),
            }],
        })
    }
}
