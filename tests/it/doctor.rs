//! `doorward doctor`: finds nothing where all is well, and what is wrong by its name.

use serde_json::{Value, json};

use crate::support::gateway::{Gateway, run_with};

/// The findings, by what they are about and their state, with the exit code.
async fn findings(gateway: &Gateway, variables: &[(&str, &str)]) -> (i32, Vec<(String, String, String)>) {
    let folder = gateway.folder().to_str().unwrap();
    let admin = gateway.ready["admin"].as_str().unwrap();
    // Whatever this machine's own shell says.
    let mut environment: Vec<(&str, &str)> = ["HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE"]
        .into_iter()
        .chain([
            "REQUESTS_CA_BUNDLE",
            "CURL_CA_BUNDLE",
            "NODE_EXTRA_CA_CERTS",
            "DENO_CERT",
            "GIT_SSL_CAINFO",
            "AWS_CA_BUNDLE",
        ])
        .map(|name| (name, ""))
        .collect();
    environment.extend([("XDG_RUNTIME_DIR", folder)]);
    environment.extend(variables);
    let (code, output, errors) = run_with(&["doctor", "--json", "--admin", admin], &environment).await;
    let report: Value = serde_json::from_str(&output).unwrap_or_else(|_| panic!("{code} {output} {errors}"));
    let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
    let all = report["findings"].as_array().unwrap().iter();
    (code, all.map(|one| (text(one, "what"), text(one, "state"), text(one, "text"))).collect())
}

fn of<'a>(findings: &'a [(String, String, String)], what: &str) -> (&'a str, &'a str) {
    let found = findings.iter().find(|(about, ..)| about == what).unwrap_or_else(|| panic!("{what} in {findings:?}"));
    (&found.1, &found.2)
}

#[tokio::test]
async fn nothing_is_wrong_with_an_emulator_whose_variables_were_taken_over() {
    let gateway = Gateway::dev(&[]).await;
    let (proxy, ca) = (gateway.ready["proxy"].as_str().unwrap(), gateway.ready["ca"].as_str().unwrap());
    let (code, found) = findings(&gateway, &[("HTTPS_PROXY", proxy), ("SSL_CERT_FILE", ca)]).await;
    assert_eq!(code, 0, "{found:?}");
    for what in ["emulator", "listener", "proxy", "shell", "authority", "clock"] {
        assert_eq!(of(&found, what).0, "good", "{found:?}");
    }
}

#[tokio::test]
async fn what_surprises_is_told_and_what_breaks_clients_fails() {
    let gateway = Gateway::dev(&[]).await;
    gateway.control("PUT", "/clock", json!({ "advance": "25h" })).await;
    gateway.control("PUT", "/faults", json!({ "fault": "jwks-empty" })).await;
    let (code, found) = findings(&gateway, &[]).await;
    assert_eq!(code, 0, "{found:?}");
    assert!(of(&found, "clock").1.contains("ahead of this machine's"));
    assert_eq!(of(&found, "faults"), ("odd", "in force: jwks-empty"));
    assert_eq!((of(&found, "shell").0, of(&found, "authority").0), ("odd", "odd"));
    let (code, found) = findings(&gateway, &[("HTTPS_PROXY", "http://127.0.0.1:1")]).await;
    assert_eq!((code, of(&found, "shell").0), (1, "wrong"), "{found:?}");
}

#[tokio::test]
async fn an_emulator_that_is_not_there_is_the_only_finding() {
    let gateway = Gateway::dev(&["--no-proxy"]).await;
    let (code, found) = findings(&gateway, &[]).await;
    assert_eq!((code, of(&found, "proxy").0), (0, "odd"), "{found:?}");
    let folder = gateway.folder().to_str().unwrap();
    let (code, output, _) =
        run_with(&["doctor", "--admin", "http://127.0.0.1:1"], &[("XDG_RUNTIME_DIR", folder)]).await;
    assert_eq!(code, 1);
    assert!(output.starts_with("WRONG  emulator") && output.contains("→ start one: doorward dev"), "{output}");
}
