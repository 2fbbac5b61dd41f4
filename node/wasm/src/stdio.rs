//! The standard output and error of a WASI command: memory with an end.
//!
//! Decides what happens at the end: output ends the run as a limit, diagnostics are cut off in
//! silence, because a talkative program is not a broken one. Must never write to the node's own
//! standard streams.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use node_core::LimitKind;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use crate::limits::LimitHit;

/// What a guest may write at a time: the size that WASI streams usually allow, and so also the most
/// that the host allocates for one write.
const WRITE_BYTES_MAX: usize = 64 << 10;

/// A stream that keeps at most so many bytes. Clones share what was written.
#[derive(Debug, Clone)]
pub(crate) struct Capped {
    kept: Arc<Mutex<Vec<u8>>>,
    bytes_max: usize,
    cut_off: bool,
}

impl Capped {
    /// A stream where the first byte too many ends the run.
    pub(crate) fn strict(bytes_max: u64) -> Self {
        Self::new(bytes_max, false)
    }

    /// A stream that drops what is too much.
    pub(crate) fn lossy(bytes_max: u64) -> Self {
        Self::new(bytes_max, true)
    }

    fn new(bytes_max: u64, cut_off: bool) -> Self {
        let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        Self { kept: Arc::default(), bytes_max, cut_off }
    }

    /// Takes what was written so far.
    pub(crate) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn keep(&self, bytes: &[u8]) -> Result<(), LimitHit> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let room = self.bytes_max.saturating_sub(kept.len());
        if bytes.len() > room && !self.cut_off {
            return Err(LimitHit(LimitKind::Output));
        }
        kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        Ok(())
    }
}

impl OutputStream for Capped {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.keep(&bytes).map_err(|hit| StreamError::Trap(hit.into()))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES_MAX)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Capped {
    async fn ready(&mut self) {}
}

impl AsyncWrite for Capped {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Poll::Ready(self.keep(bytes).map(|()| bytes.len()).map_err(std::io::Error::other))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl IsTerminal for Capped {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Capped {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strict_stream_refuses_what_a_lossy_one_cuts_off() {
        let strict = Capped::strict(4);
        assert_eq!(strict.keep(b"1234"), Ok(()));
        assert_eq!(strict.keep(b"5"), Err(LimitHit(LimitKind::Output)));
        let lossy = Capped::lossy(4);
        assert_eq!(lossy.keep(b"123456"), Ok(()));
        assert_eq!(lossy.clone().take(), b"1234");
    }
}
