//! The packages for other languages: their own tests, types and examples, on the binary of this build.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::support::gateway::binary;
use crate::support::peers;

/// A whole suite of another language, several gateways in it, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(600);

fn package(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../packages").join(path)
}

/// Runs it to its end; what it said is the reason of the failure.
async fn succeeds(what: &str, command: &mut Command) {
    command.env("DOORWARD_BIN", binary()).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await;
    let output = output.unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}")).unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{what}: {}\n{}", output.status, said.concat());
}

/// A module of the Python that has what `tests/python/requirements.txt` lists, leaving nothing in the tree.
fn python(arguments: &[&str]) -> Command {
    let mut python = Command::new(peers::python());
    python.arg("-m").args(arguments).env("PYTHONDONTWRITEBYTECODE", "1");
    python
}

/// A program that `scripts/test` installed beside the package for Node.
fn npm(program: &str) -> Command {
    let folder = package("doorward-test");
    let path = folder.join("node_modules/.bin").join(program);
    assert!(path.exists(), "{} is not there: run `scripts/test --deps` first", path.display());
    let mut command = Command::new(path);
    command.current_dir(folder);
    command
}

#[tokio::test]
async fn the_pytest_plugin_and_its_example_pass_their_tests() {
    let pytest = ["pytest", "-q", "-p", "no:cacheprovider"];
    succeeds("pytest-doorward", python(&pytest).current_dir(package("pytest-doorward"))).await;
    succeeds("its example", python(&pytest).current_dir(package("pytest-doorward/examples/flask_app"))).await;
}

#[tokio::test]
async fn the_pytest_plugin_and_its_example_are_typed_throughout() {
    let mypy = ["mypy", "--strict", "--no-incremental", "--cache-dir=/dev/null"];
    let (plugin, example) = (package("pytest-doorward"), package("pytest-doorward/examples/flask_app"));
    succeeds("the plugin", python(&mypy).arg("src").current_dir(&plugin)).await;
    succeeds("its example", python(&mypy).arg(".").env("MYPYPATH", plugin.join("src")).current_dir(example)).await;
}

#[tokio::test]
async fn the_github_action_and_the_compose_example_work_as_far_as_they_can_here() {
    let kits = ["pytest", "-q", "-p", "no:cacheprovider", "python/kits"];
    succeeds("the action and the example", python(&kits).current_dir(env!("CARGO_MANIFEST_DIR"))).await;
}

#[tokio::test]
async fn the_package_for_node_passes_its_tests() {
    let mut node = Command::new("node");
    node.args(["--test", "test/doorward.test.js"]).current_dir(package("doorward-test"));
    succeeds("@doorward/test", &mut node).await;
}

#[tokio::test]
async fn the_fixtures_for_vitest_and_their_example_pass_their_tests() {
    for root in ["test/vitest", "examples/http-app"] {
        succeeds(root, npm("vitest").args(["run", "--root", root])).await;
    }
}

#[tokio::test]
async fn the_fixtures_for_playwright_sign_people_in_in_chromium() {
    let left = tempfile::tempdir().unwrap();
    let mut playwright = npm("playwright");
    playwright.args(["test", "--config", "test/playwright"]).env("PLAYWRIGHT_OUTPUT", left.path());
    succeeds("Playwright", &mut playwright).await;
}

#[tokio::test]
async fn the_package_for_node_has_the_types_it_says() {
    succeeds("TypeScript", &mut npm("tsc")).await;
}
