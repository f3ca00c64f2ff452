//! Namespaces of the emulator: teams side by side in one process, each as if
//! it were alone.

use std::collections::HashSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::config::{ALICE, APP, Config};
use crate::support::deadline::in_time;
use crate::support::gateway::{Gateway, run};
use crate::support::origin::Answer;
use crate::support::raw::{Raw, exchange};
use crate::support::token;
use crate::support::world::World;

/// A namespace, and the process that it is in.
struct Space<'a> {
    gateway: &'a Gateway,
    /// One for many calls: to make a client takes longer than to make a namespace.
    http: reqwest::Client,
    told: Value,
}

impl<'a> Space<'a> {
    async fn made(gateway: &'a Gateway, order: Value) -> Space<'a> {
        Self::made_with(reqwest::Client::builder().no_proxy().build().unwrap(), gateway, order).await
    }

    async fn made_with(http: reqwest::Client, gateway: &'a Gateway, order: Value) -> Space<'a> {
        let mut space = Space { gateway, http, told: Value::Null };
        space.told = space.call("POST", "/namespaces", order).await;
        space
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> Value {
        let url = format!("http://{}/emulator/v1{path}", self.gateway.admin());
        let token = self.gateway.ready["api_token"].as_str().unwrap();
        let request = self.http.request(method.parse().unwrap(), url).bearer_auth(token).json(&body);
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{method} {path}: {}", answer.status());
        answer.json().await.unwrap()
    }

    fn name(&self) -> &str {
        self.told["name"].as_str().unwrap()
    }

    fn team_url(&self) -> &str {
        self.told["team"]["url"].as_str().unwrap()
    }

    fn app(&self, name: &str) -> &Value {
        let apps = self.told["apps"].as_array().unwrap();
        apps.iter().find(|app| app["name"] == name).unwrap_or_else(|| panic!("no {name} among {apps:?}"))
    }

    fn url(&self, app: &str) -> &str {
        self.app(app)["url"].as_str().unwrap()
    }

    async fn control(&self, method: &str, path: &str, body: Value) -> Value {
        self.call(method, &format!("/namespaces/{}{path}", self.name()), body).await
    }

    async fn token(&self, app: &str, email: &str) -> String {
        let answer = self.control("POST", "/tokens", json!({ "app": app, "email": email })).await;
        answer["token"].as_str().unwrap().to_owned()
    }

    async fn kids(&self) -> Vec<String> {
        let host = self.told["team"]["url"].as_str().unwrap().trim_start_matches("http://");
        let request = format!("GET /cdn-cgi/access/certs HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let certs = exchange(self.gateway.public(), request).await.unwrap();
        let certs: Value = serde_json::from_slice(&certs.body).unwrap();
        certs["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    }

    /// What the application answers to somebody with this token.
    async fn with_token(&self, app: &str, token: &str) -> u16 {
        let host = self.app(app)["hostname"].as_str().unwrap();
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nCookie: CF_Authorization={token}\r\n\r\n");
        exchange(self.gateway.public(), request).await.unwrap().status()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_namespaces_side_by_side_never_meet() {
    let gateway = Gateway::dev(&["--no-proxy"]).await;
    let work = async {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let spaces = join_all((0..100).map(|number| {
            let name = format!("worker-{number}");
            Space::made_with(http.clone(), &gateway, json!({ "name": name }))
        }))
        .await;
        let tokens = join_all(spaces.iter().enumerate().map(|(number, space)| used_alone(space, number))).await;
        let strangers = spaces.iter().zip(tokens.iter().cycle().skip(1));
        let statuses = join_all(strangers.map(|(space, token)| space.with_token("Demo", token))).await;
        assert!(statuses.iter().all(|status| *status == 302), "a token of another namespace is none: {statuses:?}");
        let seen = join_all(spaces.iter().map(|space| space.control("GET", "/requests", json!({})))).await;
        for (number, seen) in seen.iter().enumerate() {
            let told: Vec<_> = seen["requests"].as_array().unwrap().iter().map(|one| &one["caller"]["name"]).collect();
            assert_eq!(told, [&json!(ALICE), &Value::Null], "worker-{number} saw its own requests alone");
        }
        let kids = join_all(spaces.iter().map(Space::kids)).await;
        let different: HashSet<&String> = kids.iter().flatten().collect();
        assert_eq!(different.len(), kids.iter().flatten().count(), "no two have a key in common");
    };
    tokio::time::timeout(std::time::Duration::from_secs(120), work).await.expect("it is done in time");
    let main = gateway.control("GET", "/requests", json!({})).await;
    assert_eq!(main["counters"]["decisions"], 0, "the process's own team saw nothing of it");
    let clock = gateway.control("GET", "/clock", json!({})).await;
    assert_eq!(clock["frozen"], false);
}

/// The same in each: a person of the same address, a clock and keys of its own. Gives a token.
async fn used_alone(space: &Space<'_>, number: usize) -> String {
    let day = format!("2031-01-01T00:{:02}:{:02}Z", number / 60, number % 60);
    space.control("PUT", "/clock", json!({ "set": day, "freeze": true })).await;
    let group = format!("group-{number}");
    space.control("PUT", "/users", json!([{ "email": ALICE, "groups": [group] }])).await;
    let before = space.token("Demo", ALICE).await;
    space.control("POST", "/keys/rotate", json!({ "drop_previous": true })).await;
    let now = space.token("Demo", ALICE).await;
    assert_eq!(space.with_token("Demo", &now).await, 200);
    let claims = token::claims(&now);
    assert_eq!((&claims["iss"], &claims["aud"][0]), (&space.told["team"]["url"], &space.app("Demo")["aud"]));
    let minted = token::claims(&before)["iat"].as_i64().unwrap();
    assert_eq!(claims["iat"].as_i64().unwrap(), minted, "time stands still");
    assert_eq!(space.control("GET", "/clock", json!({})).await["now"], day);
    assert_eq!(space.control("GET", "/users", json!({})).await[0]["groups"][0], group);
    now
}

#[tokio::test]
async fn a_namespace_begins_as_a_copy_of_the_team_and_signs_people_in_under_its_own_name() {
    let world = World::start().await;
    let space = Space::made(&world.gateway, json!({ "name": "t1" })).await;
    assert_eq!(space.team_url(), world.gateway.at("t1.localhost", ""));
    assert_eq!(space.app("App")["hostname"], "app.t1.localhost");
    assert_eq!(space.app("App")["id"], json!(world.gateway.app_id("App")));
    assert_ne!(space.app("App")["aud"], json!(world.gateway.aud("App")));
    assert_eq!(space.told["control"], json!(format!("http://{}/emulator/v1/namespaces/t1", world.gateway.admin())));

    let mut browser = world.stranger();
    let reply = browser.sign_in(&format!("{}/page", space.url("App")), ALICE).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.header("x-emulated-access"), Some("1"));
    for visited in &browser.history {
        assert!(visited.host_str().unwrap().ends_with("t1.localhost"), "{visited}");
    }
    let seen = world.origin.only();
    let claims = token::claims(seen.assertion().unwrap());
    assert_eq!((&claims["iss"], &claims["aud"][0]), (&json!(space.team_url()), &space.app("App")["aud"]));
    assert!(token::header(seen.assertion().unwrap())["kid"].as_str().unwrap().starts_with("d00d0000"));
    let own = world.gateway.control("GET", "/requests", json!({})).await;
    assert_eq!(own["counters"], json!({ "decisions": 0, "certs_fetches": 0, "identity_calls": 0 }));

    world.origin.forget();
    let sign_in = world.stranger().get(&world.app("/")).await;
    world.assert_asked_to_sign_in(&sign_in, "App", "the process's own team goes on");
}

#[tokio::test]
async fn tables_of_the_call_are_all_that_is_configured_and_what_is_wrong_with_them_is_told() {
    let world = World::start().await;
    let policy =
        json!({ "name": "Staff", "decision": "allow", "include": [{ "email_domain": { "domain": "own.test" } }] });
    let config = json!({
        "app": [{ "name": "Shop", "domain": "shop.example.com", "policies": [policy] }],
        "route": [{ "hostname": "shop.example.com", "service": world.origin.url() }],
        "user": [{ "email": "zoe@own.test" }],
    });
    let space = Space::made(&world.gateway, json!({ "config": config })).await;
    assert_eq!(space.told["apps"].as_array().unwrap().len(), 1);
    assert_eq!(space.app("Shop")["hostname"], json!(format!("shop.example.com.{}.localhost", space.name())));
    let token = space.token("Shop", "zoe@own.test").await;
    assert_eq!(space.with_token("Shop", &token).await, 200);
    assert!(world.origin.only().assertion().is_some());

    let order = json!({ "name": "t2", "config": { "app": [{ "name": "Shop", "domian": "x.localhost" }] } });
    let (status, answer) = world.gateway.admin_call("POST", "/emulator/v1/namespaces", Some(order)).await;
    assert_eq!(status, 422);
    assert!(answer["error"].as_str().unwrap().contains("domian"), "{answer}");
    Space::made(&world.gateway, json!({ "name": "t2" })).await;
}

#[tokio::test]
async fn a_name_is_somebody_elses_or_makes_no_host_and_the_call_says_so() {
    let world = World::start().await;
    Space::made(&world.gateway, json!({ "name": "t1" })).await;
    for (name, status, says) in [
        ("t1", 409, "already"),
        ("acme", 409, "own team"),
        ("app", 409, "app.localhost"),
        ("T1", 422, "cannot be the name"),
        ("a.b", 422, "cannot be the name"),
        ("", 422, "cannot be the name"),
    ] {
        let order = json!({ "name": name });
        let (found, answer) = world.gateway.admin_call("POST", "/emulator/v1/namespaces", Some(order)).await;
        assert_eq!(found, status, "{name}: {answer}");
        assert!(answer["error"].as_str().unwrap().contains(says) && answer["hint"].is_string(), "{name}: {answer}");
    }
    let listed = world.gateway.control("GET", "/namespaces", json!({})).await;
    let names: Vec<_> = listed["namespaces"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["t1"]);
}

#[tokio::test]
async fn a_namespace_that_was_ended_is_an_unknown_host_and_what_it_sent_ends_at_once() {
    let world = World::start().await;
    let space = Space::made(&world.gateway, json!({ "name": "t1" })).await;
    let token = space.token("App", ALICE).await;
    world.origin.answer(Answer::Events);
    let mut raw = Raw::connect(world.public()).await;
    let host = space.app("App")["hostname"].as_str().unwrap().to_owned();
    let request = format!("GET /events HTTP/1.1\r\nHost: {host}\r\nCookie: CF_Authorization={token}\r\n\r\n");
    raw.send(request).await;
    assert_eq!(raw.head().await.unwrap().status(), 200);

    world.gateway.control("DELETE", "/namespaces/t1", json!({})).await;
    in_time("the stream ends", async { while raw.chunk().await.is_some_and(|chunk| !chunk.is_empty()) {} }).await;
    let gone = world.stranger().get(space.url("App")).await;
    let unknown = world.stranger().get(&world.gateway.at("app.never.localhost", "/")).await;
    assert_eq!((gone.status, gone.title()), (unknown.status, unknown.title()));
    let (status, _) = world.gateway.admin_call("GET", "/emulator/v1/namespaces/t1/clock", None).await;
    assert_eq!(status, 404);

    let again = Space::made(&world.gateway, json!({ "name": "t1" })).await;
    assert_eq!(again.with_token("App", &token).await, 302, "what the first one signed is nothing to the second");
}

#[tokio::test]
async fn one_connection_asks_several_namespaces_and_each_answers_for_itself() {
    let world = World::start().await;
    let (one, other) = (
        Space::made(&world.gateway, json!({ "name": "t1" })).await,
        Space::made(&world.gateway, json!({ "name": "t2" })).await,
    );
    let token = one.token("App", ALICE).await;
    let mut raw = Raw::connect(world.public()).await;
    for (host, status) in [("app.t1.localhost", 200), ("app.t2.localhost", 302), (APP, 302), ("app.t1.localhost", 200)]
    {
        raw.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\nCookie: CF_Authorization={token}\r\n\r\n")).await;
        let reply = raw.reply().await.unwrap();
        assert_eq!(reply.status(), status, "{host}");
        if let Some(location) = reply.head.field("location") {
            let team = if host == APP { world.gateway.team_url() } else { other.team_url() };
            assert!(location.starts_with(team), "{location}");
        }
    }
}

#[tokio::test]
async fn the_management_api_of_a_namespace_is_an_account_of_its_own() {
    let world = World::start().await;
    let space = Space::made(&world.gateway, json!({ "name": "t1" })).await;
    let account = space.told["account_id"].as_str().unwrap();
    let apps = format!("/client/v4/accounts/{account}/access/apps");
    let policy = json!({ "name": "All", "decision": "allow", "include": [{ "everyone": {} }] });
    let app = json!({ "type": "self_hosted", "name": "New", "domain": "new.t1.localhost", "policies": [policy] });
    let (status, made) = world.gateway.admin_call("POST", &apps, Some(app)).await;
    assert_eq!(status, 201, "{made}");
    let shown = space.gateway.control("GET", "/namespaces/t1", json!({})).await;
    assert!(shown["apps"].as_array().unwrap().iter().any(|app| app["hostname"] == "new.t1.localhost"), "{shown}");
    let reply = world.stranger().get(&world.gateway.at("new.t1.localhost", "/")).await;
    assert!(reply.location().as_str().starts_with(space.team_url()));

    let own = world.gateway.ready["account_id"].as_str().unwrap();
    let (_, listed) = world.gateway.admin_call("GET", &format!("/client/v4/accounts/{own}/access/apps"), None).await;
    assert!(listed["result"].as_array().unwrap().iter().all(|app| app["name"] != "New"));
    space.control("POST", "/reset", json!({})).await;
    let shown = space.gateway.control("GET", "/namespaces/t1", json!({})).await;
    assert_eq!(shown["apps"], space.told["apps"], "a reset is the way back to its own beginning");
}

#[tokio::test]
async fn the_real_name_of_a_namespace_leads_to_it_through_the_proxy() {
    let world = World::with(|config: Config| {
        config.with("admin = \"127.0.0.1:0\"", "admin = \"127.0.0.1:0\"\nproxy = \"127.0.0.1:0\"")
    })
    .await;
    let space = Space::made(&world.gateway, json!({ "name": "t1" })).await;
    let mut browser = Client::through_proxy(&world.gateway);
    let reply = browser.sign_in("https://app.t1.localhost/page", ALICE).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let hosts: HashSet<&str> = browser.history.iter().filter_map(|url| url.host_str()).collect();
    assert_eq!(hosts, HashSet::from(["app.t1.localhost", "t1.cloudflareaccess.com"]));
    let claims = token::claims(world.origin.only().assertion().unwrap());
    assert_eq!(claims["iss"], "https://t1.cloudflareaccess.com");
    let certs = browser.get("https://t1.cloudflareaccess.com/cdn-cgi/access/certs").await.json();
    assert_eq!(certs["keys"][0]["kid"], json!(space.kids().await[0]));
}

#[tokio::test]
async fn the_command_line_asks_a_namespace_by_the_url_of_its_control_api() {
    let world = World::start().await;
    let space = Space::made(&world.gateway, json!({ "name": "t1" })).await;
    let (control, api_token) = (space.told["control"].as_str().unwrap(), space.told["api_token"].as_str().unwrap());
    let words = ["token", "--admin", control, "--token", api_token, "--app", "App", "--user", ALICE];
    let (code, token, errors) = run(&words).await;
    assert_eq!((code, errors.as_str()), (0, ""));
    assert_eq!(space.with_token("App", token.trim()).await, 200);
}

#[tokio::test]
async fn a_seed_gives_the_namespace_of_a_name_the_same_keys_again_and_another_name_others() {
    let world = World::start().await;
    let first = Space::made(&world.gateway, json!({ "name": "t1", "seed": "ci" })).await.kids().await;
    world.gateway.control("DELETE", "/namespaces/t1", json!({})).await;
    let again = Space::made(&world.gateway, json!({ "name": "t1", "seed": "ci" })).await.kids().await;
    let other = Space::made(&world.gateway, json!({ "name": "t2", "seed": "ci" })).await.kids().await;
    assert_eq!(first, again);
    assert!(other.iter().all(|kid| !first.contains(kid)));
}

#[tokio::test]
async fn namespaces_that_come_and_go_leave_nothing_behind() {
    let world = World::start().await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let came_and_went = async |count: usize| {
        for _ in 0..count {
            let space = Space::made_with(http.clone(), &world.gateway, json!({})).await;
            let token = space.token("App", ALICE).await;
            assert_eq!(space.with_token("App", &token).await, 200);
            space.control("DELETE", "", json!({})).await;
        }
    };
    came_and_went(20).await;
    let before = held(&world.gateway);
    came_and_went(60).await;
    let after = held(&world.gateway);
    assert!(after.memory < before.memory + 12_000, "60 that leaked would hold more: {before:?}, {after:?} KiB");
    assert!(after.files <= before.files + 4 && after.threads <= before.threads + 4, "{before:?}, {after:?}");
}

/// What a process holds of the machine.
#[derive(Debug)]
struct Held {
    memory: usize,
    files: usize,
    threads: usize,
}

fn held(gateway: &Gateway) -> Held {
    let folder = format!("/proc/{}", gateway.process_id());
    let count = |name: &str| std::fs::read_dir(format!("{folder}/{name}")).unwrap().count();
    let status = std::fs::read_to_string(format!("{folder}/status")).unwrap();
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let memory = memory.trim().trim_end_matches(" kB").parse().unwrap();
    Held { memory, files: count("fd"), threads: count("task") }
}

#[tokio::test]
async fn nobody_makes_a_namespace_or_asks_one_without_the_token() {
    let world = World::start().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://{}/emulator/v1/namespaces", world.gateway.admin());
    assert_eq!(client.post(&url).json(&json!({})).send().await.unwrap().status(), 401);
    Space::made(&world.gateway, json!({ "name": "t1" })).await;
    assert_eq!(client.get(format!("{url}/t1/users")).send().await.unwrap().status(), 401);
    assert_eq!(client.delete(format!("{url}/t1")).send().await.unwrap().status(), 401);
}
