//! The commands that run without a browser: check, explain, token, migrate.

use serde_json::Value;

use crate::support::config::{ALICE, APP, Config, ROOT};
use crate::support::gateway::{Gateway, run, run_with};
use crate::support::origin::Origin;
use crate::support::peers::script;
use crate::support::world::World;

/// A configuration file in a folder of its own.
struct File {
    folder: tempfile::TempDir,
}

impl File {
    fn of(text: &str) -> File {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("doorward.toml"), text).unwrap();
        File { folder }
    }

    async fn standard() -> File {
        let file = File::of("");
        let text = Config::standard(&Origin::start().await).text(file.folder.path());
        std::fs::write(file.path(), text).unwrap();
        file
    }

    fn path(&self) -> String {
        self.folder.path().join("doorward.toml").to_str().unwrap().to_owned()
    }
}

async fn check(text: &str) -> (i32, String) {
    let file = File::of(text);
    let (code, _, errors) = run(&["check", "--config", &file.path()]).await;
    (code, errors)
}

#[tokio::test]
async fn a_good_file_is_good() {
    let (code, output, errors) = run(&["check", "--config", &File::standard().await.path()]).await;
    assert_eq!((code, errors.as_str()), (0, ""), "{output}");
    assert!(output.ends_with("good: 5 applications, 3 routes, 1 identity provider\n"), "the built-in one: {output}");
}

#[tokio::test]
async fn every_problem_of_a_bad_file_is_listed_with_its_line() {
    let text = r#"mode = "emulator"
[listen]
public = "nowhere"
pubic = "127.0.0.1:0"
[[route]]
hostname = "wiki.localhost"
service = "ftp://127.0.0.1"
[[app]]
name = "Wiki"
domain = "wiki.localhost"
session_duration = "one day"
policies = [{ name = "Staff", decision = "alow", include = [{ group = { id = "Nobody" } }] }]
[[app]]
name = "Wiki again"
domain = "wiki.localhost"
policies = [{ name = "All", decision = "allow", include = [{ everyone = {} }] }]
"#;
    let (code, errors) = check(text).await;
    assert_eq!(code, 2, "{errors}");
    for (line, word) in
        [(3, "nowhere"), (4, "pubic"), (7, "ftp"), (11, "one day"), (12, "alow"), (15, "wiki.localhost")]
    {
        let place = format!("doorward.toml:{line}:");
        let named = errors.lines().any(|problem| problem.contains(&place) && problem.contains(word));
        assert!(named, "{place} {word} is not among\n{errors}");
    }
}

#[tokio::test]
async fn a_file_that_is_missing_or_no_toml_is_one_clear_line() {
    let (code, _, errors) = run(&["check", "--config", "/nowhere/doorward.toml"]).await;
    assert_eq!((code, errors.trim().lines().count()), (2, 1), "{errors}");
    assert!(errors.starts_with("/nowhere/doorward.toml: ") && errors.contains("No such file"), "{errors}");
    let file = File::of("");
    std::fs::write(file.path(), b"mode = \"emulator\"\n# caf\xe9\n").unwrap();
    let (code, _, errors) = run(&["check", "--config", &file.path()]).await;
    assert!(code == 2 && errors.contains("doorward.toml:2: ") && errors.contains("UTF-8"), "{errors}");
    assert!(!errors.contains("--config"), "the path is right: {errors}");
    let (code, errors) = check("mode = \"emulator\"\n[listen\n").await;
    assert!(code == 2 && errors.contains("doorward.toml:2:"), "{errors}");
}

#[tokio::test]
async fn production_refuses_what_is_unsafe_and_names_the_line() {
    let text = r#"mode = "production"
[listen]
admin = "0.0.0.0:8081"
trusted_proxies = ["0.0.0.0/0"]
[team]
name = "acme"
url = "http://acme.example.com"
[store]
url = "sqlite:///tmp/never-made.db"
[[user]]
email = "alice@example.com"
"#;
    let (code, errors) = check(text).await;
    assert_eq!(code, 2);
    for (line, word) in [(3, "token"), (4, "0.0.0.0/0"), (7, "https"), (10, "[[user]]")] {
        let place = format!("doorward.toml:{line}:");
        assert!(errors.lines().any(|at| at.contains(&place) && at.contains(word)), "{place} {word}:\n{errors}");
    }
    assert!(errors.contains("encryption_key"), "{errors}");
    let file = File::of(text);
    let (code, _, _) = run(&["serve", "--config", &file.path()]).await;
    assert_eq!(code, 2, "it does not start either");
}

#[tokio::test]
async fn the_configuration_of_the_compose_file_is_good() {
    let path = script("../deploy/doorward.toml");
    let environment = [
        ("DOORWARD_DATABASE_URL", "postgres://doorward:doorward@postgres/doorward"),
        ("DOORWARD_ENCRYPTION_KEY", "0123456789abcdef0123456789abcdef"),
        ("DOORWARD_API_TOKEN", "0123456789abcdef"),
    ];
    let (code, _, errors) = run_with(&["check", "--config", &path], &environment).await;
    assert_eq!(code, 0, "{errors}");
}

async fn explain(file: &File, arguments: &[&str]) -> Value {
    let path = file.path();
    let all = [&["explain", "--config", &path, "--json"], arguments].concat();
    let (code, output, errors) = run(&all).await;
    assert_eq!(code, 0, "{errors}");
    serde_json::from_str(&output).unwrap_or_else(|_| panic!("JSON: {output}"))
}

#[tokio::test]
async fn explain_says_the_verdict_and_which_policy_gave_it() {
    let file = File::standard().await;
    for (arguments, verdict, app, policy) in [
        (vec!["https://app.localhost/"], "login", Some("App"), None),
        (vec!["--user", ALICE, "https://app.localhost/wiki"], "allow", Some("App"), Some("Corp")),
        (vec!["--user", ALICE, "https://app.localhost/admin"], "deny", Some("Admin"), None),
        (vec!["--user", ROOT, "https://app.localhost/admin"], "allow", Some("Admin"), Some("Root")),
        (vec!["https://app.localhost/public/../admin"], "login", Some("Admin"), None),
        (vec!["https://app.localhost/public"], "bypass", Some("Public"), Some("Everybody")),
        (vec!["--service-token", "Robot", "https://api.localhost/"], "service_auth", Some("Api"), Some("Machines")),
        (vec!["https://api.localhost/"], "deny", Some("Api"), None),
        (vec!["https://none.localhost/"], "deny", None, None),
    ] {
        let answer = explain(&file, &arguments).await;
        assert_eq!(answer["verdict"], verdict, "{arguments:?}: {answer}");
        assert_eq!(answer["app"].as_str(), app, "{arguments:?}");
        assert_eq!(answer["policy"].as_str(), policy, "{arguments:?}");
        assert!(answer["trace"].is_array(), "{arguments:?}");
    }
}

#[tokio::test]
async fn explain_and_the_gateway_agree() {
    let world = World::start().await;
    let file = File { folder: tempfile::tempdir().unwrap() };
    std::fs::copy(world.gateway.folder().join("doorward.toml"), file.path()).unwrap();
    for (email, path) in
        [(ALICE, "/"), (ALICE, "/admin"), (ROOT, "/admin"), ("x@notcorp.test", "/"), ("X@CORP.test", "/")]
    {
        let answer = explain(&file, &["--user", email, &format!("https://{APP}{path}")]).await;
        let app = answer["app"].as_str().unwrap().to_owned();
        let token = world.token(email, &app).await;
        let status = world.raw_get(path, &[&format!("Cookie: CF_Authorization={token}")]).await.status();
        assert_eq!(status == 200, answer["verdict"] == "allow", "{email} at {path}: {status} {answer}");
    }
}

#[tokio::test]
async fn explain_for_people_names_the_rule() {
    let file = File::standard().await;
    let (code, output, _) =
        run(&["explain", "--config", &file.path(), "--user", ALICE, "https://app.localhost/"]).await;
    assert_eq!(code, 0);
    assert!(output.contains("Corp") && output.contains("corp.test"), "{output}");
    let (_, output, _) = run(&["explain", "--config", &file.path(), "https://none.localhost/a"]).await;
    assert!(output.starts_with("deny: no application covers none.localhost/a"), "{output}");
}

#[tokio::test]
async fn a_token_of_the_command_line_opens_the_app() {
    let world = World::start().await;
    let admin = format!("http://{}", world.gateway.admin());
    let runtime = world.gateway.folder().to_str().unwrap();
    let asked = ["token", "--app", APP, "--user", ALICE, "--admin", &admin];
    // The emulator of the same user left its API token where the command looks.
    let (code, output, errors) = run_with(&asked, &[("XDG_RUNTIME_DIR", runtime)]).await;
    assert_eq!(code, 0, "{errors}");
    let cookie = format!("Cookie: CF_Authorization={}", output.trim());
    assert_eq!(world.raw_get("/", &[&cookie]).await.status(), 200);

    let json = run_with(&[&asked[..], &["--json", "--ttl", "1h"]].concat(), &[("XDG_RUNTIME_DIR", runtime)]).await;
    let answer: Value = serde_json::from_str(&json.1).expect("JSON");
    for member in ["token", "cookie", "storage_state", "expires_at"] {
        assert!(!answer[member].is_null(), "{member}: {answer}");
    }

    let unknown = ["token", "--app", "unknown.test", "--user", ALICE, "--admin", &admin];
    let (code, _, errors) = run_with(&unknown, &[("XDG_RUNTIME_DIR", runtime)]).await;
    assert!(code == 1 && errors.contains("unknown.test") && errors.contains("there are "), "the hint too: {errors}");

    let wrong =
        run_with(&asked, &[("XDG_RUNTIME_DIR", "/nowhere"), ("HOME", "/nowhere"), ("DOORWARD_API_TOKEN", "wrong")])
            .await;
    assert_eq!(wrong.0, 1);
    assert!(wrong.1.is_empty() && !wrong.2.is_empty(), "{}", wrong.2);
}

#[tokio::test]
async fn migrate_makes_the_schema_and_may_be_repeated() {
    let file = File::standard().await;
    for _ in 0..2 {
        let (code, _, errors) = run(&["migrate", "--config", &file.path()]).await;
        assert_eq!(code, 0, "{errors}");
    }
    assert!(file.folder.path().join("doorward.db").is_file());
}

#[tokio::test]
async fn a_port_in_use_is_one_clear_line() {
    let taken = Origin::start().await;
    let address = taken.url().trim_start_matches("http://").to_owned();
    let file = File::of("");
    let config = Config::standard(&taken).with("public = \"127.0.0.1:0\"", &format!("public = \"{address}\""));
    std::fs::write(file.path(), config.text(file.folder.path())).unwrap();
    let (code, _, errors) = run(&["serve", "--config", &file.path(), "--ready-json"]).await;
    assert_eq!(code, 1);
    let told: Vec<&str> = errors.lines().filter(|line| line.contains(&address)).collect();
    assert_eq!(told.len(), 1, "{errors}");
    assert!(told[0].contains("in use"), "{errors}");
}

#[tokio::test]
async fn the_ready_file_is_whole_and_says_what_the_ready_line_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ready.json");
    let gateway = Gateway::dev(&["--ready-file", path.to_str().unwrap(), "--team", "acme"]).await;
    let written: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(written, gateway.ready);
    for member in ["public", "admin", "account_id", "api_token"] {
        assert!(written[member].is_string(), "{member}: {written}");
    }
    let port = gateway.public().port();
    assert_eq!(written["team"]["name"], "acme");
    assert_eq!(written["team"]["domain"], "acme.cloudflareaccess.com");
    assert_eq!(written["team"]["url"], format!("http://acme.localhost:{port}"));
    for member in ["name", "hostname", "url", "aud", "id"] {
        assert!(written["apps"][0][member].is_string(), "{member}: {written}");
    }
}

#[tokio::test]
async fn help_is_there_on_every_level() {
    for command in ["", "dev", "serve", "check", "explain", "token", "migrate"] {
        let arguments: Vec<&str> = [command, "--help"].into_iter().filter(|word| !word.is_empty()).collect();
        let (code, output, _) = run(&arguments).await;
        assert!(code == 0 && output.contains("Usage: doorward"), "{command}: {output}");
    }
}
