//! What is left of a request body that its handler did not read.
//!
//! It decides whether an HTTP/1 connection can carry another request after such an answer: only if
//! the rest has come and is little. It never lets a client hold an answer back for longer than
//! [`PATIENCE`], and never asks for a body that nobody wants.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Body, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::{HeaderMap, Request, Version, header::EXPECT};
use tokio::time::timeout;

/// Of a refused body so much is read for the sake of the connection: a TLS handshake costs more.
const BYTES_MAX: u64 = 64 << 10;

/// How long a rest may be on its way. Arbitrary: clients send a head and a short body at once.
const PATIENCE: Duration = Duration::from_millis(100);

/// Where a handler leaves what it did not read.
#[derive(Debug, Default, Clone)]
pub(super) struct Unread(Arc<Mutex<Rest>>);

#[derive(Debug, Default)]
enum Rest {
    /// The handler still has it.
    #[default]
    Held,
    /// Nothing.
    Read,
    /// The body from where the handler stopped.
    Left(Body),
}

/// A body that comes back when it is dropped.
#[derive(Debug)]
struct Returning {
    body: Option<Body>,
    unread: Unread,
}

impl Unread {
    /// Watches the body of a request; `None` where nothing needs to be watched: HTTP/2 ends streams
    /// one by one.
    pub(super) fn watch(request: Request<Body>) -> (Request<Body>, Option<Self>) {
        if request.version() > Version::HTTP_11 || request.body().is_end_stream() {
            return (request, None);
        }
        let unread = Self::default();
        let watched = |body| Body::new(Returning { body: Some(body), unread: unread.clone() });
        (request.map(watched), Some(unread))
    }

    async fn is_passed(&self, may_read: bool) -> bool {
        let rest = std::mem::take(&mut *self.lock());
        match rest {
            Rest::Read => true,
            Rest::Held => false,
            Rest::Left(body) => may_read && drained(body).await,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Rest> {
        // The lock is held for one assignment, which does not panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the connection can carry another request: reads what little is left, unless the
/// client waits to be asked for it. There is nothing where nothing is watched.
pub(super) async fn is_passed(unread: Option<Unread>, may_read: bool) -> bool {
    match unread {
        Some(unread) => unread.is_passed(may_read).await,
        None => true,
    }
}

/// Whether the rest may be read although nobody wants it: reading asks a client for it that sent
/// `Expect`.
pub(super) fn may_read(headers: &HeaderMap) -> bool {
    !headers.contains_key(EXPECT)
}

async fn drained(mut body: Body) -> bool {
    if body.size_hint().lower() > BYTES_MAX {
        return false;
    }
    let read = async {
        let mut left = BYTES_MAX;
        while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await
        {
            let bytes = frame.ok()?.data_ref().map_or(0, |data| data.len() as u64);
            left = left.checked_sub(bytes)?;
        }
        Some(())
    };
    matches!(timeout(PATIENCE, read).await, Ok(Some(())))
}

impl HttpBody for Returning {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        let frame = std::task::ready!(Pin::new(&mut *body).poll_frame(cx));
        if frame.is_none() || body.is_end_stream() {
            this.body = None;
            *this.unread.lock() = Rest::Read;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Returning {
    fn drop(&mut self) {
        if let Some(body) = self.body.take() {
            *self.unread.lock() = Rest::Left(body);
        }
    }
}
