//! What is told to whom: countries to tokens, errors to programs, verdicts to
//! the log.

use std::cell::RefCell;
use std::io::Write;
use std::sync::Once;

use doorward_model::cookie::AUTHORIZATION;
use doorward_model::policy::Decision;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::gateway::{Browser, Gateway, TEAM, WIKI};
use super::{TEAM_HOST, WIKI_HOST};

fn payload(token: &str) -> Value {
    use base64::Engine as _;
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn the_country_of_a_built_in_person_is_the_one_in_their_tokens() {
    let from = async |gateway: &Gateway, said: Value| {
        gateway.provider.script().claims = json!({ "country": said });
        let mut alice = Browser::named("alice");
        alice.country = Some("US");
        let _ = gateway.sign_in(&mut alice, "wiki", "/").await;
        [TEAM_HOST, WIKI_HOST].map(|host| payload(alice.cookie(host, AUTHORIZATION).unwrap())["country"].clone())
    };
    let emulator = Gateway::emulating().await;
    assert_eq!(from(&emulator, json!("fr")).await, ["FR", "FR"]);
    for no_code in [json!(null), json!("France"), json!("F1"), json!(33)] {
        assert_eq!(from(&emulator, no_code.clone()).await, ["US", "US"], "{no_code}");
    }
    // Elsewhere the claim is somebody's postal address for all we know.
    assert_eq!(from(&Gateway::start().await, json!("FR")).await, ["US", "US"]);
}

#[tokio::test]
async fn a_program_is_told_in_json_what_went_wrong() {
    let gateway = Gateway::start().await;
    for (url, status, message) in [
        (
            format!("{TEAM}/cdn-cgi/access/callback"),
            400,
            "Invalid session. Please try logging in again. This sign-in was started in another browser",
        ),
        (
            format!("{TEAM}/cdn-cgi/access/login/nowhere.test"),
            404,
            "Unable to find your Access application! No application is known",
        ),
        (format!("{WIKI}/cdn-cgi/access/authorized"), 400, "Invalid login session. Please try"),
        (format!("{TEAM}/nothing"), 404, "There is nothing here. Check the address"),
    ] {
        let mut program = Browser::named("program");
        program.headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let answer = program.get(&gateway, &url).await;
        assert_eq!(answer.status.as_u16(), status, "{url}");
        assert_eq!(answer.headers[CONTENT_TYPE], "application/json", "{url}");
        let told: Value = serde_json::from_str(&answer.body).unwrap();
        assert!(told["message"].as_str().unwrap().starts_with(message), "{told}");
        assert_eq!(told["status_code"], status);
        assert_eq!(told["ray_id"].as_str().unwrap().len(), 16);
        let person = Browser::named("person").get(&gateway, &url).await;
        assert!(person.body.starts_with("<!"), "{url}");
    }
}

thread_local! {
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Lines that this thread logs, one JSON object each. One subscriber serves
/// all threads: one for each would change, in the middle of another test,
/// which lines anybody is thought to want.
struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.write(bytes))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn start() -> Self {
        static SUBSCRIBED: Once = Once::new();
        SUBSCRIBED.call_once(|| {
            let format = tracing_subscriber::fmt().json().with_writer(|| Log);
            tracing::subscriber::set_global_default(format.finish()).unwrap();
        });
        LINES.take();
        Self
    }

    /// The fields of the one line that begins so, less the message.
    #[track_caller]
    fn line(&self, message: &str) -> Value {
        let text = String::from_utf8(LINES.take()).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["fields"].clone());
        let mut found = lines.filter(|fields| fields["message"].as_str().unwrap().starts_with(message));
        let (Some(line), None) = (found.next(), found.next()) else { panic!("one line {message:?} in {text}") };
        line
    }
}

#[tokio::test]
async fn a_line_about_a_verdict_names_what_decided_for_whom_and_where() {
    let gateway = Gateway::start().await;
    let log = Log::start();
    let mut alice = Browser::named("alice");
    let _ = gateway.sign_in(&mut alice, "wiki", "/").await;
    let rule = "include[0] email_domain corp.test";
    let decided = |line: Value, policy: &str, rule: &str| {
        let ray = line["ray.id"].as_str().unwrap();
        assert_eq!(
            (ray.len(), &line["app.name"], &line["client.ip"]),
            (16, &json!("wiki"), &json!("127.0.0.1")),
            "{line}"
        );
        assert_eq!((&line["policy"], &line["rule"]), (&json!(policy), &json!(rule)), "{line}");
    };
    let entered = log.line("let in");
    assert_eq!(entered["user.email"], "alice@corp.test");
    decided(entered, "Staff", rule);

    let email = |email: &str| serde_json::from_value(json!({ "email": { "email": email } })).unwrap();
    // The policies change while she is at the provider.
    for (change, policy, rule) in
        [(Decision::Deny, "Staff", rule), (Decision::Allow, "Staff", "exclude[1] email alice@corp.test")]
    {
        gateway.reconfigure(|_| {});
        let mut alice = Browser::named("alice");
        let callback = gateway.at_callback(&mut alice, "wiki", "/").await;
        gateway.reconfigure(|parts| {
            let staff = &mut parts.apps[0].policies[0];
            staff.decision = change;
            staff.exclude = match change {
                Decision::Allow => vec![email("bob@corp.test"), email("alice@corp.test")],
                _ => vec![],
            };
        });
        assert_eq!(alice.get(&gateway, &callback).await.status, StatusCode::OK);
        let refused = log.line("denied");
        assert_eq!(refused["user.email"], "alice@corp.test");
        decided(refused, policy, rule);
    }

    let mut alice = Browser::named("alice");
    gateway.reconfigure(|parts| parts.apps[0].policies.clear());
    let challenge = gateway.challenge(&mut alice, "wiki", "/");
    assert_eq!(alice.get(&gateway, &challenge).await.status, StatusCode::FORBIDDEN);
    decided(log.line("forbidden"), "", "");
}
