//! A request as a line. Whatever a stranger chose is escaped: a line cannot be
//! broken, another one cannot be forged, and a terminal obeys nothing.

use std::fmt;
use std::io::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use doorward_model::cookie::http_date;
use doorward_model::time::Timestamp;
use http::Version;
use serde::{Serialize, Serializer};

use super::LineFormat;
use super::entry::Entry;
use crate::trace::TraceId;

/// Lines that wait to be written together.
pub(super) struct Lines {
    format: LineFormat,
    bytes: Vec<u8>,
    count: u64,
    /// The second of the line before, as this format writes it: most lines share it.
    second: Option<(i64, String)>,
}

impl Lines {
    pub(super) const fn new(format: LineFormat) -> Self {
        Self { format, bytes: Vec::new(), count: 0, second: None }
    }

    pub(super) fn add(&mut self, entry: &Entry) {
        let Self { format, bytes, second, .. } = self;
        let (_, second) = match second.take().filter(|(known, _)| *known == entry.time.secs()) {
            Some(known) => second.insert(known),
            None => second.insert((entry.time.secs(), format.second(entry.time))),
        };
        match format {
            LineFormat::Text => text(bytes, entry, second),
            LineFormat::Json => json(bytes, entry, second),
        }
        .expect("memory takes everything");
        self.bytes.push(b'\n');
        self.count += 1;
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.count = 0;
    }
}

impl LineFormat {
    /// A second: `25/Nov/2026:18:00:00 +0000`, or RFC 3339.
    fn second(self, time: Timestamp) -> String {
        match self {
            Self::Text => {
                // `Wed, 25 Nov 2026 18:00:00 GMT`
                let date = http_date(time);
                format!("{}/{}/{}:{} +0000", &date[5..7], &date[8..11], &date[12..16], &date[17..25])
            }
            Self::Json => time.to_rfc3339(),
        }
    }
}

/// The combined format, and what it has no place for as `key=value` behind it.
fn text(out: &mut Vec<u8>, entry: &Entry, second: &str) -> std::io::Result<()> {
    let words = &entry.words;
    let who = entry.who.email().or_else(|| entry.who.service_token()).unwrap_or("-");
    write!(out, "{} - {} [{second}] ", entry.client, Bare(who.as_bytes()))?;
    match words.method() {
        b"" => write!(out, "\"-\"")?,
        method => write!(out, "\"{} {} {}\"", Bare(method), Bare(words.path()), protocol(entry.version))?,
    }
    let (referer, agent) = (Quoted(or_dash(words.referer())), Quoted(or_dash(words.agent())));
    write!(out, " {} {} \"{referer}\" \"{agent}\"", entry.status, entry.sent)?;
    write!(out, " host={} outcome={}", Bare(or_dash(words.host())), entry.outcome.as_str())?;
    if let Some(reason) = entry.outcome.reason() {
        write!(out, " reason={reason}")?;
    }
    for (key, value) in [("app", entry.app()), ("policy", entry.outcome.policy())] {
        if let Some(value) = value {
            write!(out, " {key}=\"{}\"", Quoted(value.as_bytes()))?;
        }
    }
    write!(out, " in={} time={}", entry.received, Seconds(entry.duration))?;
    if let Some(origin) = entry.origin {
        write!(out, " origin={}", Seconds(origin))?;
    }
    write!(out, " ray={}", entry.ray)?;
    if let Some(trace) = &entry.trace {
        write!(out, " trace={trace}")?;
    }
    if entry.aborted { write!(out, " aborted") } else { Ok(()) }
}

fn json(out: &mut Vec<u8>, entry: &Entry, second: &str) -> std::io::Result<()> {
    let words = &entry.words;
    let line = Line {
        time: Moment { second, time: entry.time },
        ray_id: entry.ray.as_str(),
        client_ip: entry.client,
        method: Clean::said(words.method()),
        host: Clean::said(words.host()),
        path: Clean::said(words.path()),
        protocol: Clean::said(words.method()).map(|_| protocol(entry.version)),
        status: entry.status,
        bytes_in: entry.received,
        bytes_out: entry.sent,
        duration_seconds: seconds(entry.duration),
        origin_seconds: entry.origin.map(seconds),
        outcome: entry.outcome.as_str(),
        reason: entry.outcome.reason(),
        app: entry.app(),
        policy: entry.outcome.policy(),
        user: entry.who.email(),
        service_token: entry.who.service_token(),
        referer: Clean::said(words.referer()),
        user_agent: Clean::said(words.agent()),
        trace_id: entry.trace,
        aborted: entry.aborted.then_some(true),
    };
    serde_json::to_writer(out, &line).map_err(Into::into)
}

/// The object, in this order. What there is nothing to say about is left out.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(serialize_with = "displayed")]
    time: Moment<'a>,
    ray_id: &'a str,
    client_ip: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<Clean<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<Clean<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<Clean<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<&'static str>,
    status: u16,
    bytes_in: u64,
    bytes_out: u64,
    duration_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin_seconds: Option<f64>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    referer: Option<Clean<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<Clean<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<TraceId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aborted: Option<bool>,
}

const fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        _ => "HTTP/1.1",
    }
}

/// With whole microseconds: more digits would be noise.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0.as_secs(), self.0.subsec_micros())
    }
}

/// The same as a number.
fn seconds(duration: Duration) -> f64 {
    Duration::from_micros(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)).as_secs_f64()
}

const fn or_dash(word: &[u8]) -> &[u8] {
    if word.is_empty() { b"-" } else { word }
}

/// Bytes that are one word of a line.
struct Bare<'a>(&'a [u8]);

impl fmt::Display for Bare<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escaped(f, self.0, u8::is_ascii_graphic)
    }
}

/// Bytes between quotation marks.
struct Quoted<'a>(&'a [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escaped(f, self.0, |byte| byte.is_ascii_graphic() || *byte == b' ')
    }
}

/// As web servers escape: `\xHH` for what is not plain.
fn escaped(f: &mut fmt::Formatter<'_>, bytes: &[u8], plain: impl Fn(&u8) -> bool) -> fmt::Result {
    let odd = |byte: &u8| matches!(byte, b'"' | b'\\') || !plain(byte);
    let mut rest = bytes;
    // Nearly everything is plain: whole runs of it are written at once.
    while let Some(at) = rest.iter().position(odd) {
        f.write_str(ascii(&rest[..at])?)?;
        write!(f, "\\x{:02X}", rest[at])?;
        rest = &rest[at + 1..];
    }
    f.write_str(ascii(rest)?)
}

/// What is plain is ASCII.
fn ascii(plain: &[u8]) -> Result<&str, fmt::Error> {
    std::str::from_utf8(plain).map_err(|_| fmt::Error)
}

/// Bytes as a JSON text. JSON itself escapes neither DEL nor the control
/// characters of Latin-1, which some terminals obey.
struct Clean<'a>(&'a [u8]);

impl<'a> Clean<'a> {
    const fn said(word: &'a [u8]) -> Option<Self> {
        if word.is_empty() { None } else { Some(Self(word)) }
    }
}

impl fmt::Display for Clean<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.0.utf8_chunks() {
            let mut rest = part.valid();
            while let Some((at, odd)) = rest.char_indices().find(|(_, letter)| matches!(letter, '\u{7f}'..='\u{9f}')) {
                f.write_str(&rest[..at])?;
                write!(f, "\\x{:02X}", u32::from(odd))?;
                rest = &rest[at + odd.len_utf8()..];
            }
            f.write_str(rest)?;
            for byte in part.invalid() {
                write!(f, "\\x{byte:02X}")?;
            }
        }
        Ok(())
    }
}

impl Serialize for Clean<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// `2026-11-25T18:00:00.123Z`
struct Moment<'a> {
    second: &'a str,
    time: Timestamp,
}

impl fmt::Display for Moment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.second.strip_suffix('Z') {
            Some(whole) => write!(f, "{whole}.{:03}Z", self.time.0.rem_euclid(1000)),
            None => f.write_str(self.second),
        }
    }
}

fn displayed<S: Serializer>(moment: &Moment<'_>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(moment)
}

#[cfg(test)]
pub(super) mod tests;
