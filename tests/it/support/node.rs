//! Programs that are not ours: an OpenID provider, two JWT libraries, and a forger.

use std::io::{BufRead, BufReader};
use std::process::{ChildStdout, Stdio};

use serde_json::Value;
use tokio::process::Command;

use super::deadline::in_time;
use super::gateway::Gateway;
use super::peers::{self, script};
use super::tied::Tied;

/// A running `oidc-provider`.
pub(crate) struct Provider {
    _process: Tied,
    /// Kept open: a program that can no longer print may end.
    _output: BufReader<ChildStdout>,
    /// `issuer`, `client_id`, `client_secret`.
    pub(crate) about: Value,
}

impl Provider {
    pub(crate) async fn start() -> Provider {
        let (script, packages) = (script("node/provider.mjs"), peers::node_folder());
        tokio::task::spawn_blocking(move || {
            let mut process = Tied::start(&["env", &format!("PACKAGES={packages}"), "node", &script], Stdio::piped());
            let mut line = String::new();
            let mut output = BufReader::new(process.stdout());
            output.read_line(&mut line).expect("text");
            let about = serde_json::from_str(&line).unwrap_or_else(|_| panic!("the provider starts; it said {line:?}"));
            Provider { _process: process, _output: output, about }
        })
        .await
        .expect("not cancelled")
    }

    /// Its `[[identity_provider]]` in the gateway's configuration.
    pub(crate) fn config(&self, name: &str) -> String {
        let text = |key: &str| self.about[key].as_str().expect("text");
        format!(
            "\n[[identity_provider]]\nname = \"{name}\"\ntype = \"oidc\"\nissuer = \"{}\"\n\
             config = {{ client_id = \"{}\", client_secret = \"{}\", scopes = [\"openid\", \"email\", \"profile\", \"groups\"], \
             claims = [\"groups\", \"name\"], pkce_enabled = true }}\n",
            text("issuer"),
            text("client_id"),
            text("client_secret"),
        )
    }
}

/// A running application, which printed its address when it accepted.
pub(crate) struct Served {
    _process: Tied,
    /// Kept open: a program that can no longer print may end.
    _output: BufReader<ChildStdout>,
    pub(crate) url: String,
}

impl Served {
    /// A script without arguments, on a free port.
    pub(crate) async fn start(path: &str) -> Served {
        Self::with(path, Vec::new()).await
    }

    /// One that checks its token, and forgets `nothing`, `aud` or `everything`.
    pub(crate) async fn checking(forgets: &str, certs: &str, issuer: &str, audience: &str) -> Served {
        Self::with("node/origin.mjs", [forgets, certs, issuer, audience].map(str::to_owned).to_vec()).await
    }

    async fn with(path: &str, arguments: Vec<String>) -> Served {
        let (script, packages) = (script(path), peers::node_folder());
        tokio::task::spawn_blocking(move || {
            let packages = format!("PACKAGES={packages}");
            let mut command = vec!["env", "PORT=0", &packages, "node", &script];
            command.extend(arguments.iter().map(String::as_str));
            let mut process = Tied::start(&command, Stdio::piped());
            let mut line = String::new();
            let mut output = BufReader::new(process.stdout());
            output.read_line(&mut line).expect("text");
            assert!(line.starts_with("http://"), "the application starts; it said {line:?}");
            Served { _process: process, _output: output, url: line.trim().to_owned() }
        })
        .await
        .expect("not cancelled")
    }
}

/// What jose makes of a token, through the certs endpoint; the error it prints otherwise.
pub(crate) async fn jose(token: &str, certs: &str, issuer: &str, audience: &str) -> Result<Value, String> {
    let mut node = Command::new("node");
    node.env("PACKAGES", peers::node_folder()).arg(script("node/verify.mjs"));
    verdict(node.args([token, certs, issuer, audience])).await
}

/// The same with PyJWT.
pub(crate) async fn pyjwt(token: &str, certs: &str, issuer: &str, audience: &str) -> Result<Value, String> {
    let script = script("python/verify.py");
    verdict(Command::new(peers::python()).arg(script).args([token, certs, issuer, audience])).await
}

/// What a client makes of a token that knows the team by its domain alone: `jose`, `jose-6` or `hono`,
/// with these variables in its environment.
pub(crate) async fn reach(
    client: &str,
    token: &str,
    domain: &str,
    audience: &str,
    environment: &[(String, String)],
) -> Result<Value, String> {
    let mut node = Command::new("node");
    node.envs(environment.iter().cloned()).env("PACKAGES", peers::node_folder()).arg(script("node/reach.mjs"));
    verdict(node.args([client, token, domain, audience])).await
}

/// The same with PyJWT.
pub(crate) async fn reach_with_pyjwt(
    token: &str,
    domain: &str,
    audience: &str,
    environment: &[(String, String)],
) -> Result<Value, String> {
    let mut python = Command::new(peers::python());
    python.envs(environment.iter().cloned()).arg(script("python/reach.py"));
    verdict(python.args([token, domain, audience])).await
}

/// Cloudflare's SDKs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sdk {
    Python,
    TypeScript,
}

/// What Cloudflare's SDK leaves behind after driving the management API; see the scripts.
pub(crate) async fn sdk(language: Sdk, gateway: &Gateway, host: &str) -> Value {
    let text = |name: &str| gateway.ready[name].as_str().expect("text").to_owned();
    let base = format!("http://{}/client/v4", gateway.admin());
    let arguments = [base, text("account_id"), text("api_token"), host.to_owned()];
    let (program, written) = match language {
        Sdk::Python => (peers::python(), script("python/access_sdk.py")),
        Sdk::TypeScript => ("node".into(), script("node/access_sdk.mjs")),
    };
    let mut program = Command::new(program);
    // Other credentials of whoever runs the tests would be sent instead.
    for name in ["CLOUDFLARE_EMAIL", "CLOUDFLARE_API_KEY", "CLOUDFLARE_API_TOKEN", "CLOUDFLARE_BASE_URL"] {
        program.env_remove(name);
    }
    program.env("NO_PROXY", "*").env("PACKAGES", peers::node_folder()).arg(written).args(arguments);
    verdict(&mut program).await.unwrap_or_else(|error| panic!("the SDK is content: {error}"))
}

/// What HashiCorp's own parser reads in a file of HCL.
pub(crate) async fn hcl(file: &std::path::Path) -> Value {
    let mut node = Command::new("node");
    node.env("PACKAGES", peers::node_folder()).arg(script("node/hcl.mjs")).arg(file);
    verdict(&mut node).await.unwrap_or_else(|error| panic!("it is HCL: {error}"))
}

/// What Cloudflare's provider for Terraform takes in these types of resources; see the script.
pub(crate) async fn provider_schema(types: &[&str]) -> Value {
    let mut node = Command::new("node");
    node.env("PACKAGES", peers::node_folder()).arg(script("node/provider_schema.mjs")).args(types);
    verdict(&mut node).await.unwrap_or_else(|error| panic!("the provider has each of them: {error}"))
}

/// A token signed by somebody else; `key` is the HMAC key for `HS256`.
pub(crate) async fn forged(alg: &str, header: &Value, claims: &Value, key: &str) -> String {
    let script = script("node/forge.mjs");
    let arguments = [alg, &header.to_string(), &claims.to_string(), key];
    run(Command::new("node").arg(script).args(arguments)).await.expect("the forger signs")
}

async fn verdict(command: &mut Command) -> Result<Value, String> {
    run(command).await.map(|text| serde_json::from_str(&text).expect("JSON"))
}

async fn run(command: &mut Command) -> Result<String, String> {
    let output = in_time("the program ends", command.stdin(Stdio::null()).kill_on_drop(true).output()).await;
    let output = output.unwrap_or_else(|error| panic!("it runs: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}
