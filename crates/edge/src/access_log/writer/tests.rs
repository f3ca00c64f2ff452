use std::io;
use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, PoisonError};

use super::*;
use crate::access_log::line::tests::entry;

/// A file on a disk that has only so much room.
#[derive(Clone, Default)]
struct Disk(Arc<Mutex<(Vec<u8>, usize)>>);

impl Disk {
    fn with_room(room: usize) -> Self {
        Self(Arc::new(Mutex::new((Vec::new(), room))))
    }

    fn make_room(&self, room: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1 = room;
    }

    fn lines(&self) -> Vec<String> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8(held.0.clone()).unwrap().lines().map(str::to_owned).collect()
    }
}

impl io::Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let length = bytes.len().min(held.1);
        if length == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        held.0.extend_from_slice(&bytes[..length]);
        held.1 -= length;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn r_07_on_a_full_disk_lines_are_lost_and_counted_and_the_next_ones_are_whole() {
    let disk = Disk::with_room(600);
    let shared = Arc::<Shared>::default();
    let mut writer = Writer::new(Destination::Stdout, Box::new(disk.clone()), LineFormat::Json, Arc::clone(&shared));
    let (queue, entries) = sync_channel(8);
    let mut write = |count: u64| {
        for _ in 0..count {
            queue.send(Message::Entry(entry())).unwrap();
        }
        writer.round(&entries);
    };
    write(3);
    let (written, lost) = (shared.written.get(), shared.lost.get());
    assert!(written >= 1 && lost >= 1 && written + lost == 3, "{written} {lost}");
    assert!(shared.losing.load(Ordering::Acquire), "it is said");
    disk.make_room(10_000);
    write(2);
    assert_eq!((shared.written.get(), shared.lost.get()), (written + 2, lost));
    assert!(!shared.losing.load(Ordering::Acquire), "it is well again");
    let whole = disk.lines().iter().filter(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()).count();
    assert_eq!(whole as u64, written + 2, "{:#?}", disk.lines());
}
