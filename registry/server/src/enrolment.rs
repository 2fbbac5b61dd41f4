//! Taking in peers, over gRPC and HTTP alike.
//!
//! It decides how often strangers may ask to be let in, and that what others ask about a domain leaves room for its
//! owner. It must never let a request cost a proposal
//! before its signatures were verified, nor cause a look-up of any host (attack case 24): the
//! leader does that later, at its own pace.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use deploy_service::Source;
use proto_types::{Class, Full, Origin, Shares};
use proto_wire::registry::v1 as wire;
use registry_api::{Code, Problem, decode, render};
use registry_core::command::{Command, PeerCommand};
use registry_core::entry::Candidate;
use registry_core::query;
use tokio::time::Instant;

use crate::call::Call;
use crate::lookup;
use crate::member::{Member, Reading, done_at};

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
    fn admit(&self, source: Option<Source>, origin: &Origin, now: Instant) -> Result<(), Problem> {
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
    Problem::new(Code::BoundReached, why).with("bound", REQUESTS_MAX)
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

/// Reads an enrolment and has it committed; the peer as it then is, or as it waits.
pub(crate) async fn enrol(
    member: &Member,
    call: &Call,
    request: &wire::EnrolPeerRequest,
) -> Result<(Reading, wire::Peer), Problem> {
    let from = call.source.map(|source| source.to_string());
    let proposal = decode::peer::enrol(&call.principal, request, from, member.clock.now())?;
    let (candidate, waits) = subject(proposal.commands.last())
        .ok_or_else(|| Problem::internal("an enrolment without a candidate"))?;
    if waits {
        if let Some(reading) = waiting(member, &candidate).await? {
            return Ok((reading, render::peer::pending(&candidate)));
        }
        member.enrolment_limiter.admit(call.source, &candidate.origin, Instant::now())?;
    }
    let reading = member.reached(done_at(&member.write(proposal).await?)?).await?;
    let peer = match waits {
        true => render::peer::pending(&candidate),
        false => lookup::peer(&reading.view, &candidate.origin)?,
    };
    Ok((reading, peer))
}

/// A confirmed state in which this very request waits already: to ask again changes nothing, and is not counted.
async fn waiting(member: &Member, candidate: &Candidate) -> Result<Option<Reading>, Problem> {
    let id = candidate.id();
    let waits = |reading: &Reading| -> Result<bool, Problem> {
        let found = query::peer_request(&reading.view, &candidate.origin, &id)?;
        Ok(found.is_some_and(|request| request.expires_at > reading.time))
    };
    if !waits(&member.stale())? {
        return Ok(None);
    }
    let reading = member.strong().await?;
    Ok(waits(&reading)?.then_some(reading))
}

fn subject(command: Option<&Command>) -> Option<(Candidate, bool)> {
    match command {
        Some(Command::Peer(PeerCommand::Admit(admit))) => Some((admit.candidate.clone(), false)),
        Some(Command::Peer(PeerCommand::Request(request))) => {
            Some((request.candidate.clone(), true))
        }
        _ => None,
    }
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
        assert_eq!(same_site.unwrap_err().code(), Code::BoundReached);
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
