//! The access log: one line for each request, written by a thread of its own.
//! A request leaves what is to be told in a bounded queue and never waits: not
//! for a slow reader, not for a full disk. What finds no room is lost,
//! counted, and said.

pub(crate) mod entry;
mod line;
mod writer;

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

use self::entry::Entry;
use self::writer::Writer;

/// Requests that may wait to be written: some megabytes when all are long.
const ROOM: usize = 8192;
/// Who may read the file: it names people.
const FILE_MODE: u32 = 0o640;

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    Stdout,
    Stderr,
    /// Appended to, and opened anew when [`AccessLog::reopen`] is called.
    File(PathBuf),
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("standard output"),
            Self::Stderr => f.write_str("standard error"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// The form of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LineFormat {
    /// The combined format of web servers, with more behind it.
    #[default]
    Text,
    /// One object.
    Json,
}

/// The access log at work. Dropping it ends it without a wait.
#[derive(Debug)]
pub struct AccessLog {
    shared: Arc<Shared>,
    queue: SyncSender<Message>,
    thread: JoinHandle<()>,
}

#[expect(clippy::large_enum_variant, reason = "the queue's places are made once; a box would be made for each request")]
enum Message {
    Entry(Entry),
    /// One of the flags was set: look at them.
    Look,
}

#[derive(Debug, Default)]
struct Shared {
    reopen: AtomicBool,
    end: AtomicBool,
    /// It was said that lines are being lost.
    losing: AtomicBool,
    written: Counter,
    lost: Counter,
}

impl AccessLog {
    /// Opens the destination and starts to write.
    ///
    /// # Errors
    /// When the file cannot be opened, or no thread can be started.
    pub fn start(destination: Destination, format: LineFormat) -> io::Result<Self> {
        let sink = opened(&destination)?;
        let shared = Arc::<Shared>::default();
        let (queue, entries) = sync_channel(ROOM);
        let writer = Writer::new(destination, sink, format, Arc::clone(&shared));
        let thread = std::thread::Builder::new().name("access-log".into()).spawn(move || writer.run(&entries))?;
        Ok(Self { shared, queue, thread })
    }

    /// Opens the file anew: it was moved away to be kept.
    pub fn reopen(&self) {
        self.tell(&self.shared.reopen);
    }

    /// Writes what is waiting, for as long as the limit. Says whether that was all.
    #[must_use]
    pub fn end(&self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        self.tell(&self.shared.end);
        while !self.thread.is_finished() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(2));
        }
        self.thread.is_finished()
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        let help = "Lines of the access log that were written";
        registry.register("doorward_access_log_lines", help, self.shared.written.clone());
        let help = "Lines of the access log that were lost to a full disk or a slow reader";
        registry.register("doorward_access_log_lines_lost", help, self.shared.lost.clone());
    }

    /// For one worker's requests.
    pub(crate) fn teller(&self) -> Teller {
        Teller { shared: Arc::clone(&self.shared), queue: self.queue.clone() }
    }

    fn tell(&self, flag: &AtomicBool) {
        flag.store(true, Ordering::Release);
        // A queue without room means that the writer is awake, and looks by itself.
        let _awake = self.queue.try_send(Message::Look);
    }
}

/// Hands requests over to be written.
#[derive(Clone)]
pub(crate) struct Teller {
    shared: Arc<Shared>,
    queue: SyncSender<Message>,
}

impl Teller {
    pub(crate) fn tell(&self, entry: Entry) {
        match self.queue.try_send(Message::Entry(entry)) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => self.shared.lose(1, "it is written too slowly"),
            Err(TrySendError::Disconnected(_)) => self.shared.lose(1, "it has ended"),
        }
    }
}

impl Shared {
    /// Counts lines that are lost, and says so once until it is well again.
    fn lose(&self, lines: u64, why: &str) {
        self.lost.inc_by(lines);
        if !self.losing.swap(true, Ordering::AcqRel) {
            tracing::error!(why, "lines of the access log are lost; doorward_access_log_lines_lost_total counts them");
        }
    }

    fn well(&self) {
        if self.losing.load(Ordering::Acquire) && self.losing.swap(false, Ordering::AcqRel) {
            tracing::info!(lost = self.lost.get(), "the access log is complete again from here on");
        }
    }
}

type Sink = Box<dyn Write + Send>;

fn opened(destination: &Destination) -> io::Result<Sink> {
    Ok(match destination {
        Destination::Stdout => Box::new(io::stdout()),
        Destination::Stderr => Box::new(io::stderr()),
        Destination::File(path) => Box::new(file(path)?),
    })
}

fn file(path: &std::path::Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(FILE_MODE).open(path)
}
