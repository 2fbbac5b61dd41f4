//! Who may hold a connection: a total, a share for each source, and a part for the system's own roles.
//!
//! It decides the shares, and what a connection without a place is told. Who connects has proved nothing yet: where no other
//! place is left, a connection gets one of the kept part, and keeps it if it proves to be of the system in time. It must
//! never remember a client that has left.

use std::net::IpAddr;

use proto_types::{Class, Full, Shares};
use tokio::time::{Instant, sleep_until};

use crate::pool::{Place, Pool};
use crate::sources::Source;
use crate::tls::{Role, Visitor};

use super::{Limits, memory::Connection};

/// Fewer connections than this are nobody's greed: one browser opens six.
const FLOOR: u64 = 8;

/// The places of one listener; clones share them.
#[derive(Clone)]
pub(super) struct Places {
    open: Pool<Source>,
    /// For the system's own roles: nobody else stays in it.
    kept: Pool<Source>,
}

/// The place of one connection.
#[derive(Debug)]
pub(super) struct Seat {
    /// Whether it is of the kept part.
    pub(super) kept: bool,
    _place: Place<Source>,
}

/// The places of a listener with these limits. A quarter is kept.
pub(super) fn places(limits: &Limits) -> Places {
    let each_max = u64::from(limits.connections_per_address_max);
    let all = u64::from(limits.connections_max);
    let shares = |places| Shares::new(places).without_reserve().each_at_most(each_max);
    let (kept, open) = (all / 4, all - all / 4);
    Places { open: Pool::new(shares(open).with_floor(FLOOR)), kept: Pool::new(shares(kept)) }
}

/// The place of one connection.
pub(super) fn place(places: &Places, address: IpAddr) -> Result<Seat, Full> {
    let source = Source::of(address);
    match places.open.place(Class::Ordinary, source) {
        Ok(place) => Ok(Seat { kept: false, _place: place }),
        Err(Full::Share) => Err(Full::Share),
        Err(Full::Pool) => {
            let place = places.kept.place(Class::Ordinary, source)?;
            Ok(Seat { kept: true, _place: place })
        }
    }
}

/// Why a connection leaves a kept place.
pub(super) const UNPROVEN: &str =
    "all other places are taken, and no role of the system was proved in time";

/// Whether a client's certificate is of one of the system's own roles.
pub(super) fn is_of_the_system(visitor: Option<&Visitor>) -> bool {
    visitor.is_some_and(|visitor| match visitor.identity.role() {
        Role::Registry | Role::Gateway | Role::Node | Role::Operator => true,
        Role::Peer => false,
    })
}

/// Waits until a connection had to prove to be of the system and has not; without that moment for ever.
pub(super) async fn unproven(by: Option<Instant>, held: &Connection) {
    let Some(moment) = by else { return std::future::pending().await };
    sleep_until(moment).await;
    if held.is_system() {
        std::future::pending().await
    }
}

/// The whole answer to a connection without a place; nothing of its request is read.
pub(super) fn answer(full: Full) -> &'static str {
    match full {
        Full::Pool => {
            "HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\n\
             content-length: 0\r\nconnection: close\r\n\r\n"
        }
        Full::Share => {
            "HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\n\
             content-length: 0\r\nconnection: close\r\n\r\n"
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_a_share_of_the_whole_and_a_place_comes_back() {
        let limits =
            Limits { connections_max: 3, connections_per_address_max: 2, ..Limits::default() };
        let places = places(&limits);
        let take = |address: &str| place(&places, address.parse().unwrap());
        let first = take("2001:db8::1").unwrap();
        let _second = take("2001:db8::ffff:1").unwrap();
        assert_eq!(take("2001:db8::2").unwrap_err(), Full::Share, "the same /64");
        let _third = take("192.0.2.1").unwrap();
        assert_eq!(take("192.0.2.2").unwrap_err(), Full::Pool);
        drop(first);
        let _fourth = take("::ffff:192.0.2.1").unwrap();
        assert_eq!(places.open.taken(), 3);
    }

    #[test]
    fn beyond_three_quarters_a_place_is_kept_for_the_system_and_no_source_has_all_of_these() {
        let places = places(&Limits { connections_max: 16, ..Limits::default() });
        let take = |last: u8| place(&places, [192, 0, 2, last].into());
        let strangers: Vec<_> = (1..=12).map(|last| take(last).unwrap()).collect();
        assert!(strangers.iter().all(|seat| !seat.kept));
        let kept = [take(13).unwrap(), take(13).unwrap()];
        assert!(kept.iter().all(|seat| seat.kept));
        assert_eq!(take(13).unwrap_err(), Full::Share);
        assert!(take(14).unwrap().kept);
    }

    #[test]
    fn a_few_sources_with_silent_connections_do_not_fill_a_listener() {
        let places = places(&Limits::default());
        let mut held = Vec::new();
        for source in 0..4 {
            let address = format!("192.0.2.{source}").parse().unwrap();
            held.extend(std::iter::from_fn(|| place(&places, address).ok()).take(4_096));
        }
        let free = Limits::default().connections_max - u32::try_from(held.len()).unwrap();
        assert!(free >= 256, "{free} places are left for everybody else");
        assert!(place(&places, "198.51.100.1".parse().unwrap()).is_ok());
    }
}
