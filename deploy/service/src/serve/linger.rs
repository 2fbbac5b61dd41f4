//! A close that lets the client hear the last answer.
//!
//! It decides how long what a client still sends is read and thrown away: a socket that is closed
//! with unread bytes is reset, and the reset can overtake the answer. It never keeps a byte.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// What is thrown away at once. Arbitrary; it is on the stack.
const PIECE: usize = 4 << 10;

/// Pieces read before others have their turn.
const PIECES: usize = 64;

/// One close.
#[derive(Debug)]
pub(super) struct Linger {
    patience: Duration,
    /// Runs from when our side is closed.
    until: Option<Pin<Box<Sleep>>>,
}

impl Linger {
    /// A close that takes at most so long.
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, until: None }
    }

    /// Closes our side, then reads until the client has closed its own, or for as long as may be.
    pub(super) fn poll<I: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        io: &mut I,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if self.until.is_none() {
            std::task::ready!(Pin::new(&mut *io).poll_shutdown(cx))?;
        }
        let until = self.until.get_or_insert_with(|| Box::pin(sleep(self.patience)));
        if until.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        for _ in 0..PIECES {
            let mut bytes = [0; PIECE];
            let mut piece = ReadBuf::new(&mut bytes);
            // A client that has gone, or reset the connection, hears nothing more.
            let read = std::task::ready!(Pin::new(&mut *io).poll_read(cx, &mut piece));
            if read.is_err() || piece.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
