//! Whole lists: page after page, until there is no next one.
//!
//! It decides when a list is whole; it must never take a page for all of it.

use proto_wire::registry::v1::ListRequest;

use crate::failure::Failure;

/// Entries of a page; the registry gives no more.
const LIMIT: u32 = 1_000;

/// Every entry of a list. `page` has the registry give the page that is asked for: its entries, and the
/// cursor of the next.
pub(super) async fn all<T>(
    mut page: impl AsyncFnMut(ListRequest) -> Result<(Vec<T>, String), Failure>,
) -> Result<Vec<T>, Failure> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let (entries, next) = page(ListRequest { after, limit: LIMIT, consistency: 0 }).await?;
        all.extend(entries);
        if next.is_empty() {
            return Ok(all);
        }
        after = next;
    }
}
