//! HTTP/1 framing that can be read in one way only (attack case 33).
//!
//! It decides what hyper lets pass and a proxy before us may read otherwise: a request with both a
//! length and a transfer coding, of which hyper silently drops the length, and lines that end with
//! a bare line feed. It must never change a byte that it lets pass, and never keep more of a
//! request than one short line. HTTP/2 has frames of its own: it is not looked at.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Limits, linger::Linger};

/// Of a line no more is kept: enough for the names and values that frame a message.
const LINE_BYTES_KEPT: usize = 256;

/// The whole answer to a message with two readings; nothing of it reaches hyper.
const REFUSAL: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\n\
    content-length: 139\r\nconnection: close\r\n\r\n\
    {\"type\":\"/docs/errors/framing-ambiguous\",\"title\":\"The message has two readings\",\"status\":400,\"code\":\"framing-ambiguous\",\"detail\":\"framing\"}";

/// A connection whose messages are framed in one way.
#[derive(Debug)]
pub(super) struct Strict<I> {
    io: I,
    scan: Scan,
    linger: Linger,
    /// What is still to be written of the refusal, once there is one.
    refusal: Option<&'static [u8]>,
}

/// Where in the stream of requests we are.
#[derive(Debug)]
struct Scan {
    place: Place,
    line: Vec<u8>,
    /// Whether the line is longer than what is kept of it.
    cut: bool,
    /// The newest two bytes of the line.
    last: [u8; 2],
    length: Option<u64>,
    coded: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before a request line, or on it.
    Start,
    Head,
    Body(u64),
    ChunkSize,
    ChunkData(u64),
    Trailers,
    /// HTTP/2, or what hyper refuses: not looked at.
    Beyond,
}

/// The message has two readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ambiguous;

impl Scan {
    fn new() -> Self {
        Self {
            place: Place::Start,
            line: Vec::new(),
            cut: false,
            last: [0; 2],
            length: None,
            coded: false,
        }
    }

    /// Whether a client whose connection ends here is still about to send.
    fn is_within_a_message(&self) -> bool {
        match self.place {
            Place::Start => !self.line.is_empty(),
            Place::Beyond => false,
            _ => true,
        }
    }

    fn see(&mut self, mut bytes: &[u8]) -> Result<(), Ambiguous> {
        while !bytes.is_empty() {
            bytes = match self.place {
                Place::Beyond => return Ok(()),
                Place::Body(left) => self.skip(bytes, left, Place::Start, Place::Body),
                Place::ChunkData(left) => {
                    self.skip(bytes, left, Place::ChunkSize, Place::ChunkData)
                }
                _ => self.lines(bytes)?,
            };
        }
        Ok(())
    }

    /// Passes over bytes of content.
    fn skip<'a>(
        &mut self,
        bytes: &'a [u8],
        left: u64,
        next: Place,
        here: fn(u64) -> Place,
    ) -> &'a [u8] {
        let taken = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let left = left - taken as u64;
        self.place = if left == 0 { next } else { here(left) };
        &bytes[taken..]
    }

    /// Reads up to the end of a line.
    fn lines<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Ambiguous> {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let (part, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
        // A line that came whole is read where it is.
        if end.is_some() && self.line.is_empty() && part.len() <= LINE_BYTES_KEPT {
            self.after(part.strip_suffix(b"\r\n").ok_or(Ambiguous)?, false)?;
            return Ok(rest);
        }
        let kept = part.len().min(LINE_BYTES_KEPT - self.line.len());
        self.line.extend_from_slice(&part[..kept]);
        self.cut |= kept < part.len();
        self.last = match part {
            [.., before, last] => [*before, *last],
            [last] => [self.last[1], *last],
            [] => self.last,
        };
        if end.is_some() {
            self.end_of_line()?;
        }
        Ok(rest)
    }

    /// Moves on. The line's buffer is used again: one allocation a connection.
    fn end_of_line(&mut self) -> Result<(), Ambiguous> {
        let (mut line, cut) = (std::mem::take(&mut self.line), std::mem::take(&mut self.cut));
        if std::mem::take(&mut self.last) != *b"\r\n" {
            return Err(Ambiguous);
        }
        let moved = self.after(line.strip_suffix(b"\r\n").unwrap_or(&line), cut);
        line.clear();
        self.line = line;
        moved
    }

    fn after(&mut self, line: &[u8], cut: bool) -> Result<(), Ambiguous> {
        self.place = match self.place {
            Place::Start if line.is_empty() => Place::Start,
            Place::Start if line.starts_with(b"PRI * HTTP/2") => Place::Beyond,
            Place::Start => Place::Head,
            Place::Head if line.is_empty() => return self.end_of_head(),
            Place::Head => {
                self.header(line, cut)?;
                Place::Head
            }
            Place::ChunkSize => match chunk_size(line, cut).ok_or(Ambiguous)? {
                0 => Place::Trailers,
                // Its line end belongs to the data.
                size => Place::ChunkData(size.saturating_add(2)),
            },
            Place::Trailers if line.is_empty() => Place::Start,
            other => other,
        };
        Ok(())
    }

    fn header(&mut self, line: &[u8], cut: bool) -> Result<(), Ambiguous> {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { return Ok(()) };
        let (name, value) = (line[..colon].trim_ascii(), line[colon + 1..].trim_ascii());
        let is_length = name.eq_ignore_ascii_case(b"content-length");
        let is_coding = name.eq_ignore_ascii_case(b"transfer-encoding");
        if (is_length || is_coding) && cut {
            return Err(Ambiguous);
        }
        if is_length {
            self.length = Some(length(value).ok_or(Ambiguous)?);
        }
        // Another coding would be read as none, and by a proxy decoded; no coding is applied twice (RFC 9112, section 6.1).
        let is_strange = is_coding && (self.coded || !value.eq_ignore_ascii_case(b"chunked"));
        self.coded |= is_coding;
        if is_strange { Err(Ambiguous) } else { Ok(()) }
    }

    fn end_of_head(&mut self) -> Result<(), Ambiguous> {
        let (length, coded) = (self.length.take(), std::mem::take(&mut self.coded));
        self.place = match (length, coded) {
            (Some(_), true) => return Err(Ambiguous),
            (None, true) => Place::ChunkSize,
            (None | Some(0), false) => Place::Start,
            (Some(length), false) => Place::Body(length),
        };
        Ok(())
    }
}

/// Digits alone: no sign, no list. Two lengths that differ are refused by hyper.
fn length(value: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(value).ok()?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// The size of a chunk: digits alone, with blanks after them at most; its extensions are passed over.
/// A line of which not all digits were kept has no size: whoever reads all of them reads another.
fn chunk_size(line: &[u8], cut: bool) -> Option<u64> {
    let end = line.iter().position(|byte| *byte == b';');
    if cut && end.is_none() {
        return None;
    }
    let digits = line[..end.unwrap_or(line.len())].trim_ascii_end();
    let digits = std::str::from_utf8(digits).ok()?;
    digits
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit())
        .then(|| u64::from_str_radix(digits, 16).ok())?
}

impl<I: AsyncRead + AsyncWrite + Unpin> Strict<I> {
    pub(super) fn new(io: I, limits: &Limits) -> Self {
        let linger = Linger::new(limits.body_timeout.std());
        Self { io, scan: Scan::new(), linger, refusal: None }
    }

    /// Says so and ends: the bytes that follow are nobody's request.
    fn refuse(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(left) = self.refusal.filter(|left| !left.is_empty()) {
            let written = ready!(Pin::new(&mut self.io).poll_write(cx, left))?;
            self.refusal = Some(&left[written.min(left.len())..]);
            if written == 0 {
                break;
            }
        }
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        ready!(self.linger.poll(&mut self.io, cx))?;
        let why = "a message with two readings";
        Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, why)))
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncRead for Strict<I> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.refusal.is_some() {
            return this.refuse(cx);
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.io).poll_read(cx, buf))?;
        if this.scan.see(&buf.filled()[before..]).is_err() {
            buf.set_filled(before);
            this.refusal = Some(REFUSAL);
            return this.refuse(cx);
        }
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Strict<I> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match this.scan.is_within_a_message() {
            true => this.linger.poll(&mut this.io, cx),
            false => Pin::new(&mut this.io).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same verdict however the bytes are cut into pieces.
    fn check(bytes: &[u8]) -> (Result<(), Ambiguous>, Place) {
        let mut scan = Scan::new();
        let whole = scan.see(bytes);
        for size in 1..=7 {
            let mut pieces = Scan::new();
            let verdict = bytes.chunks(size).try_for_each(|piece| pieces.see(piece));
            assert_eq!(verdict, whole, "{size}");
            assert!(verdict.is_err() || pieces.place == scan.place, "{size}");
        }
        (whole, scan.place)
    }

    #[test]
    fn case_33_a_message_with_two_readings_is_ambiguous() {
        let te = "transfer-encoding: chunked\r\n";
        for head in [
            format!("POST / HTTP/1.1\r\ncontent-length: 3\r\n{te}\r\n"),
            format!("POST / HTTP/1.1\r\n{te}Content-Length:3\r\n\r\n"),
            format!("GET / HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\ncontent-length: 0\r\n{te}\r\n"),
            "GET / HTTP/1.1\nhost: x\r\n\r\n".to_owned(),
            "GET / HTTP/1.1\r\nhost: x\n\r\n".to_owned(),
            format!("GET / HTTP/1.1\r\nx: {}\n\r\n", "v".repeat(999)),
            format!("POST / HTTP/1.1\r\n{te}\r\n3\r\nabc\r\n0\n\r\n"),
            "POST / HTTP/1.1\r\ncontent-length: +3\r\n\r\n".to_owned(),
            "POST / HTTP/1.1\r\ncontent-length: 3, 3\r\n\r\n".to_owned(),
            format!("POST / HTTP/1.1\r\ncontent-length: {}3\r\n\r\n", "0".repeat(300)),
            // A line that is cut before its last digit has another size to who reads all of it.
            format!("POST / HTTP/1.1\r\n{te}\r\n{}5\r\nabcde\r\n0\r\n\r\n", "0".repeat(300)),
            format!("POST / HTTP/1.1\r\n{te}\r\n5{}\r\nabcde\r\n0\r\n\r\n", " ".repeat(300)),
            format!("POST / HTTP/1.1\r\n{te}\r\n+5\r\nabcde\r\n0\r\n\r\n"),
            format!("POST / HTTP/1.1\r\n{te}\r\n 5\r\nabcde\r\n0\r\n\r\n"),
            format!("POST / HTTP/1.1\r\n{te}\r\n5 5\r\nabcde\r\n0\r\n\r\n"),
            format!("POST / HTTP/1.1\r\n{te}\r\n0x5\r\nabcde\r\n0\r\n\r\n"),
            format!("POST / HTTP/1.1\r\n{te}\r\n10000000000000005\r\nabcde\r\n0\r\n\r\n"),
            format!("POST / HTTP/1.1\r\n{te}\r\n;x=y\r\n\r\n"),
            format!("POST / HTTP/1.1\r\n{te}\r\n\r\n"),
        ] {
            assert_eq!(check(head.as_bytes()).0, Err(Ambiguous), "{head:?}");
        }
    }

    #[test]
    fn requests_in_order_are_followed_from_one_to_the_next() {
        let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
            5;x=y\r\na\nb\nc\r\n10\r\n0123456789abcdef\r\n0\r\nt: 1\r\n\r\n";
        let long = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "v".repeat(999));
        let zeros = format!(
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n{}2 ;{}\r\nab\r\n{}\r\n\r\n",
            "0".repeat(200),
            "x".repeat(999),
            "0".repeat(200)
        );
        let sized = "POST / HTTP/1.1\r\ncontent-length: 4\r\n\r\n\n\n\n\n";
        let all = [chunked, &long, &zeros, sized, "\r\nGET / HTTP/1.1\r\nhost: x\r\n\r\n", chunked]
            .concat();
        assert_eq!(check(all.as_bytes()), (Ok(()), Place::Start));
        let h2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\n\n\0";
        assert_eq!(check(h2.as_bytes()), (Ok(()), Place::Beyond));
    }

    #[test]
    fn the_refusal_states_its_length() {
        let text = String::from_utf8_lossy(REFUSAL);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{}", body.len());
    }
}
