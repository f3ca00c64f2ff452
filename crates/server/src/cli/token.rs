//! `doorward token`: asks a running emulator for a token, for scripts and curl.

use std::process::ExitCode;

use reqwest::Method;
use serde_json::{Value, json};

use super::admin::wait;
use super::{TokenArgs, complain, say};

pub(super) fn run(args: TokenArgs) -> ExitCode {
    match wait(ask(&args)) {
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
    args.admin.call(Method::POST, "tokens", Some(&wanted)).await
}
