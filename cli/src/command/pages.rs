//! Lists by pages: whole ones, page after page until there is no next one, and single pages that are asked for.
//!
//! It decides when a list is whole; it must never take a page for all of it.

use proto_wire::registry::v1::ListRequest;

use crate::args::Format;
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

/// Says how to ask for the next page, if there is one. In JSON the page says so itself.
pub(super) fn say_more(next: &str, format: Format) {
    if !next.is_empty() && matches!(format, Format::Table) {
        eprintln!("there is more: --cursor {next}");
    }
}
