//! An answer's body on its way to a client that may not read it.
//!
//! It decides how much of an answer leaves at once, and counts what is held of it. It must never give the connection
//! below more than one piece that the client has made no room for: below, nothing is counted.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::{Body, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};
use proto_types::{Class, Full};

use super::{
    in_flight::Ticket,
    memory::{Claim, SHORT},
};

/// Bytes that are given to the connection at once: a frame of HTTP/2 (RFC 9113, 4.2).
const PIECE: usize = 16 << 10;

/// A response body that keeps its request in flight, and holds memory.
#[derive(Debug)]
pub(super) struct Answer {
    body: Body,
    claim: Claim,
    /// Counted for what `body` gave last, unless the whole was counted at the beginning.
    newest: Option<u64>,
    /// What `body` has given and the connection has not.
    ready: Bytes,
    /// What it gave after that, if it is not data.
    then: Option<Ended>,
    begun: bool,
    _ticket: Ticket,
}

#[derive(Debug)]
enum Ended {
    With(Frame<Bytes>),
    Failed(axum::Error),
    Whole,
}

impl Answer {
    /// The body of an answer, whose size is counted now. Of one that does not say its size the first part is made.
    pub(super) async fn new(body: Body, claim: Claim, ticket: Ticket) -> Result<Self, Full> {
        let whole = body.size_hint().exact();
        claim.hold(whole.unwrap_or(0))?;
        let mut answer = Self::uncounted(body, claim, ticket);
        if whole.is_none() {
            answer.newest = Some(0);
            let first = poll_fn(|cx| Poll::Ready(Pin::new(&mut answer.body).poll_frame(cx))).await;
            if let Poll::Ready(first) = first {
                answer.keep(first)?;
            }
        }
        Ok(answer)
    }

    /// A few words in place of an answer that was too much.
    pub(super) fn uncounted(body: Body, claim: Claim, ticket: Ticket) -> Self {
        let (ready, then) = (Bytes::new(), None);
        Self { body, claim, newest: None, ready, then, begun: false, _ticket: ticket }
    }

    /// Keeps what the body gave, in place of what it gave before.
    fn keep(&mut self, given: Option<Result<Frame<Bytes>, axum::Error>>) -> Result<(), Full> {
        match given.map(|given| given.map(Frame::into_data)) {
            Some(Ok(Ok(data))) => {
                if let Some(newest) = &mut self.newest {
                    self.claim.shrink(std::mem::replace(newest, 0));
                    self.claim.hold(data.len() as u64)?;
                    *newest = data.len() as u64;
                }
                self.ready = data;
            }
            Some(Ok(Err(other))) => self.then = Some(Ended::With(other)),
            Some(Err(error)) => self.then = Some(Ended::Failed(error)),
            None => self.then = Some(Ended::Whole),
        }
        Ok(())
    }

    /// The next piece. The last byte of a stranger's answer goes alone: it goes only when there is room for all before
    /// it, so that nothing waits below when this is dropped.
    fn piece(&mut self) -> Bytes {
        let left = self.ready.len();
        let alone = left as u64 > SHORT && self.claim.class() == Class::Ordinary;
        let len = if left <= PIECE && alone { left - 1 } else { left.min(PIECE) };
        self.ready.split_to(len)
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.claim.end_answer();
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        this.begun = true;
        loop {
            if !this.ready.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(this.piece()))));
            }
            match this.then.take() {
                Some(Ended::With(frame)) => return Poll::Ready(Some(Ok(frame))),
                Some(Ended::Failed(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ended::Whole) => return Poll::Ready(None),
                None => {}
            }
            let given = std::task::ready!(Pin::new(&mut this.body).poll_frame(cx));
            if let Err(full) = this.keep(given) {
                return Poll::Ready(Some(Err(axum::Error::new(full))));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        let empty = self.ready.is_empty() && matches!(self.then, None | Some(Ended::Whole));
        !self.begun && empty && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.newest.is_none() && !self.begun { self.body.size_hint() } else { SizeHint::new() }
    }
}
