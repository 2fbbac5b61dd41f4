//! Reads the whole state through, slowly and again and again, so that damage is found while the other members can make
//! it good.
//! It decides nothing: damage is noted where it is met. It must never push what readers use out of the cache.

use std::sync::Weak;
use std::time::Duration;

use registry_core::view::Space;

use super::Inner;
use crate::machine::blocking;

/// Entries that are read at a time, and the pause after them: a few MB a second at most.
const PAGE: usize = 64;
const PAUSE: Duration = Duration::from_millis(50);

/// From one reading of all to the next. A bit in a thousand disks turns once a month; arbitrary.
const EVERY: Duration = Duration::from_secs(24 * 60 * 60);

const SPACES: [Space; 5] =
    [Space::State, Space::Bodies, Space::Index, Space::Changes, Space::Tiles];

/// Reads as long as the member lives and nothing is found.
pub(super) async fn run(inner: Weak<Inner>) {
    loop {
        for space in SPACES {
            let mut from = Some(Vec::new());
            while let Some(next) = from {
                let Some(view) = inner.upgrade().map(|inner| inner.published.view()) else {
                    return;
                };
                let page =
                    blocking(move || view.page(space, &next, PAGE).map_err(std::io::Error::other));
                match page.await {
                    Ok(after) => from = after,
                    // Whoever has to know finds it noted.
                    Err(_) => return,
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}
