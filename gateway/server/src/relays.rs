//! Relays: who brings the envelopes of others, as a subscriber of Pilox does, with one token that it keeps.
//!
//! Decides whose envelopes a relay may bring, and how many. Must never take one of a source that the operator has not named,
//! nor keep a relay's token, only its digest.

use std::collections::BTreeSet;
use std::slice;

use deploy_service::secret;
use gateway_core::gcra::{Cell, Quota};
use gateway_core::{Failure, Forbidden, Peers};
use http::HeaderMap;
use proto_types::{Digest, Origin};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::Error;
use crate::config::Config;
use crate::{clock, secrets};

/// Envelopes of one relay that are being taken. Each is a body of 1 MiB at most. Arbitrary.
const AT_ONCE_MAX: usize = 16;

/// Headers in which others show a credential: beside that of a relay, nobody knows who speaks.
const TOKEN_HEADERS: [&str; 3] = ["x-api-key", "x-hive-federation-jwt", "x-pilox-federation-jwt"];

/// Those that the operator has named.
#[derive(Debug, Default)]
pub(crate) struct Relays(Vec<Relay>);

/// One of them.
#[derive(Debug)]
pub(crate) struct Relay {
    name: String,
    token: Digest,
    sources: BTreeSet<Origin>,
    /// What it has used up of its quota.
    cell: Cell,
    places: Semaphore,
}

impl Relays {
    /// Reads their tokens.
    pub(crate) fn open(config: &Config) -> Result<Self, Error> {
        let mut relays: Vec<Relay> = Vec::new();
        for stated in &config.relays {
            let token = Digest::of(secret::read(&stated.token_file)?.expose().as_bytes());
            if relays.iter().any(|relay| relay.token.same_secret(&token)) {
                return Err(Error::SharedSecret {
                    setting: "relays",
                    path: stated.token_file.clone(),
                });
            }
            relays.push(Relay {
                name: stated.name.clone(),
                token,
                sources: stated.read()?,
                cell: Cell::default(),
                places: Semaphore::new(AT_ONCE_MAX),
            });
        }
        Ok(Self(relays))
    }

    /// Whether a request shows the token of one.
    pub(crate) fn are_shown(&self, headers: &HeaderMap) -> bool {
        self.find(headers).is_some()
    }

    /// The relay whose token a request shows.
    ///
    /// # Errors
    /// None, or a credential of a peer beside it.
    pub(crate) fn shown(&self, headers: &HeaderMap) -> Result<&Relay, Failure> {
        use gateway_core::credential::Error;
        if TOKEN_HEADERS.iter().any(|name| headers.contains_key(*name)) {
            return Err(Failure::Credential(Error::Several));
        }
        self.find(headers).ok_or(Failure::Credential(Error::Missing))
    }

    /// All are compared, so that the time does not tell which one was near.
    fn find(&self, headers: &HeaderMap) -> Option<&Relay> {
        self.0.iter().fold(None, |found, relay| {
            let is_shown = secrets::shows(headers, slice::from_ref(&relay.token));
            if is_shown { Some(relay) } else { found }
        })
    }
}

impl Relay {
    /// Its name, for the log.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A place for one more envelope, which counts.
    ///
    /// # Errors
    /// It has sent more than it may, or has too many under way.
    pub(crate) fn take(&self, quota: Quota) -> Result<SemaphorePermit<'_>, Failure> {
        self.cell.check(clock::mono(), quota).map_err(Failure::PeerLimit)?;
        self.places.try_acquire().map_err(|_| Failure::ShareReached)
    }

    /// Whether it may bring what this source has sent. The operator's word is enough for who is no peer; a peer that may not
    /// act is not heard through others either.
    ///
    /// # Errors
    /// [`Forbidden::ForeignSource`].
    pub(crate) fn check_source(&self, source: &Origin, peers: &Peers) -> Result<(), Failure> {
        let may_act = peers.find(source).is_none_or(|peer| peer.active);
        match may_act && self.sources.contains(source) {
            true => Ok(()),
            false => Err(Failure::Forbidden(Forbidden::ForeignSource)),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use gateway_core::Peer;
    use http::header::AUTHORIZATION;
    use proto_types::Revision;

    use super::*;
    use crate::config::Relay as Stated;

    fn origin(name: &str) -> Origin {
        Origin::parse(&format!("https://{name}.example")).unwrap()
    }

    fn open(tokens: &[(&str, &str, &[&str])]) -> Result<Relays, Error> {
        let folder = tempfile::tempdir().unwrap();
        let relays = tokens.iter().map(|(name, token, sources)| {
            let token_file = folder.path().join(name);
            std::fs::write(&token_file, token).unwrap();
            std::fs::set_permissions(&token_file, std::fs::Permissions::from_mode(0o600)).unwrap();
            let sources = sources.iter().map(|name| format!("https://{name}.example")).collect();
            Stated { name: (*name).to_owned(), token_file, sources }
        });
        Relays::open(&Config { relays: relays.collect(), ..Config::default() })
    }

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let lines = lines
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()));
        lines.collect()
    }

    #[test]
    fn a_relay_is_known_by_its_token_alone_and_by_no_second_credential() {
        let relays =
            open(&[("r1", "token-of-relay-1", &["a"]), ("r2", "token-of-relay-2", &["c"])])
                .unwrap();
        let bearer = |token: &str| headers(&[("authorization", &format!("Bearer {token}"))]);
        assert_eq!(relays.shown(&bearer("token-of-relay-2")).unwrap().name(), "r2");
        assert!(relays.are_shown(&bearer("token-of-relay-1")));
        assert!(!relays.are_shown(&bearer("token-of-relay-3")));
        assert!(!relays.are_shown(&HeaderMap::new()));
        let mut both = bearer("token-of-relay-1");
        both.insert("x-pilox-federation-jwt", "x".parse().unwrap());
        let several = gateway_core::credential::Error::Several;
        assert_eq!(relays.shown(&both).unwrap_err(), Failure::Credential(several));
        let mut twice = bearer("token-of-relay-1");
        twice.append(AUTHORIZATION, "Bearer token-of-relay-1".parse().unwrap());
        assert!(!relays.are_shown(&twice));
        let shared =
            open(&[("r1", "token-of-relay-1", &["a"]), ("r2", "token-of-relay-1", &["c"])]);
        assert!(matches!(shared, Err(Error::SharedSecret { setting: "relays", .. })));
        assert!(!format!("{relays:?}").contains("token-of-relay"), "{relays:?}");
    }

    #[test]
    fn a_source_is_heard_that_is_named_unless_it_is_a_peer_that_may_not_act() {
        let relays = open(&[("r1", "token-of-relay-1", &["a", "b", "new"])]).unwrap();
        let relay = &relays.0[0];
        let peer = |name: &str| Peer::new(origin(name), name != "b", Vec::new(), Revision(1));
        let peers = Peers::default().replaced(["a", "b", "c"].map(peer));
        for (source, is_heard) in [("a", true), ("b", false), ("c", false), ("new", true)] {
            assert_eq!(relay.check_source(&origin(source), &peers).is_ok(), is_heard, "{source}");
        }
    }

    #[test]
    fn a_relay_has_a_quota_and_places_of_its_own() {
        let relays = open(&[("r1", "token-of-relay-1", &["a"])]).unwrap();
        let relay = &relays.0[0];
        let few = Quota::new(2, 60_000_000).unwrap();
        drop((relay.take(few).unwrap(), relay.take(few).unwrap()));
        assert!(matches!(relay.take(few), Err(Failure::PeerLimit(_))));
        let relays = open(&[("r1", "token-of-relay-1", &["a"])]).unwrap();
        let (relay, many) = (&relays.0[0], Quota::new(1_000, 60_000_000).unwrap());
        let _taken: Vec<_> = (0..AT_ONCE_MAX).map(|_| relay.take(many).unwrap()).collect();
        assert!(matches!(relay.take(many), Err(Failure::ShareReached)));
    }
}
