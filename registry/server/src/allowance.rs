//! What a request that nobody has verified costs its source.
//!
//! It decides how much is taken beyond the one that every request counts as, for what is dear to answer. It must never
//! charge who has shown a secret or certificate that is known.

use std::sync::Arc;

use axum::response::Response;
use deploy_service::Source;
use http::Extensions;

use crate::front::Sources;

/// What a request takes that is answered in some 20 us, as a record is read.
pub(crate) const PLAIN: u32 = 1;

/// A search by a tag takes 0.2 ms; words that all have take more.
pub(crate) const SEARCH: u32 = 10;

/// A document is parsed and its signature checked.
pub(crate) const VERIFICATION: u32 = 5;

/// A catalog is made of up to twenty searches, and of a record and a card for each entry of its page.
pub(crate) const CATALOG: u32 = 50;

/// In the extensions of a request that is not verified: whose allowance it takes from.
#[derive(Clone)]
pub(crate) struct Allowance {
    pub(crate) sources: Arc<Sources>,
    pub(crate) source: Source,
}

/// The refusal of a request whose source cannot afford it. One was taken when it came.
pub(crate) fn refusal(known: &Extensions, cost: u32, is_grpc: bool) -> Option<Response> {
    let Allowance { sources, source } = known.get::<Allowance>()?;
    let more = cost.saturating_sub(PLAIN);
    let exceeded = sources.limit.charge(*source, more).err()?;
    Some(sources.refused(exceeded, is_grpc))
}
