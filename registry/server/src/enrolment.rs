//! The limit of enrolments: how often strangers may ask to be enrolled, with room kept for a domain's owner.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use deploy_service::Source;
use proto_types::{Class, Full, Origin, Shares};
use registry_api::{Code, Problem};
use tokio::time::Instant;

/// Requests of one source within a window. A peer asks once.
const REQUESTS_MAX: u64 = 10;

/// Requests for one domain within a window: of one source it is half of them. Where all are taken, the source that has asked
/// most gives way.
const OF_DOMAIN: Shares = Shares::new(2 * REQUESTS_MAX).without_reserve();

/// How long a window is.
const WINDOW: Duration = Duration::from_secs(60);

/// Sources and domains that are counted at once; while there are more, nobody new is taken. Who has so many addresses keeps
/// newcomers out (decision 32).
const COUNTED_MAX: usize = 10_000;

/// Limits how often strangers ask to be enrolled.
#[derive(Debug)]
pub(crate) struct EnrolmentLimiter {
    window: Mutex<Window>,
}

#[derive(Debug)]
struct Window {
    began: Instant,
    sources: BTreeMap<Option<Source>, u64>,
    domains: BTreeMap<String, DomainRequests>,
}

/// Requests for one domain.
#[derive(Debug, Default)]
struct DomainRequests {
    total: u64,
    by_source: BTreeMap<Option<Source>, u64>,
}

impl EnrolmentLimiter {
    pub(crate) fn new() -> Self {
        Self { window: Mutex::new(Window::begin(Instant::now())) }
    }

    /// Counts one more request of this source for this domain.
    pub(crate) fn admit(
        &self,
        source: Option<Source>,
        origin: &Origin,
        now: Instant,
    ) -> Result<(), Problem> {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(window.began) >= WINDOW {
            *window = Window::begin(now);
        }
        window.count(source, domain(origin)).ok_or_else(too_often)
    }
}

impl Window {
    fn begin(began: Instant) -> Self {
        Self { began, sources: BTreeMap::new(), domains: BTreeMap::new() }
    }

    fn count(&mut self, source: Option<Source>, domain: String) -> Option<()> {
        let room = self.sources.len() + self.domains.len() < COUNTED_MAX;
        let known = self.sources.contains_key(&source) && self.domains.contains_key(&domain);
        let of_source = self.sources.get(&source).copied().unwrap_or_default();
        if !(room || known) || of_source >= REQUESTS_MAX {
            return None;
        }
        self.domains.entry(domain).or_default().count(source)?;
        self.sources.insert(source, of_source + 1);
        Some(())
    }
}

impl DomainRequests {
    fn count(&mut self, source: Option<Source>) -> Option<()> {
        let own = self.by_source.get(&source).copied().unwrap_or_default();
        match OF_DOMAIN.admit(Class::Ordinary, self.total, own, 1) {
            Ok(()) => {}
            Err(Full::Pool) => self.make_room(own)?,
            Err(Full::Share) => return None,
        }
        self.total += 1;
        self.by_source.insert(source, own + 1);
        Some(())
    }

    /// The source that has the most gives way to one that still has fewer with one more. One that has none comes in anyway:
    /// the owner of a domain asks once.
    fn make_room(&mut self, own: u64) -> Option<()> {
        let most = self.by_source.values_mut().max()?;
        if *most > own + 1 {
            *most -= 1;
            self.total -= 1;
            return Some(());
        }
        (own == 0).then_some(())
    }
}

fn too_often() -> Problem {
    let why = format_args!("at most {REQUESTS_MAX} requests to be enrolled a minute");
    let problem = Problem::new(Code::BoundReached, why).with("bound", REQUESTS_MAX);
    problem.with("retryAfterSeconds", WINDOW.as_secs())
}

/// The last two labels of the host: whoever can make up the rest has one budget. Some suffixes have
/// two labels themselves; there, more share one.
fn domain(origin: &Origin) -> String {
    let host = origin.host().trim_end_matches('.');
    if host.parse::<IpAddr>().is_ok() || host.starts_with('[') {
        return host.to_owned();
    }
    let mut labels: Vec<_> = host.rsplit('.').take(2).collect();
    labels.reverse();
    labels.join(".")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn strangers_of_one_site_or_one_domain_share_a_budget() {
        let (limiter, now) = (EnrolmentLimiter::new(), Instant::now());
        let origin = |text: &str| text.parse::<Origin>().unwrap();
        let from = |text: &str| Some(Source::of(text.parse().unwrap()));
        for at in 0..REQUESTS_MAX {
            let host = origin(&format!("https://a{at}.example{at}.net"));
            limiter.admit(from(&format!("2001:db8::{at}")), &host, now).unwrap();
        }
        let same_site = limiter.admit(from("2001:db8::ffff"), &origin("https://b.example"), now);
        let refused = same_site.unwrap_err();
        assert_eq!(refused.code(), Code::BoundReached);
        assert_eq!(refused.extra("retryAfterSeconds").and_then(|after| after.as_u64()), Some(60));
        let later = now + WINDOW;
        limiter.admit(from("2001:db8::1"), &origin("https://b.example"), later).unwrap();
    }

    #[test]
    fn whoever_asks_first_for_a_domain_that_others_have_asked_for_all_the_time_gets_a_place() {
        let (limiter, now) = (EnrolmentLimiter::new(), Instant::now());
        let ask = |source: u8, host: &str| {
            let source = Source::of(IpAddr::from([192, 0, 2, source]));
            limiter.admit(Some(source), &host.parse().unwrap(), now)
        };
        let mut taken = [0_u64; 5];
        for (source, count) in (1..).zip(&mut taken) {
            while ask(source, &format!("https://a{count}.shared.org")).is_ok() {
                *count += 1;
            }
        }
        assert_eq!(taken[..3], [10, 5, 3], "half of what is left");
        for newcomer in 6..=60 {
            ask(newcomer, "https://owner.shared.org").expect("a place for a newcomer");
        }
        for again in [2, 3, 6, 60] {
            let refused = ask(again, "https://owner.shared.org").unwrap_err();
            assert_eq!(refused.code(), Code::BoundReached, "{again} has as many as others");
        }
    }
}
