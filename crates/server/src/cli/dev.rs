//! `doorward dev`: Access on this machine with nothing to configure. It is an
//! emulator with a configuration file that nobody had to write.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use doorward_model::host::HostPattern;
use doorward_model::route::Service;

use super::run::foreground;
use super::{ReadyArgs, complain, say};
use crate::config::{self, Config, escaped, label, seed, service};
use crate::ready::Ready;
use crate::run::sqlite_url;

#[derive(Debug, Args)]
pub(super) struct DevArgs {
    /// An application to put behind Access, as app.localhost
    #[arg(long, value_name = "URL", value_parser = service)]
    origin: Option<Service>,
    /// An application under a host name of its own; wiki stands for wiki.localhost (repeatable)
    #[arg(long, value_name = "HOST=URL", value_parser = app)]
    app: Vec<(HostPattern, Service)>,
    /// Where applications and the team domain are served; 0 picks a free port
    #[arg(long, value_name = "N", default_value_t = 8787)]
    port: u16,
    /// Where the Cloudflare API and the control API are served; 0 picks a free port
    #[arg(long, value_name = "N", default_value_t = 8788)]
    admin_port: u16,
    /// Where clients are led in that know Access by its real names alone; 0 picks a free port
    /// [default: the port after --admin-port]
    #[arg(long, value_name = "N", conflicts_with = "no_proxy")]
    proxy_port: Option<u16>,
    /// No such way in, and no certificate authority
    #[arg(long)]
    no_proxy: bool,
    /// Makes signing keys and the certificate authority the same on every machine
    #[arg(long, value_name = "TEXT", value_parser = seed)]
    seed: Option<String>,
    /// Keeps people's sessions and the signing keys here; without it, they end with the process
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The team's name
    #[arg(long, value_name = "NAME", default_value = "dev", value_parser = label)]
    team: String,
    #[command(flatten)]
    ready: ReadyArgs,
}

/// Named people to sign in as: e-mail, name, groups.
const PEOPLE: [(&str, &str, &[&str]); 3] = [
    ("alice@example.com", "Alice Ng", &["admins", "staff"]),
    ("bob@example.com", "Bob Osei", &["staff"]),
    ("carol@example.com", "Carol Diaz", &[]),
];

pub(super) fn run(args: DevArgs) -> ExitCode {
    if let Some(folder) = &args.data
        && let Err(error) = std::fs::create_dir_all(folder)
    {
        complain(&format!("doorward dev: --data {} cannot be written to: {error}", folder.display()));
        return ExitCode::FAILURE;
    }
    let apps = apps(&args);
    if let Some(problem) = contradiction(&args, &apps) {
        complain(&format!("doorward dev: {problem}"));
        return ExitCode::from(2);
    }
    let config = match config::parse(&text(&args, &apps), "doorward dev", &|_| None) {
        Ok(config) => config,
        Err(problems) => {
            problems.found.iter().for_each(|problem| complain(&format!("doorward dev: {}", problem.text)));
            return ExitCode::from(2);
        }
    };
    let people = people(&config);
    foreground(config, &args.ready, None, |ready| say(table(ready, &apps, &people)))
}

/// What is put behind Access; with nothing named, the demo.
fn apps(args: &DevArgs) -> Vec<(String, Option<Service>)> {
    let origin = args.origin.iter().map(|service| ("app.localhost".to_owned(), Some(service.clone())));
    let named = args.app.iter().map(|(host, service)| (host.to_string(), Some(service.clone())));
    let apps: Vec<_> = origin.chain(named).collect();
    if apps.is_empty() { vec![("demo.localhost".to_owned(), None)] } else { apps }
}

/// What is wrong with flags that are good one by one.
fn contradiction(args: &DevArgs, apps: &[(String, Option<Service>)]) -> Option<String> {
    let team = format!("{}.localhost", args.team);
    let mut seen = HashSet::new();
    apps.iter().find_map(|(host, _)| {
        let flag = format!("--app {}", host.strip_suffix(".localhost").unwrap_or(host));
        if *host == team {
            return Some(format!("{flag} is the team's own host {team}; name one of them otherwise (--team NAME)"));
        }
        if seen.insert(host) {
            return None;
        }
        let twice = match (host.as_str(), &args.origin) {
            ("app.localhost", Some(_)) => "--origin and --app app are the same host; give the application another name",
            _ => return Some(format!("{flag} is given twice; give each application its own name")),
        };
        Some(twice.to_owned())
    })
}

/// The configuration file.
fn text(args: &DevArgs, apps: &[(String, Option<Service>)]) -> String {
    let mut text = format!(
        "mode = \"emulator\"\n[listen]\npublic = \"127.0.0.1:{}\"\nadmin = \"127.0.0.1:{}\"\n[team]\nname = {}\n",
        args.port,
        args.admin_port,
        quoted(&args.team)
    );
    if let Some(port) = proxy_port(args) {
        let listen = format!("[listen]\nproxy = \"127.0.0.1:{port}\"\n");
        text = text.replacen("[listen]\n", &listen, 1);
    }
    let mut add = |section: String| text.push_str(&section);
    if let Some(seed) = &args.seed {
        add(format!("[emulator]\nseed = {}\n", quoted(seed)));
    }
    if let Some(folder) = &args.data {
        add(format!("[store]\nurl = {}\n", quoted(&sqlite_url(&folder.join("doorward.db")))));
    }
    for (host, service) in apps {
        let (name, host) = (quoted(&app_name(host)), quoted(host));
        let service = service.as_ref().map_or_else(|| "demo".to_owned(), Service::to_string);
        add(format!("[[route]]\nhostname = {host}\nservice = {}\n", quoted(&service)));
        // There is one provider; a page to choose it would be a click for nothing.
        add(format!("[[app]]\nname = {name}\ndomain = {host}\nauto_redirect_to_identity = true\n"));
        add("policies = [{ name = \"Everyone who signs in\", decision = \"allow\", include = [{ everyone = {} }] }]\n"
            .into());
    }
    for (email, name, groups) in PEOPLE {
        add(format!("[[user]]\nemail = {}\nname = {}\ngroups = {groups:?}\n", quoted(email), quoted(name)));
    }
    text
}

/// Beside the admin listener, or anywhere where that is anywhere.
fn proxy_port(args: &DevArgs) -> Option<u16> {
    let beside = match args.admin_port.checked_add(1).filter(|_| args.admin_port != 0) {
        Some(next) if next == args.port => next.checked_add(1).unwrap_or(0),
        Some(next) => next,
        None => 0,
    };
    (!args.no_proxy).then(|| args.proxy_port.unwrap_or(beside))
}

/// `wiki.localhost` is called Wiki, any other host by its name.
fn app_name(host: &str) -> String {
    let Some(label) = host.strip_suffix(".localhost").filter(|label| !label.contains(['.', '*'])) else {
        return host.to_owned();
    };
    label[..1].to_ascii_uppercase() + &label[1..]
}

/// A TOML string that means exactly this text.
fn quoted(text: &str) -> String {
    serde_json::to_string(&escaped(text)).expect("a text has a JSON form, which is a TOML form too")
}

fn people(config: &Config) -> String {
    let person = |person: &doorward_emulator::Person| match person.groups.as_slice() {
        [] => person.email.to_string(),
        groups => format!("{} ({})", person.email, groups.join(", ")),
    };
    config.users.iter().map(person).collect::<Vec<_>>().join(", ")
}

/// What is where.
fn table(ready: &Ready, apps: &[(String, Option<Service>)], people: &str) -> String {
    let mut rows: Vec<(&str, String)> = Vec::new();
    for app in &ready.apps {
        let service = apps.iter().find(|(host, _)| *host == app.hostname).and_then(|(_, service)| service.as_ref());
        let origin = service.unwrap_or(&Service::Demo);
        rows.push((&app.name, format!("{}  →  {origin}", app.url)));
    }
    rows.push(("sign in as", people.to_owned()));
    rows.push(("team", ready.team.url.clone()));
    rows.push(("certs", format!("{}/cdn-cgi/access/certs", ready.team.url)));
    if let Some(proxy) = &ready.proxy {
        rows.push(("real names", format!("https://{}  through  {proxy}", ready.team.domain)));
    }
    rows.push(("admin", ready.admin.clone()));
    rows.push(("API token", ready.api_token.clone().unwrap_or_default()));
    if let Some(app) = ready.apps.first() {
        let program = program();
        let token = format!("{program} token --admin {} --app {} --user {}", ready.admin, app.hostname, PEOPLE[0].0);
        rows.push(("try", format!("curl -H \"Cookie: CF_Authorization=$({token})\" {}", app.url)));
    }
    if ready.proxy.is_some() {
        let command = format!("{} env --admin {}", program(), ready.admin);
        rows.push(("clients", format!("eval \"$({command})\"  leads unmodified ones here")));
    }
    let width = rows.iter().map(|(what, _)| what.chars().count()).max().unwrap_or_default();
    let mut table = String::new();
    for (what, value) in rows {
        writeln!(table, "  {what:width$}  {value}").expect("a String takes everything");
    }
    table
}

/// What to type to run this program again.
fn program() -> String {
    let on_path = std::env::var_os("PATH")
        .is_some_and(|folders| std::env::split_paths(&folders).any(|folder| folder.join("doorward").is_file()));
    match std::env::current_exe() {
        Ok(path) if !on_path => as_typed(&path.display().to_string()),
        _ => "doorward".to_owned(),
    }
}

/// A word of a POSIX shell's command line.
fn as_typed(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

fn app(text: &str) -> Result<(HostPattern, Service), String> {
    let (host, url) =
        text.split_once('=').ok_or_else(|| format!("\"{text}\" has no =; write it like wiki=http://127.0.0.1:3000"))?;
    let host = if host.contains('.') { host.to_owned() } else { format!("{host}.localhost") };
    let host = host.parse().map_err(|error| format!("\"{host}\": {error}"))?;
    Ok((host, service(url)?))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Typed {
        #[command(flatten)]
        dev: DevArgs,
    }

    fn config(flags: &[&str]) -> Config {
        let args = Typed::try_parse_from(["dev"].iter().chain(flags)).unwrap().dev;
        config::parse(&text(&args, &apps(&args)), "dev", &|_| None).unwrap_or_else(|problems| panic!("{problems}"))
    }

    fn served(config: &Config) -> Vec<(String, String)> {
        config.routes.iter().map(|route| (route.hostname.to_string(), route.service.to_string())).collect()
    }

    #[test]
    fn with_nothing_named_the_demo_is_served() {
        let config = config(&[]);
        assert_eq!(config.routes[0].service, Service::Demo);
        assert_eq!(config.apps[0].domain(), "demo.localhost");
        assert_eq!(config.users.len(), 3);
        assert!(config.has_built_in_provider() && config.warnings.is_empty(), "{:?}", config.warnings);
    }

    #[test]
    fn every_named_application_is_served_under_its_host() {
        let flags = ["--origin", "http://127.0.0.1:3000", "--app", "wiki=http://127.0.0.1:4000", "--app"];
        let config = config(&[&flags[..], &["shop.example.com=https://10.0.0.7"]].concat());
        let expected = [
            ("app.localhost", "http://127.0.0.1:3000"),
            ("wiki.localhost", "http://127.0.0.1:4000"),
            ("shop.example.com", "https://10.0.0.7:443"),
        ];
        assert_eq!(served(&config), expected.map(|(host, url)| (host.to_owned(), url.to_owned())));
        assert_eq!(config.apps[1].name, "Wiki");
    }

    #[test]
    fn flags_that_contradict_each_other_are_named_as_flags() {
        let problem = |flags: &[&str]| {
            let args = Typed::try_parse_from(["dev"].iter().chain(flags)).map_err(|error| error.to_string());
            args.map_or_else(Some, |typed| contradiction(&typed.dev, &apps(&typed.dev))).unwrap_or_default()
        };
        let (one, other) = ("wiki=http://127.0.0.1:1", "wiki=http://127.0.0.1:2");
        assert!(problem(&["--app", one, "--app", other]).starts_with("--app wiki is given twice"));
        assert!(problem(&["--origin", "http://127.0.0.1:1", "--app", "app=http://127.0.0.1:2"]).contains("--origin"));
        assert!(problem(&["--team", "wiki", "--app", one]).contains("--team"));
        assert!(problem(&["--team", "My Team"]).contains("\"My Team\" cannot be a team name"));
        assert!(problem(&["--origin", "localhost:3000"]).contains("did you mean http://localhost:3000?"));
        assert_eq!(problem(&["--app", one, "--origin", "http://127.0.0.1:1"]), "");
    }

    #[test]
    fn a_path_is_printed_as_a_shell_reads_it() {
        assert_eq!(as_typed("/usr/local/bin/doorward"), "/usr/local/bin/doorward");
        assert_eq!(as_typed("/home/it's me/doorward"), r"'/home/it'\''s me/doorward'");
    }

    #[test]
    fn odd_characters_in_flags_stay_what_they_are() {
        let config = config(&["--data", "/tmp/a \"b\" ${HOME} 100%"]);
        let url = config.store_url.unwrap();
        assert_eq!(url.expose(), "sqlite:///tmp/a \"b\" ${HOME} 100%25/doorward.db");
    }
}
