//! Clients of Access that are not ours, unmodified: each is configured with a team domain and an audience tag as for
//! the real service, and led here by the variables of `doorward env`.
//!
//! What each did is a row of docs/compatibility.md, which must say so. `DOORWARD_WRITE=docs` writes the rows instead.

use std::path::PathBuf;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::names::{DOMAIN, ISSUER, proxied, variables};
use crate::support::clients::Client;
use crate::support::clients::Language::{self, Go, Node, Python, Rust};
use crate::support::config::{ALICE, ROBOT};
use crate::support::world::World;

/// By the words of the table: what it is run by, the name its script knows, whether it asks for the identity.
const CLIENTS: [(&str, Language, &str, bool); 10] = [
    ("`@hono/cloudflare-access`", Node, "hono", false),
    ("`jose`, as Cloudflare documents it", Node, "jose 5", false),
    ("`jose`, the major after it", Node, "jose 6", false),
    ("`@cloudflare/pages-plugin-cloudflare-access`", Node, "pages", true),
    ("`@backstage/plugin-auth-backend-module-cloudflare-access-provider`", Node, "backstage", true),
    ("`PyJWT` with `PyJWKClient`", Python, "PyJWT", false),
    ("`allowedflare`", Python, "allowedflare", false),
    ("`flask-cloudflare-login`", Python, "flask-cloudflare-login", true),
    ("`cf-access`", Rust, "cf-access", false),
    ("`go-oidc`, as cloudflared checks tokens before an origin", Go, "go-oidc", false),
];

/// What every one of them must refuse. Who a token is from is looked at by some alone: that is a fact of the table.
const DEFECTS: [&str; 7] = ["expired", "not-yet-valid", "wrong-aud", "alg-none", "hs256", "tampered", "unknown-kid"];

/// A client, the gateway it takes for Access, and what is known of the two.
struct Trial {
    world: World,
    language: Language,
    name: &'static str,
    environment: Vec<(String, String)>,
    client: Client,
    asks_identity: bool,
}

impl Trial {
    async fn of(name: &str) -> Trial {
        let (_, language, name, asks_identity) = *CLIENTS.iter().find(|client| client.2 == name).unwrap();
        let world = World::with(proxied).await;
        let environment = variables(&world.gateway).await;
        let client = Client::start(language, name, DOMAIN, &world.gateway.aud("App"), &environment).await;
        Trial { world, language, name, environment, client, asks_identity }
    }

    /// The same client without anything it knew.
    async fn forget(&mut self) {
        let audience = self.world.gateway.aud("App");
        self.client = Client::start(self.language, self.name, DOMAIN, &audience, &self.environment).await;
    }

    async fn token(&self, more: &Value) -> String {
        let mut order = json!({ "app": "App", "issuer": ISSUER });
        order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.world.gateway.token(order).await
    }

    async fn alices(&self) -> String {
        self.token(&json!({ "email": ALICE })).await
    }

    /// Whether it takes the token, and for the right caller's.
    async fn takes(&mut self, token: &str, caller: &str) -> bool {
        let answer = self.client.believes(token).await;
        assert!(answer["refused"].is_string() || answer["caller"] == caller, "{answer}");
        answer["caller"] == caller
    }

    async fn must_take(&mut self, token: &str, caller: &str, what: &str) -> Value {
        let answer = self.client.believes(token).await;
        assert_eq!(answer["caller"], caller, "{what}: {answer}");
        answer
    }

    /// Everything that is tried, in order; the row of the table.
    async fn row(mut self, words: &str) -> String {
        let alices = self.alices().await;
        let believed = self.must_take(&alices, ALICE, "a person's token").await;
        assert_eq!(believed["identity"].is_string(), self.asks_identity, "{believed}");
        let robots = self.token(&json!({ "service_token": "Robot" })).await;
        self.must_take(&robots, ROBOT[0].1, "a machine's token").await;
        for defect in DEFECTS {
            let token = self.token(&json!({ "email": ALICE, "defect": format!("token-{defect}") })).await;
            assert!(!self.takes(&token, ALICE).await, "{words} refuses a token that is {defect}");
        }
        let of_others = self.token(&json!({ "email": ALICE, "defect": "token-wrong-iss" })).await;
        let issuer = if self.takes(&of_others, ALICE).await { "not looked at" } else { "refused" };

        self.rotate().await;
        let after = self.alices().await;
        self.must_take(&alices, ALICE, "a token of the key before").await;
        self.must_take(&after, ALICE, "a token of the key that was published beforehand").await;
        // Anew, so that however slow the machine is, it has just fetched the keys.
        self.forget().await;
        self.must_take(&after, ALICE, "a token of a published key").await;
        self.rotate().await;
        let unheard_of = self.alices().await;
        let at_once = if self.takes(&unheard_of, ALICE).await { "at once" } else { "after a while" };
        let identity = if self.asks_identity { "asked for" } else { "" };
        format!("| {words} | {} | {identity} | {issuer} | {at_once} |", self.client.version)
    }

    async fn rotate(&self) {
        self.world.gateway.control("POST", "/keys/rotate", json!({})).await;
    }
}

fn document() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/compatibility.md")
}

fn rows(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with("| `")).collect()
}

async fn does_what_the_table_says(name: &str) {
    let words = CLIENTS.iter().find(|client| client.2 == name).unwrap().0;
    let row = Trial::of(name).await.row(words).await;
    // Rows are written by several tests at once.
    static WRITING: Mutex<()> = Mutex::new(());
    let _alone = WRITING.lock().unwrap();
    let text = std::fs::read_to_string(document()).unwrap();
    let said = rows(&text).into_iter().find(|line| line.starts_with(&format!("| {words} |")));
    let said = said.unwrap_or_else(|| panic!("docs/compatibility.md has a row of {words}"));
    if std::env::var_os("DOORWARD_WRITE").is_some_and(|what| what == "docs") {
        std::fs::write(document(), text.replace(said, &row)).unwrap();
    } else {
        assert_eq!(
            said, row,
            "`DOORWARD_WRITE=docs cargo test -p doorward-tests --test it clients::` writes what is so"
        );
    }
}

#[tokio::test]
async fn the_middleware_of_hono_does_what_the_table_says() {
    does_what_the_table_says("hono").await;
}

#[tokio::test]
async fn jose_5_does_what_the_table_says() {
    does_what_the_table_says("jose 5").await;
}

#[tokio::test]
async fn jose_6_does_what_the_table_says() {
    does_what_the_table_says("jose 6").await;
}

#[tokio::test]
async fn cloudflares_plugin_for_pages_does_what_the_table_says() {
    does_what_the_table_says("pages").await;
}

#[tokio::test]
async fn backstages_provider_does_what_the_table_says() {
    does_what_the_table_says("backstage").await;
}

#[tokio::test]
async fn pyjwt_does_what_the_table_says() {
    does_what_the_table_says("PyJWT").await;
}

#[tokio::test]
async fn allowedflare_does_what_the_table_says() {
    does_what_the_table_says("allowedflare").await;
}

#[tokio::test]
async fn flask_cloudflare_login_does_what_the_table_says() {
    does_what_the_table_says("flask-cloudflare-login").await;
}

#[tokio::test]
async fn cf_access_does_what_the_table_says() {
    does_what_the_table_says("cf-access").await;
}

#[tokio::test]
async fn go_oidc_does_what_the_table_says() {
    does_what_the_table_says("go-oidc").await;
}

#[tokio::test]
async fn row_160_the_check_of_a_tunnel_tells_a_stranger_from_a_token_that_it_cannot_verify() {
    let mut trial = Trial::of("go-oidc").await;
    let good = trial.alices().await;
    let others = trial.token(&json!({ "app": "Other", "email": ALICE })).await;
    let organisations = json!({ "kind": "org", "email": ALICE, "issuer": ISSUER });
    let organisations = trial.world.gateway.token(organisations).await;
    let as_text = trial.token(&json!({ "email": ALICE, "aud_shape": "string" })).await;
    for (what, token, status) in [
        ("a person's", &good, 200),
        ("one whose audience is a text", &as_text, 200),
        ("none", &String::new(), 403),
        ("another application's", &others, 403),
        ("the organisation's", &organisations, 403),
        ("nonsense", &"nonsense".to_owned(), 502),
    ] {
        let answer = trial.client.believes(token).await;
        assert_eq!(answer["status"], status, "{what}: {answer}");
    }
    for (defect, status) in [
        ("expired", 502),
        ("wrong-iss", 502),
        ("alg-none", 502),
        ("tampered", 502),
        ("unknown-kid", 502),
        ("wrong-aud", 403),
    ] {
        let token = trial.token(&json!({ "email": ALICE, "defect": format!("token-{defect}") })).await;
        let answer = trial.client.believes(&token).await;
        assert_eq!(answer["status"], status, "{defect}: {answer}");
    }
    trial.rotate().await;
    trial.rotate().await;
    let after = trial.alices().await;
    trial.must_take(&after, ALICE, "a token of a key that it has to fetch").await;
}

#[test]
fn the_table_has_a_row_for_each_client_and_no_other() {
    let text = std::fs::read_to_string(document()).unwrap();
    let named: Vec<&str> = rows(&text).iter().map(|row| row.split(" | ").next().unwrap()).collect();
    assert_eq!(named, CLIENTS.map(|client| format!("| {}", client.0)));
}
