//! A close that lets the client hear the last answer.
//!
//! It decides how long what a client still sends is read and thrown away: a socket that is closed
//! with unread bytes is reset, and the reset can overtake the answer. It never keeps a byte, nor goes on without an end:
//! meanwhile the connection has its place among those of its client.

use std::{
    io,
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

/// What is thrown away at once: a record of TLS (RFC 8446, 5.1). It is on the stack.
const PIECE: usize = 16 << 10;

/// Pieces read before others have their turn.
const PIECES: usize = 16;

/// What is thrown away in all: as much as the largest body of ours, an artifact at the default, so that its client comes to
/// its end.
const BYTES_MAX: u64 = 64 << 20;

/// One close.
#[derive(Debug)]
pub(super) struct Linger {
    /// How long the client may send nothing.
    silence: Duration,
    /// How long all may take.
    whole: Duration,
    rest: Option<Rest>,
}

/// What is still read once our side is closed.
#[derive(Debug)]
struct Rest {
    /// When the client has sent something last.
    heard: Instant,
    end: Instant,
    timer: Pin<Box<Sleep>>,
    bytes: u64,
}

impl Linger {
    /// A close for a client whose bodies may stall so long. It may be silent for half of that, and take three times as
    /// long in all: 5 s and 30 s at the default, as nginx has it.
    pub(super) fn new(body_timeout: Duration) -> Self {
        Self { silence: body_timeout / 2, whole: body_timeout * 3, rest: None }
    }

    /// Closes our side, then reads until the client has closed its own, or for as long as may be.
    pub(super) fn poll<I: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        io: &mut I,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if self.rest.is_none() {
            ready!(Pin::new(&mut *io).poll_shutdown(cx))?;
        }
        let rest = self.rest.get_or_insert_with(|| Rest::new(self.silence, self.whole));
        if rest.is_over(self.silence, cx) {
            return Poll::Ready(Ok(()));
        }
        for _ in 0..PIECES {
            let mut bytes = [MaybeUninit::<u8>::uninit(); PIECE];
            let mut piece = ReadBuf::uninit(&mut bytes);
            // A client that has gone, or reset the connection, hears nothing more.
            let read = ready!(Pin::new(&mut *io).poll_read(cx, &mut piece));
            if read.is_err() || !rest.goes_on(piece.filled().len()) {
                return Poll::Ready(Ok(()));
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Rest {
    fn new(silence: Duration, whole: Duration) -> Self {
        let heard = Instant::now();
        let timer = Box::pin(sleep_until(heard + silence));
        Self { heard, end: heard + whole, timer, bytes: 0 }
    }

    /// Whether the client has been silent for too long, or all of it has taken too long.
    fn is_over(&mut self, silence: Duration, cx: &mut Context<'_>) -> bool {
        while self.timer.as_mut().poll(cx).is_ready() {
            let until = self.end.min(self.heard + silence);
            if Instant::now() >= until {
                return true;
            }
            self.timer.as_mut().reset(until);
        }
        false
    }

    /// Counts what was read; false at its end, and once it is too much.
    fn goes_on(&mut self, read: usize) -> bool {
        self.heard = Instant::now();
        self.bytes += read as u64;
        read > 0 && self.bytes <= BYTES_MAX
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncWriteExt as _, duplex};
    use tokio::time::timeout;

    use super::*;

    /// Far more than any test waits.
    const PATIENCE: Duration = Duration::from_secs(20);

    async fn lingers(body_timeout: Duration, io: &mut tokio::io::DuplexStream) -> Duration {
        let (mut linger, begin) = (Linger::new(body_timeout), Instant::now());
        let closed = timeout(PATIENCE, poll_fn(|cx| linger.poll(io, cx)));
        closed.await.unwrap().unwrap();
        begin.elapsed()
    }

    #[tokio::test]
    async fn a_client_that_goes_on_sending_is_heard_beyond_the_silence_and_not_for_ever() {
        let (mut ours, mut client) = duplex(1 << 10);
        let drip = tokio::spawn(async move {
            while client.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let took = lingers(Duration::from_millis(800), &mut ours).await;
        assert!(took >= Duration::from_millis(2_400), "{took:?}");
        drip.abort();
    }

    #[tokio::test]
    async fn a_client_that_is_silent_is_left_and_one_that_closes_is_not_waited_for() {
        let (mut ours, client) = duplex(1 << 10);
        let took = lingers(Duration::from_millis(100), &mut ours).await;
        assert!(took >= Duration::from_millis(50), "{took:?}");
        drop(client);
        let (mut ours, client) = duplex(1 << 10);
        drop(client);
        assert!(lingers(PATIENCE, &mut ours).await < PATIENCE / 2);
    }

    #[tokio::test]
    async fn no_more_is_thrown_away_than_a_large_body() {
        let (mut ours, mut client) = duplex(1 << 20);
        let flood = tokio::spawn(async move {
            let block = vec![0; 1 << 20];
            let mut sent: u64 = 0;
            while client.write_all(&block).await.is_ok() {
                sent += block.len() as u64;
            }
            sent
        });
        lingers(PATIENCE, &mut ours).await;
        drop(ours);
        let sent = flood.await.unwrap();
        assert!((BYTES_MAX..=BYTES_MAX + (4 << 20)).contains(&sent), "{sent}");
    }
}
