//! The access log, and what no log may ever say.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;

use serde_json::Value;

use crate::support::client::Client;
use crate::support::config::{ALICE, API, APP, Config, MALLORY, OTHER, ROBOT};
use crate::support::deadline::eventually;
use crate::support::gateway::Gateway;
use crate::support::metrics::Metrics;
use crate::support::origin::{Answer, Origin};
use crate::support::raw::Raw;
use crate::support::world::World;

/// Writes the access log as JSON to a file in the gateway's folder.
fn told(config: Config) -> Config {
    config.with("[team]", "[log]\naccess = \"FOLDER/access.log\"\naccess_format = \"json\"\n\n[team]")
}

impl World {
    fn access_log(&self) -> PathBuf {
        self.gateway.folder().join("access.log")
    }

    /// The lines of the access log, once there are so many.
    async fn told(&self, count: usize) -> Vec<Value> {
        eventually(&format!("{count} lines in the access log"), async || {
            let text = std::fs::read_to_string(self.access_log()).ok()?;
            let lines = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect::<Vec<Value>>();
            (lines.len() >= count && text.ends_with('\n')).then_some(lines)
        })
        .await
    }
}

/// What a line says, without what differs from run to run.
fn gist(line: &Value) -> String {
    let word = |key: &str| line.get(key).map_or("-".to_owned(), |value| value.to_string().replace('"', ""));
    ["method", "path", "status", "outcome", "reason", "app", "policy", "user", "service_token"].map(word).join(" ")
}

#[tokio::test]
async fn every_request_is_a_line_that_says_who_what_and_why() {
    let world = World::with(told).await;
    let cookie = format!("Cookie: CF_Authorization={}", world.token(ALICE, "App").await);
    let mallory = format!("Cookie: CF_Authorization={}", world.token(MALLORY, "App").await);
    world.raw_get("/page?code=secret", &[&cookie, "User-Agent: test/1.0", "Referer: http://a.test/?t=secret"]).await;
    world.raw_get("/page", &[]).await;
    world.raw_get("/page", &[&mallory]).await;
    world.raw_get("/public/x", &[]).await;
    let [(id, id_value), (secret, secret_value)] = ROBOT;
    let robot = |secret_value: &str| format!("{id}: {id_value}\r\n{secret}: {secret_value}\r\n");
    for value in [secret_value, "wrong"] {
        world.raw(format!("GET / HTTP/1.1\r\nHost: {API}\r\nConnection: close\r\n{}\r\n", robot(value))).await;
    }
    world.raw_get("/cdn-cgi/access/certs", &[]).await;
    world.raw("GET /x HTTP/1.1\r\nHost: nowhere.test\r\nConnection: close\r\n\r\n").await;
    world.raw(format!("GET /a%00b HTTP/1.1\r\nHost: {APP}\r\nConnection: close\r\n\r\n")).await;
    world.raw("NONSENSE\r\n\r\n").await;
    let lines = world.told(10).await;
    let expected = [
        "GET /page 200 admitted - App Corp alice@corp.test -",
        "GET /page 302 refused needs_login App - - -",
        "GET /page 403 refused policy App - mallory@evil.test -",
        "GET /public/x 200 bypassed - Public Everybody - -",
        "GET / 200 admitted - Api Machines - Robot",
        "GET / 401 refused service_token Api - - -",
        "GET /cdn-cgi/access/certs 200 own - App - - -",
        "GET /x 404 unmatched - - - - -",
        "GET /a%00b 400 unreadable - - - - -",
        "- - 400 unreadable - - - - -",
    ];
    // Two threads hand their requests over; each line is for itself.
    let gists: BTreeSet<String> = lines.iter().map(gist).collect();
    assert_eq!(gists, expected.map(str::to_owned).into());
    assert!(lines.iter().all(|line| line.get("aborted").is_none()), "each answer came to its end: {lines:#?}");
    let first = lines.iter().find(|line| line["user"] == ALICE).unwrap();
    assert_eq!(first["user_agent"], "test/1.0");
    assert_eq!(first["referer"], "http://a.test/");
    assert_eq!(first["client_ip"], "127.0.0.1");
    assert_eq!(first["host"], format!("{APP}:{}", world.public().port()));
    assert_eq!((&first["protocol"], &first["bytes_out"]), (&Value::from("HTTP/1.1"), &Value::from(2)));
    let (whole, origin) = (first["duration_seconds"].as_f64().unwrap(), first["origin_seconds"].as_f64().unwrap());
    assert!(0.0 < origin && origin <= whole && whole < 30.0, "{first}");
    assert_eq!(first["ray_id"], world.origin.seen()[0].head.field("cf-ray").unwrap());
    assert!(!std::fs::read_to_string(world.access_log()).unwrap().contains("secret"));
}

#[tokio::test]
async fn bytes_are_told_as_they_went_and_clients_that_left_as_such() {
    let world = World::with(told).await;
    let body = "x".repeat(50_000);
    let post = format!("POST /public/form HTTP/1.1\r\nHost: {APP}\r\nContent-Length: 50000\r\n\r\n{body}");
    assert_eq!(world.raw(post).await.status(), 200);
    world.origin.answer(Answer::Download(1_000_000));
    assert_eq!(world.raw_get("/public/file", &[]).await.body.len(), 1_000_000);
    world.origin.answer(Answer::Silence);
    let mut raw = Raw::connect(world.public()).await;
    raw.send(format!("GET /public/slow HTTP/1.1\r\nHost: {APP}\r\n\r\n")).await;
    eventually("the request is at the origin", async || (world.origin.seen().len() == 3).then_some(())).await;
    drop(raw);
    world.told(3).await;
    world.origin.answer(Answer::Events);
    let mut raw = Raw::connect(world.public()).await;
    raw.send(format!("GET /public/events HTTP/1.1\r\nHost: {APP}\r\n\r\n")).await;
    assert_eq!(raw.head().await.unwrap().status(), 200);
    drop(raw);
    let lines = world.told(4).await;
    let line = |path: &str| lines.iter().find(|line| line["path"] == path).unwrap();
    let told = |path| {
        let line = line(path);
        (line["status"].as_u64().unwrap(), line["bytes_in"].as_u64().unwrap(), line.get("aborted").is_some())
    };
    assert_eq!(told("/public/form"), (200, 50_000, false));
    assert_eq!(told("/public/file"), (200, 0, false));
    assert_eq!(line("/public/file")["bytes_out"], 1_000_000);
    assert_eq!(told("/public/slow"), (499, 0, true));
    assert_eq!(told("/public/events"), (200, 0, true));
}

#[tokio::test]
async fn a_text_line_is_the_combined_format_with_more_behind_it() {
    let world = World::with(|config| told(config).with("\"json\"", "\"text\"")).await;
    let cookie = format!("Cookie: CF_Authorization={}", world.token(ALICE, "App").await);
    world.raw_get("/page?code=secret", &[&cookie, "User-Agent: a \"quote\""]).await;
    let text = eventually("a line", async || {
        std::fs::read_to_string(world.access_log()).ok().filter(|text| text.ends_with('\n'))
    })
    .await;
    assert!(text.starts_with("127.0.0.1 - alice@corp.test ["), "{text}");
    let rest = text.split_once("] ").unwrap().1;
    let begin = format!(
        "\"GET /page HTTP/1.1\" 200 2 \"-\" \"a \\x22quote\\x22\" host={APP}:{} outcome=admitted app=\"App\" \
         policy=\"Corp\" in=0 time=0.",
        world.public().port()
    );
    assert!(rest.starts_with(&begin), "{rest}");
    assert!(rest.trim_end().rsplit_once(" ray=").is_some_and(|(_, ray)| ray.len() == 16), "{rest}");
}

#[tokio::test]
async fn a_file_that_was_moved_away_is_opened_anew_even_when_the_configuration_is_wrong() {
    let world = World::with(told).await;
    world.raw_get("/before", &[]).await;
    world.told(1).await;
    let moved = world.gateway.folder().join("access.log.1");
    std::fs::rename(world.access_log(), &moved).unwrap();
    world.gateway.rewrite_text("this is no configuration");
    world.gateway.signal("HUP");
    eventually("a new file", async || world.access_log().is_file().then_some(())).await;
    world.raw_get("/after", &[]).await;
    let lines = world.told(1).await;
    assert_eq!((lines.len(), &lines[0]["path"]), (1, &Value::from("/after")));
    assert!(!std::fs::read_to_string(moved).unwrap().contains("/after"));
}

#[tokio::test]
async fn what_was_answered_before_the_end_is_told_before_the_end() {
    let mut world = World::with(told).await;
    for number in 0..50 {
        world.raw_get(&format!("/public/{number}"), &[]).await;
    }
    world.gateway.signal("TERM");
    assert!(world.gateway.exit().await.success());
    assert_eq!(std::fs::read_to_string(world.access_log()).unwrap().lines().count(), 50);
}

#[tokio::test]
async fn r_07_a_full_disk_holds_up_no_request_and_is_said_once() {
    let world = World::with(|config| told(config).with("FOLDER/access.log", "/dev/full")).await;
    for _ in 0..20 {
        assert_eq!(world.raw_get("/public/x", &[]).await.status(), 200);
    }
    eventually("lost lines are counted", async || {
        let metrics = Metrics::of(&world.gateway).await;
        let lost = metrics.get("doorward_access_log_lines_lost_total");
        ((lost - 20.0).abs() < f64::EPSILON && metrics.get("doorward_access_log_lines_total") == 0.0).then_some(())
    })
    .await;
    world.gateway.logs("lines of the access log are lost").await;
    let said = world.gateway.log().matches("lines of the access log are lost").count();
    assert_eq!(said, 1, "{}", world.gateway.log());
}

#[tokio::test]
async fn r_07_a_reader_that_sleeps_holds_up_no_request() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // Both ends at once: opening waits for nobody.
    let reader = File::options().read(true).write(true).open(&pipe).unwrap();
    let world = World::with(|config| told(config).with("FOLDER/access.log", pipe.to_str().unwrap())).await;
    let request = "GET /x HTTP/1.1\r\nHost: nowhere.test\r\nAccept: application/json\r\n\r\n";
    let mut lost = 0.0;
    while lost < 1.0 {
        let mut raw = Raw::connect(world.public()).await;
        raw.send(request.repeat(500)).await;
        for _ in 0..500 {
            assert_eq!(raw.reply().await.unwrap().status(), 404);
        }
        lost = Metrics::of(&world.gateway).await.get("doorward_access_log_lines_lost_total");
    }
    world.gateway.logs("it is written too slowly").await;
    drop(reader);
}

#[tokio::test]
async fn r_07_a_log_that_nobody_reads_holds_up_no_request_and_tells_what_it_lost() {
    let mut world = World::start().await;
    world.gateway.reads_log(false);
    let host = "nowhere.".repeat(30);
    let request = format!("GET /x HTTP/1.1\r\nHost: {host}test\r\nAccept: application/json\r\n\r\n");
    let lost = async |kind: &str| {
        let series = format!(r#"doorward_log_lines_lost_total{{kind="{kind}"}}"#);
        Metrics::of(&world.gateway).await.get(&series)
    };
    let mut answered = 0;
    while lost("refusal").await < 1.0 {
        let mut raw = Raw::connect(world.public()).await;
        raw.send(request.repeat(500)).await;
        for _ in 0..500 {
            assert_eq!(raw.reply().await.unwrap().status(), 404);
        }
        answered += 500;
        assert!(answered <= 50_000, "what waits is bounded");
    }
    assert!(lost("trouble").await < 1.0, "warnings have room of their own");

    world.gateway.reads_log(true);
    world.gateway.logs("lines of this log were lost here").await;
    assert_eq!(world.raw("GET /y HTTP/1.1\r\nHost: again.test\r\nConnection: close\r\n\r\n").await.status(), 404);
    world.gateway.logs("again.test").await;
    let log = world.gateway.log();
    let gap = log.lines().find(|line| line.contains("lines of this log were lost here")).unwrap();
    let refusals: usize = gap.rsplit_once("refusals=").unwrap().1.trim().parse().unwrap();
    let told = log.matches("no application covers this address").count();
    assert_eq!(told + refusals, answered + 1, "each is told, or told to be missing: {gap}");

    world.gateway.reads_log(false);
    let mut raw = Raw::connect(world.public()).await;
    raw.send(request.repeat(500)).await;
    for _ in 0..500 {
        assert_eq!(raw.reply().await.unwrap().status(), 404);
    }
    drop(raw);
    world.gateway.signal("TERM");
    assert!(world.gateway.exit().await.success(), "nobody reads its last words either");
}

#[tokio::test]
async fn an_access_log_that_cannot_be_opened_is_said_before_anything_serves() {
    let origin = crate::support::origin::Origin::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("doorward.toml");
    let config = told(Config::standard(&origin)).with("FOLDER/access.log", "/nowhere/access.log");
    std::fs::write(&path, config.text(folder.path())).unwrap();
    let (code, _, errors) = crate::support::gateway::run(&["check", "--config", path.to_str().unwrap()]).await;
    assert_eq!(code, 2, "{errors}");
    assert!(errors.contains("access: there is no folder /nowhere; make it"), "{errors}");
}

/// Everything that must stay between the client, Doorward and the provider, as a test learns of it.
#[derive(Default)]
struct Secrets(BTreeSet<(String, String)>);

impl Secrets {
    fn add(&mut self, what: &str, value: &str) {
        // What is shorter is no secret, and would be found anywhere.
        if value.len() >= 12 {
            self.0.insert((what.to_owned(), value.to_owned()));
            // Of a token, the part that makes it one.
            if let Some((_, signature)) = value.rsplit_once('.') {
                self.add(what, signature);
            }
        }
    }

    fn of(&mut self, browser: &Client) {
        for (_, cookie) in &browser.given {
            self.add(&format!("cookie {}", cookie.name), &cookie.value);
        }
        let open = ["kid", "redirect_url", "redirect_uri", "client_id", "scope", "response_type", "returnTo", "idp"];
        for url in &browser.history {
            for (name, value) in url.query_pairs().filter(|(name, _)| !open.contains(&&**name)) {
                self.add(&format!("parameter {name}"), &value);
            }
        }
    }

    fn assert_absent(&self, log: &str, text: &str) {
        for (what, secret) in &self.0 {
            let place = text.find(secret);
            assert!(
                place.is_none(),
                "{what} is in the {log}: …{}",
                &text[place.unwrap().saturating_sub(200)..place.unwrap()]
            );
        }
    }
}

#[tokio::test]
async fn s_01_no_log_holds_a_secret_even_when_everything_is_said() {
    let origin = Origin::start().await;
    let mut secrets = Secrets::default();
    let mut known = |what, value: &'static str| {
        secrets.add(what, value);
        value
    };
    let password = known("database password", "dsn-password-of-this-test");
    let api_token = known("API token", "api-token-of-this-test-0123456789");
    let key = known("encryption key", "encryption-key-of-this-test-0123456789");
    let bearer = known("authorization for the origin", "bearer-for-the-origin-0123456789");
    known("service token secret", ROBOT[1].1);
    known("query", "query-secret-of-this-test");
    let store = format!("{}&password={password}", crate::support::postgres::database().await);
    let head = format!("[keys]\nencryption_key = \"{key}\"\n\n[api]\ntoken = \"{api_token}\"\n\n[team]");
    let config = told(Config::standard(&origin)).with("[team]", &head).on_store(&store);
    let gateway = Gateway::serve_with(&config, &[("RUST_LOG", "trace")]).await;
    let world = World { origin, gateway };

    // In through every page, used, renewed elsewhere, and out again.
    let mut browser = world.signed_in(ALICE).await;
    for url in [world.app("/page?code=query-secret-of-this-test"), world.gateway.at(OTHER, "/")] {
        assert_eq!(browser.open(&url).await.status, 200);
    }
    browser.open(&world.app("/cdn-cgi/access/get-identity")).await;
    let authorization = [("Authorization", &*format!("Bearer {bearer}"))];
    browser.request(reqwest::Method::POST, &world.app("/form"), &authorization, Some("x".into())).await;
    browser.open(&world.app("/cdn-cgi/access/logout")).await;
    let mut denied = world.stranger();
    denied.sign_in(&world.app("/"), MALLORY).await;
    secrets.of(&browser);
    secrets.of(&denied);

    // Tokens in every place, good and bad; over HTTP/2 too, whose library has logs of its own.
    let token = world.token(ALICE, "App").await;
    secrets.add("token", &token);
    let bent = format!("{}x", &token[..token.len() - 1]);
    secrets.add("token that does not hold", &bent);
    let h2 = crate::support::http2::Connection::plain(world.public()).await;
    for token in [&token, &bent] {
        for field in [format!("Cookie: CF_Authorization={token}"), format!("cf-access-token: {token}")] {
            world.raw_get("/page", &[&field]).await;
        }
        let url = world.app("/page?t=query-secret-of-this-test");
        h2.get(&url, &[("cookie", &format!("CF_Authorization={token}"))]).await;
    }
    let [(id, id_value), (secret, secret_value)] = ROBOT;
    for value in [secret_value, "wrong-service-token-secret"] {
        secrets.add("service token secret", value);
        let fields = format!("{id}: {id_value}\r\n{secret}: {value}");
        world.raw(format!("GET / HTTP/1.1\r\nHost: {API}\r\nConnection: close\r\n{fields}\r\n\r\n")).await;
    }
    world.gateway.control("POST", "/keys/rotate", serde_json::json!({})).await;
    world.gateway.control("POST", "/revocations", serde_json::json!({ "email": ALICE })).await;
    world.raw_get("/page", &[&format!("Cookie: CF_Authorization={token}")]).await;

    world.told(10).await;
    world.gateway.signal("TERM");
    world.gateway.logs("stopping; requests in flight may finish").await;
    let log = world.gateway.log();
    for said in ["TRACE", "DEBUG", "admitted", "refused"] {
        assert!(log.contains(said), "the scenario is told at every level: no {said}");
    }
    assert!(secrets.0.len() > 30, "{:?}", secrets.0);
    secrets.assert_absent("log", &log);
    secrets.assert_absent("access log", &std::fs::read_to_string(world.access_log()).unwrap());
    assert!(!log.contains('\u{1b}'), "no escape sequence reaches a terminal");
}
