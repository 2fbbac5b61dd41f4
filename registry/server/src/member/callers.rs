//! Who calls: by credential, by certificate, or by both if they agree. A follower asks the leader about a credential that
//! it does not know, within a bound for all and for each source.

use deploy_service::tls::{Identity, Role};
use deploy_service::{Place, Pool, Source};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use proto_types::{Class, Full, Shares};
use registry_api::identity::{self, AuthContext};
use registry_api::{Code, Principal, Problem};

use crate::{audit, certificate};

use super::Member;

/// Unknown credentials that a follower looks up at once: a flood of them must not become a flood at
/// the leader.
const CREDENTIAL_LOOKUPS_MAX: u64 = 16;

/// Places for unknown credentials that are looked up, by where they come from. A quarter is kept for gateways and nodes
/// whose certificate was verified; whoever shows a secret has proved nothing yet.
#[derive(Debug)]
pub(crate) struct CredentialLookups(Pool<Option<Source>>);

impl CredentialLookups {
    pub(crate) fn new() -> Self {
        Self(Pool::new(Shares::new(CREDENTIAL_LOOKUPS_MAX)))
    }

    fn place(
        &self,
        class: Class,
        source: Option<Source>,
    ) -> Result<Place<Option<Source>>, Problem> {
        self.0.place(class, source).map_err(|full| {
            let why = match full {
                Full::Share => "too many credentials of this source are being looked up",
                Full::Pool => "too many credentials are being looked up",
            };
            Problem::new(Code::from(full), why)
        })
    }
}

/// Whose work the look-up of a verified certificate is.
fn class(identity: &Identity) -> Class {
    match identity.role() {
        Role::Gateway | Role::Node | Role::Operator | Role::Registry => Class::System,
        Role::Peer => Class::Ordinary,
    }
}

impl Member {
    /// Who sends these headers: by a credential in them, or by the identity that the listener has
    /// verified; both only if they are of one principal.
    pub(crate) async fn caller(&self, headers: &HeaderMap) -> Result<Principal, Problem> {
        let principal = self.identified(headers).await?;
        audit::called_by(&principal);
        Ok(principal)
    }

    async fn identified(&self, headers: &HeaderMap) -> Result<Principal, Problem> {
        let values = headers.get_all(AUTHORIZATION).into_iter().map(text);
        let names = identity::TOKEN_HEADERS.into_iter();
        let tokens = names.flat_map(|name| headers.get_all(name)).map(text);
        let authorization = identity::single(values, tokens)?;
        let shown = self.bearer(authorization.as_deref()).await?;
        let identity = headers.get(certificate::HEADER).and_then(text);
        let Some(identity) = certificate::carried(identity) else { return Ok(shown) };
        certificate::agree(&identity, &shown)?;
        if shown == Principal::Anonymous { self.certified(&identity).await } else { Ok(shown) }
    }

    /// Whom a certificate stands for; as with credentials a follower asks once more.
    async fn certified(&self, identity: &Identity) -> Result<Principal, Problem> {
        let known = certificate::principal(identity, &self.registry.view().0)?;
        let unknown = known == Principal::Anonymous && certificate::may_be_new(identity);
        if !unknown || self.registry.is_leader() {
            return Ok(known);
        }
        let _place = self.credential_lookups.place(class(identity), audit::source())?;
        certificate::principal(identity, &self.strong().await?.view)
    }

    /// Who shows this `authorization` value. A follower that does not know a credential asks once
    /// more, with a strong read: it may have been given a moment ago.
    async fn bearer(&self, authorization: Option<&str>) -> Result<Principal, Problem> {
        let known = identity::identify(authorization, self.auth_context(), &self.registry.view().0);
        let unknown = matches!(&known, Err(problem) if problem.code() == Code::Unauthenticated);
        let may_be_new = unknown && authorization.is_some_and(identity::may_be_new);
        if !may_be_new || self.registry.is_leader() {
            return known;
        }
        let _place = self.credential_lookups.place(Class::Ordinary, audit::source())?;
        identity::identify(authorization, self.auth_context(), &self.strong().await?.view)
    }

    /// What credentials are measured by.
    pub(crate) fn auth_context(&self) -> AuthContext<'_> {
        let audience = self.origin.as_ref();
        AuthContext { operator: &self.operator, audience, now: self.clock.now() }
    }
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn one_sources_unknown_credentials_leave_room_for_anothers_and_for_gateways() {
        let lookups = CredentialLookups::new();
        let from = |text: &str| Some(Source::of(text.parse().unwrap()));
        let unknown = |source| lookups.place(Class::Ordinary, source);
        let flood = std::iter::from_fn(|| unknown(from("2001:db8::1")).ok());
        let held: Vec<_> = flood.take(16).collect();
        assert_eq!(held.len(), 6, "half of what is open");
        assert_eq!(unknown(from("2001:db8::2")).unwrap_err().code(), Code::ShareReached);
        let _other = unknown(from("192.0.2.1")).expect("room for another source");
        let others: Vec<_> =
            (2..=250).filter_map(|last| unknown(from(&format!("192.0.2.{last}"))).ok()).collect();
        assert_eq!(held.len() + 1 + others.len(), 12, "all but the kept part");
        assert_eq!(unknown(from("198.51.100.1")).unwrap_err().code(), Code::Overloaded);
        let gateway: Identity = "spiffe://test.example/gateway/g1".parse().unwrap();
        let kept = lookups.place(class(&gateway), from("192.0.2.1"));
        kept.expect("a quarter is kept for the system's own roles");
    }
}
