//! The section `gateway.envelopes`: where envelopes are kept, and to which peers they are handed on.
//!
//! Decides which settings are refused. Must never hold a secret, only the path of its file.

use std::fmt::Display;
use std::net::IpAddr;
use std::path::PathBuf;

use deploy_service::settings::Setting;
use http::Uri;
use proto_types::Origin;
use serde::Deserialize;

use super::Contradiction;

/// Of the names of streams and subjects: the server joins others to it.
const STREAM_BYTES_MAX: usize = 32;
/// As JetStream takes it.
const REPLICAS_MAX: usize = 5;
/// Arbitrary: each is a long poll at the store of envelopes.
const PEERS_MAX: usize = 64;

/// Where envelopes are kept, and to which peers they are handed on. All of it counts after a restart; every gateway of the fleet has
/// to have the same `backend`, `urls` and `stream`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Setting)]
#[serde(default, deny_unknown_fields)]
pub struct Envelopes {
    /// `registry`, or `jetstream`: NATS JetStream. What waits in one is not in the other: change it when nothing waits.
    pub backend: String,
    /// Servers of NATS, `tls://host:4222`, or `nats://` on loopback.
    pub urls: Vec<String>,
    /// What the names of streams and subjects begin with: 1 to 32 of `a-z 0-9 -`.
    pub stream: String,
    /// What is shown to NATS: the file that `nsc` writes, with a JWT and the seed of its key.
    pub credentials_file: Option<PathBuf>,
    /// What is shown to NATS: one token. It and `credentials_file` exclude each other.
    pub token_file: Option<PathBuf>,
    /// Certificates of those that may sign the certificate of a server of NATS; the system's by default.
    pub ca: Option<PathBuf>,
    /// On how many servers of NATS each stream is: 1 to 5, and 3 where an envelope must outlive a server.
    pub replicas: usize,
    /// Peers to which the envelopes for them are handed on, by their origins; nobody by default.
    pub forward: Vec<String>,
    /// Peers that may bring the envelopes of other peers, as the next hop does, by their origins; nobody by default. They are
    /// believed about whose they are: an envelope has no signature.
    pub accept_from: Vec<String>,
}

impl Default for Envelopes {
    fn default() -> Self {
        Self {
            backend: "registry".to_owned(),
            urls: Vec::new(),
            stream: "ecumene".to_owned(),
            credentials_file: None,
            token_file: None,
            ca: None,
            replicas: 1,
            forward: Vec::new(),
            accept_from: Vec::new(),
        }
    }
}

impl Envelopes {
    /// Whether they are kept in JetStream.
    pub(crate) fn is_in_jetstream(&self) -> bool {
        self.backend == "jetstream"
    }

    /// The peers to which envelopes are handed on.
    pub(crate) fn peers(&self) -> Result<Vec<Origin>, Contradiction> {
        origins("forward", &self.forward)
    }

    /// The peers that may bring the envelopes of others.
    pub(crate) fn carriers(&self) -> Result<Vec<Origin>, Contradiction> {
        origins("accept_from", &self.accept_from)
    }

    /// Checks the settings against each other.
    pub(super) fn check(&self, has_key: bool) -> Result<(), Contradiction> {
        if !self.peers()?.is_empty() && !has_key {
            return Err(refused("forward needs federation_key_file: peers are shown a token"));
        }
        self.carriers()?;
        match self.backend.as_str() {
            "registry" if self.urls.is_empty() => Ok(()),
            "registry" => Err(refused("urls need backend = \"jetstream\"")),
            "jetstream" => self.check_jetstream(),
            other => Err(refused(format_args!("backend: `{}`", other.escape_debug()))),
        }
    }

    fn check_jetstream(&self) -> Result<(), Contradiction> {
        let is_word = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if !(1..=STREAM_BYTES_MAX).contains(&self.stream.len()) || !self.stream.bytes().all(is_word)
        {
            return Err(refused("stream: 1 to 32 of `a-z 0-9 -`"));
        }
        if !(1..=REPLICAS_MAX).contains(&self.replicas) {
            return Err(refused(format_args!("replicas is outside 1 to {REPLICAS_MAX}")));
        }
        if self.credentials_file.is_some() && self.token_file.is_some() {
            return Err(refused("credentials_file and token_file exclude each other"));
        }
        if self.urls.is_empty() {
            return Err(refused("backend = \"jetstream\" needs urls"));
        }
        for url in &self.urls {
            let why = url_fault(url);
            if let Some(why) = why {
                return Err(refused(format_args!("urls: `{}`: {why}", url.escape_debug())));
            }
        }
        // Over both, the first would decide whether a server is believed.
        let tls = self.urls.iter().filter(|url| url.starts_with("tls://")).count();
        match tls == 0 || tls == self.urls.len() {
            true => Ok(()),
            false => Err(refused("urls: all of them are `tls://`, or none")),
        }
    }
}

/// The origins of a list.
fn origins(setting: &str, listed: &[String]) -> Result<Vec<Origin>, Contradiction> {
    let mut origins = Vec::with_capacity(listed.len());
    for text in listed {
        let shown = text.escape_debug();
        let origin = Origin::normalise(text)
            .map_err(|why| refused(format_args!("{setting}: `{shown}`: {why}")))?;
        if origins.contains(&origin) {
            return Err(refused(format_args!("{setting}: `{shown}` is there twice")));
        }
        origins.push(origin);
    }
    match origins.len() <= PEERS_MAX {
        true => Ok(origins),
        false => Err(refused(format_args!("{setting}: more than {PEERS_MAX} peers"))),
    }
}

/// What is wrong with the URL of a server. A user in it would be a secret in the configuration.
fn url_fault(url: &str) -> Option<&'static str> {
    let Ok(uri) = Uri::try_from(url) else { return Some("it is no URL") };
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Some("it has no scheme or no host");
    };
    if authority.as_str().contains('@') || !matches!(uri.path(), "" | "/") || uri.query().is_some()
    {
        return Some("it is more than a host and a port");
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let is_loopback =
        host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    match scheme {
        "tls" => None,
        "nats" if is_loopback => None,
        "nats" => Some("clear text is for loopback alone: use tls://"),
        _ => Some("its scheme is neither tls nor nats"),
    }
}

fn refused(why: impl Display) -> Contradiction {
    Contradiction::Envelopes(why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = fn(&mut Envelopes);

    fn jetstream() -> Envelopes {
        let urls = vec!["tls://n1.example:4222".to_owned()];
        Envelopes { backend: "jetstream".to_owned(), urls, ..Envelopes::default() }
    }

    #[test]
    fn what_contradicts_itself_is_named() {
        assert!(Envelopes::default().check(false).is_ok());
        assert!(jetstream().check(false).is_ok());
        let cases: [(Change, &str); 13] = [
            (|it| it.backend = "redis".to_owned(), "redis"),
            (|it| it.backend = "registry".to_owned(), "urls need"),
            (|it| it.urls.clear(), "needs urls"),
            (|it| it.urls = vec!["nats://10.0.0.1:4222".to_owned()], "loopback"),
            (|it| it.urls = vec!["tls://user:word@n1.example".to_owned()], "host and a port"),
            (|it| it.urls = vec!["n1".to_owned()], "no scheme"),
            (|it| it.urls.push("nats://127.0.0.1:4222".to_owned()), "or none"),
            (|it| it.stream = "a.b".to_owned(), "stream"),
            (|it| it.replicas = 6, "replicas"),
            (|it| it.accept_from = vec!["b.example".to_owned()], "accept_from"),
            (|it| it.forward = vec!["b.example".to_owned()], "b.example"),
            (|it| it.forward = vec!["https://b.example".to_owned()], "federation_key_file"),
            (
                |it| {
                    it.token_file = Some("t".into());
                    it.credentials_file = Some("c".into());
                },
                "exclude each other",
            ),
        ];
        for (change, part) in cases {
            let mut changed = jetstream();
            change(&mut changed);
            let said = changed.check(false).err().map(|why| why.to_string()).unwrap_or_default();
            assert!(said.starts_with("envelopes: ") && said.contains(part), "{part}: {said}");
        }
        let forward = vec!["https://b.example".to_owned(), "https://B.example/".to_owned()];
        assert!(Envelopes { forward, ..jetstream() }.check(true).is_err());
    }
}
