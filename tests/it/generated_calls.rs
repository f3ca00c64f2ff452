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
use crate::support::postgres;

/// It takes a quarter of a minute on a machine that does nothing else.
const LIMIT: Duration = Duration::from_secs(900);

/// How many calls are generated, by phase, in the words of the configuration.
const USUAL: [&str; 2] = ["max-examples = 10", "generation.max-examples = 20"];
/// Enough to meet every statement of every route on the other database.
const SAMPLE: [&str; 2] = ["max-examples = 2", "generation.max-examples = 4"];

#[tokio::test]
async fn generated_calls_find_nothing_that_the_document_does_not_promise() {
    ask(&Gateway::serve(&Config::bare()).await, USUAL).await;
}

#[tokio::test]
async fn a_sample_of_generated_calls_finds_nothing_on_postgres_either() {
    ask(&Gateway::serve(&Config::bare().on_store(&postgres::database().await)).await, SAMPLE).await;
}

async fn ask(gateway: &Gateway, examples: [&str; 2]) {
    let mut config = std::fs::read_to_string(peers::script("python/schemathesis.toml")).unwrap();
    for (usual, wanted) in USUAL.into_iter().zip(examples) {
        assert!(config.contains(&format!("\n{usual}\n")), "{usual} is a line of the configuration");
        config = config.replace(&format!("\n{usual}\n"), &format!("\n{wanted}\n"));
    }
    let file = gateway.folder().join("schemathesis.toml");
    std::fs::write(&file, config).unwrap();
    let base = format!("http://{}/client/v4", gateway.admin());
    let token = gateway.ready["api_token"].as_str().unwrap();
    let mut python = Command::new(peers::python());
    python.args(["-m", "schemathesis.cli", "--config-file", file.to_str().unwrap(), "run"]);
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
