//! `doorward export`: what a configuration file or an account has, for other
//! tools.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use doorward_carry::{Account, terraform};
use doorward_model::document::{Content, Key, Kind};
use doorward_model::id::AccountId;
use serde_json::{Value, json};
use url::Url;

use super::admin::wait;
use super::import::{OutArgs, account_id, base_url, ending};
use super::remote::{CLOUDFLARE, Read, Remote};
use super::{complain, configuration};
use crate::config::Config;

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    #[command(subcommand)]
    to: To,
}

#[derive(Debug, Subcommand)]
enum To {
    /// HCL for version 5 of Cloudflare's provider, with blocks that take over what there is
    Terraform(TerraformArgs),
}

#[derive(Debug, Args)]
struct TerraformArgs {
    #[command(flatten)]
    of: Of,
    /// Where the account's API is
    #[arg(long, value_name = "URL", env = "CLOUDFLARE_BASE_URL", default_value = CLOUDFLARE, value_parser = base_url)]
    base_url: Url,
    #[command(flatten)]
    out: OutArgs,
}

/// Of what.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Of {
    /// What this configuration file declares
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What this account has, a running Doorward's or Cloudflare's; its token is in CLOUDFLARE_API_TOKEN
    #[arg(long, value_name = "ID", value_parser = account_id)]
    account: Option<AccountId>,
}

pub(super) fn run(args: &ExportArgs) -> ExitCode {
    let To::Terraform(args) = &args.to;
    let config = match args.of.config.as_deref().map(configuration).transpose() {
        Ok(config) => config,
        Err(refused) => return refused,
    };
    match exported(args, config.as_ref()) {
        Ok(code) => code,
        Err(problem) => {
            complain(&format!("doorward export: {problem}"));
            ExitCode::FAILURE
        }
    }
}

fn exported(args: &TerraformArgs, config: Option<&Config>) -> Result<ExitCode, String> {
    args.out.check()?;
    let Read { account, is_whole } = match (config, &args.of.account) {
        (Some(config), _) => Read { account: declared(config), is_whole: true },
        (None, Some(account)) => wait(Remote::of(&args.base_url, account.clone())?.account())?,
        (None, None) => return Err("name a file with --config, or an account with --account".into()),
    };
    let exported = terraform(&account);
    args.out.write(&exported.text)?;
    for left in &exported.left {
        complain(&format!("not carried over: {}: {}", left.what, left.why));
    }
    for variable in &exported.variables {
        complain(&format!("to be given: {}: {}", variable.name, variable.what));
    }
    Ok(ending(is_whole))
}

/// The objects of a file, as its API would tell them.
fn declared(config: &Config) -> Account {
    let mut account = Account { id: config.team.account.as_str().to_owned(), ..Account::default() };
    let mut organization = json!({ "name": config.team.name, "auth_domain": config.team.domain });
    for (key, content) in config.declared(None).objects {
        let document: Value = serde_json::from_str(&content.document).unwrap_or_default();
        match key.kind {
            Kind::App => account.apps.push(document),
            Kind::Policy => account.policies.push(document),
            Kind::Group => account.groups.push(document),
            Kind::IdentityProvider => {
                account.identity_providers.push(provider(document, &content, &mut account.unread))
            }
            Kind::ServiceToken => account.service_tokens.push(document),
            Kind::Tag => account.tags.push(document),
            Kind::List => account.lists.push(document),
            Kind::CustomPage => account.custom_pages.push(document),
            Kind::Certificate => {
                account.hostname_settings.extend(forwarding(&content));
                account.certificates.push(document);
            }
            Kind::Organization => {
                if let (Some(all), Some(said)) = (organization.as_object_mut(), document.as_object()) {
                    all.extend(said.clone());
                }
            }
            Kind::Route => account.unread.push((route(&key), "Access has no routes".to_owned())),
            // No file declares any other.
            _ => {}
        }
    }
    account.organization = Some(organization);
    account
}

/// Access has no discovery: what is discovered here has to be written there.
fn provider(document: Value, content: &Content, unread: &mut Vec<(String, String)>) -> Value {
    let extension: Value = serde_json::from_str(&content.extension).unwrap_or_default();
    if let (Some(issuer), true) = (extension["issuer"].as_str(), document["config"]["auth_url"].is_null()) {
        let what =
            format!("the endpoints of the identity provider \"{}\"", document["name"].as_str().unwrap_or_default());
        unread.push((what, format!("they are discovered from {issuer}; write auth_url, token_url and certs_url")));
    }
    document
}

fn forwarding(content: &Content) -> Vec<Value> {
    let extension: Value = serde_json::from_str(&content.extension).unwrap_or_default();
    let hosts = extension["client_certificate_forwarding"].as_array().cloned().unwrap_or_default();
    let setting = |host| json!({ "hostname": host, "client_certificate_forwarding": true, "china_network": false });
    hosts.into_iter().map(setting).collect()
}

fn route(key: &Key) -> String {
    format!("the route of {}", key.id)
}
