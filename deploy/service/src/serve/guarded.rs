//! A socket that cannot be held by silence where hyper sets no timer.
//!
//! It decides two such places: the bytes by which HTTP/1 and HTTP/2 are told apart, and a write
//! that finds no room; over TLS a flush and a close are writes too. Between them hyper's own header timer and pings keep
//! watch. It says when all is written, and never changes a byte.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep, sleep_until},
};

use super::{Limits, memory::Connection};

/// RFC 9113 3.4: how an HTTP/2 client begins. Any other beginning is HTTP/1.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A socket whose beginning and whose writes have deadlines.
#[derive(Debug)]
pub(super) struct Guarded<S> {
    stream: S,
    /// Runs until the protocol is known.
    beginning: Option<Pin<Box<Sleep>>>,
    /// How much of the preface was seen.
    preface: &'static [u8],
    /// Runs while a write waits.
    stall: Option<Pin<Box<Sleep>>>,
    write_timeout: Duration,
    connection: Arc<Connection>,
}

impl<S> Guarded<S> {
    /// `beginning` is when the protocol must be known: a handshake before it has used up a part.
    pub(super) fn new(
        stream: S,
        beginning: Instant,
        limits: &Limits,
        connection: &Arc<Connection>,
    ) -> Self {
        Self {
            stream,
            beginning: Some(Box::pin(sleep_until(beginning))),
            preface: PREFACE,
            stall: None,
            write_timeout: limits.write_timeout.std(),
            connection: Arc::clone(connection),
        }
    }

    /// Stops the first deadline once the bytes tell the protocol, or the client has closed.
    fn saw(&mut self, bytes: &[u8]) {
        let both = bytes.len().min(self.preface.len());
        let (seen, rest) = self.preface.split_at(both);
        self.preface = rest;
        if bytes.is_empty() || rest.is_empty() || bytes[..both] != *seen {
            self.beginning = None;
        }
    }

    fn written<T>(
        &mut self,
        cx: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.stall = None;
            return outcome;
        }
        let stall = self.stall.get_or_insert_with(|| Box::pin(sleep(self.write_timeout)));
        ready!(stall.as_mut().poll(cx));
        Poll::Ready(Err(late("the client reads nothing")))
    }
}

fn late(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        match Pin::new(&mut this.stream).poll_read(cx, buf) {
            Poll::Pending => match &mut this.beginning {
                Some(deadline) => {
                    ready!(deadline.as_mut().poll(cx));
                    Poll::Ready(Err(late("the client says nothing")))
                }
                None => Poll::Pending,
            },
            Poll::Ready(outcome) => {
                if this.beginning.is_some() {
                    this.saw(&buf.filled()[before..]);
                }
                Poll::Ready(outcome)
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.written(cx, outcome)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        this.written(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_flush(cx);
        ready!(this.written(cx, outcome))?;
        this.connection.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_shutdown(cx);
        this.written(cx, outcome)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use tokio::io::{AsyncWriteExt as _, BufWriter, duplex};
    use tokio::time::timeout;

    use crate::units;

    use super::super::memory::memory;
    use super::*;

    /// As over TLS: a write is taken at once, and waits for room in a flush or a close.
    #[tokio::test]
    async fn a_client_that_reads_nothing_holds_neither_a_flush_nor_a_close() {
        for closes in [false, true] {
            let (ours, _client) = duplex(1);
            let limits =
                Limits { write_timeout: units::Duration::from_millis(50), ..Limits::default() };
            let connection = Connection::new(&memory(&limits), u64::MAX);
            let beginning = Instant::now() + Duration::from_secs(20);
            let mut io = Guarded::new(BufWriter::new(ours), beginning, &limits, &connection);
            io.write_all(b"answer").await.unwrap();
            let ended = async { if closes { io.shutdown().await } else { io.flush().await } };
            let ended = timeout(Duration::from_secs(20), ended).await.expect("it ends");
            assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
        }
    }
}
