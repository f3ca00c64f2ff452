//! What this shell tells clients: where the proxy is, and whom to trust.

use serde_json::Value;

use super::Finding;
use super::checks::hosts;
use crate::cli::env::ROOTS;

const TAKE_OVER: &str = "take over the emulator's variables: eval \"$(doorward env)\"";

/// What the variables of this process say to clients started from here.
pub(super) fn findings(ready: &Value) -> Vec<Finding> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    of(ready, &variable, &|path| std::fs::read_to_string(path).ok())
}

fn of(ready: &Value, variable: &dyn Fn(&str) -> Option<String>, file: &dyn Fn(&str) -> Option<String>) -> Vec<Finding> {
    let (Some(proxy), Some(bundle)) = (ready["proxy"].as_str(), ready["ca"].as_str()) else { return vec![] };
    let mut findings = Vec::new();
    match ["https_proxy", "HTTPS_PROXY"].iter().find_map(|name| Some((name, variable(name)?))) {
        None => {
            let text = "HTTPS_PROXY is not set here: clients started from this shell find the real service";
            findings.push(Finding::odd("shell", text, TAKE_OVER));
        }
        Some((_, there)) if there.trim_end_matches('/') == proxy => {
            findings.push(Finding::good("shell", format!("HTTPS_PROXY leads to {proxy}")));
        }
        Some((name, there)) => {
            findings.push(Finding::wrong("shell", format!("{name} leads to {there}, not to {proxy}"), TAKE_OVER));
        }
    }
    findings.extend(spared(ready, variable));
    findings.extend(roots(bundle, variable, file));
    findings
}

/// Emulated names that clients do not ask the proxy for.
fn spared(ready: &Value, variable: &dyn Fn(&str) -> Option<String>) -> Option<Finding> {
    let (name, list) = ["no_proxy", "NO_PROXY"].iter().find_map(|name| Some((name, variable(name)?)))?;
    let domain = ready["team"]["domain"].as_str();
    let spares = |host: &str| {
        list.split(',').map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
            let suffix = entry.trim_start_matches('*').trim_start_matches('.');
            entry == "*" || host == suffix || host.ends_with(&format!(".{suffix}"))
        })
    };
    let spared: Vec<&str> = domain.into_iter().chain(hosts(ready).skip(1)).filter(|host| spares(host)).collect();
    let text = format!("{name} keeps clients from the proxy for {}", spared.join(", "));
    (!spared.is_empty()).then(|| Finding::wrong("shell", text, format!("take these names out of {name}")))
}

/// Files of roots that do not hold the emulator's authority.
fn roots(
    bundle: &str,
    variable: &dyn Fn(&str) -> Option<String>,
    file: &dyn Fn(&str) -> Option<String>,
) -> Vec<Finding> {
    let Some(authority) = file(bundle).as_deref().and_then(last_certificate).map(str::to_owned) else {
        let text = format!("{bundle} cannot be read here");
        return vec![Finding::wrong("authority", text, "copy it to this machine, or run: doorward ca bundle")];
    };
    let set: Vec<(&str, String)> = ROOTS.iter().filter_map(|name| Some((*name, variable(name)?))).collect();
    if set.is_empty() {
        let text = "no variable names the emulator's authority: clients believe it only if the system does";
        return vec![Finding::odd("authority", text, format!("{TAKE_OVER}, or doorward ca install"))];
    }
    let without = set.iter().filter(|(_, path)| !file(path).is_some_and(|text| text.contains(&authority)));
    let findings: Vec<Finding> = without
        .map(|(name, path)| {
            Finding::wrong("authority", format!("{name} is {path}, which does not hold the authority"), TAKE_OVER)
        })
        .collect();
    if findings.is_empty() {
        let names: Vec<&str> = set.iter().map(|(name, _)| *name).collect();
        return vec![Finding::good("authority", format!("{} hold it", names.join(", ")))];
    }
    findings
}

fn last_certificate(bundle: &str) -> Option<&str> {
    let start = bundle.rfind("-----BEGIN CERTIFICATE-----")?;
    Some(bundle[start..].trim_end())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::State;
    use super::*;

    const OURS: &str = "-----BEGIN CERTIFICATE-----\nours\n-----END CERTIFICATE-----";

    fn findings(variables: &[(&str, &str)]) -> Vec<(State, String)> {
        let ready = json!({
            "proxy": "http://127.0.0.1:8789",
            "ca": "/bundle.pem",
            "team": { "domain": "dev.cloudflareaccess.com", "url": "http://dev.localhost:8787" },
            "apps": [{ "hostname": "wiki.localhost" }],
        });
        let variable =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let file = |path: &str| match path {
            "/bundle.pem" => Some(format!("other\n{OURS}\n")),
            "/other.pem" => Some("other\n".to_owned()),
            _ => None,
        };
        of(&ready, &variable, &file).into_iter().map(|finding| (finding.state, finding.text)).collect()
    }

    #[test]
    fn a_shell_that_took_the_variables_over_is_good() {
        let all = findings(&[("HTTPS_PROXY", "http://127.0.0.1:8789"), ("SSL_CERT_FILE", "/bundle.pem")]);
        assert!(all.iter().all(|(state, _)| *state == State::Good), "{all:?}");
    }

    #[test]
    fn a_shell_that_did_not_is_odd_and_fails_nobody() {
        let all = findings(&[]);
        assert!(all.len() == 2 && all.iter().all(|(state, _)| *state == State::Odd), "{all:?}");
    }

    #[test]
    fn what_leads_clients_elsewhere_is_wrong() {
        let wrong = |variables: &[(&str, &str)], words: &str| {
            let all = findings(variables);
            assert!(all.iter().any(|(state, text)| *state == State::Wrong && text.contains(words)), "{all:?}");
        };
        wrong(&[("HTTPS_PROXY", "http://127.0.0.1:1")], "not to http://127.0.0.1:8789");
        wrong(&[("SSL_CERT_FILE", "/other.pem")], "does not hold the authority");
        wrong(&[("REQUESTS_CA_BUNDLE", "/none.pem")], "does not hold the authority");
        for list in ["localhost", "*", ".localhost,x", "wiki.localhost"] {
            wrong(&[("NO_PROXY", list)], "keeps clients from the proxy for");
        }
        wrong(&[("no_proxy", ".cloudflareaccess.com")], "dev.cloudflareaccess.com");
        assert!(findings(&[("NO_PROXY", "127.0.0.1,internal.test")]).iter().all(|(state, _)| *state != State::Wrong));
    }
}
