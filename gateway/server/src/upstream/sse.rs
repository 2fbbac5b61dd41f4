//! The parser of server-sent events (WHATWG HTML, section 9.2.6).
//!
//! Decides where an event ends and what its data is. Names, ids and retry times of events are passed over, and so are events
//! without data. Must never keep more than one event and the chunk that is being read.

use bytes::{Buf as _, Bytes};

/// An event has more bytes than are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// What was read so far of a stream.
#[derive(Debug)]
pub(crate) struct SseParser {
    bytes_max: usize,
    /// What has come and was not read yet.
    chunk: Bytes,
    /// The line that is being read.
    line: Vec<u8>,
    /// The lines of data of the event that is being read, each with its end.
    data: Vec<u8>,
    /// Whether the last line ended in CR: an LF behind it belongs to that end.
    is_after_cr: bool,
    /// Whether a first line was read: only before it a byte order mark may stand.
    is_begun: bool,
}

impl SseParser {
    /// For events of at most so many bytes.
    pub(crate) fn new(bytes_max: usize) -> Self {
        let (chunk, line, data) = (Bytes::new(), Vec::new(), Vec::new());
        Self { bytes_max, chunk, line, data, is_after_cr: false, is_begun: false }
    }

    /// Takes what has come, once [`SseParser::next`] has read all that came before.
    pub(crate) fn push(&mut self, chunk: Bytes) {
        debug_assert!(self.chunk.is_empty(), "next() gives nothing before this is pushed");
        self.chunk = chunk;
    }

    /// The data of the next event, if it has come whole.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, TooLarge> {
        while self.read_line()? {
            if let Some(data) = self.take_line() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// How much of an event was read that has not ended.
    pub(crate) fn kept(&self) -> usize {
        self.line.len() + self.data.len()
    }

    /// Whether something of an event was read that has not ended.
    pub(crate) fn is_inside_event(&self) -> bool {
        self.kept() > 0
    }

    /// Reads up to the end of a line; whether it is there.
    fn read_line(&mut self) -> Result<bool, TooLarge> {
        if self.is_after_cr && !self.chunk.is_empty() {
            self.is_after_cr = false;
            if self.chunk.starts_with(b"\n") {
                self.chunk.advance(1);
            }
        }
        let end = self.chunk.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        let read = self.chunk.split_to(end.unwrap_or(self.chunk.len()));
        if self.data.len() + self.line.len() + read.len() > self.bytes_max {
            return Err(TooLarge);
        }
        self.line.extend_from_slice(&read);
        if end.is_some() {
            self.is_after_cr = self.chunk.get_u8() == b'\r';
        }
        Ok(end.is_some())
    }

    /// Takes the line that was read; the data, if it ends an event.
    fn take_line(&mut self) -> Option<Bytes> {
        let line = std::mem::take(&mut self.line);
        let mut text = line.as_slice();
        if !std::mem::replace(&mut self.is_begun, true) {
            text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        }
        if text.is_empty() {
            let mut data = std::mem::take(&mut self.data);
            data.pop();
            return (!data.is_empty()).then(|| Bytes::from(data));
        }
        if let Some(value) = data_of(text) {
            self.data.extend_from_slice(value);
            self.data.push(b'\n');
        }
        None
    }
}

/// What the line says, if it is one of data.
fn data_of(line: &[u8]) -> Option<&[u8]> {
    match line.strip_prefix(b"data")? {
        [] => Some(&[]),
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The events of a stream that comes in these chunks; whether it ended inside one.
    fn read<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<String>, bool) {
        let (mut parser, mut events) = (SseParser::new(64), Vec::new());
        for chunk in chunks {
            parser.push(Bytes::copy_from_slice(chunk));
            while let Ok(Some(data)) = parser.next() {
                events.push(String::from_utf8_lossy(&data).into_owned());
            }
        }
        (events, parser.is_inside_event())
    }

    /// Streams, and what they say.
    const STREAMS: [(&str, &[&str]); 12] = [
        ("data: a\n\ndata: b\n\n", &["a", "b"]),
        ("data: a\r\n\r\ndata: b\r\n\r\n", &["a", "b"]),
        ("data: a\r\rdata: b\r\r", &["a", "b"]),
        ("data: a\r\n\ndata: b\n\r\n", &["a", "b"]),
        ("\u{feff}data: a\n\n", &["a"]),
        ("data: {\ndata:  \"x\":1}\ndata\n\n", &["{\n \"x\":1}\n"]),
        ("data:a\n\ndata:  a\n\n", &["a", " a"]),
        (": comment\n\n: another\ndata: a\n\n", &["a"]),
        ("event: x\nid: 1\nretry: 5\ndata: a\ndatum: b\n\n", &["a"]),
        ("data\n\ndata:\n\nevent: x\n\n\n\n", &[]),
        ("data: \u{e9}\u{2028}\u{1f600}\n\n", &["\u{e9}\u{2028}\u{1f600}"]),
        (" data: a\n\ndata : b\n\nDATA: c\n\n", &[]),
    ];

    #[test]
    fn a_stream_says_the_same_wherever_its_chunks_end() {
        for (stream, expected) in STREAMS {
            let bytes = stream.as_bytes();
            for at in 0..=bytes.len() {
                let (first, second) = bytes.split_at(at);
                let (events, is_inside) = read([first, second]);
                assert_eq!(
                    (events.as_slice(), is_inside),
                    (&*owned(expected), false),
                    "{stream:?} {at}"
                );
            }
            let (events, _) = read(bytes.chunks(1));
            assert_eq!(events, owned(expected), "{stream:?} byte by byte");
        }
    }

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn a_stream_that_ends_inside_an_event_is_noticed() {
        for (stream, inside) in [
            ("data: a\n\n", false),
            ("data: a\n", true),
            ("data: a", true),
            ("data: a\n\nda", true),
            ("data: a\n\n: comment\n", false),
            ("event: x\n", false),
            ("", false),
        ] {
            assert_eq!(read([stream.as_bytes()]).1, inside, "{stream:?}");
        }
    }

    #[test]
    fn an_event_beyond_the_bound_is_refused_before_it_is_kept() {
        let most = format!("data: {}\n\n", "x".repeat(58));
        assert_eq!(read([most.as_bytes()]).0, ["x".repeat(58)]);
        for stream in [
            "x".repeat(65),
            format!("data: {}", "x".repeat(59)),
            format!("data: {}\n", "x".repeat(20)).repeat(4),
        ] {
            let mut parser = SseParser::new(64);
            parser.push(Bytes::from(stream.clone()));
            assert_eq!(parser.next(), Err(TooLarge), "{stream:?}");
        }
        // The bound is of an event, not of the stream.
        let mut parser = SseParser::new(64);
        parser.push(Bytes::from("data: abcdefgh\n\n: a comment\n".repeat(100)));
        let mut count = 0;
        while let Ok(Some(_)) = parser.next() {
            count += 1;
        }
        assert_eq!(count, 100);
    }
}
