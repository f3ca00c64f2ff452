//! The thread that writes. It takes what is there, writes it in one go and
//! rests for a moment, so that those who hand over hardly ever have to wake it.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use super::line::Lines;
use super::{Destination, LineFormat, Message, Shared, Sink, opened};

/// How much is written at once.
const CHUNK: usize = 64 * 1024;
/// How long a line may wait for company.
const REST: Duration = Duration::from_millis(10);

pub(super) struct Writer {
    destination: Destination,
    sink: Sink,
    lines: Lines,
    shared: Arc<Shared>,
    /// The last line that was written is not whole.
    torn: bool,
}

impl Writer {
    pub(super) fn new(destination: Destination, sink: Sink, format: LineFormat, shared: Arc<Shared>) -> Self {
        Self { destination, sink, lines: Lines::new(format), shared, torn: false }
    }

    /// Until it is told to end, or nobody is left who could tell it anything.
    pub(super) fn run(mut self, entries: &Receiver<Message>) {
        while let Ok(first) = entries.recv() {
            self.take(first);
            while self.round(entries) {
                std::thread::sleep(REST);
            }
            if self.shared.end.load(Ordering::Acquire) {
                return;
            }
        }
    }

    /// Writes all that is waiting; false when nothing was.
    fn round(&mut self, entries: &Receiver<Message>) -> bool {
        let mut any = false;
        loop {
            let taken = entries.try_recv().map(|message| self.take(message)).is_ok();
            if !self.lines.is_empty() && (!taken || self.lines.as_bytes().len() >= CHUNK) {
                any = true;
                self.write();
            }
            if !taken {
                return any;
            }
        }
    }

    fn take(&mut self, message: Message) {
        if self.shared.reopen.swap(false, Ordering::AcqRel) {
            self.write();
            self.reopen();
        }
        if let Message::Entry(entry) = message {
            self.lines.add(&entry);
        }
    }

    fn reopen(&mut self) {
        match opened(&self.destination) {
            Ok(sink) => (self.sink, self.torn) = (sink, false),
            Err(error) => tracing::error!(
                "{} cannot be opened ({error}); the access log goes on in the file it was in",
                self.destination
            ),
        }
    }

    fn write(&mut self) {
        let count = self.lines.count();
        if count == 0 {
            return;
        }
        match self.write_all() {
            Ok(()) => {
                self.shared.written.inc_by(count);
                self.shared.well();
            }
            Err((lost, error)) => {
                self.shared.written.inc_by(count - lost);
                self.shared.lose(lost, &error.to_string());
            }
        }
        self.lines.clear();
    }

    /// All lines, or how many of them were lost. After a line that was cut off,
    /// the next one begins on its own.
    fn write_all(&mut self) -> Result<(), (u64, std::io::Error)> {
        let mut left = self.lines.as_bytes();
        let lost = |left: &[u8]| left.iter().filter(|&&byte| byte == b'\n').count() as u64;
        if self.torn {
            self.sink.write_all(b"\n").map_err(|error| (lost(left), error))?;
            self.torn = false;
        }
        while !left.is_empty() {
            match self.sink.write(left) {
                Ok(0) => return Err((lost(left), std::io::ErrorKind::WriteZero.into())),
                Ok(length) => {
                    self.torn = left[length - 1] != b'\n';
                    left = &left[length..];
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err((lost(left), error)),
            }
        }
        self.sink.flush().map_err(|error| (0, error))
    }
}

#[cfg(test)]
mod tests;
