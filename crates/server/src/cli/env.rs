//! `doorward env`: the variables that lead unmodified clients to a running
//! emulator, in the words of a shell.

mod shell;

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use reqwest::Method;
use serde_json::Value;

use self::shell::{Shell, Variable};
use super::admin::{AdminArgs, wait};
use super::{complain, say};
use crate::authority;

/// What makes Node dial the emulator for its names, whichever client asks.
const NODE_PRELOAD: &str = include_str!("env/node-preload.cjs");

/// Where each kind of client looks for the roots it trusts.
pub(super) const ROOTS: [&str; 7] = [
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "DENO_CERT",
    "GIT_SSL_CAINFO",
    "AWS_CA_BUNDLE",
];

#[derive(Debug, Args)]
pub(super) struct EnvArgs {
    /// In whose words; eval "$(doorward env)" takes them over in a POSIX shell
    #[arg(long, value_enum, default_value_t)]
    shell: Shell,
    #[command(flatten)]
    admin: AdminArgs,
}

pub(super) fn run(args: &EnvArgs) -> ExitCode {
    match wait(variables(&args.admin)) {
        Ok(variables) => {
            say(args.shell.written(&variables).trim_end());
            ExitCode::SUCCESS
        }
        Err(problem) => {
            complain(&format!("doorward env: {problem}"));
            ExitCode::FAILURE
        }
    }
}

async fn variables(admin: &AdminArgs) -> Result<Vec<Variable>, String> {
    let ready = admin.call(Method::GET, "ready", None).await?;
    let proxy = ready["proxy"].as_str().ok_or(
        "this emulator has no proxy; start doorward dev without --no-proxy, or add proxy = \"127.0.0.1:8789\" under [listen]",
    )?;
    let bundle = ready["ca"].as_str().ok_or("this emulator names no certificate authority")?;
    if !Path::new(bundle).is_file() {
        complain(&format!("doorward env: {bundle} is not on this machine; copy it here, or run: doorward ca bundle"));
    }
    let mut variables = vec![Variable::new("HTTPS_PROXY", proxy), Variable::new("https_proxy", proxy)];
    variables.extend(ROOTS.map(|name| Variable::naming(name, bundle, bundle)));
    variables.push(Variable::new("NODE_USE_ENV_PROXY", "1"));
    variables.push(Variable::new("DOORWARD_PROXY", proxy));
    variables.push(Variable::new("DOORWARD_HOSTS", &hosts(&ready)));
    if let Some(file) = preload() {
        variables.push(Variable::naming("DOORWARD_CA", bundle, bundle));
        variables.push(Variable::naming("NODE_OPTIONS", &format!("--require=\"{file}\""), &file));
    }
    Ok(variables)
}

/// The names that the emulator answers to, through its proxy.
fn hosts(ready: &Value) -> String {
    let apps = ready["apps"].as_array().into_iter().flatten().filter_map(|app| app["hostname"].as_str());
    let team = ready["team"]["domain"].as_str();
    let mut hosts: Vec<&str> = team.into_iter().chain(doorward_emulator::names::TRANSFER_HOSTS).chain(apps).collect();
    hosts.dedup();
    hosts.join(",")
}

/// Without a place for it, Node of version 24 or later still follows the proxy.
fn preload() -> Option<String> {
    let path = authority::folder()?.join("node-preload.cjs");
    let there = std::fs::read_to_string(&path).is_ok_and(|text| text == NODE_PRELOAD);
    let written = there || std::fs::write(&path, NODE_PRELOAD).is_ok();
    written.then(|| path.display().to_string())
}
