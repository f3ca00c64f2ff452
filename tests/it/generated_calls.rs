//! The management API against its own OpenAPI document, by calls that nobody
//! wrote: well-formed and malformed, and in chains that use what was made
//! before. Nothing may fail inside, answer what the document does not promise,
//! or take what it says is refused.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::peers;

/// It takes a quarter of a minute on a machine that does nothing else.
const LIMIT: Duration = Duration::from_secs(300);

#[tokio::test]
async fn generated_calls_find_nothing_that_the_document_does_not_promise() {
    let gateway = Gateway::serve(&Config::bare()).await;
    let base = format!("http://{}/client/v4", gateway.admin());
    let token = gateway.ready["api_token"].as_str().unwrap();
    let mut python = Command::new(peers::python());
    python.args(["-m", "schemathesis.cli", "--config-file", &peers::script("python/schemathesis.toml"), "run"]);
    python.args([&format!("{base}/openapi.json"), "--url", &base, "--workers", "1", "--no-color"]);
    python.args(["--header", &format!("Authorization: Bearer {token}")]);
    python.env("PYTHONPATH", peers::script("python")).env("PYTHONDONTWRITEBYTECODE", "1").env("NO_PROXY", "*");
    python.current_dir(gateway.folder()).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(LIMIT, python.output()).await.expect("it ends in time").unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{report}\n{}", String::from_utf8_lossy(&output.stderr));

    let count =
        |after: &str| report.lines().find_map(|line| line.trim().strip_prefix(after)?.trim().parse::<usize>().ok());
    let document = gateway.admin_call("GET", "/client/v4/openapi.json", None).await.1;
    let operations: usize =
        document["paths"].as_object().unwrap().values().map(|path| path.as_object().unwrap().len()).sum();
    // All but the document, which it reads and does not test.
    assert_eq!(count("Tested:"), Some(operations - 1), "{report}");
    for phase in ["Examples", "Coverage", "Fuzzing", "Stateful"] {
        assert!(report.contains(&format!("✅ {phase}")), "{phase}: {report}");
    }
    assert_eq!(gateway.admin_call("GET", "/readyz", None).await.0, 200, "and it is well afterwards");
    assert!(!gateway.log().contains("panicked"), "{}", gateway.log());
}
