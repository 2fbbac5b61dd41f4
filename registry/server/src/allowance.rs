//! The price of a request that nobody has verified, beyond the one that every request costs its source. A page costs by
//! how many entries it may have, before they are read. A caller that has shown a known secret or certificate pays
//! nothing.

use std::sync::Arc;

use axum::response::Response;
use deploy_service::sources::Exceeded;
use deploy_service::{Source, SourceLimit};
use http::header::RETRY_AFTER;
use http::{Extensions, HeaderName, HeaderValue};
use registry_api::{Code, Problem};
use tokio::time::sleep;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// What a request takes that is answered in some 20 us, as a record is read.
pub(crate) const PLAIN: u32 = 1;

/// A search by a tag takes 0.2 ms; words that all have take more.
pub(crate) const SEARCH: u32 = 10;

/// A document is parsed and its signature checked.
pub(crate) const VERIFICATION: u32 = 5;

/// A catalog is made of up to twenty searches, and of a record and a card for each entry of its page.
pub(crate) const CATALOG: u32 = 50;

/// A page of names: for each a key of an index, which RocksDB hands out in half a microsecond, and as much again to sort,
/// check, write and sign it. Reckoned, not measured, as the next two.
pub(crate) const NAMES: Pages = Pages { of_a_request: 16 };

/// A page of entries without documents: each is read, decoded and written in 10 us.
pub(crate) const ENTRIES: Pages = Pages { of_a_request: 2 };

/// A page of entries with a document of each, which is read and written besides.
pub(crate) const DOCUMENTS: Pages = Pages { of_a_request: 1 };

/// What pages of a list cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pages {
    /// So many entries take as long as a record that is read.
    of_a_request: usize,
}

impl Pages {
    /// What a page costs that may have so many entries.
    pub(crate) fn cost(self, entries: usize) -> u32 {
        let requests = entries.div_ceil(self.of_a_request);
        u32::try_from(requests).unwrap_or(u32::MAX).saturating_add(PLAIN)
    }
}

/// What is known of where requests come from.
pub(crate) struct Sources {
    /// Of what is not verified.
    pub(crate) limit: SourceLimit,
}

impl Sources {
    /// The answer to what a source has no share left for.
    pub(crate) fn refused(
        &self,
        exceeded: Exceeded,
        answer: impl FnOnce(Problem) -> Response,
    ) -> Response {
        let mut response = answer(problem(exceeded));
        let headers = response.headers_mut();
        headers.insert(RETRY_AFTER, HeaderValue::from(exceeded.retry_after_s()));
        let policy = (RATE_LIMIT_POLICY, self.limit.policy_header());
        for (name, value) in [policy, (RATE_LIMIT, self.limit.exceeded_header(exceeded))] {
            let value = HeaderValue::from_str(&value).expect("numbers and words of ours");
            headers.insert(name, value);
        }
        response
    }
}

/// In the extensions of a request that is not verified: whose allowance it takes from.
#[derive(Clone)]
pub(crate) struct Allowance {
    pub(crate) sources: Arc<Sources>,
    pub(crate) source: Source,
}

/// What a request has paid for so far. One was taken when it came.
pub(crate) struct Account {
    allowance: Option<Allowance>,
    paid: u32,
}

impl Account {
    /// The account of a request with these extensions. Who is verified pays nothing.
    pub(crate) fn of(known: &Extensions) -> Self {
        Self { allowance: known.get::<Allowance>().cloned(), paid: PLAIN }
    }

    /// Pays for all that is done until it is asked for more.
    ///
    /// # Errors
    /// `rate-limited`: the source cannot afford it.
    pub(crate) fn pay(&mut self, cost: u32) -> Result<(), Problem> {
        self.charge(cost).map_err(problem)
    }

    /// Pays for what comes after all that was paid for, as soon as the source can afford it. Cancel safe: nothing is paid
    /// before it is done.
    pub(crate) async fn afford(&self, cost: u32) {
        let Some(Allowance { sources, source }) = &self.allowance else { return };
        while let Err(exceeded) = sources.limit.charge(*source, (0, cost)) {
            sleep(exceeded.retry_after).await;
        }
    }

    fn charge(&mut self, cost: u32) -> Result<(), Exceeded> {
        if let Some(Allowance { sources, source }) = &self.allowance {
            sources.limit.charge(*source, (self.paid, cost))?;
        }
        self.paid = self.paid.max(cost);
        Ok(())
    }
}

/// The refusal of a request whose source cannot afford it, as its protocol answers a problem.
pub(crate) fn refusal(
    known: &Extensions,
    cost: u32,
    answer: impl FnOnce(Problem) -> Response,
) -> Option<Response> {
    let exceeded = Account::of(known).charge(cost).err()?;
    known.get::<Allowance>().map(|it| it.sources.refused(exceeded, answer))
}

/// Pays for a page of so many entries, if the method that is called costs by the page.
///
/// # Errors
/// As [`Account::pay`].
pub(crate) fn page(known: &Extensions, entries: usize) -> Result<(), Problem> {
    known.get::<Pages>().map_or(Ok(()), |pages| Account::of(known).pay(pages.cost(entries)))
}

/// What a source is told that has no share left.
fn problem(exceeded: Exceeded) -> Problem {
    let after_s = exceeded.retry_after_s();
    let why = format_args!("the source has used up its share; try again in {after_s} s");
    Problem::new(Code::RateLimited, why).with("retryAfterSeconds", after_s)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::time::{Duration, Instant};

    use crate::config::Bounds;

    use super::*;

    fn known(per_second: u32, burst: u32) -> (Extensions, Arc<Sources>, Source) {
        let sources = Arc::new(Sources { limit: SourceLimit::new(per_second, burst) });
        let source = Source::of("192.0.2.1".parse().unwrap());
        let mut known = Extensions::new();
        known.insert(Allowance { sources: Arc::clone(&sources), source });
        (known, sources, source)
    }

    #[test]
    fn a_page_of_the_default_length_is_cheap_and_a_long_one_costs_as_much_more() {
        let costs = |pages: Pages| [1, 100, 1_000].map(|entries| pages.cost(entries));
        assert_eq!(costs(NAMES), [2, 8, 64]);
        assert_eq!(costs(ENTRIES), [2, 51, 501]);
        assert_eq!(costs(DOCUMENTS), [2, 101, 1_001]);
        assert_eq!(DOCUMENTS.cost(usize::MAX), u32::MAX);
    }

    #[test]
    fn a_page_is_paid_for_where_the_method_costs_by_the_page_and_nobody_known_pays() {
        let (mut stranger, sources, source) = known(1, 1_000);
        sources.limit.check(source).unwrap();
        assert!(page(&stranger, 100_000).is_ok(), "this method does not");
        stranger.insert(NAMES);
        page(&stranger, 1_000).unwrap();
        assert!(sources.limit.charge(source, (0, 936)).is_ok(), "64 are taken");
        let refused = page(&stranger, 1_000).unwrap_err();
        assert_eq!(refused.code(), Code::RateLimited);
        assert!(refused.extra("retryAfterSeconds").is_some_and(|it| it.as_u64() > Some(0)));
        let mut operator = Extensions::new();
        operator.insert(DOCUMENTS);
        assert!((0..100).all(|_| page(&operator, 1_000).is_ok()));
    }

    #[test]
    fn what_is_paid_in_parts_comes_to_what_all_of_it_costs() {
        let (stranger, sources, source) = known(1, 100);
        sources.limit.check(source).unwrap();
        let mut account = Account::of(&stranger);
        for cost in [10, 60, 1_000] {
            account.pay(cost).unwrap();
        }
        assert!(sources.limit.charge(source, (0, 30)).is_err(), "the whole share is taken");
    }

    /// Asks for a page of the list of all records, which is paid for in parts, each twice as long as the one before.
    fn list(
        names: usize,
        (known, sources, source): &(Extensions, Arc<Sources>, Source),
    ) -> Result<(), Problem> {
        const PAGE: usize = 100_000;
        sources.limit.check(*source).map_err(problem)?;
        let mut account = Account::of(known);
        let longer = |end: &usize| (*end < names).then_some(PAGE.min(end * 2));
        std::iter::successors(Some(1_000), longer).try_for_each(|end| account.pay(NAMES.cost(end)))
    }

    #[test]
    fn who_waits_as_long_as_it_is_told_gets_a_list_of_more_than_one_page_with_the_default_share() {
        let bounds = Bounds::default();
        let stranger = known(bounds.source_requests_per_second, bounds.source_burst);
        list(100_000, &stranger).unwrap();
        let began = Instant::now();
        // Each of these takes all that may come at once, which the page before has taken.
        while let Err(refused) = list(50_000, &stranger) {
            let after_s = refused.extra("retryAfterSeconds").and_then(|it| it.as_u64()).unwrap();
            std::thread::sleep(Duration::from_secs(after_s));
        }
        let (waited, least) = (began.elapsed(), Duration::from_secs(1));
        assert!((least..10 * least).contains(&waited), "{waited:?}");
    }
}
