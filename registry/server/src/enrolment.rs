//! Taking in peers, over gRPC and HTTP alike.
//!
//! It decides how often strangers may ask to be let in. It must never let a request cost a proposal
//! before its signatures were verified, nor cause a look-up of any host (attack case 24): the
//! leader does that later, at its own pace.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use proto_types::Origin;
use proto_wire::registry::v1 as wire;
use registry_api::{Code, Principal, Problem, decode, render};
use registry_core::command::{Command, PeerCommand};
use registry_core::entry::Candidate;
use tokio::time::Instant;

use crate::lookup;
use crate::member::{Member, Reading, done_at};

/// Requests of one source, and for one domain, within a window. A peer asks once.
const REQUESTS_MAX: u32 = 10;

/// How long a window is.
const WINDOW: Duration = Duration::from_secs(60);

/// Sources and domains that are counted at once; while there are more, nobody new is taken.
const COUNTED_MAX: usize = 10_000;

/// How often strangers have asked lately.
#[derive(Debug)]
pub(crate) struct Strangers {
    window: Mutex<Window>,
}

#[derive(Debug)]
struct Window {
    began: Instant,
    counts: BTreeMap<String, u32>,
}

impl Strangers {
    pub(crate) fn new() -> Self {
        let window = Window { began: Instant::now(), counts: BTreeMap::new() };
        Self { window: Mutex::new(window) }
    }

    /// Counts one more request of this source for this domain.
    fn admit(&self, source: Option<IpAddr>, origin: &Origin, now: Instant) -> Result<(), Problem> {
        let names = [source.map(block), Some(domain(origin))];
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(window.began) >= WINDOW {
            *window = Window { began: now, counts: BTreeMap::new() };
        }
        for name in names.into_iter().flatten() {
            let room = window.counts.len() < COUNTED_MAX;
            match window.counts.get_mut(&name) {
                Some(count) if *count < REQUESTS_MAX => *count += 1,
                None if room => drop(window.counts.insert(name, 1)),
                _ => return Err(too_often()),
            }
        }
        Ok(())
    }
}

fn too_often() -> Problem {
    let why = format_args!("at most {REQUESTS_MAX} requests to be enrolled a minute");
    Problem::new(Code::BoundReached, why).with("bound", REQUESTS_MAX)
}

/// A source: an address, or the /64 that one site has (attack case 36).
fn block(source: IpAddr) -> String {
    match source.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).to_string(),
    }
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
    caller: &Principal,
    source: Option<IpAddr>,
    request: &wire::EnrolPeerRequest,
) -> Result<(Reading, wire::Peer), Problem> {
    let proposal = decode::peer::enrol(caller, request, member.clock.now())?;
    let (candidate, waits) = subject(proposal.commands.last())
        .ok_or_else(|| Problem::internal("an enrolment without a candidate"))?;
    if waits {
        member.strangers.admit(source, &candidate.origin, Instant::now())?;
    }
    let reading = member.reached(done_at(&member.decide(proposal).await?)?).await?;
    let peer = match waits {
        true => render::peer::pending(&candidate),
        false => lookup::peer(&reading.view, &candidate.origin)?,
    };
    Ok((reading, peer))
}

fn subject(command: Option<&Command>) -> Option<(Candidate, bool)> {
    match command {
        Some(Command::Peer(PeerCommand::Admit { candidate, .. })) => {
            Some((candidate.clone(), false))
        }
        Some(Command::Peer(PeerCommand::Request { candidate, .. })) => {
            Some((candidate.clone(), true))
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
        let (strangers, now) = (Strangers::new(), Instant::now());
        let origin = |text: &str| text.parse::<Origin>().unwrap();
        let from = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        for at in 0..REQUESTS_MAX {
            let host = origin(&format!("https://a{at}.example{at}.net"));
            strangers.admit(from(&format!("2001:db8::{at}")), &host, now).unwrap();
        }
        let same_site = strangers.admit(from("2001:db8::ffff"), &origin("https://b.example"), now);
        assert_eq!(same_site.unwrap_err().code(), Code::BoundReached);
        for at in 0..REQUESTS_MAX {
            let host = origin(&format!("https://a{at}.shared.org"));
            strangers.admit(from(&format!("192.0.2.{at}")), &host, now).unwrap();
        }
        let same_domain = strangers.admit(from("192.0.2.99"), &origin("https://z.shared.org"), now);
        assert_eq!(same_domain.unwrap_err().code(), Code::BoundReached);
        let later = now + WINDOW;
        strangers.admit(from("2001:db8::1"), &origin("https://b.example"), later).unwrap();
    }
}
