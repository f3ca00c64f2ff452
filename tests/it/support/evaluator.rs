//! A service of external evaluation: it reads what it is asked about people,
//! checks it against the gateway's published keys, and answers as it is told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::lying::Lying;
use super::token;
use super::wire::Wire;

/// How it answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    /// Whether it says yes, for the address of the person.
    pub(crate) yes: Vec<String>,
    /// Laid over the claims of an honest answer; `null` takes one away.
    pub(crate) claims: Value,
    /// Laid over its header.
    pub(crate) header: Value,
    /// Signs with a key that it does not publish.
    pub(crate) forges: bool,
    /// Answers without a signature.
    pub(crate) unsigned: bool,
    /// Instead of an answer: these bytes, head and all; empty for none at all.
    pub(crate) instead: Option<Vec<u8>>,
    /// The claims of every question.
    pub(crate) asked: Vec<Value>,
    /// The questions as they came.
    pub(crate) tokens: Vec<String>,
}

/// The service. Dropping it closes its port.
pub(crate) struct Evaluator {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
    _tasks: JoinSet<()>,
}

impl Evaluator {
    pub(crate) async fn start() -> Evaluator {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let script = Arc::new(Mutex::new(Script::default()));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, script.clone()));
        Evaluator { address, script, _tasks: tasks }
    }

    pub(crate) fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().expect("not poisoned")
    }

    /// Its rule in a policy.
    pub(crate) fn rule(&self) -> String {
        let url = format!("http://{}", self.address);
        format!("{{ external_evaluation = {{ evaluate_url = \"{url}/\", keys_url = \"{url}/keys\" }} }}")
    }
}

async fn accept(listener: TcpListener, script: Arc<Mutex<Script>>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, script.clone()));
    }
}

async fn serve(stream: TcpStream, script: Arc<Mutex<Script>>) {
    let mut wire = Wire::new(stream);
    while let Some(head) = wire.head().await {
        let mut body = Vec::new();
        wire.request_body(&head, |part| body.extend_from_slice(part)).await;
        let answer = match head.target() {
            "/keys" => json_answer(&json!({ "keys": [Lying::jwk()] })),
            _ => answer(&body, &mut script.lock().expect("not poisoned")),
        };
        if answer.is_empty() {
            std::future::pending::<()>().await;
        }
        if wire.stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}

fn answer(body: &[u8], script: &mut Script) -> Vec<u8> {
    let asked: Value = serde_json::from_slice(body).expect("JSON");
    let question = asked["token"].as_str().expect("a token").to_owned();
    let claims = token::claims(&question);
    script.asked.push(claims.clone());
    script.tokens.push(question);
    if let Some(instead) = &script.instead {
        return instead.clone();
    }
    let email = claims["identity"]["email"].as_str().expect("an address");
    let now = claims["iat"].as_i64().expect("a time");
    let yes = script.yes.iter().any(|known| known == email);
    let honest = json!({ "success": yes, "iat": now, "exp": now + 60, "nonce": claims["nonce"] });
    let claims = laid_over(honest, &script.claims);
    let header = laid_over(json!({ "alg": "RS256", "kid": "one" }), &script.header);
    let signed = if script.forges { Lying::forged(&header, &claims) } else { Lying::signed(&header, &claims) };
    let token = if script.unsigned { token::unsigned(&signed, "none") } else { signed };
    json_answer(&json!({ "token": token }))
}

fn laid_over(base: Value, over: &Value) -> Value {
    let mut all = base.as_object().expect("an object").clone();
    all.extend(over.as_object().cloned().unwrap_or_default());
    all.retain(|_, value| !value.is_null());
    all.into()
}

fn json_answer(value: &Value) -> Vec<u8> {
    let text = value.to_string();
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{text}", text.len())
        .into_bytes()
}
