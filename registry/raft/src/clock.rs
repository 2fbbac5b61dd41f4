//! The wall clock that the leader stamps entries with. It is passed in, so that a test can set it.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use proto_types::WallMs;

/// A source of wall time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> WallMs + Send + Sync>);

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::new(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            WallMs(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
        })
    }

    /// Any other clock.
    #[must_use]
    pub fn new(now: impl Fn() -> WallMs + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> WallMs {
        (self.0)()
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Clock")
    }
}
