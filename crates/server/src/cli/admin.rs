//! A running emulator, as the commands that ask one reach it.

use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::{client, web_url};
use crate::run::token_file;

pub(super) const PATIENCE: Duration = Duration::from_secs(10);

const NAMESPACES: &str = "/emulator/v1/namespaces/";

/// Which emulator is asked.
#[derive(Clone, Debug, Args)]
pub(super) struct AdminArgs {
    /// The emulator's admin listener; or a namespace's control API, as its making told it
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8788", value_parser = web_url)]
    pub(super) admin: url::Url,
    /// The emulator's API token. A running emulator leaves it for its own user in
    /// $XDG_RUNTIME_DIR/doorward (else ~/.local/state/doorward), where it is found by the port of --admin
    #[arg(long, value_name = "TOKEN", env = "DOORWARD_API_TOKEN", hide_env_values = true)]
    pub(super) token: Option<String>,
}

impl AdminArgs {
    /// Below this path is the control API: the process's own, unless a namespace is named.
    fn base(&self) -> &str {
        let path = self.admin.path().trim_end_matches('/');
        if path.starts_with(NAMESPACES) { path } else { "/emulator/v1" }
    }

    /// The answer to a call of the control API, or what to tell the user.
    pub(super) async fn call(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, String> {
        let port = self.admin.port_or_known_default().unwrap_or_default();
        let token = self.token.clone().or_else(|| token_file::find(port)).ok_or_else(|| {
            format!("no emulator of this user left a token for port {port}; start one, or give --admin and --token")
        })?;
        let url = self.admin.join(&format!("{}/{path}", self.base())).map_err(|error| format!("--admin: {error}"))?;
        let mut request = client::built(client::builder(PATIENCE))?.request(method, url).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| {
            format!("no emulator answers at {} ({}); is it running?", self.admin, error.without_url())
        })?;
        let status = response.status();
        let answer: Value =
            response.json().await.map_err(|_| format!("{} is no emulator: it answered {status}", self.admin))?;
        if status.is_success() { Ok(answer) } else { Err(refusal(&answer, status)) }
    }
}

/// Runs what a command has to wait for.
pub(super) fn wait<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())
        .and_then(|runtime| runtime.block_on(work))
}

/// The emulator's own words, where it has any.
fn refusal(answer: &Value, status: reqwest::StatusCode) -> String {
    let message = answer.pointer("/errors/0/message").or_else(|| answer.pointer("/error/message"));
    let message = message.or_else(|| answer.get("error")).and_then(Value::as_str);
    let hint = answer.get("hint").and_then(Value::as_str).map(|hint| format!("; {hint}")).unwrap_or_default();
    message.map_or_else(|| format!("the emulator answered {status}"), |message| format!("{message}{hint}"))
}
