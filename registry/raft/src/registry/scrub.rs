//! The scrub: it reads the whole state, slowly and again and again, so that damage is found while the other members can
//! repair it. What readers use is never pushed out of the cache.

use std::io;
use std::sync::Weak;
use std::time::Duration;

use registry_core::view::Space;

use super::Inner;
use crate::store_handle::blocking;

/// Entries that are read at a time, and the pause after them: a few MB a second at most.
const PAGE: usize = 64;
const PAUSE: Duration = Duration::from_millis(50);

/// From one reading of all to the next. A bit in a thousand disks turns once a month; arbitrary.
const EVERY: Duration = Duration::from_secs(24 * 60 * 60);

const SPACES: [Space; 5] =
    [Space::State, Space::Bodies, Space::Index, Space::Changes, Space::Tiles];

/// After a reading that failed for another reason than damage. Arbitrary.
const AGAIN: Duration = Duration::from_secs(60);

/// Reads as long as the member runs and nothing is found.
pub(super) async fn run(inner: Weak<Inner>) {
    loop {
        for space in SPACES {
            let mut from = Some(Vec::new());
            while let Some(next) = from {
                let Some(inner) = inner.upgrade() else { return };
                let (view, damage) = (inner.published.view(), inner.handle.store.damage().clone());
                drop(inner);
                let place = next.clone();
                let page = move || view.page(space, &place, PAGE).map_err(io::Error::other);
                let page = blocking(page).await;
                let Some((after, pause)) = go_on(page, next, damage.found().is_some()) else {
                    return;
                };
                from = after;
                tokio::time::sleep(pause).await;
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Where to go on after a page that was read from a key on, and when; `None` once damage is noted.
fn go_on(
    page: io::Result<Option<Vec<u8>>>,
    from: Vec<u8>,
    damaged: bool,
) -> Option<(Option<Vec<u8>>, Duration)> {
    match page {
        Ok(after) => Some((after, PAUSE)),
        // Whoever has to know finds it noted.
        Err(_) if damaged => None,
        Err(cause) => {
            tracing::warn!(%cause, "the state cannot be read through; it is tried again");
            Some((Some(from), AGAIN))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_that_fails_is_tried_again_until_damage_is_noted() {
        let failed = || Err(io::Error::other("too many open files"));
        let from = || b"from".to_vec();
        assert_eq!(
            go_on(Ok(Some(b"next".to_vec())), from(), false),
            Some((Some(b"next".to_vec()), PAUSE))
        );
        assert_eq!(go_on(Ok(None), from(), false), Some((None, PAUSE)));
        assert_eq!(go_on(failed(), from(), false), Some((Some(from()), AGAIN)));
        assert_eq!(go_on(failed(), from(), true), None);
    }
}
