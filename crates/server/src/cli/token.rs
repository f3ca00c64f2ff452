//! `doorward token`: asks a running emulator for a token, for scripts and curl.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::{TokenArgs, complain, say};
use crate::run::token_file;

pub(super) fn run(args: TokenArgs) -> ExitCode {
    let asked = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())
        .and_then(|runtime| runtime.block_on(ask(&args)));
    match asked {
        Ok(answer) if args.json => say(answer),
        Ok(answer) => say(answer["token"].as_str().unwrap_or_default()),
        Err(problem) => {
            complain(&format!("doorward token: {problem}"));
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

async fn ask(args: &TokenArgs) -> Result<Value, String> {
    let port = args.admin.port_or_known_default().unwrap_or_default();
    let token = args.token.clone().or_else(|| token_file::find(port)).ok_or_else(|| {
        format!("no emulator of this user left a token for port {port}; start one, or give --admin and --token")
    })?;
    let mut wanted = json!({ "app": args.app });
    if let Some(email) = &args.user {
        wanted["email"] = json!(email);
    }
    if let Some(name) = &args.service_token {
        wanted["kind"] = json!("service");
        wanted["service_token"] = json!(name);
    }
    if let Some(ttl) = args.ttl {
        wanted["ttl"] = json!(ttl);
    }
    let url = args.admin.join("/emulator/v1/tokens").map_err(|error| format!("--admin: {error}"))?;
    let response =
        client()?.post(url).bearer_auth(token).json(&wanted).send().await.map_err(|error| {
            format!("no emulator answers at {} ({}); is it running?", args.admin, error.without_url())
        })?;
    let status = response.status();
    let answer: Value =
        response.json().await.map_err(|_| format!("{} is no emulator: it answered {status}", args.admin))?;
    if status.is_success() { Ok(answer) } else { Err(refusal(&answer, status)) }
}

/// The emulator's own words, where it has any.
fn refusal(answer: &Value, status: reqwest::StatusCode) -> String {
    let message = answer.pointer("/errors/0/message").or_else(|| answer.pointer("/error/message"));
    let message = message.or_else(|| answer.get("error")).and_then(Value::as_str);
    let hint = answer.get("hint").and_then(Value::as_str).map(|hint| format!("; {hint}")).unwrap_or_default();
    message.map_or_else(|| format!("the emulator answered {status}"), |message| format!("{message}{hint}"))
}

/// The emulator is on this machine: no proxy between, no redirects.
fn client() -> Result<reqwest::Client, String> {
    let _already_there = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(std::time::Duration::from_secs(10))
        .build()
        .map_err(|error| error.to_string())
}
