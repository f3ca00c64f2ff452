//! HTTP/2 frame by frame, for what no library would send: header fields as
//! they are written, never compressed, never checked.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::deadline::in_time;

pub(crate) const DATA: u8 = 0x0;
pub(crate) const HEADERS: u8 = 0x1;
pub(crate) const RST_STREAM: u8 = 0x3;
pub(crate) const SETTINGS: u8 = 0x4;
pub(crate) const GOAWAY: u8 = 0x7;
pub(crate) const WINDOW_UPDATE: u8 = 0x8;
pub(crate) const CONTINUATION: u8 = 0x9;

pub(crate) const END_STREAM: u8 = 0x1;
pub(crate) const END_HEADERS: u8 = 0x4;

/// One connection that has greeted and been greeted.
pub(crate) struct Frames {
    stream: TcpStream,
}

/// A frame as it came.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

/// What became of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Answered(u16),
    /// `RST_STREAM`, with its code.
    Reset(u32),
    /// `GOAWAY`, with its code, or the end of the connection without a word.
    Gone(Option<u32>),
}

impl Outcome {
    /// `R400` of the attack catalogue, over HTTP/2.
    pub(crate) fn is_refusal(self) -> bool {
        !matches!(self, Outcome::Answered(status) if status != 400 && status != 431)
    }
}

impl Frames {
    /// With prior knowledge, in the clear; our own settings are the defaults.
    pub(crate) async fn connect(address: SocketAddr) -> Frames {
        let stream = TcpStream::connect(address).await.expect("the gateway accepts");
        let mut frames = Frames { stream };
        frames.send_raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        frames.send(SETTINGS, 0, 0, &[]).await;
        // Acknowledges what the gateway is going to say about itself.
        frames.send(SETTINGS, 0x1, 0, &[]).await;
        frames
    }

    pub(crate) async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        self.send_raw(&frame(kind, flags, stream, payload)).await
    }

    /// Bytes as they are; whether the gateway still took them.
    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) -> bool {
        in_time("the gateway reads or closes", self.stream.write_all(bytes)).await.is_ok()
    }

    /// A whole request on a stream: its fields, and DATA frames with these contents.
    pub(crate) async fn request(&mut self, stream: u32, fields: &[u8], data: &[&[u8]]) {
        let end = if data.is_empty() { END_STREAM } else { 0 };
        self.send(HEADERS, END_HEADERS | end, stream, fields).await;
        for (number, part) in data.iter().enumerate() {
            let end = if number + 1 == data.len() { END_STREAM } else { 0 };
            self.send(DATA, end, stream, part).await;
        }
    }

    /// The next frame; `None` at the end of the connection.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        in_time("a frame or the end", async {
            let mut head = [0; 9];
            self.stream.read_exact(&mut head).await.ok()?;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            self.stream.read_exact(&mut payload).await.ok()?;
            let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & 0x7fff_ffff;
            Some(Frame { kind: head[3], stream, payload })
        })
        .await
    }

    /// What becomes of this stream.
    pub(crate) async fn outcome(&mut self, stream: u32) -> Outcome {
        loop {
            match self.next().await {
                None => return Outcome::Gone(None),
                Some(frame) if frame.kind == GOAWAY => return Outcome::Gone(frame.code(4)),
                Some(frame) if frame.stream == stream && frame.kind == RST_STREAM => {
                    return Outcome::Reset(frame.code(0).expect("a code"));
                }
                Some(frame) if frame.stream == stream && frame.kind == HEADERS => {
                    return Outcome::Answered(status(&frame.payload));
                }
                Some(_) => {}
            }
        }
    }

    /// Waits until the gateway ends the connection; the code of its `GOAWAY` if it said one.
    pub(crate) async fn end(&mut self) -> Option<u32> {
        let mut code = None;
        while let Some(frame) = self.next().await {
            if frame.kind == GOAWAY {
                code = frame.code(4);
            }
        }
        code
    }
}

impl Frame {
    fn code(&self, at: usize) -> Option<u32> {
        Some(u32::from_be_bytes(self.payload.get(at..at + 4)?.try_into().ok()?))
    }
}

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame").to_be_bytes();
    let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
    [&head, payload].concat()
}

/// Header fields as HPACK writes them without compression or memory (RFC 7541 §6.2.2).
pub(crate) fn fields<N: AsRef<[u8]>, V: AsRef<[u8]>>(pairs: &[(N, V)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in pairs {
        out.push(0);
        text(name.as_ref(), &mut out);
        text(value.as_ref(), &mut out);
    }
    out
}

fn text(text: &[u8], out: &mut Vec<u8>) {
    integer(text.len(), 0x7f, 0, out);
    out.extend_from_slice(text);
}

/// An integer in the low bits of a byte and as many more as it takes (RFC 7541 §5.1).
pub(crate) fn integer(value: usize, most: u8, high: u8, out: &mut Vec<u8>) {
    let Some(mut rest) = value.checked_sub(usize::from(most)) else {
        return out.push(high | u8::try_from(value).expect("below the most"));
    };
    out.push(high | most);
    while rest >= 0x80 {
        out.push(0x80 | u8::try_from(rest & 0x7f).expect("seven bits"));
        rest >>= 7;
    }
    out.push(u8::try_from(rest).expect("seven bits"));
}

/// The status of an answer. It is the first field, and one of four spellings
/// of it is in the static table; others are digits in Huffman's code.
fn status(block: &[u8]) -> u16 {
    match block.first() {
        Some(index @ 0x88..=0x8e) => [200, 204, 206, 304, 400, 404, 500][usize::from(index - 0x88)],
        Some(_) => match block.get(1) {
            None => panic!("a status without a value"),
            Some(length) if length & 0x80 != 0 => huffman_digits(&block[2..2 + usize::from(length & 0x7f)]),
            Some(length) => {
                let digits = &block[2..2 + usize::from(*length)];
                std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok()).expect("three digits")
            }
        },
        None => panic!("an answer without fields"),
    }
}

/// `0` to `2` have five bits, `3` to `9` six (RFC 7541, appendix B).
fn huffman_digits(bytes: &[u8]) -> u16 {
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let (mut at, mut value) = (0, 0);
    for _ in 0..3 {
        let number = |length: usize| u16::from_str_radix(&bits[at..at + length], 2).expect("bits");
        let (digit, length) = if number(5) <= 2 { (number(5), 5) } else { (number(6) - 0b01_1001 + 3, 6) };
        value = value * 10 + digit;
        at += length;
    }
    value
}
