//! `doorward probe`: does an origin really verify its token? It is asked as an
//! attacker would ask who reached it past the gateway, and what got in is told.

mod attack;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use doorward_model::email::Email;
use reqwest::Method;
use serde_json::{Value, json};

use self::attack::{ATTACKS, Attack, Carrier};
use self::report::{Outcome, Report};
use super::admin::{AdminArgs, wait};
use super::{client, complain, say, web_url};

const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
pub(super) struct ProbeArgs {
    /// An address of the origin that asks for a token, such as `http://127.0.0.1:3000/private`
    #[arg(value_parser = web_url)]
    url: url::Url,
    /// The application that the origin belongs to; not needed where the emulator has one alone
    #[arg(long, value_name = "HOST")]
    app: Option<String>,
    /// Whom a good token is for
    #[arg(long, value_name = "EMAIL", default_value = "alice@example.com")]
    user: Email,
    /// A text that only those see who got in; without it, the status tells
    #[arg(long, value_name = "TEXT")]
    expect: Option<String>,
    #[command(flatten)]
    admin: AdminArgs,
    /// The report as one JSON object
    #[arg(long)]
    json: bool,
    /// Writes the report as SARIF 2.1.0 to this file
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,
}

/// 0 when nothing got in that should not, 1 when something did, 2 when nothing can be told.
pub(super) fn run(args: &ProbeArgs) -> ExitCode {
    let report = match wait(probed(args)) {
        Ok(report) => report,
        Err(problem) => {
            complain(&format!("doorward probe: {problem}"));
            return ExitCode::from(2);
        }
    };
    if let Some(path) = &args.sarif
        && let Err(error) = std::fs::write(path, report.sarif().to_string())
    {
        complain(&format!("doorward probe: --sarif {} cannot be written: {error}", path.display()));
        return ExitCode::from(2);
    }
    if args.json {
        say(report.json())
    } else {
        say(report.text().trim_end())
    }
    if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Where a good token gets in: an origin reads one place, and knows one issuer.
struct Way {
    carrier: Carrier,
    issuer: Option<String>,
}

struct Prober<'a> {
    args: &'a ProbeArgs,
    app: String,
    client: reqwest::Client,
}

async fn probed(args: &ProbeArgs) -> Result<Report, String> {
    let ready = args.admin.call(Method::GET, "ready", None).await?;
    let app = app(args, &ready)?;
    let mut builder = client::builder(PATIENCE);
    if let Some(bundle) = ready["ca"].as_str().and_then(|path| std::fs::read(path).ok()) {
        let roots = reqwest::Certificate::from_pem_bundle(&bundle).map_err(|error| client::why(&error))?;
        builder = builder.tls_certs_merge(roots);
    }
    let prober = Prober { args, app, client: client::built(builder)? };
    let domain = ready["team"]["domain"].as_str().map(|domain| format!("https://{domain}"));
    let way = prober.way(domain).await?;
    let mut outcomes = Vec::new();
    for attack in ATTACKS {
        outcomes.push(prober.outcome(attack, &way).await?);
    }
    Ok(Report { url: args.url.to_string(), carrier: way.carrier, outcomes })
}

fn app(args: &ProbeArgs, ready: &Value) -> Result<String, String> {
    if let Some(app) = &args.app {
        return Ok(app.clone());
    }
    let hosts: Vec<&str> =
        ready["apps"].as_array().into_iter().flatten().filter_map(|app| app["hostname"].as_str()).collect();
    let here = args.url.host_str().filter(|host| hosts.contains(host));
    match (here, hosts.as_slice()) {
        (Some(host), _) | (None, &[host]) => Ok(host.to_owned()),
        (None, _) => Err(format!("which application is it? give --app; there are {}", hosts.join(", "))),
    }
}

impl Prober<'_> {
    /// A good token has to get in first: from an origin that refuses
    /// everything, nothing can be learned.
    async fn way(&self, domain: Option<String>) -> Result<Way, String> {
        let mut last = 0;
        for issuer in [None, domain] {
            for carrier in [Carrier::Header, Carrier::Cookie] {
                let token = self.token(None, issuer.as_deref()).await?;
                let (admitted, status) = self.asked(&[carrier.field(&token)], None).await?;
                if admitted {
                    return Ok(Way { carrier, issuer });
                }
                last = status;
            }
        }
        Err(format!(
            "a good token does not get in either ({last}), so nothing can be told; the origin may expect another \
             issuer, audience or certs URL than those of the emulator, or --user and --app are not whom it lets in"
        ))
    }

    async fn outcome(&self, attack: &'static Attack, way: &Way) -> Result<Outcome, String> {
        let (fields, query) = match attack.how {
            attack::How::Nothing => (vec![], None),
            attack::How::Field(name, value) => (vec![(name, value.to_owned())], None),
            attack::How::Defect(defect) => {
                let token = self.token(Some(defect), way.issuer.as_deref()).await?;
                (vec![way.carrier.field(&token)], None)
            }
            attack::How::Bearer => {
                let token = self.token(None, way.issuer.as_deref()).await?;
                (vec![("authorization", format!("Bearer {token}"))], None)
            }
            attack::How::Query => (vec![], Some(self.token(None, way.issuer.as_deref()).await?)),
        };
        let (got_in, status) = self.asked(&fields, query.as_deref()).await?;
        Ok(Outcome { attack, got_in, status })
    }

    async fn token(&self, defect: Option<&str>, issuer: Option<&str>) -> Result<String, String> {
        let mut order = json!({ "app": self.app, "email": self.args.user });
        let asked = [("defect", defect), ("issuer", issuer)];
        for (name, value) in asked.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            order[name] = json!(value);
        }
        let answer = self.args.admin.call(Method::POST, "tokens", Some(&order)).await?;
        answer["token"].as_str().map(str::to_owned).ok_or_else(|| "the emulator gave no token".to_owned())
    }

    /// Whether a request gets in, and its status.
    async fn asked(&self, fields: &[(&'static str, String)], query: Option<&str>) -> Result<(bool, u16), String> {
        let mut url = self.args.url.clone();
        if let Some(token) = query {
            url.query_pairs_mut().append_pair("CF_Authorization", token);
        }
        let mut request = self.client.get(url).header("accept", "text/html,application/json");
        for (name, value) in fields {
            request = request.header(*name, value);
        }
        let response = request.send().await;
        let response =
            response.map_err(|error| format!("{} does not answer: {}", self.args.url, client::why(&error)))?;
        let status = response.status();
        let admitted = match &self.args.expect {
            Some(text) => response.text().await.is_ok_and(|body| body.contains(text)),
            None => status.is_success(),
        };
        Ok((admitted, status.as_u16()))
    }
}
