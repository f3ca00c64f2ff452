//! The log on its way to standard error: lines wait in bounded memory and a
//! thread of their own writes them, because a pipe whose reader stops would
//! otherwise stop whoever has something to say, and that is every request.
//! What finds no room is lost, counted by kind, and said in the log itself.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// Bytes that may wait: thousands of lines.
const ROOM: usize = 2 * 1024 * 1024;
/// What of it is for warnings and errors alone: strangers make the other lines as they like.
const RESERVED: usize = 256 * 1024;
/// How long a descriptor that somebody set not to block is left alone when it is full.
const REST: Duration = Duration::from_millis(10);

/// The log of this process.
pub(crate) static LINES: LazyLock<Lines> = LazyLock::new(Lines::default);

/// Takes lines. Clones share the way.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Shared>);

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// There is something to write, or nothing any more.
    changed: Condvar,
    lost: Family<Label, Counter>,
}

#[derive(Default)]
struct Waiting {
    /// Somebody writes; until then lines are written by whoever has them.
    started: bool,
    lines: VecDeque<Line>,
    /// Of all lines that are not written yet.
    bytes: usize,
    unsaid: Unsaid,
}

struct Line {
    kind: Kind,
    text: Box<[u8]>,
}

/// Lost lines that the log has not told of yet.
#[derive(Clone, Copy, Default)]
struct Unsaid {
    lines: u64,
    refusals: u64,
}

/// What kind of line it is, for whoever has to know what is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Somebody was kept out.
    Refusal,
    /// A warning or an error.
    Trouble,
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Label {
    kind: &'static str,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Refusal, Self::Trouble, Self::Other];

    fn of(event: &Metadata<'_>) -> Self {
        match event.target() {
            _ if *event.level() <= Level::WARN => Self::Trouble,
            doorward_edge::REFUSALS => Self::Refusal,
            _ => Self::Other,
        }
    }

    const fn label(self) -> Label {
        let kind = match self {
            Self::Refusal => "refusal",
            Self::Trouble => "trouble",
            Self::Other => "other",
        };
        Label { kind }
    }

    const fn room(self) -> usize {
        match self {
            Self::Trouble => ROOM,
            Self::Refusal | Self::Other => ROOM - RESERVED,
        }
    }
}

impl Lines {
    /// From now on, a thread writes.
    ///
    /// # Errors
    /// When there can be no thread; then lines are written as before.
    pub(crate) fn start(&self, sink: impl Write + Send + 'static) -> io::Result<()> {
        let lines = self.clone();
        std::thread::Builder::new().name("log".into()).spawn(move || lines.run(sink))?;
        self.lock().started = true;
        Ok(())
    }

    pub(crate) fn add(&self, kind: Kind, text: &[u8]) {
        let mut waiting = self.lock();
        if !waiting.started {
            drop(waiting);
            let _nobody_reads = io::stderr().write_all(text);
        } else if waiting.bytes + text.len() > kind.room() {
            self.lose(&mut waiting, kind);
        } else {
            waiting.bytes += text.len();
            waiting.lines.push_back(Line { kind, text: text.into() });
            if waiting.lines.len() == 1 {
                self.0.changed.notify_all();
            }
        }
    }

    /// Waits until everything is written, for as long as the limit. Says whether it is.
    pub(crate) fn flush(&self, limit: Duration) -> bool {
        let waited = self.0.changed.wait_timeout_while(self.lock(), limit, |waiting| waiting.bytes > 0);
        waited.unwrap_or_else(PoisonError::into_inner).0.bytes == 0
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        for kind in Kind::ALL {
            let _shown_as_zero = self.0.lost.get_or_create(&kind.label());
        }
        let help = "Lines of the log that were lost because standard error takes none";
        registry.register("doorward_log_lines_lost", help, self.0.lost.clone());
    }

    fn run(&self, mut sink: impl Write) {
        loop {
            let waiting = self.0.changed.wait_while(self.lock(), |waiting| waiting.lines.is_empty());
            let batch = std::mem::take(&mut waiting.unwrap_or_else(PoisonError::into_inner).lines);
            let mut well = true;
            for Line { kind, text } in batch {
                well = write(&mut sink, &text).is_ok();
                let mut waiting = self.lock();
                waiting.bytes -= text.len();
                if !well {
                    self.lose(&mut waiting, kind);
                }
                if waiting.bytes == 0 {
                    self.0.changed.notify_all();
                }
            }
            // Where nothing can be written, this could not be either.
            if well {
                self.tell();
            }
        }
    }

    /// Says in the log itself that it has a gap here.
    fn tell(&self) {
        let Unsaid { lines, refusals } = std::mem::take(&mut self.lock().unsaid);
        if lines > 0 {
            tracing::warn!(
                lines,
                refusals,
                "lines of this log were lost here, because standard error took none; \
                 doorward_log_lines_lost_total counts them"
            );
        }
    }

    fn lose(&self, waiting: &mut Waiting, kind: Kind) {
        waiting.unsaid.lines += 1;
        waiting.unsaid.refusals += u64::from(kind == Kind::Refusal);
        self.0.lost.get_or_create(&kind.label()).inc();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Standard error may be shared with a program that set it not to block.
fn write(sink: &mut impl Write, mut text: &[u8]) -> io::Result<()> {
    while !text.is_empty() {
        match sink.write(text) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(length) => text = &text[length..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(REST),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The line of one event.
pub(crate) struct Writer<'a> {
    lines: &'a Lines,
    kind: Kind,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Writer<'a>;

    fn make_writer(&'a self) -> Writer<'a> {
        Writer { lines: self, kind: Kind::Other }
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Writer<'a> {
        Writer { lines: self, kind: Kind::of(event) }
    }
}

/// An event is handed over whole, in one call.
impl Write for Writer<'_> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.lines.add(self.kind, text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    fn lost(lines: &Lines) -> [u64; 3] {
        Kind::ALL.map(|kind| lines.0.lost.get_or_create(&kind.label()).get())
    }

    #[test]
    fn r_07_a_full_pipe_costs_lines_and_nobody_waits_and_warnings_have_room_of_their_own() {
        let (mut read, write) = io::pipe().unwrap();
        let lines = Lines::default();
        lines.start(write).unwrap();
        let line = [b'x'; 1024];
        while lost(&lines)[0] < 5 {
            lines.add(Kind::Refusal, &line);
        }
        lines.add(Kind::Trouble, b"a warning\n");
        lines.add(Kind::Other, &line);
        assert_eq!(lost(&lines), [5, 0, 1]);
        assert!(!lines.flush(Duration::from_millis(1)), "nobody reads");
        while lost(&lines)[1] < 1 {
            lines.add(Kind::Trouble, &line);
        }
        assert!(lines.lock().bytes <= ROOM);

        let reader = std::thread::spawn(move || {
            let mut text = Vec::new();
            let mut part = [0; 65536];
            while !text.windows(10).any(|part| part == b"a warning\n") {
                let count = read.read(&mut part).unwrap();
                text.extend_from_slice(&part[..count]);
            }
            read
        });
        let mut read = reader.join().unwrap();
        let rest = std::thread::spawn(move || io::copy(&mut read, &mut io::sink()));
        assert!(lines.flush(LONG), "whoever reads again gets all that waited");
        drop(rest);
    }

    #[test]
    fn a_reader_that_left_holds_up_nothing_and_is_counted() {
        let (read, write) = io::pipe().unwrap();
        drop(read);
        let lines = Lines::default();
        lines.start(write).unwrap();
        lines.add(Kind::Other, b"said to nobody\n");
        assert!(lines.flush(LONG));
        assert_eq!(lost(&lines), [0, 0, 1]);
    }
}
