//! Who may hold a connection: a total, a share for each source, and a part for the system's own roles.
//!
//! It decides the shares, and what a connection without a permit is answered. Until a proxy has said for whom it connects,
//! the connection is the proxy's own. Who connects has proved nothing yet: where no other place is left for it, a connection
//! gets one of the kept part. It stays there if it proves to be of the system in time, moves to an open place if one is free
//! then, and else has to leave. It must never remember a client that has left.

use std::net::IpAddr;
use std::time::Duration;

use proto_types::{Class, Full, Shares};
use tokio::time::{Instant, sleep_until};

use crate::pool::{Place, Pool};
use crate::sources::Source;
use crate::tls::{Role, Visitor};

use super::{Limits, memory::Connection};

/// Fewer connections than this are nobody's greed: one browser opens six.
const FLOOR: u64 = 8;

/// What a connection that has to leave a kept place may take to end its answers. Reads take milliseconds, and places that
/// strangers hold are kept from others. Arbitrary.
pub(super) const PARTING: Duration = Duration::from_secs(2);

/// The places for connections of one listener; clones share them.
#[derive(Clone)]
pub(super) struct ConnectionLimits {
    open: Pool<Source>,
    /// For the system's own roles: nobody else stays in it.
    kept: Pool<Source>,
    /// Of both, for one source.
    each_max: u64,
}

/// One connection's permit: its place in one of the two parts.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    source: Source,
    /// Whether it is of the kept part.
    kept: bool,
    _place: Place<Source>,
}

impl ConnectionLimits {
    /// Of a listener with these limits. A quarter is kept, where the system's own roles call.
    pub(super) fn new(limits: &Limits, keeps_places: bool) -> Self {
        let each_max = u64::from(limits.connections_per_address_max);
        let all = u64::from(limits.connections_max);
        let kept = if keeps_places { all / 4 } else { 0 };
        let shares = |places| Shares::new(places).without_reserve().each_at_most(each_max);
        let open = Pool::new(shares(all - kept).with_floor(FLOOR));
        Self { open, kept: Pool::new(shares(kept)), each_max }
    }

    /// The permit of one connection.
    pub(super) fn admit(&self, address: IpAddr) -> Result<ConnectionPermit, Full> {
        let source = Source::of(address);
        // In this order, since one that moves is in both parts for a moment and must not be missed in either.
        if self.kept.held(&source) + self.open.held(&source) >= self.each_max {
            return Err(Full::Share);
        }
        let full = match self.open.place(Class::Ordinary, source) {
            Ok(place) => return Ok(ConnectionPermit { source, kept: false, _place: place }),
            Err(full) => full,
        };
        match self.kept.place(Class::Ordinary, source) {
            Ok(place) => Ok(ConnectionPermit { source, kept: true, _place: place }),
            Err(of_kept) => Err(if full == Full::Share { full } else { of_kept }),
        }
    }
}

impl ConnectionPermit {
    /// The permit of a connection whose client is another than it seemed, as its proxy says by now. The former place is
    /// given back before: one connection never counts twice.
    pub(super) fn pass_to(self, limits: &ConnectionLimits, client: IpAddr) -> Result<Self, Full> {
        if Source::of(client) == self.source {
            return Ok(self);
        }
        drop(self);
        limits.admit(client)
    }

    /// Waits until the connection has to leave a kept place: it had to prove to be of the system by a moment and has not,
    /// and no open place is free then. In any other place for ever.
    pub(super) async fn ends(
        &mut self,
        limits: &ConnectionLimits,
        held: &Connection,
        (is_system, proof_by): (bool, Instant),
    ) {
        if !self.kept || is_system {
            return std::future::pending().await;
        }
        sleep_until(proof_by).await;
        if held.is_system() || self.moves(limits) {
            return std::future::pending().await;
        }
        tracing::debug!(source = %self.source, "a kept place was not proved to be of the system");
    }

    /// Moves to an open place; false if there is none.
    fn moves(&mut self, limits: &ConnectionLimits) -> bool {
        let Ok(place) = limits.open.place(Class::Ordinary, self.source) else { return false };
        (self._place, self.kept) = (place, false);
        true
    }
}

/// Whether a client's certificate is of one of the system's own roles.
pub(super) fn is_of_the_system(visitor: Option<&Visitor>) -> bool {
    visitor.is_some_and(|visitor| match visitor.identity.role() {
        Role::Registry | Role::Gateway | Role::Node | Role::Operator => true,
        Role::Peer => false,
    })
}

/// The whole answer to a connection without a permit; nothing of its request is read.
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
        let listener = ConnectionLimits::new(&limits, true);
        let take = |address: &str| listener.admit(address.parse().unwrap());
        let first = take("2001:db8::1").unwrap();
        let _second = take("2001:db8::ffff:1").unwrap();
        assert_eq!(take("2001:db8::2").unwrap_err(), Full::Share, "the same /64");
        let _third = take("192.0.2.1").unwrap();
        assert_eq!(take("192.0.2.2").unwrap_err(), Full::Pool);
        drop(first);
        let _fourth = take("::ffff:192.0.2.1").unwrap();
        assert_eq!(listener.open.taken(), 3);
    }

    #[test]
    fn a_place_passes_from_a_proxy_to_its_client_and_is_neither_counted_twice_nor_lost() {
        let limits =
            Limits { connections_max: 2, connections_per_address_max: 1, ..Limits::default() };
        let listener = ConnectionLimits::new(&limits, false);
        let take = |last: u8| listener.admit([192, 0, 2, last].into());
        let pass = |permit: ConnectionPermit, last: u8| {
            permit.pass_to(&listener, [198, 51, 100, last].into())
        };
        let first = pass(take(1).unwrap(), 1).unwrap();
        let unread = take(1).unwrap();
        assert_eq!(take(1).unwrap_err(), Full::Share, "what the proxy has not said yet is its own");
        assert_eq!(pass(unread, 1).unwrap_err(), Full::Share, "its client has its share");
        assert_eq!(listener.open.taken(), 1);
        let second = pass(take(1).unwrap(), 2).expect("the last place is the one that passes");
        assert_eq!(listener.open.taken(), 2);
        let same = second.pass_to(&listener, "::ffff:198.51.100.2".parse().unwrap());
        drop((first, same.unwrap()));
        assert_eq!(listener.open.taken(), 0);
    }

    #[test]
    fn beyond_three_quarters_a_place_is_kept_for_the_system_and_no_source_has_all_of_these() {
        let listener =
            ConnectionLimits::new(&Limits { connections_max: 16, ..Limits::default() }, true);
        let take = |last: u8| listener.admit([192, 0, 2, last].into());
        let strangers: Vec<_> = (1..=12).map(|last| take(last).unwrap()).collect();
        assert!(strangers.iter().all(|permit| !permit.kept));
        let kept = [take(13).unwrap(), take(13).unwrap()];
        assert!(kept.iter().all(|permit| permit.kept));
        assert_eq!(take(13).unwrap_err(), Full::Share);
        assert!(take(14).unwrap().kept);
    }

    #[test]
    fn a_source_that_has_its_share_gets_a_kept_place_and_never_more_than_one_source_may_have() {
        let limits =
            Limits { connections_max: 32, connections_per_address_max: 10, ..Limits::default() };
        let listener = ConnectionLimits::new(&limits, true);
        let take = |last: u8| listener.admit([192, 0, 2, last].into());
        let _strangers: Vec<_> = (2..16).map(|last| take(last).unwrap()).collect();
        // Members, gateways and nodes of one machine.
        let fleet: Vec<_> = (0..10).map(|_| take(1).unwrap()).collect();
        assert_eq!(fleet.iter().filter(|permit| permit.kept).count(), 2, "beside the floor of 8");
        assert_eq!(take(1).unwrap_err(), Full::Share);
        assert!(!take(16).unwrap().kept, "there is room for another one");
    }

    #[test]
    fn a_connection_moves_from_a_kept_place_to_an_open_one_that_is_free() {
        let listener =
            ConnectionLimits::new(&Limits { connections_max: 8, ..Limits::default() }, true);
        let take = |last: u8| listener.admit([192, 0, 2, last].into());
        let mut strangers: Vec<_> = (1..=6).map(|last| take(last).unwrap()).collect();
        let mut late = take(7).unwrap();
        assert!(late.kept && !late.moves(&listener), "there is no open place");
        strangers.pop();
        assert!(late.moves(&listener) && !late.kept);
        assert_eq!((listener.open.taken(), listener.kept.taken()), (6, 0));
    }

    #[test]
    fn a_listener_that_keeps_nothing_has_all_its_places_for_everybody() {
        let listener =
            ConnectionLimits::new(&Limits { connections_max: 8, ..Limits::default() }, false);
        let take = |last: u8| listener.admit([192, 0, 2, last].into());
        let all: Vec<_> = (1..=8).map(|last| take(last).unwrap()).collect();
        assert!(all.iter().all(|permit| !permit.kept));
        assert_eq!(take(9).unwrap_err(), Full::Pool);
    }

    #[test]
    fn a_few_sources_with_silent_connections_do_not_fill_a_listener() {
        let listener = ConnectionLimits::new(&Limits::default(), true);
        let mut held = Vec::new();
        for source in 0..4 {
            let address = format!("192.0.2.{source}").parse().unwrap();
            held.extend(std::iter::from_fn(|| listener.admit(address).ok()).take(4_096));
        }
        let free = Limits::default().connections_max - u32::try_from(held.len()).unwrap();
        assert!(free >= 256, "{free} places are left for everybody else");
        assert!(listener.admit("198.51.100.1".parse().unwrap()).is_ok());
    }
}
