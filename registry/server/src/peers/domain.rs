//! The question to a host whether it vouches for a peer's keys: DNS first, then a well-known file. The answer must hold
//! the digest of each key by its name, and come from the origin itself; keys are never taken from it.

use proto_types::manifest::KeyUse;
use proto_types::{Digest, Origin, WallMs, json};
use registry_core::entry::{DomainMethod, EnrolledKey, PeerEntry, PeerRequest};
use registry_fetch::{Fetcher, Request};
use serde::Deserialize;

/// What a TXT record starts with.
const PREFIX: &str = "ecumene-key=";

/// Where the file is.
const PATH: &str = "/.well-known/ecumene-enrolment.json";

/// For whom a host is asked.
#[derive(Debug)]
pub(super) struct Subject<'a> {
    pub(super) origin: &'a Origin,
    /// The request, for a peer that is not enrolled yet.
    pub(super) request: Option<Digest>,
    keys: &'a [EnrolledKey],
}

/// What came of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DomainAnswer {
    /// The host vouches.
    Vouched(DomainMethod),
    /// It does not, or does not answer.
    Silent,
    /// This process was too busy to ask.
    NotAsked,
}

impl<'a> Subject<'a> {
    pub(super) fn of_peer(peer: &'a PeerEntry) -> Self {
        Self { origin: &peer.origin, request: None, keys: &peer.keys }
    }

    pub(super) fn of_request(request: &'a PeerRequest) -> Self {
        let candidate = &request.candidate;
        Self { origin: &candidate.origin, request: Some(request.id), keys: &candidate.keys }
    }

    /// Who comes in must have every signing key named; of who is in, one is enough: while it rotates,
    /// DNS lags behind.
    fn is_named(&self, named: impl Fn(&str) -> bool, now: WallMs) -> bool {
        let signing = self.keys.iter().filter(|key| key.usage == KeyUse::Signing);
        let mut texts = signing.filter(|key| key.is_valid(now)).map(encoded).peekable();
        match self.request {
            Some(_) => texts.peek().is_some() && texts.all(|text| named(&text)),
            None => texts.any(|text| named(&text)),
        }
    }
}

/// `<kid>:<SHA-256 of the key's 32 bytes, in hexadecimal digits>`.
fn encoded(key: &EnrolledKey) -> String {
    format!("{}:{}", key.kid, Digest::of(key.public_key.as_bytes()).hex())
}

/// Asks the host.
pub(super) async fn ask(fetcher: &Fetcher, subject: &Subject<'_>, now: WallMs) -> DomainAnswer {
    let host = subject.origin.host();
    let is_name = !host.starts_with('[') && host.parse::<std::net::IpAddr>().is_err();
    if is_name && let Ok(texts) = fetcher.txt(&format!("_ecumene.{host}")).await {
        let named =
            |wanted: &str| texts.iter().any(|text| text.strip_prefix(PREFIX) == Some(wanted));
        if subject.is_named(named, now) {
            return DomainAnswer::Vouched(DomainMethod::Dns);
        }
    }
    match fetcher.fetch(Request::get(format!("{}{PATH}", subject.origin))).await {
        Ok(answer) if answer.is_success() && is_from(&answer.url, subject.origin) => {
            let named = named_in_file(&answer.body, subject.origin);
            match subject.is_named(|wanted| named.iter().any(|text| text == wanted), now) {
                true => DomainAnswer::Vouched(DomainMethod::WellKnown),
                false => DomainAnswer::Silent,
            }
        }
        Err(error) if error.is_ours() => DomainAnswer::NotAsked,
        Ok(_) | Err(_) => DomainAnswer::Silent,
    }
}

/// A redirect to another origin is that origin's word.
fn is_from(url: &str, origin: &Origin) -> bool {
    Origin::of_url(url).is_ok_and(|from| from == *origin)
}

#[derive(Deserialize)]
struct File {
    origin: Origin,
    keys: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    kid: String,
    sha256: String,
}

/// `{"origin": …, "keys": [{"kid": …, "sha256": …}]}`; other members are for others.
fn named_in_file(body: &[u8], origin: &Origin) -> Vec<String> {
    let file: Option<File> = json::parse(body).and_then(json::shaped).ok();
    let own = file.filter(|file| file.origin == *origin);
    let keys = own.map(|file| file.keys).unwrap_or_default();
    keys.into_iter().map(|named| format!("{}:{}", named.kid, named.sha256)).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::Arc;

    use proto_types::SecretKey;
    use registry_core::entry::Candidate;
    use registry_fetch::Config;
    use registry_fetch::resolve::Table;

    use super::*;

    const NOW: WallMs = WallMs(1_000);

    fn key(seed: u8) -> EnrolledKey {
        let public_key = SecretKey::from_seed(&[seed; 32]).public();
        EnrolledKey::new(format!("k{seed}").parse().unwrap(), public_key)
    }

    fn request(keys: &[u8]) -> PeerRequest {
        let candidate = Candidate {
            origin: "https://peer.dev".parse().unwrap(),
            keys: keys.iter().map(|seed| key(*seed)).collect(),
            recovery_keys: Vec::new(),
            founding: None,
        };
        let (id, at) = (candidate.id(), NOW);
        let ask_at = Some(at);
        PeerRequest {
            candidate,
            id,
            domain: true,
            requested_at: at,
            expires_at: at,
            ask_at,
            asked: 0,
            source: None,
        }
    }

    #[tokio::test]
    async fn dns_must_name_every_key_of_who_comes_in_by_its_digest() {
        let text = |seed| format!("{PREFIX}{}", encoded(&key(seed)));
        let table = Table::default()
            .with_text("_ecumene.peer.dev", "v=spf1 -all")
            .with_text("_ecumene.peer.dev", &text(1))
            .with_text("_ecumene.peer.dev", &text(2).to_uppercase());
        let fetcher = Fetcher::with_resolver(&Config::default(), Arc::new(table)).unwrap();
        for (keys, expected) in [
            (&[1][..], DomainAnswer::Vouched(DomainMethod::Dns)),
            (&[2], DomainAnswer::Silent),
            (&[1, 2], DomainAnswer::Silent),
            (&[3], DomainAnswer::Silent),
        ] {
            let request = request(keys);
            let answer = ask(&fetcher, &Subject::of_request(&request), NOW).await;
            assert_eq!(answer, expected, "{keys:?}");
        }
    }

    #[test]
    fn a_file_counts_for_the_origin_that_it_names_and_no_other() {
        let origin: Origin = "https://peer.dev".parse().unwrap();
        let file =
            |of: &str| format!(r#"{{"origin":"{of}","keys":[{{"kid":"k1","sha256":"00"}}]}}"#);
        assert_eq!(named_in_file(file("https://peer.dev").as_bytes(), &origin), ["k1:00"]);
        for bad in [file("https://other.dev"), "{}".to_owned(), "[".to_owned(), String::new()] {
            assert!(named_in_file(bad.as_bytes(), &origin).is_empty(), "{bad}");
        }
        assert!(is_from("https://peer.dev/x", &origin));
        assert!(!is_from("https://www.peer.dev/x", &origin));
    }
}
