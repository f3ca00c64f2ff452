//! An OpenID provider that lies in whatever way a test asks of it, and counts
//! what it is asked. It signs everybody in at once, without a page.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use url::form_urlencoded;

use super::wire::{Head, Wire};

const CLIENT: &str = "doorward";
const SECRET: &str = "the secret of a client";

/// The provider's own key and a stranger's; making one takes a moment.
static KEYS: LazyLock<[KeyPair; 2]> =
    LazyLock::new(|| [(); 2].map(|()| KeyPair::generate(KeySize::Rsa2048).expect("randomness")));

/// What it says, and what it was asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    /// Laid over the claims of the ID token; `null` takes one away.
    pub(crate) claims: Value,
    /// Laid over the header of the ID token.
    pub(crate) header: Value,
    /// Laid over the discovery document.
    pub(crate) metadata: Value,
    /// Signs with a key that is not published.
    pub(crate) forges: bool,
    /// The key set as it answers it, instead of an honest one; `None` within hangs.
    pub(crate) keys: Option<Option<Answer>>,
    /// The answer about the person; an honest one if there is none.
    pub(crate) userinfo: Option<Answer>,
    /// Put behind the callback's parameters.
    pub(crate) callback: String,
    /// How often each of its paths was asked for.
    pub(crate) asked: BTreeMap<String, usize>,
    /// The last ID token it gave out.
    pub(crate) id_token: String,
}

/// Status, media type and text.
pub(crate) type Answer = (u16, &'static str, String);

/// The provider. Dropping it closes its port.
pub(crate) struct Lying {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
    _tasks: JoinSet<()>,
}

impl Lying {
    pub(crate) async fn start() -> Lying {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let script = Arc::new(Mutex::new(Script::default()));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, address, script.clone()));
        Lying { address, script, _tasks: tasks }
    }

    pub(crate) fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().expect("not poisoned")
    }

    pub(crate) fn asked(&self, path: &str) -> usize {
        self.script().asked.get(path).copied().unwrap_or(0)
    }

    pub(crate) fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its `[[identity_provider]]` in the gateway's configuration.
    pub(crate) fn config(&self, name: &str) -> String {
        format!(
            "\n[[identity_provider]]\nname = \"{name}\"\ntype = \"oidc\"\nissuer = \"{}\"\n\
             config = {{ client_id = \"{CLIENT}\", client_secret = \"{SECRET}\", \
             scopes = [\"openid\", \"email\", \"groups\"], claims = [\"groups\"], pkce_enabled = true }}\n",
            self.issuer()
        )
    }

    /// The published key as a key set has it.
    pub(crate) fn jwk() -> Value {
        jwk(&KEYS[0], "one")
    }

    /// The same of a key that the provider does not publish.
    pub(crate) fn strangers_jwk(kid: &str) -> Value {
        jwk(&KEYS[1], kid)
    }

    /// A token signed with the provider's key, of whatever header and claims.
    pub(crate) fn signed(header: &Value, claims: &Value) -> String {
        sign(&KEYS[0], header, claims)
    }

    /// The same with a key that nobody knows.
    pub(crate) fn forged(header: &Value, claims: &Value) -> String {
        sign(&KEYS[1], header, claims)
    }
}

fn jwk(key: &KeyPair, kid: &str) -> Value {
    // RSAPublicKey in DER: two heads and a sign byte, 2048 bits of modulus, and then the exponent 65537.
    let n = BASE64_URL_SAFE_NO_PAD.encode(&key.public_key().as_ref()[9..9 + 256]);
    json!({ "kty": "RSA", "alg": "RS256", "use": "sig", "kid": kid, "n": n, "e": "AQAB" })
}

fn sign(key: &KeyPair, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).expect("it signs");
    format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

/// `base` with these members over it; `null` takes one away.
fn laid_over(base: Value, over: &Value) -> Value {
    let mut all: Map<String, Value> = base.as_object().expect("an object").clone();
    all.extend(over.as_object().cloned().unwrap_or_default());
    all.retain(|_, value| !value.is_null());
    all.into()
}

async fn accept(listener: TcpListener, address: SocketAddr, script: Arc<Mutex<Script>>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, address, script.clone()));
    }
}

async fn serve(stream: TcpStream, address: SocketAddr, script: Arc<Mutex<Script>>) {
    let mut wire = Wire::new(stream);
    while let Some(head) = wire.head().await {
        let mut body = Vec::new();
        wire.request_body(&head, |part| body.extend_from_slice(part)).await;
        let answer = answer(&head, &body, &format!("http://{address}"), &mut script.lock().expect("not poisoned"));
        let Some((status, fields, text)) = answer else { std::future::pending().await };
        let head = format!("HTTP/1.1 {status} Said\r\n{fields}\r\nContent-Length: {}\r\n\r\n", text.len());
        if wire.stream.write_all(format!("{head}{text}").as_bytes()).await.is_err() {
            return;
        }
    }
}

fn answer(head: &Head, body: &[u8], issuer: &str, script: &mut Script) -> Option<(u16, String, String)> {
    let (path, query) = head.target().split_once('?').unwrap_or((head.target(), ""));
    *script.asked.entry(path.to_owned()).or_default() += 1;
    let parameter = |text: &[u8], name: &str| {
        form_urlencoded::parse(text)
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    };
    let said = |(status, kind, text): Answer| Some((status, format!("Content-Type: {kind}"), text));
    let json = |value: Value| said((200, "application/json", value.to_string()));
    match path {
        "/.well-known/openid-configuration" => json(laid_over(metadata(issuer), &script.metadata)),
        "/jwks" => match script.keys.clone() {
            Some(answer) => said(answer?),
            None => json(json!({ "keys": [Lying::jwk()] })),
        },
        "/authorize" => {
            let (back, state) = (parameter(query.as_bytes(), "redirect_uri"), parameter(query.as_bytes(), "state"));
            // The code is the nonce, so that several sign-ins may be under way.
            let code = parameter(query.as_bytes(), "nonce");
            let location = format!("Location: {back}?code={code}&state={state}{}", script.callback);
            Some((302, location, String::new()))
        }
        "/token" => {
            script.id_token = id_token(issuer, &parameter(body, "code"), script);
            json(json!({ "access_token": "at", "token_type": "Bearer", "id_token": script.id_token }))
        }
        "/userinfo" => match script.userinfo.clone() {
            Some(answer) => said(answer),
            None => json(json!({ "sub": "s1", "groups": [] })),
        },
        _ => said((404, "text/plain", String::new())),
    }
}

fn metadata(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "jwks_uri": format!("{issuer}/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    })
}

fn id_token(issuer: &str, nonce: &str, script: &Script) -> String {
    let now = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_secs();
    let honest = json!({
        "iss": issuer, "aud": CLIENT, "sub": "s1", "nonce": nonce, "iat": now, "exp": now + 300,
        "email": "alice@corp.test", "email_verified": true, "groups": ["staff"],
    });
    let header = laid_over(json!({ "alg": "RS256", "kid": "one", "typ": "JWT" }), &script.header);
    let claims = laid_over(honest, &script.claims);
    if script.forges { Lying::forged(&header, &claims) } else { Lying::signed(&header, &claims) }
}
