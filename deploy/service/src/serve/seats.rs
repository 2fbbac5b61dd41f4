//! Who may hold a connection: a total, and a share for each address.
//!
//! It decides what one client is: an IPv4 address, or a whole IPv6 /64, because the owner of one
//! IPv6 address owns 2^64 of them. It never remembers a client that has left.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::Limits;

/// The seats of one listener; clones share them.
#[derive(Clone, Debug)]
pub(super) struct Seats {
    taken: Arc<Mutex<Taken>>,
    total_max: u32,
    each_max: u32,
}

/// At most `total_max` entries: every entry counts at least one connection.
#[derive(Debug, Default)]
struct Taken {
    total: u32,
    by_client: BTreeMap<IpAddr, u32>,
}

/// One connection's seat, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Seats,
    client: IpAddr,
}

/// Why there is no seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    Listener,
    Client,
}

impl Full {
    /// The whole answer to a connection without a seat; nothing of its request is read.
    pub(super) fn answer(self) -> &'static str {
        match self {
            Self::Listener => {
                "HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\n\
                 content-length: 0\r\nconnection: close\r\n\r\n"
            }
            Self::Client => {
                "HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\n\
                 content-length: 0\r\nconnection: close\r\n\r\n"
            }
        }
    }
}

impl Seats {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            taken: Arc::default(),
            total_max: limits.connections_max,
            each_max: limits.connections_per_address_max,
        }
    }

    pub(super) fn take(&self, address: IpAddr) -> Result<Seat, Full> {
        let client = client(address);
        let mut taken = self.lock();
        if taken.total >= self.total_max {
            return Err(Full::Listener);
        }
        let held = taken.by_client.get(&client).copied().unwrap_or(0);
        if held >= self.each_max {
            return Err(Full::Client);
        }
        taken.by_client.insert(client, held + 1);
        taken.total += 1;
        Ok(Seat { seats: self.clone(), client })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        // The lock is held for arithmetic only, which does not panic between two writes.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        taken.total = taken.total.saturating_sub(1);
        match taken.by_client.get_mut(&self.client) {
            Some(held) if *held > 1 => *held -= 1,
            _ => drop(taken.by_client.remove(&self.client)),
        }
    }
}

fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_a_share_of_the_whole_and_a_seat_comes_back() {
        let limits =
            Limits { connections_max: 3, connections_per_address_max: 2, ..Limits::default() };
        let seats = Seats::new(&limits);
        let take = |address: &str| seats.take(address.parse().unwrap());
        let first = take("2001:db8::1").unwrap();
        let _second = take("2001:db8::ffff:1").unwrap();
        assert_eq!(take("2001:db8::2").unwrap_err(), Full::Client, "the same /64");
        let _third = take("192.0.2.1").unwrap();
        assert_eq!(take("192.0.2.2").unwrap_err(), Full::Listener);
        drop(first);
        let fourth = take("::ffff:192.0.2.1").unwrap();
        assert_eq!(fourth.client, "192.0.2.1".parse::<IpAddr>().unwrap());
        assert_eq!(seats.lock().by_client.len(), 2);
    }
}
