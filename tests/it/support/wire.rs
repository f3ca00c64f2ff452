//! HTTP/1.1 messages as bytes, read by the letter of RFC 9112 and no further.
//! Both ends of the tests read with it: the origin requests, the raw client responses.

use tokio::io::{AsyncRead, AsyncReadExt};

/// The first line and the header fields of a message, in the order and spelling they came.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) first_line: String,
    pub(crate) fields: Vec<(String, String)>,
}

impl Head {
    fn parse(text: &str) -> Head {
        let mut lines = text.split("\r\n");
        let first_line = lines.next().unwrap_or_default().to_owned();
        let fields = lines
            .filter(|line| !line.is_empty())
            .map(|line| {
                let (name, value) = line.split_once(':').unwrap_or((line, ""));
                (name.to_owned(), value.trim().to_owned())
            })
            .collect();
        Head { first_line, fields }
    }

    /// The first field of that name, whatever its case.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Every field of that name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The status of a response.
    pub(crate) fn status(&self) -> u16 {
        self.first_line.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
    }

    pub(crate) fn method(&self) -> &str {
        self.first_line.split(' ').next().unwrap_or_default()
    }

    /// The request target exactly as it was sent.
    pub(crate) fn target(&self) -> &str {
        self.first_line.split(' ').nth(1).unwrap_or_default()
    }

    fn is_chunked(&self) -> bool {
        self.all("transfer-encoding").any(|value| value.eq_ignore_ascii_case("chunked"))
    }

    fn content_length(&self) -> Option<usize> {
        self.field("content-length").and_then(|value| value.parse().ok())
    }
}

/// One connection, read message by message.
pub(crate) struct Wire<S> {
    pub(crate) stream: S,
    buffer: Vec<u8>,
}

impl<S: AsyncRead + Unpin> Wire<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// Reads more; false at the end of the stream (or its breaking).
    async fn fill(&mut self) -> bool {
        let mut part = [0; 16 * 1024];
        match self.stream.read(&mut part).await {
            Ok(count @ 1..) => {
                self.buffer.extend_from_slice(&part[..count]);
                true
            }
            Ok(0) | Err(_) => false,
        }
    }

    /// The next head; `None` when the peer closed instead.
    pub(crate) async fn head(&mut self) -> Option<Head> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                let text = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
                self.buffer.drain(..end + 4);
                return Some(Head::parse(&text));
            }
            if !self.fill().await {
                return None;
            }
        }
    }

    /// Hands each part of a request's body to `each` as it arrives. Trailer lines come back; `None` when it was cut short.
    pub(crate) async fn request_body(&mut self, head: &Head, each: impl FnMut(&[u8])) -> Option<Vec<String>> {
        if head.is_chunked() {
            return self.chunks(each).await;
        }
        self.exactly(head.content_length().unwrap_or(0), each).await
    }

    /// The same for a response, whose body may also end with the connection.
    pub(crate) async fn response_body(&mut self, head: &Head, mut each: impl FnMut(&[u8])) -> Option<Vec<String>> {
        if matches!(head.status(), 204 | 304) {
            return Some(Vec::new());
        }
        if head.is_chunked() {
            return self.chunks(each).await;
        }
        if let Some(length) = head.content_length() {
            return self.exactly(length, each).await;
        }
        loop {
            each(&std::mem::take(&mut self.buffer));
            if !self.fill().await {
                return Some(Vec::new());
            }
        }
    }

    /// One part of a chunked body, for a response that is read while it is written; `None` at its end.
    pub(crate) async fn chunk(&mut self) -> Option<Vec<u8>> {
        let size = usize::from_str_radix(self.line().await?.split(';').next()?.trim(), 16).ok()?;
        let mut data = Vec::new();
        self.exactly(size, |part| data.extend_from_slice(part)).await?;
        if size > 0 {
            self.line().await?;
        }
        (size > 0).then_some(data)
    }

    /// Everything up to the end of the connection.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while self.fill().await {}
        std::mem::take(&mut self.buffer)
    }

    async fn exactly(&mut self, length: usize, mut each: impl FnMut(&[u8])) -> Option<Vec<String>> {
        let mut left = length;
        while left > 0 {
            if self.buffer.is_empty() && !self.fill().await {
                return None;
            }
            let count = left.min(self.buffer.len());
            each(&self.buffer[..count]);
            self.buffer.drain(..count);
            left -= count;
        }
        Some(Vec::new())
    }

    async fn chunks(&mut self, mut each: impl FnMut(&[u8])) -> Option<Vec<String>> {
        loop {
            let size = usize::from_str_radix(self.line().await?.split(';').next()?.trim(), 16).ok()?;
            if size == 0 {
                break;
            }
            self.exactly(size, &mut each).await?;
            self.line().await?;
        }
        let mut trailers = Vec::new();
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                return Some(trailers);
            }
            trailers.push(line);
        }
    }

    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n") {
                let line = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
                self.buffer.drain(..end + 2);
                return Some(line);
            }
            if !self.fill().await {
                return None;
            }
        }
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
