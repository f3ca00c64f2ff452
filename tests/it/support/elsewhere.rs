//! An account somewhere else: its API as a list of answers, and what was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A status, header lines and a body.
pub(crate) type Told = (u16, Vec<(&'static str, String)>, Value);
/// Tells what a path below the account is answered: path, page, how often it was asked before.
type Tell = dyn Fn(&str, usize, usize) -> Told + Send + Sync;

pub(crate) const ACCOUNT: &str = "0123456789abcdef0123456789abcdef";

/// The API. Dropping it closes its port.
pub(crate) struct Elsewhere {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl Elsewhere {
    pub(crate) async fn start(tell: impl Fn(&str, usize, usize) -> Told + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let (address, asked) = (listener.local_addr().expect("bound"), Arc::default());
        let (tell, seen): (Arc<Tell>, _) = (Arc::new(tell), Arc::clone(&asked));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that leaves is no matter here.
                let _gone = one(stream, &tell, &seen).await;
            }
        });
        Self { address, asked, _tasks: tasks }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/client/v4", self.address)
    }

    /// `METHOD /path?page=1 authorization`, in the order of arrival.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("not poisoned").clone()
    }
}

/// A page of a list.
pub(crate) fn page(items: Value) -> Told {
    (200, Vec::new(), json!({ "success": true, "errors": [], "messages": [], "result": items }))
}

/// A refusal in the envelope.
pub(crate) fn refusal(status: u16, code: u32, message: &str) -> Told {
    let errors = json!([{ "code": code, "message": message }]);
    (status, Vec::new(), json!({ "success": false, "errors": errors, "messages": [], "result": null }))
}

async fn one(mut stream: TcpStream, tell: &Arc<Tell>, seen: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut words = head.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let authorization = head.lines().find_map(|line| line.strip_prefix("authorization: ")).unwrap_or_default();
    let path = target.strip_prefix(&format!("/client/v4/accounts/{ACCOUNT}/")).unwrap_or(target);
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let page = query.strip_prefix("page=").and_then(|page| page.parse().ok()).unwrap_or(1);
    let entry = format!("{method} {target} {authorization}");
    let before = seen.lock().expect("not poisoned").iter().filter(|one| **one == entry).count();
    seen.lock().expect("not poisoned").push(entry);
    let (status, fields, body) = tell(path, page, before);
    let body = body.to_string();
    let fields: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let answer = format!(
        "HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n{fields}\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await
}
