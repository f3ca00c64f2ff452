//! `doorward cloudflared seed`: what `cloudflared access login` would leave
//! behind, without a browser: tokens and keys in the files that it looks for.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{Args, Subcommand};
use doorward_model::email::Email;
use doorward_model::time::Lifetime;
use doorward_signer::EMULATOR_MARK;
use reqwest::Method;
use serde_json::{Value, json};

use super::admin::{AdminArgs, PATIENCE, wait};
use super::{client, complain, say};

#[derive(Debug, Args)]
pub(super) struct CloudflaredArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Signs cloudflared in: writes its tokens and keys, so that it asks no browser
    Seed(SeedArgs),
}

#[derive(Debug, Args)]
struct SeedArgs {
    /// As whom
    #[arg(long, value_name = "EMAIL")]
    user: Email,
    /// The application's host name (repeatable); all of them if none is given
    #[arg(long, value_name = "HOST")]
    app: Vec<String>,
    /// The home folder; cloudflared reads .cloudflared in it
    #[arg(long, value_name = "DIR", env = "HOME")]
    home: PathBuf,
    #[command(flatten)]
    admin: AdminArgs,
    /// How long the tokens are valid, like 1h or 30m
    #[arg(long, value_name = "DURATION")]
    ttl: Option<Lifetime>,
}

pub(super) fn run(args: &CloudflaredArgs) -> ExitCode {
    let Command::Seed(args) = &args.command;
    match wait(seed(args)) {
        Ok(written) => {
            written.iter().for_each(|path| say(path.display()));
            ExitCode::SUCCESS
        }
        Err(problem) => {
            complain(&format!("doorward cloudflared seed: {problem}"));
            ExitCode::FAILURE
        }
    }
}

/// Asks for everything before anything is written.
async fn seed(args: &SeedArgs) -> Result<Vec<PathBuf>, String> {
    let ready = args.admin.call(Method::GET, "ready", None).await?;
    let domain = ready["team"]["domain"].as_str().ok_or("this emulator does not say which team it is")?;
    let mut files = vec![(format!("{domain}-jwks"), keys(&ready).await?)];
    let mint = async |what: Value| {
        let mut wanted = json!({ "email": args.user, "issuer": format!("https://{domain}") });
        let members = wanted.as_object_mut().zip(what.as_object());
        members.into_iter().for_each(|(wanted, what)| wanted.extend(what.clone()));
        if let Some(ttl) = args.ttl {
            wanted["ttl"] = json!(ttl);
        }
        let answer = args.admin.call(Method::POST, "tokens", Some(&wanted)).await?;
        answer["token"].as_str().map(str::to_owned).ok_or("the emulator's answer holds no token".to_owned())
    };
    files.push((format!("{domain}-org-token"), mint(json!({ "kind": "org" })).await?));
    for App { host, aud, url } in apps(&ready, &args.app)? {
        // One token is for all hosts that a wildcard covers; to ask for it takes one of them.
        let app = if host.contains('*') { url.replace('*', "any") } else { aud.to_owned() };
        files.push((format!("{host}-{aud}-token"), mint(json!({ "app": app })).await?));
    }
    let folder = args.home.join(".cloudflared");
    let files: Vec<_> = files.into_iter().map(|(name, text)| (folder.join(named(&name)), text)).collect();
    for (path, _) in &files {
        let foreign = std::fs::read_to_string(path).is_ok_and(|text| !is_emulators(&text));
        if foreign {
            let path = path.display();
            return Err(format!("{path} is not an emulator's; give --home another folder, or remove it"));
        }
    }
    let failed = |error: io::Error| format!("{} cannot be written: {error}", folder.display());
    private_folder(&folder).map_err(failed)?;
    for (path, text) in &files {
        write_private(path, text).map_err(failed)?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

/// The published keys, from the one place where no name has to be resolved.
async fn keys(ready: &Value) -> Result<String, String> {
    let public = ready["public"].as_str().ok_or("this emulator does not say where it listens")?;
    let url = format!("{}/cdn-cgi/access/certs", public.trim_end_matches('/'));
    // Its certificate, if it has one, names hosts and not this address.
    let client = client::built(client::builder(PATIENCE).tls_danger_accept_invalid_certs(true))?;
    let failed = |error: reqwest::Error| format!("{url}: {}", client::why(&error));
    let response = client.get(&url).send().await.and_then(reqwest::Response::error_for_status).map_err(failed)?;
    response.text().await.map_err(failed)
}

/// An application by which cloudflared can be signed in.
struct App<'a> {
    host: &'a str,
    aud: &'a str,
    /// With the path below which it is.
    url: &'a str,
}

/// The applications that are meant.
fn apps<'a>(ready: &'a Value, wanted: &[String]) -> Result<Vec<App<'a>>, String> {
    let all = ready["apps"].as_array().into_iter().flatten();
    let text = |app: &'a Value, name: &str| app[name].as_str();
    let app = |app| Some(App { host: text(app, "hostname")?, aud: text(app, "aud")?, url: text(app, "url")? });
    let all: Vec<_> = all.filter_map(app).collect();
    if let Some(unknown) = wanted.iter().find(|host| !all.iter().any(|app| app.host == **host)) {
        let mut known: Vec<_> = all.iter().map(|app| app.host).collect();
        known.dedup();
        return Err(format!("no application is at {unknown}; there are {}", known.join(", ")));
    }
    Ok(all.into_iter().filter(|app| wanted.is_empty() || wanted.iter().any(|one| one == app.host)).collect())
}

/// As cloudflared writes file names.
fn named(text: &str) -> String {
    text.replace(['/', '*'], "-")
}

/// Whether it is a key set or a token whose key bears an emulator's mark: what
/// the real service gave is not to be lost.
fn is_emulators(text: &str) -> bool {
    let head = text.split('.').next().and_then(|head| URL_SAFE_NO_PAD.decode(head).ok());
    let head = head.map(|head| String::from_utf8_lossy(&head).into_owned());
    head.is_some_and(|head| head.contains(EMULATOR_MARK)) || text.contains(EMULATOR_MARK)
}

fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Tokens are nobody else's to read, also where the file was there before.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let _old = std::fs::remove_file(path);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    io::Write::write_all(&mut options.open(path)?, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_real_service_gave_is_told_from_an_emulators() {
        let token =
            |kid: &str| format!("{}.e30.x", URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"RS256","kid":"{kid}"}}"#)));
        assert!(is_emulators(&token(&format!("{EMULATOR_MARK}0123"))));
        assert!(is_emulators(&format!(r#"{{"keys":[{{"kid":"{EMULATOR_MARK}01"}}]}}"#)));
        for real in [token("7f3a"), r#"{"keys":[{"kid":"7f3a"}]}"#.to_owned(), String::new()] {
            assert!(!is_emulators(&real), "{real}");
        }
    }

    #[test]
    fn file_names_are_those_of_cloudflared() {
        assert_eq!(named("*.example.com-00ff-token"), "-.example.com-00ff-token");
    }
}
