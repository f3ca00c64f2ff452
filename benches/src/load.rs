//! Load: a fixed number of clients that ask for the same thing again and again,
//! each as soon as it has its answer. Whatever is not the expected answer ends
//! the run, so that nobody's errors are counted as speed.

mod client;

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::task::LocalSet;

use crate::Outcome;
use crate::child::Child;
use crate::load::client::Client;
use crate::spread::Spread;

/// What is to be asked for, by how many, for how long.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) port: u16,
    /// What the `Host` header says, without its port.
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) protocol: Protocol,
    /// The only certificate that is believed.
    pub(crate) cert: Option<PathBuf>,
    pub(crate) clients: usize,
    /// The length that each answer's body must have.
    pub(crate) body: usize,
    pub(crate) work: Work,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Protocol {
    Http1,
    Http1Tls,
    /// Eight streams on each connection.
    Http2Tls,
    /// A message of 64 bytes and its echo is one request.
    WebSocket,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Work {
    For(Duration),
    /// So many requests in all, give or take nothing.
    Requests(usize),
}

/// What was done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Done {
    pub(crate) requests: usize,
    pub(crate) seconds: f64,
    /// Milliseconds from a request to the end of its answer.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// Requests of each client before anything is measured.
const WARM_UP: usize = 30;

impl Order {
    /// Runs the load in a process of its own, on this core if one is named.
    /// `before` and `after` look at what is measured just before and after it.
    pub(crate) fn carry_out<T>(
        &self,
        folder: &Path,
        core: Option<usize>,
        mut look: impl FnMut() -> Outcome<T>,
    ) -> Outcome<(Done, T, T)> {
        let order = folder.join("order.json");
        std::fs::write(&order, serde_json::to_vec(self)?)?;
        let program = std::env::current_exe()?;
        let words = [&*program.to_string_lossy(), "load", &*order.to_string_lossy()];
        let log = folder.join("load.log");
        let mut child = Child::start("the load", core, &words, &log)?;
        let explain = |failure| {
            let why = std::fs::read_to_string(&log).unwrap_or_default();
            format!("{failure}: {}", why.trim())
        };
        child.line().map_err(explain)?;
        let before = look()?;
        child.say("go")?;
        let done = child.line().map_err(explain)?;
        let after = look()?;
        Ok((serde_json::from_str(&done)?, before, after))
    }
}

/// The load's own process: says that it is warm, waits for a line, works, says what it did.
pub(crate) fn run(order: &Path) -> Outcome<()> {
    let order: Order = serde_json::from_slice(&std::fs::read(order)?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let mut clients = client::connected(&order).await?;
        // Connections to origins are opened by as many requests as will be under way later.
        for _ in 0..WARM_UP {
            let round: Vec<_> = clients.drain(..).map(|client| tokio::task::spawn_local(warmed(client))).collect();
            for client in round {
                clients.push(client.await??);
            }
        }
        println!("ready");
        std::io::stdin().read_line(&mut String::new())?;
        let done = work(clients, order.work).await?;
        println!("{}", serde_json::to_string(&done)?);
        Ok(())
    })
}

async fn warmed(mut client: Client) -> Outcome<Client> {
    client.ask().await?;
    Ok(client)
}

async fn work(clients: Vec<Client>, work: Work) -> Outcome<Done> {
    let began = Instant::now();
    let (left, end) = match work {
        Work::For(time) => (usize::MAX, began + time),
        Work::Requests(number) => (number, began + Duration::from_secs(3600)),
    };
    let left = Rc::new(Cell::new(left));
    let times = Rc::new(RefCell::new(Vec::new()));
    let all: Vec<_> = clients
        .into_iter()
        .map(|mut client| {
            let (left, times) = (Rc::clone(&left), Rc::clone(&times));
            tokio::task::spawn_local(async move {
                while left.get() > 0 && Instant::now() < end {
                    left.set(left.get() - 1);
                    let asked = Instant::now();
                    client.ask().await?;
                    times.borrow_mut().push(asked.elapsed().as_secs_f64() * 1000.0);
                }
                Outcome::Ok(client)
            })
        })
        .collect();
    let mut connections = Vec::new();
    for one in all {
        // Nobody's connection ends before the last has its answer.
        connections.push(one.await??);
    }
    let seconds = began.elapsed().as_secs_f64();
    let times = Spread::of(times.take());
    Ok(Done { requests: times.count(), seconds, p50: times.percentile(0.5), p99: times.percentile(0.99) })
}
