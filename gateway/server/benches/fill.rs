//! What a gateway pays for 1,000,000 peers: to read them from the pages of the registry's list, to keep them, and to take over
//! a change of one. The goals are 30 s, with what the registry takes for its pages, and 700 bytes a peer. It must never count
//! what it makes up the pages with.
//!
//! `cargo bench -p gateway-server --bench fill [-- PEERS]`

#![expect(clippy::unwrap_used, reason = "a measurement stops at what it cannot do")]

use std::time::{Duration, Instant};

use gateway_core::Peers;
use gateway_server::read_peers;
use proto_types::{Origin, SecretKey};
use proto_wire::registry::v1 as wire;

const PEERS: usize = 1_000_000;
/// The largest page that the registry serves.
const PAGE: usize = 1_000;
/// Keys of all peers together: a key takes as long to be drawn as to be checked.
const KEYS: usize = 512;
/// Changes of one peer that are measured.
const CHANGES: usize = 10_000;

fn main() {
    let said = std::env::args().skip(1).find_map(|arg| arg.parse().ok());
    let count: usize = said.unwrap_or(PEERS);
    let keys: Vec<String> = (0..KEYS).map(key).collect();
    let before = resident();
    let (mut peers, mut took) = (Peers::default(), Duration::ZERO);
    for first in (0..count).step_by(PAGE) {
        let page = page(first..count.min(first + PAGE), &keys, 1);
        let begin = Instant::now();
        peers.add_page(&Peers::default(), read_peers(&page));
        took += begin.elapsed();
    }
    assert_eq!(peers.len(), count);
    let bytes = resident().saturating_sub(before) / count as u64;
    println!("{count} peers: read in {:.2} s, {bytes} B each", took.as_secs_f64());
    println!("one change: {:.1} us", change(&peers, count, &keys).as_secs_f64() * 1e6);
    println!("all anew: {:.2} s", anew(&peers, count, &keys).as_secs_f64());
}

/// How long it takes to take over a change of one peer beside a snapshot that is in use.
fn change(peers: &Peers, count: usize, keys: &[String]) -> Duration {
    let changed: Vec<_> =
        (0..CHANGES).map(|at| at * 7_919 % count).map(|at| page(at..at + 1, keys, 2)).collect();
    let begin = Instant::now();
    let mut newest = peers.clone();
    for page in &changed {
        let mut next = newest.clone();
        read_peers(page).for_each(|peer| next.put(peer));
        newest = next;
    }
    let took = begin.elapsed();
    assert_eq!(newest.len(), peers.len());
    took / u32::try_from(CHANGES).unwrap()
}

/// How long it takes to read all of them again, each with what was counted of it before.
fn anew(before: &Peers, count: usize, keys: &[String]) -> Duration {
    let (mut peers, mut took) = (Peers::default(), Duration::ZERO);
    for first in (0..count).step_by(PAGE) {
        let page = page(first..count.min(first + PAGE), keys, 3);
        let begin = Instant::now();
        peers.add_page(before, read_peers(&page));
        took += begin.elapsed();
    }
    assert_eq!(peers.len(), before.len());
    took
}

fn key(at: usize) -> String {
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&at.to_be_bytes());
    SecretKey::from_seed(&seed).public().to_hex()
}

/// Peers as the registry lists them.
fn page(range: std::ops::Range<usize>, keys: &[String], revision: u64) -> wire::PeerList {
    let peer = |at: usize| {
        let origin = Origin::parse(&format!("https://peer-{at:07}.example")).unwrap();
        let key = wire::Key {
            kid: "k1".to_owned(),
            public_key_hex: keys[at % keys.len()].clone(),
            usage: "signing".to_owned(),
            ..Default::default()
        };
        wire::Peer {
            origin: origin.to_string(),
            keys: vec![key],
            status: "active".to_owned(),
            revision,
            ..Default::default()
        }
    };
    wire::PeerList { peers: range.map(peer).collect(), next: String::new() }
}

/// The memory of this process.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kib: u64 = line.trim().strip_suffix("kB").unwrap().trim().parse().unwrap();
    kib << 10
}
