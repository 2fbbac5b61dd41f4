//! The section `gateway.clients`: who else may call besides peers.
//!
//! Decides defaults, and which settings are refused. Must never let anybody in that is not named here, nor hold a secret, only
//! the path of its file.

use std::path::PathBuf;

use deploy_service::Network;
use deploy_service::settings::Setting;
use deploy_service::units::Duration;
use gateway_core::client::{AgentScope, Grant, InvalidGrant, Issuer, Methods, PublicTier};
use gateway_core::gcra::Quota;
use http::Uri;
use proto_types::upstream::UpstreamUrl;
use serde::Deserialize;

use super::Contradiction;
use crate::upstream::refused_address;

/// Each holds keys, and a fetch every 5 minutes. Arbitrary.
const ISSUERS_MAX: usize = 16;
/// The longest name of an issuer: its users' names come behind it.
const ISSUER_LEN_MAX: usize = 256;

/// Who else may call besides peers; nobody by default. What a client is let in by is read again with the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Setting)]
#[serde(default, deny_unknown_fields)]
pub struct Clients {
    /// The file of API keys, in TOML: one `[[keys]]` for each, with the SHA-256 of the key. `ecumene key api` makes both.
    pub api_keys_file: Option<PathBuf>,
    /// What anybody may call without a credential; nothing unless it is set.
    pub public: Option<Public>,
    /// Identity providers whose users may call.
    pub oidc: Vec<Oidc>,
}

/// What anybody may call without a credential: agents whose visibility is `public`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Setting)]
#[serde(deny_unknown_fields)]
pub struct Public {
    /// The methods that may be called, by their names of A2A 1.0, such as `SendMessage`.
    pub methods: Vec<String>,
    /// Requests of one IPv4 address or IPv6 /64 in each `window`; all of them at once if need be.
    #[serde(default = "public_requests")]
    pub requests: u32,
    /// The span that `requests` and `total_requests` are counted over.
    #[serde(default = "window")]
    pub window: Duration,
    /// Requests of all addresses together in each `window`, at this gateway.
    #[serde(default = "total_requests")]
    pub total_requests: u32,
    /// The key that addresses are hashed with into the owners of tasks, in 64 hexadecimal digits: the same for all gateways of
    /// one origin. Without it each draws one when it starts, and whoever has begun a task finds it there alone, until then.
    #[serde(default)]
    pub address_key_file: Option<PathBuf>,
}

/// An identity provider whose users may call (OpenID Connect), by its tokens.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Setting)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    /// The `iss` of its tokens, to the letter. A token that names it is this provider's, and no peer's.
    pub issuer: String,
    /// The `aud` that its tokens must have.
    pub audience: String,
    /// The file of its keys, as a JSON Web Key Set; read again with the configuration.
    #[serde(default)]
    pub jwks_file: Option<PathBuf>,
    /// Where its keys are fetched from, every 5 minutes: `https`, or an address in `upstreams.private_networks`.
    #[serde(default)]
    pub jwks_url: Option<String>,
    /// The handles of the agents that its users see and call, whatever their visibility; `["*"]` for all, and by default those
    /// that anybody sees.
    #[serde(default)]
    pub agents: Vec<String>,
    /// The methods that its users may call, by their names of A2A 1.0; all by default.
    #[serde(default)]
    pub methods: Vec<String>,
    /// Requests of one user in each `window`; all of them at once if need be.
    #[serde(default = "user_requests")]
    pub requests: u32,
    /// The span that `requests` is counted over.
    #[serde(default = "window")]
    pub window: Duration,
}

/// One a second.
fn public_requests() -> u32 {
    60
}

/// Some 16 a second.
fn total_requests() -> u32 {
    1_000
}

/// Ten a second: a user has one client or two.
fn user_requests() -> u32 {
    600
}

fn window() -> Duration {
    Duration::from_secs(60)
}

/// So many requests in each window, which is 1 s to 1 d; at least one.
pub(crate) fn quota(requests: u32, window: Duration) -> Option<Quota> {
    let is_window = (1..=86_400).contains(&window.std().as_secs());
    let window_us = u64::try_from(window.std().as_micros()).ok()?;
    Quota::new(requests, window_us).filter(|_| is_window)
}

impl Clients {
    pub(super) fn check(&self) -> Result<(), Contradiction> {
        if let Some(public) = &self.public {
            public.read()?;
        }
        if self.oidc.len() > ISSUERS_MAX {
            return Err(refused(format!("oidc: more than {ISSUERS_MAX}")));
        }
        for (at, one) in self.oidc.iter().enumerate() {
            one.read()?;
            one.uri()?;
            if self.oidc[..at].iter().any(|other| other.issuer == one.issuer) {
                return Err(one.refused("it is there twice"));
            }
        }
        Ok(())
    }

    /// Checks the URLs against the networks of the same file.
    pub(super) fn check_addresses(&self, private: &[Network]) -> Result<(), Contradiction> {
        for one in &self.oidc {
            let uri = one.uri()?;
            if let Some(why) = uri.and_then(|uri| refused_address(&uri, private)) {
                return Err(one.refused(why));
            }
        }
        Ok(())
    }
}

impl Public {
    /// What anybody may do.
    pub(crate) fn read(&self) -> Result<PublicTier, Contradiction> {
        if self.methods.is_empty() {
            return Err(refused("public.methods: name at least one"));
        }
        let methods = methods(&self.methods).map_err(|error| refused(format!("public.{error}")))?;
        let range =
            || refused("public: requests and total_requests of at least 1, window of 1s to 1d");
        let quota = |requests| quota(requests, self.window).ok_or_else(range);
        let grant = Grant { agents: AgentScope::Public, methods, quota: quota(self.requests)? };
        Ok(PublicTier { grant, total: quota(self.total_requests)? })
    }
}

impl Oidc {
    /// What its users may do.
    pub(crate) fn read(&self) -> Result<Issuer, Contradiction> {
        let is_issuer = |name: &str| {
            (1..=ISSUER_LEN_MAX).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
        };
        if !is_issuer(&self.issuer) {
            let why = format!("issuer: 1 to {ISSUER_LEN_MAX} visible characters, without `#`");
            return Err(self.refused(why));
        }
        if self.audience.is_empty() {
            return Err(self.refused("audience: it is needed"));
        }
        if self.jwks_file.is_some() == self.jwks_url.is_some() {
            return Err(self.refused("jwks_file or jwks_url: one of them"));
        }
        let agents = AgentScope::parse(&self.agents).map_err(|error| format!("agents: {error}"));
        let agents = agents.map_err(|why| self.refused(why))?;
        let methods = methods(&self.methods).map_err(|why| self.refused(why))?;
        let quota = quota(self.requests, self.window)
            .ok_or_else(|| self.refused("requests of at least 1, window of 1s to 1d"))?;
        let (issuer, audience) = (self.issuer.as_str().into(), self.audience.clone());
        Ok(Issuer { issuer, audience, grant: Grant { agents, methods, quota } })
    }

    /// Where its keys are fetched from, if they are.
    pub(crate) fn uri(&self) -> Result<Option<Uri>, Contradiction> {
        let Some(url) = &self.jwks_url else { return Ok(None) };
        let url = UpstreamUrl::parse(url).map_err(|error| self.refused(error))?;
        Uri::try_from(url.as_str()).map(Some).map_err(|error| self.refused(error))
    }

    fn refused(&self, why: impl std::fmt::Display) -> Contradiction {
        refused(format!("oidc `{}`: {why}", self.issuer.escape_debug()))
    }
}

fn methods(listed: &[String]) -> Result<Methods, String> {
    Methods::parse(listed).map_err(|error: InvalidGrant| format!("methods: {error}"))
}

fn refused(why: impl Into<String>) -> Contradiction {
    Contradiction::Clients(why.into())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn oidc() -> Oidc {
        Oidc {
            issuer: "https://idp.example".to_owned(),
            audience: "gateway".to_owned(),
            jwks_file: None,
            jwks_url: Some("https://idp.example/keys".to_owned()),
            agents: Vec::new(),
            methods: Vec::new(),
            requests: user_requests(),
            window: window(),
        }
    }

    fn said(clients: &Clients) -> String {
        clients.check().err().map(|error| error.to_string()).unwrap_or_default()
    }

    type Change = fn(&mut Oidc);

    #[test]
    fn a_provider_that_cannot_be_asked_or_whose_users_could_be_others_is_refused() {
        let with = |change: Change| {
            let mut one = oidc();
            change(&mut one);
            Clients { oidc: vec![one], ..Clients::default() }
        };
        assert_eq!(said(&with(|_| ())), "");
        let cases: [(Change, &str); 9] = [
            (|it| it.issuer.push_str("#a"), "without `#`"),
            (|it| it.issuer.clear(), "issuer"),
            (|it| it.audience.clear(), "audience"),
            (|it| it.jwks_url = None, "one of them"),
            (|it| it.jwks_file = Some("keys".into()), "one of them"),
            (|it| it.jwks_url = Some("idp.example".to_owned()), "oidc"),
            (|it| it.agents = vec!["*".to_owned(), "echo".to_owned()], "stands alone"),
            (|it| it.methods = vec!["tasks/get".to_owned()], "tasks/get"),
            (|it| it.requests = 0, "at least 1"),
        ];
        for (change, why) in cases {
            let said = said(&with(change));
            assert!(said.starts_with("clients: ") && said.contains(why), "{why}: {said}");
        }
        let twice = Clients { oidc: vec![oidc(), oidc()], ..Clients::default() };
        assert!(said(&twice).contains("twice"));
        let clear = with(|it| it.jwks_url = Some("http://10.1.0.1/keys".to_owned()));
        assert!(clear.check_addresses(&[]).is_err());
        assert!(clear.check_addresses(&["10.1.0.0/16".parse().unwrap()]).is_ok());
    }

    #[test]
    fn what_anybody_may_call_is_listed_or_nothing() {
        let public = |methods: &[&str], requests| {
            let methods = methods.iter().map(|one| (*one).to_owned()).collect();
            let (window, total_requests) = (window(), total_requests());
            let public =
                Public { methods, requests, window, total_requests, address_key_file: None };
            said(&Clients { public: Some(public), ..Clients::default() })
        };
        assert_eq!(public(&["SendMessage"], 1), "");
        assert!(public(&[], 1).contains("at least one"));
        assert!(public(&["*"], 1).contains("`*` is not a method"));
        assert!(public(&["SendMessage"], 0).contains("at least 1"));
    }
}
