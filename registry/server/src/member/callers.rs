//! Who calls: by credential, by certificate, or by both if they agree.
//!
//! It decides when a follower asks the leader about a credential that it does not know. It must never
//! ask for more of them at once than there are places.

use deploy_service::tls::Identity;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use registry_api::identity::{self, Door};
use registry_api::{Code, Principal, Problem};
use tokio::sync::SemaphorePermit;

use crate::{audit, certificate};

use super::Member;

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
        let _seat = self.doubt_seat()?;
        certificate::principal(identity, &self.strong().await?.view)
    }

    /// Who shows this `authorization` value. A follower that does not know a credential asks once
    /// more, with a strong read: it may have been given a moment ago.
    async fn bearer(&self, authorization: Option<&str>) -> Result<Principal, Problem> {
        let known = identity::identify(authorization, self.door(), &self.registry.view().0);
        let unknown = matches!(&known, Err(problem) if problem.code() == Code::Unauthenticated);
        let may_be_new = unknown && authorization.is_some_and(identity::may_be_new);
        if !may_be_new || self.registry.is_leader() {
            return known;
        }
        let _seat = self.doubt_seat()?;
        identity::identify(authorization, self.door(), &self.strong().await?.view)
    }

    /// What credentials are measured by.
    pub(crate) fn door(&self) -> Door<'_> {
        let audience = self.origin.as_ref();
        Door { operator: &self.operator, audience, now: self.clock.now() }
    }

    fn doubt_seat(&self) -> Result<SemaphorePermit<'_>, Problem> {
        self.doubts
            .try_acquire()
            .map_err(|_| Problem::new(Code::Overloaded, "too many credentials are being looked up"))
    }
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
}
