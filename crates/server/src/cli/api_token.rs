//! `doorward api-token`: who may call the management API. A token is kept in
//! the store; where a running gateway has the store for itself, it is asked.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use doorward_model::audit::{AuditEntry, Author};
use doorward_model::document::{ApiTokenDocument, Kind, Object, Owner, Scope};
use doorward_model::secret::Secret;
use doorward_model::time::{Clock, Lifetime, Timestamp};
use doorward_store::{ObjectChange, Store, StoreError};
use reqwest::Method;
use serde_json::{Value, json};

use super::admin::wait;
use super::{ConfigArg, client, complain, configuration, say};
use crate::config::{Config, reachable};
use crate::run::{StartError, open_store};

#[derive(Debug, Args)]
pub(super) struct ApiTokenArgs {
    #[command(subcommand)]
    command: ApiTokenCommand,
}

#[derive(Debug, Subcommand)]
enum ApiTokenCommand {
    /// Makes a token and prints it, this once
    Create(CreateArgs),
    /// Lists the tokens by name
    List(ConfigArg),
    /// Ends a token
    Revoke(RevokeArgs),
}

#[derive(Debug, Args)]
struct CreateArgs {
    /// What the token is called, in this list and in the log of changes
    name: String,
    /// What its holder may do
    #[arg(long, value_enum)]
    scope: Wanted,
    /// How long it is good for, like 720h; without it, until it is revoked
    #[arg(long, value_name = "DURATION")]
    expires_in: Option<Lifetime>,
    #[command(flatten)]
    config: ConfigArg,
}

#[derive(Debug, Args)]
struct RevokeArgs {
    /// The name it was made with
    name: String,
    #[command(flatten)]
    config: ConfigArg,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Wanted {
    /// Everything can be seen, and nothing changed
    Read,
    /// Everything can be changed
    Edit,
}

/// How long a database that does not answer is waited for: somebody sits before it.
const WAIT: Duration = Duration::from_secs(3);

pub(super) fn run(args: ApiTokenArgs) -> ExitCode {
    let path = match &args.command {
        ApiTokenCommand::Create(args) => &args.config.config,
        ApiTokenCommand::List(args) => &args.config,
        ApiTokenCommand::Revoke(args) => &args.config.config,
    };
    let config = match configuration(path) {
        Ok(config) => config,
        Err(refused) => return refused,
    };
    if config.store_url.is_none() {
        complain(&format!("{}: there is no store to keep tokens in; add [store] with a url", config.file));
        return ExitCode::from(2);
    }
    match wait(carry_out(&config, &args.command)) {
        Ok(text) => {
            say(text);
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(&format!("doorward api-token: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn carry_out(config: &Config, command: &ApiTokenCommand) -> Result<String, String> {
    let store = match open_store(config, WAIT).await {
        Ok((store, _)) => store,
        Err(StartError::Store(StoreError::InUse(_))) => return ask(config, command).await,
        Err(error) => return Err(error.to_string()),
    };
    let done = in_store(&store, command).await;
    store.close().await;
    done
}

/// The store is nobody else's, or everybody's.
async fn in_store(store: &Store, command: &ApiTokenCommand) -> Result<String, String> {
    let now = Clock::system().now();
    loop {
        let read = store.objects_since(0).await.map_err(|error| error.to_string())?;
        let tokens: Vec<(ApiTokenDocument, Object)> = read.changes.into_iter().filter_map(token).collect();
        let named = |name: &str| tokens.iter().find(|(token, _)| token.name == name);
        let (change, text) = match command {
            ApiTokenCommand::List(_) => return Ok(table(tokens.iter().map(|(token, _)| token))),
            ApiTokenCommand::Create(args) => {
                if named(&args.name).is_some() {
                    return Err(format!("there is a token named \"{}\" already; revoke it first", args.name));
                }
                let expires_on = args.expires_in.map(|life| now.plus(life).to_rfc3339());
                let scope = args.scope.scope();
                let (secret, key, content) = ApiTokenDocument { name: args.name.clone(), scope, expires_on }.minted();
                let object = Object { key, owner: Owner::Api, content, created_at: now, updated_at: now };
                (ObjectChange::Put(object), secret.expose().to_owned())
            }
            ApiTokenCommand::Revoke(args) => {
                let (_, token) = named(&args.name).ok_or_else(|| unknown(&args.name))?;
                (ObjectChange::Remove(token.key.clone()), revoked(&args.name))
            }
        };
        let told = told(&change, &tokens, now);
        // `false`: somebody changed something in between.
        if store.change_objects(read.seq, &[change], &[told], now).await.map_err(|error| error.to_string())? {
            return Ok(text);
        }
    }
}

/// The line of the audit log about it.
fn told(change: &ObjectChange, tokens: &[(ApiTokenDocument, Object)], now: Timestamp) -> AuditEntry {
    let author = Author::command_line();
    match change {
        ObjectChange::Put(object) => AuditEntry::of_change(&author, &object.key, None, Some(object), now),
        ObjectChange::Remove(key) => {
            let before = tokens.iter().map(|(_, object)| object).find(|object| object.key == *key);
            AuditEntry::of_change(&author, key, before, None, now)
        }
    }
}

fn token(change: ObjectChange) -> Option<(ApiTokenDocument, Object)> {
    let ObjectChange::Put(object) = change else { return None };
    (object.key.kind == Kind::ApiToken).then_some(())?;
    Some((object.document().ok()?, object))
}

/// The same of the gateway that holds the store.
async fn ask(config: &Config, command: &ApiTokenCommand) -> Result<String, String> {
    let Some(token) = &config.api_token else {
        return Err("a running gateway holds the store, and the file has no [api] token to ask it with; \
                    add one, or stop the gateway first"
            .into());
    };
    let client = Client { config, token };
    match command {
        ApiTokenCommand::List(_) => {
            let listed = client.call(Method::GET, "", None).await?;
            let tokens: Vec<ApiTokenDocument> = serde_json::from_value(listed).map_err(|error| error.to_string())?;
            Ok(table(tokens.iter()))
        }
        ApiTokenCommand::Create(args) => {
            let mut wanted = json!({ "name": args.name, "scope": args.scope.scope() });
            if let Some(life) = args.expires_in {
                wanted["expires_in"] = json!(life);
            }
            let made = client.call(Method::POST, "", Some(wanted)).await?;
            Ok(made["value"].as_str().unwrap_or_default().to_owned())
        }
        ApiTokenCommand::Revoke(args) => {
            client.call(Method::DELETE, &args.name, None).await.map(|_| revoked(&args.name))
        }
    }
}

struct Client<'a> {
    config: &'a Config,
    token: &'a Secret,
}

impl Client<'_> {
    async fn call(&self, method: Method, name: &str, body: Option<Value>) -> Result<Value, String> {
        let admin = reachable(self.config.listen.admin);
        let account = self.config.team.account.as_str();
        let mut url: url::Url = format!("http://{admin}/client/v4/accounts/{account}/doorward/api_tokens")
            .parse()
            .map_err(|error| format!("{error}"))?;
        if !name.is_empty() {
            url.path_segments_mut().map_err(|()| "the admin listener has no URL")?.push(name);
        }
        let mut request = client::built(client::builder(WAIT))?.request(method, url).bearer_auth(self.token.expose());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await;
        let answer =
            answer.map_err(|error| format!("the gateway does not answer at {admin} ({})", error.without_url()))?;
        let status = answer.status();
        let answer: Value =
            answer.json().await.map_err(|_| format!("no gateway is at {admin}: it answered {status}"))?;
        if status.is_success() {
            return Ok(answer["result"].clone());
        }
        let message = answer.pointer("/errors/0/message").and_then(Value::as_str);
        Err(message.map_or_else(|| format!("the gateway answered {status}"), str::to_owned))
    }
}

impl Wanted {
    const fn scope(self) -> Scope {
        match self {
            Self::Read => Scope::Read,
            Self::Edit => Scope::Edit,
        }
    }
}

fn table<'a>(tokens: impl Iterator<Item = &'a ApiTokenDocument>) -> String {
    let mut rows: Vec<(&str, &str, &str)> = tokens
        .map(|token| {
            let scope = if token.scope == Scope::Edit { "edit" } else { "read" };
            (token.name.as_str(), scope, token.expires_on.as_deref().unwrap_or("never"))
        })
        .collect();
    rows.sort_unstable();
    rows.insert(0, ("NAME", "SCOPE", "EXPIRES"));
    let width = rows.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or_default();
    rows.iter().map(|(name, scope, end)| format!("{name:width$}  {scope:5}  {end}")).collect::<Vec<_>>().join("\n")
}

fn revoked(name: &str) -> String {
    format!("the token \"{name}\" is good for nothing any more")
}

fn unknown(name: &str) -> String {
    format!("there is no token named \"{name}\"; `doorward api-token list` names them")
}
