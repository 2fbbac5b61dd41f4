//! Counts requests that have no complete answer yet.
//!
//! It decides when an answer is complete: when its body has ended or was dropped, not when its
//! head was sent. It never delays one.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use axum::body::{Body, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};

/// The number of requests in flight; clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct InFlight(Arc<AtomicUsize>);

/// One request in flight, until dropped.
#[derive(Debug)]
pub(super) struct Ticket(InFlight);

/// A response body that keeps its request in flight.
#[derive(Debug)]
pub(super) struct Ticketed {
    body: Body,
    _ticket: Ticket,
}

impl InFlight {
    pub(super) fn enter(&self) -> Ticket {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ticket(self.clone())
    }

    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Ticket {
    pub(super) fn on(self, body: Body) -> Ticketed {
        Ticketed { body, _ticket: self }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl HttpBody for Ticketed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
