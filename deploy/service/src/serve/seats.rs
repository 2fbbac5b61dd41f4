//! Who may hold a connection: a total, and a share for each source.
//!
//! It decides the shares, and what a connection without a place is told. It must never remember a client that has left.

use std::net::IpAddr;

use proto_types::{Class, Full, Shares};

use crate::pool::{Place, Pool};
use crate::sources::Source;

use super::Limits;

/// Fewer connections than this are nobody's greed: one browser opens six.
const FLOOR: u64 = 8;

/// The places of one listener; clones share them.
pub(super) type Places = Pool<Source>;

/// The places of a listener with these limits. Nothing is kept: who connects has proved nothing yet.
pub(super) fn places(limits: &Limits) -> Places {
    let each_max = u64::from(limits.connections_per_address_max);
    let all = Shares::new(u64::from(limits.connections_max)).without_reserve();
    Pool::new(all.with_floor(FLOOR).each_at_most(each_max))
}

/// The place of one connection.
pub(super) fn place(places: &Places, address: IpAddr) -> Result<Place<Source>, Full> {
    places.place(Class::Ordinary, Source::of(address))
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
        assert_eq!(places.taken(), 3);
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
