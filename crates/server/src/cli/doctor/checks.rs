//! The emulator as its clients meet it: listeners, names, proxy, certificates,
//! clock and faults.

use std::net::{TcpListener, ToSocketAddrs as _};
use std::time::Duration;

use doorward_model::time::{Clock, Timestamp};
use reqwest::Method;
use serde_json::Value;

use super::{Finding, environment};
use crate::cli::admin::AdminArgs;
use crate::cli::client;

const PATIENCE: Duration = Duration::from_secs(5);
/// Validators forgive less than this.
const CLOCK_TOLERANCE: i64 = 30;

pub(super) async fn all(admin: &AdminArgs) -> Vec<Finding> {
    let ready = match admin.call(Method::GET, "ready", None).await {
        Ok(ready) => ready,
        Err(problem) => return vec![no_emulator(admin, &problem)],
    };
    let text = |pointer: &str| ready.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut findings = vec![Finding::good("emulator", format!("it answers at {}", admin.admin))];
    findings.push(listener(&text("/public")).await);
    findings.push(names(&ready, &text("/public")));
    findings.push(proxy(&ready, &text("/team/domain")).await);
    findings.extend(environment::findings(&ready));
    findings.push(clock(admin).await);
    findings.extend(faults(admin).await);
    findings
}

fn no_emulator(admin: &AdminArgs, problem: &str) -> Finding {
    let port = admin.admin.port_or_known_default().unwrap_or_default();
    let taken = TcpListener::bind(("127.0.0.1", port)).is_err();
    if taken {
        let mend = "if that is an emulator, give its --token; else start one on another port and give --admin";
        return Finding::wrong("emulator", format!("something listens on port {port}, but {problem}"), mend);
    }
    Finding::wrong("emulator", problem, "start one: doorward dev")
}

/// The keys are at the listener's own address, whatever names resolve to.
async fn listener(public: &str) -> Finding {
    let url = format!("{public}/cdn-cgi/access/certs");
    let asked = async {
        // What is asked is whether it answers, not who it is.
        let client = client::built(client::builder(PATIENCE).tls_danger_accept_invalid_certs(true))?;
        let response = client.get(&url).send().await.map_err(|error| client::why(&error))?;
        let status = response.status();
        if status.is_success() { Ok(()) } else { Err(format!("it answers {status}")) }
    };
    match asked.await {
        Ok(()) => Finding::good("listener", format!("the keys are at {url}")),
        Err(why) => Finding::wrong(
            "listener",
            format!("{url} cannot be fetched: {why}"),
            "a firewall or another process on that port is in the way; try --port 0",
        ),
    }
}

fn names(ready: &Value, public: &str) -> Finding {
    let unknown: Vec<&str> = hosts(ready)
        .filter(|host| host.ends_with(".localhost") && !host.contains('*'))
        .filter(|host| !is_here(host))
        .collect();
    if unknown.is_empty() {
        return Finding::good("names", "names below localhost are this machine");
    }
    let text = format!("this machine's resolver does not know {}; browsers do", unknown.join(", "));
    let mend =
        format!("fetch keys from {public}/cdn-cgi/access/certs, or add to /etc/hosts: 127.0.0.1 {}", unknown.join(" "));
    Finding::odd("names", text, mend)
}

fn is_here(host: &str) -> bool {
    (host, 0).to_socket_addrs().is_ok_and(|mut found| found.any(|address| address.ip().is_loopback()))
}

/// The hosts of applications, and the team's own.
pub(super) fn hosts(ready: &Value) -> impl Iterator<Item = &str> {
    let apps = ready["apps"].as_array().into_iter().flatten().filter_map(|app| app["hostname"].as_str());
    let team = ready["team"]["url"].as_str().and_then(|url| url.split("://").nth(1)?.split(':').next());
    team.into_iter().chain(apps)
}

async fn proxy(ready: &Value, domain: &str) -> Finding {
    let (Some(proxy), Some(bundle)) = (ready["proxy"].as_str(), ready["ca"].as_str()) else {
        let mend = "start doorward dev without --no-proxy, or add proxy = \"127.0.0.1:8789\" under [listen]";
        return Finding::odd("proxy", format!("there is none: nobody finds https://{domain} here"), mend);
    };
    let url = format!("https://{domain}/cdn-cgi/access/certs");
    match through(proxy, bundle, &url).await {
        Ok(()) => Finding::good("proxy", format!("{proxy} leads to {url}, and its certificate is believed")),
        Err(why) => Finding::wrong(
            "proxy",
            format!("{url} cannot be fetched through {proxy}: {why}"),
            "restart the emulator, and take over its variables: eval \"$(doorward env)\"",
        ),
    }
}

async fn through(proxy: &str, bundle: &str, url: &str) -> Result<(), String> {
    let roots = std::fs::read(bundle).map_err(|error| format!("{bundle} cannot be read: {error}"))?;
    let roots = reqwest::Certificate::from_pem_bundle(&roots).map_err(|error| client::why(&error))?;
    let proxy = reqwest::Proxy::https(proxy).map_err(|error| client::why(&error))?;
    let client = client::built(client::builder(PATIENCE).proxy(proxy).tls_certs_only(roots))?;
    let response = client.get(url).send().await.map_err(|error| client::why(&error))?;
    match response.headers().contains_key("x-emulated-access") {
        true => Ok(()),
        false => Err("something else than the emulator answered".into()),
    }
}

async fn clock(admin: &AdminArgs) -> Finding {
    let told = match admin.call(Method::GET, "clock", None).await {
        Ok(told) => told,
        Err(problem) => return Finding::wrong("clock", problem, "restart the emulator"),
    };
    let now = told["now"].as_str().and_then(Timestamp::from_rfc3339);
    let ahead = now.map_or(0, |now| now.secs() - Clock::system().now().secs());
    let frozen = told["frozen"].as_bool().unwrap_or_default();
    let mend = "set it back: POST /emulator/v1/reset";
    match (ahead, frozen) {
        (_, true) => Finding::odd("clock", format!("it stands at {}", told["now"].as_str().unwrap_or_default()), mend),
        (ahead, false) if ahead.abs() > CLOCK_TOLERANCE => {
            let (seconds, where_to) = (ahead.abs(), if ahead > 0 { "ahead of" } else { "behind" });
            let text =
                format!("it is {seconds} s {where_to} this machine's: validators see other times than the gateway");
            Finding::odd("clock", text, mend)
        }
        _ => Finding::good("clock", "it agrees with this machine's"),
    }
}

async fn faults(admin: &AdminArgs) -> Option<Finding> {
    let told = admin.call(Method::GET, "faults", None).await.ok()?;
    let active: Vec<&str> = told["active"].as_array()?.iter().filter_map(|fault| fault["fault"].as_str()).collect();
    let text = format!("in force: {}", active.join(", "));
    (!active.is_empty()).then(|| Finding::odd("faults", text, "end them: DELETE /emulator/v1/faults"))
}
