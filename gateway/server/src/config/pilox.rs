//! The sections `gateway.relays` and `gateway.hs256_peers`: what instances of Pilox do that others may not.
//!
//! Decides which are refused. Must never hold a secret, only the path of its file.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::PathBuf;

use deploy_service::settings::Setting;
use proto_types::{GatewayId, Origin};
use serde::Deserialize;

use super::Contradiction;

/// Each is compared with every envelope that comes. Arbitrary.
const RELAYS_MAX: usize = 64;

/// As many peers as a subscriber of Pilox knows.
const SOURCES_MAX: usize = 8_192;

/// Each secret may be tried for one token. Arbitrary.
const HS256_PEERS_MAX: usize = 16;

/// Who may bring the envelopes of others.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Setting)]
#[serde(deny_unknown_fields)]
pub struct Relay {
    /// Its name, for the log: 1 to 64 of `a-z 0-9 . _ -`.
    pub name: String,
    /// Where its token lies, which it shows as `Authorization: Bearer` with each envelope; 16 bytes or more.
    pub token_file: PathBuf,
    /// Whose envelopes it may bring, by their origins. It is believed about them: an envelope of Pilox has no signature.
    pub sources: Vec<String>,
}

/// A peer that shares a secret with this gateway.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Setting)]
#[serde(deny_unknown_fields)]
pub struct Hs256Peer {
    /// Its origin, under which it is enrolled.
    pub origin: String,
    /// Where the secret lies, 32 bytes or more, that no other peer has. Whoever knows it speaks for the peer.
    pub secret_file: PathBuf,
}

impl Relay {
    /// Whose envelopes it may bring.
    pub(crate) fn read(&self) -> Result<BTreeSet<Origin>, Contradiction> {
        GatewayId::parse(&self.name).map_err(|why| self.refused(why))?;
        if !(1..=SOURCES_MAX).contains(&self.sources.len()) {
            return Err(self.refused(format_args!("1 to {SOURCES_MAX} sources")));
        }
        let read = |source: &String| {
            let origin = Origin::normalise(source);
            origin.map_err(|why| self.refused(format_args!("{}: {why}", source.escape_debug())))
        };
        self.sources.iter().map(read).collect()
    }

    fn refused(&self, why: impl Display) -> Contradiction {
        let (name, why) = (self.name.escape_debug().to_string(), why.to_string());
        Contradiction::Relay { name, why }
    }
}

impl Hs256Peer {
    /// Which peer.
    pub(crate) fn read(&self) -> Result<Origin, Contradiction> {
        Origin::normalise(&self.origin).map_err(|why| self.refused(why))
    }

    fn refused(&self, why: impl Display) -> Contradiction {
        let (origin, why) = (self.origin.escape_debug().to_string(), why.to_string());
        Contradiction::Hs256Peer { origin, why }
    }
}

/// Checks them against each other.
pub(super) fn check(relays: &[Relay], peers: &[Hs256Peer]) -> Result<(), Contradiction> {
    let mut names = BTreeSet::new();
    for relay in relays {
        relay.read()?;
        if !names.insert(&relay.name) {
            return Err(relay.refused("there are two of this name"));
        }
        if names.len() > RELAYS_MAX {
            return Err(relay.refused(format_args!("there are more than {RELAYS_MAX}")));
        }
    }
    let mut origins = BTreeSet::new();
    for peer in peers {
        if !origins.insert(peer.read()?) {
            return Err(peer.refused("it is there twice"));
        }
        if origins.len() > HS256_PEERS_MAX {
            return Err(peer.refused(format_args!("there are more than {HS256_PEERS_MAX}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relay(name: &str, sources: &[&str]) -> Relay {
        let sources = sources.iter().map(|source| (*source).to_owned()).collect();
        Relay { name: name.to_owned(), token_file: PathBuf::from("token"), sources }
    }

    fn peer(origin: &str) -> Hs256Peer {
        Hs256Peer { origin: origin.to_owned(), secret_file: PathBuf::from("secret") }
    }

    #[test]
    fn what_contradicts_itself_is_named() {
        let a = "https://a.example";
        let said = |relays: &[Relay], peers: &[Hs256Peer]| {
            check(relays, peers).err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert_eq!(said(&[relay("r1", &[a]), relay("r2", &[a])], &[peer(a)]), "");
        for (relays, part) in [
            (vec![relay("R 1", &[a])], "`R 1`"),
            (vec![relay("r1", &[])], "sources"),
            (vec![relay("r1", &["a.example"])], "a.example"),
            (vec![relay("r1", &[a]), relay("r1", &[a])], "two of this name"),
        ] {
            let said = said(&relays, &[]);
            assert!(said.starts_with("relays: ") && said.contains(part), "{said}");
        }
        for peers in [vec![peer("a")], vec![peer(a), peer("https://A.example/")]] {
            assert!(said(&[], &peers).starts_with("hs256_peers: "), "{peers:?}");
        }
        let many: Vec<_> =
            (0..=HS256_PEERS_MAX).map(|at| peer(&format!("https://p{at}.example"))).collect();
        assert!(said(&[], &many).contains("more than"));
    }
}
