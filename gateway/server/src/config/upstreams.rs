//! The section `gateway.upstreams`: how the servers of attached agents are reached.
//!
//! Decides defaults, and which settings are refused. Must never hold a secret, only the path of its file.

use std::path::PathBuf;

use deploy_service::Network;
use deploy_service::settings::Setting;
use deploy_service::tls::{self, ClientFiles, Connector};
use deploy_service::units::Duration;
use gateway_core::hops::HOPS_MAX;
use http::HeaderName;
use proto_types::Handle;
use serde::Deserialize;

use super::Contradiction;

/// How the servers of attached agents are reached.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Setting)]
#[serde(default, deny_unknown_fields)]
pub struct Upstreams {
    /// From a call to its whole answer, if the caller does not want it sooner; of a stream, to its beginning.
    pub timeout: Duration,
    /// How long an agent may say nothing at all on a stream, comments included.
    pub stream_idle: Duration,
    /// The most gateways that a call passes, this one included, before it is handed on: beyond that it goes in a loop.
    pub hops_max: usize,
    /// Networks that are not the public internet's and that agents may be in all the same, such as `127.0.0.0/8` and
    /// `10.0.0.0/8`; none by default. Only there an agent may be called in clear text, by an `http://` URL. Whoever may attach
    /// an agent can have this gateway call any address in them.
    pub private_networks: Vec<Network>,
    /// Networks that are not the public internet's and where callers may have the changes of their tasks pushed to; none by
    /// default. Only there a receiver may be called by an `http://` URL. Any caller can have this gateway POST to any address in
    /// them.
    pub push_networks: Vec<Network>,
    /// The key of the ids of tasks and contexts that callers are told, in 64 hexadecimal digits: the same for all gateways of
    /// one origin. Without it each draws one when it starts, and knows only the ids that it has told since.
    pub id_key_file: Option<PathBuf>,
    /// Whom an agent is believed beside the public authorities, and the certificate that is shown if an agent asks for one:
    /// `{ ca = "..", cert = "..", key = ".." }`.
    pub tls: Option<ClientFiles>,
    /// What this gateway shows to agents. They never see what a caller has shown.
    pub credentials: Vec<UpstreamCredential>,
}

/// What is shown to one agent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Setting)]
#[serde(deny_unknown_fields)]
pub struct UpstreamCredential {
    /// The handle of the agent, or the origin of a peer. It is shown to whatever server the agent is attached to.
    pub agent: String,
    /// The header that carries it, such as `authorization` or `x-hive-gateway-auth`.
    pub header: String,
    /// Where the whole value of the header lies, such as `Bearer ..`.
    pub value_file: PathBuf,
}

impl Default for Upstreams {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(60),
            stream_idle: Duration::from_secs(300),
            hops_max: 8,
            private_networks: Vec::new(),
            push_networks: Vec::new(),
            id_key_file: None,
            tls: None,
            credentials: Vec::new(),
        }
    }
}

/// Headers that the gateway or HTTP itself writes; two of them have the token for a peer.
const OWN_HEADERS: [&str; 24] = [
    "a2a-extensions",
    "a2a-version",
    "accept",
    "connection",
    "content-length",
    "content-type",
    "ecumene-actor",
    "ecumene-hops",
    "expect",
    "grpc-accept-encoding",
    "grpc-encoding",
    "grpc-timeout",
    "host",
    "keep-alive",
    "te",
    "traceparent",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-a2a-extensions",
    "x-forwarded-for",
    "x-hive-federation-jwt",
    "x-pilox-federation-jwt",
];

impl Upstreams {
    pub(super) fn check(&self) -> Result<(), Contradiction> {
        let within = |span: Duration, most| (1..=most).contains(&span.std().as_secs());
        let spans = [
            ("timeout", "1s to 1h", within(self.timeout, 3_600)),
            ("stream_idle", "1s to 1d", within(self.stream_idle, 86_400)),
        ];
        if let Some((field, range, _)) = spans.into_iter().find(|(_, _, holds)| !holds) {
            return Err(Contradiction::UpstreamRange { field, range });
        }
        if !(1..=HOPS_MAX).contains(&self.hops_max) {
            return Err(Contradiction::UpstreamRange { field: "hops_max", range: "1 to 32" });
        }
        let mut seen = Vec::new();
        for credential in &self.credentials {
            let read = credential.read()?;
            if seen.contains(&read) {
                return Err(Contradiction::CredentialTwice(credential.agent.clone()));
            }
            seen.push(read);
        }
        Ok(())
    }

    /// What connections are made with.
    pub(crate) fn connector(&self) -> Result<Connector, tls::Error> {
        match self.tls.clone() {
            Some(files) => Connector::public_showing(files),
            None => Connector::public(None),
        }
    }
}

impl UpstreamCredential {
    /// The agent and the header.
    pub(crate) fn read(&self) -> Result<(Handle, HeaderName), Contradiction> {
        let agent = Handle::parse(&self.agent).map_err(Contradiction::CredentialAgent)?;
        let header = self.header.parse::<HeaderName>().ok();
        let header = header.filter(|header| !OWN_HEADERS.contains(&header.as_str()));
        match header {
            Some(header) => Ok((agent, header)),
            None => Err(Contradiction::CredentialHeader(self.header.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: fn(&mut Upstreams)) -> String {
        let mut upstreams = Upstreams::default();
        change(&mut upstreams);
        upstreams.check().err().map(|error| error.to_string()).unwrap_or_default()
    }

    fn credential(agent: &str, header: &str) -> UpstreamCredential {
        let (agent, header) = (agent.to_owned(), header.to_owned());
        UpstreamCredential { agent, header, value_file: PathBuf::from("value") }
    }

    #[test]
    fn what_contradicts_itself_is_named() {
        assert_eq!(refused(|_| {}), "");
        let said = refused(|upstreams| upstreams.timeout = Duration::from_millis(999));
        assert!(said.contains("upstreams.timeout"), "{said}");
        let said = refused(|upstreams| upstreams.stream_idle = Duration::from_secs(86_401));
        assert!(said.contains("upstreams.stream_idle"), "{said}");
        let bounds = [refused(|it| it.hops_max = 0), refused(|it| it.hops_max = 33)];
        assert!(bounds.iter().all(|said| said.contains("upstreams.hops_max")), "{bounds:?}");
        let said = refused(|upstreams| upstreams.credentials = vec![credential("", "x-key")]);
        assert!(said.contains("agent"), "{said}");
        for header in ["", "a b", "Host", "A2A-Version", "Content-Length"] {
            let mut upstreams = Upstreams::default();
            upstreams.credentials.push(credential("echo", header));
            let said = upstreams.check().err().map(|error| error.to_string()).unwrap_or_default();
            assert!(said.contains(&format!("`{header}`")), "{header}: {said}");
        }
    }

    #[test]
    fn an_agent_may_be_shown_several_headers_but_each_once() {
        let credentials = vec![credential("echo", "authorization"), credential("echo", "x-key")];
        let mut upstreams = Upstreams { credentials, ..Upstreams::default() };
        assert!(upstreams.check().is_ok());
        upstreams.credentials.push(credential("echo", "X-Key"));
        assert!(matches!(upstreams.check(), Err(Contradiction::CredentialTwice(_))));
    }
}
