//! A WebSocket while it is open: bytes both ways, and a close frame of our own
//! when its end is decided here (RFC 6455 §7.4.1). To set one in its place the
//! frames of the origin are counted, never read.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::watch::flow::Flow;
use crate::watch::pace::Waiting;
use crate::watch::signal::Cut;
use crate::watch::{Watch, Watched};

const BUFFER: usize = 16 * 1024;
/// How long the rest of a frame and the closing may take.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(1);

/// Joins both sides until both have closed or one has failed, or the end is
/// decided here. Gives the bytes that came from the client and went to it.
pub(crate) async fn relay<C, O>(client: C, origin: O, watch: &Arc<Watch>, flow: &Watched<Flow>) -> (u64, u64)
where
    C: AsyncRead + AsyncWrite,
    O: AsyncRead + AsyncWrite,
{
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_origin, mut to_origin) = tokio::io::split(origin);
    let moved = |bytes| {
        flow.pace.moved(bytes);
        flow.pace.waits_for(Waiting::Nobody, watch.now());
    };
    let mut down = Pump::default();
    let mut up = Pump::default();
    let told = tokio::select! {
        _ended = async {
            tokio::try_join!(
                down.pump(&mut from_origin, &mut to_client, moved),
                up.pump(&mut from_client, &mut to_origin, moved),
            )
        } => None,
        cut = flow.signal.heard() => Some(close_code(cut)),
    };
    if let Some(code) = told {
        // A client that does not take them goes without.
        let _taken = tokio::time::timeout(LAST_WORDS, down.close(&mut from_origin, &mut to_client, code)).await;
    }
    (up.written, down.written)
}

/// What the client is told (RFC 6455 §7.4.1, and 1013 of the registry).
pub(super) const fn close_code(cut: Option<Cut>) -> u16 {
    match cut {
        Some(Cut::Ended) => 1008,
        Some(Cut::Unchecked) => 1013,
        _ => 1001,
    }
}

/// One direction. Where it stands outlives the task that moves it.
struct Pump {
    buffer: Box<[u8]>,
    /// What was read and is not yet written.
    pending: std::ops::Range<usize>,
    written: u64,
    frames: Frames,
}

impl Default for Pump {
    fn default() -> Self {
        Self { buffer: vec![0; BUFFER].into(), pending: 0..0, written: 0, frames: Frames::default() }
    }
}

impl Pump {
    /// Moves bytes until their source closes; then tells the other side so.
    async fn pump(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
        moved: impl Fn(usize),
    ) -> io::Result<()> {
        while self.read(from).await? {
            while !self.pending.is_empty() {
                moved(self.write(to, self.pending.len()).await?);
            }
            to.flush().await?;
        }
        to.shutdown().await
    }

    async fn read(&mut self, from: &mut (impl AsyncRead + Unpin)) -> io::Result<bool> {
        if self.pending.is_empty() {
            self.pending = 0..from.read(&mut self.buffer).await?;
        }
        Ok(!self.pending.is_empty())
    }

    async fn write(&mut self, to: &mut (impl AsyncWrite + Unpin), most: usize) -> io::Result<usize> {
        let bytes = &self.buffer[self.pending.start..self.pending.start + most];
        let written = to.write(bytes).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.frames.pass(&bytes[..written]);
        self.pending.start += written;
        self.written += written as u64;
        Ok(written)
    }

    /// Lets the frame end that is under way, then says why it is over.
    async fn close(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
        code: u16,
    ) -> io::Result<()> {
        while !self.frames.at_boundary() {
            if !self.read(from).await? {
                return to.shutdown().await;
            }
            let most = self.frames.missing().min(self.pending.len());
            self.write(to, most).await?;
        }
        let [high, low] = code.to_be_bytes();
        to.write_all(&[0x88, 2, high, low]).await?;
        to.shutdown().await
    }
}

/// Counts through the frames of one direction (RFC 6455 §5.2).
#[derive(Debug, Default)]
struct Frames {
    head: [u8; 14],
    head_length: usize,
    payload: u64,
}

impl Frames {
    /// Between two frames.
    const fn at_boundary(&self) -> bool {
        self.head_length == 0 && self.payload == 0
    }

    /// Bytes that can be passed at most without beginning another frame.
    fn missing(&self) -> usize {
        match self.payload {
            0 => self.head_size().saturating_sub(self.head_length).max(1),
            payload => usize::try_from(payload).unwrap_or(usize::MAX),
        }
    }

    fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.payload > 0 {
                let length = usize::try_from(self.payload).unwrap_or(usize::MAX).min(bytes.len());
                self.payload -= length as u64;
                bytes = &bytes[length..];
                continue;
            }
            self.head[self.head_length] = bytes[0];
            self.head_length += 1;
            bytes = &bytes[1..];
            if self.head_length == self.head_size() {
                self.payload = self.payload_length();
                self.head_length = 0;
            }
        }
    }

    /// As far as it is known; at least what is needed to know it.
    const fn head_size(&self) -> usize {
        if self.head_length < 2 {
            return 2;
        }
        let length = match self.head[1] & 0x7f {
            126 => 4,
            127 => 10,
            _ => 2,
        };
        if self.head[1] & 0x80 == 0 { length } else { length + 4 }
    }

    fn payload_length(&self) -> u64 {
        match self.head[1] & 0x7f {
            126 => u64::from(u16::from_be_bytes([self.head[2], self.head[3]])),
            127 => self.head[2..10].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
            short => u64::from(short),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(length: usize, masked: bool) -> Vec<u8> {
        let mut bytes = vec![0x82];
        let mask = if masked { 0x80 } else { 0 };
        match length {
            0..126 => bytes.push(mask | u8::try_from(length).unwrap()),
            126..65_536 => {
                bytes.push(mask | 126);
                bytes.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
            }
            _ => {
                bytes.push(mask | 127);
                bytes.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        bytes.extend(std::iter::repeat_n(0x81, length + if masked { 4 } else { 0 }));
        bytes
    }

    proptest! {
        #[test]
        fn a_boundary_is_seen_after_each_frame_and_nowhere_else(
            lengths in proptest::collection::vec((prop_oneof![0..300usize, 65_000..66_000usize], any::<bool>()), 1..5),
            cut in 1..5000usize,
        ) {
            let mut frames = Frames::default();
            for (length, masked) in lengths {
                let bytes = frame(length, masked);
                let (first, rest) = bytes.split_at(cut.min(bytes.len() - 1));
                frames.pass(first);
                prop_assert!(!frames.at_boundary());
                prop_assert!(frames.missing() >= 1 && frames.missing() <= rest.len());
                frames.pass(rest);
                prop_assert!(frames.at_boundary());
            }
        }
    }
}
