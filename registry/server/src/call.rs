//! A call: who makes it, which credential it shows, and where it comes from. This is found out once, before a handler of
//! REST or gRPC runs. A call is never refused here; its handler says what it needs.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use deploy_service::Source;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{Extensions, HeaderMap};
use registry_api::{Code, Principal, Problem, identity};

use crate::member::Member;

/// The headers in which a writer shows a verifiable credential; one of them, once. The last two are
/// those of Pilox instances.
const CREDENTIAL_HEADERS: [&str; 3] = ["x-vc-jwt", "x-pilox-vc-jwt", "x-hive-vc-jwt"];

/// A call as operations see it.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) principal: Principal,
    /// The verifiable credential that it shows; `None` too where no operation looks at one.
    pub(crate) credential: Option<String>,
    /// `None` where there is no socket.
    pub(crate) source: Option<Source>,
}

/// What was found out of a call, or why that is not known: an argument of a handler of REST, an extension of a request of gRPC.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) principal: Result<Principal, Problem>,
    pub(crate) credential: Result<Option<String>, Problem>,
    /// Whether what it shows as `authorization` has no form of ours.
    pub(crate) is_strangers: bool,
    pub(crate) source: Option<Source>,
}

impl Caller {
    /// Who sends these headers from this source.
    pub(crate) async fn find(member: &Member, headers: &HeaderMap, source: Option<Source>) -> Self {
        let shown = headers.get(AUTHORIZATION).map(|value| value.to_str().unwrap_or_default());
        let is_strangers = shown.is_some_and(|shown| !identity::is_ours(shown));
        let credential = credential(headers);
        let principal = member.caller(headers).await;
        Self { principal, credential, is_strangers, source }
    }

    /// As it was found out.
    pub(crate) fn of(known: &Extensions) -> Result<Self, Problem> {
        let found = known.get::<Self>().cloned();
        found.ok_or_else(|| Problem::internal("the access layer has not seen this call"))
    }

    /// The call of whoever is known.
    pub(crate) fn call(self) -> Result<Call, Problem> {
        Ok(Call { principal: self.principal?, credential: None, source: self.source })
    }

    /// The same, with the verifiable credential that it shows.
    pub(crate) fn with_credential(self) -> Result<Call, Problem> {
        let principal = self.principal?;
        Ok(Call { principal, credential: self.credential?, source: self.source })
    }

    /// The call of who reads what anybody may read: a credential that is none of ours makes nobody of its bearer.
    pub(crate) fn reader(self) -> Result<Call, Problem> {
        let principal = match self.principal {
            Err(problem) if problem.code() == Code::Unauthenticated && self.is_strangers => {
                Principal::Anonymous
            }
            known => known?,
        };
        Ok(Call { principal, credential: None, source: self.source })
    }
}

impl FromRequestParts<Arc<Member>> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        member: &Arc<Member>,
    ) -> Result<Self, Infallible> {
        let source = parts.extensions.get::<Source>().copied();
        Ok(Self::find(member, &parts.headers, source).await)
    }
}

/// Failures of ours are logged once, where a call ends.
pub(crate) fn log_cause(problem: &Problem) {
    if let Some(cause) = problem.cause() {
        tracing::error!(cause, code = %problem.code(), "a call failed");
    }
}

/// The verifiable credential that a request shows.
fn credential(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = CREDENTIAL_HEADERS.into_iter().flat_map(|name| headers.get_all(name));
    let several = || Problem::argument(CREDENTIAL_HEADERS[0], "one, of visible characters");
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(|text| Some(text.into())).map_err(|_| several()),
        (Some(_), Some(_)) => Err(several()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(principal: Result<Principal, Problem>, is_strangers: bool) -> Caller {
        let credential = Err(Problem::argument(CREDENTIAL_HEADERS[0], "one"));
        Caller { principal, credential, is_strangers, source: None }
    }

    #[test]
    fn a_strangers_credential_is_nobodys_to_who_reads_and_refused_to_who_writes() {
        let unknown = || Err(Problem::new(Code::Unauthenticated, "the credential is not known"));
        let code = |call: Result<Call, Problem>| call.map(|it| it.principal).map_err(|p| p.code());
        let refused = Err(Code::Unauthenticated);
        assert_eq!(code(caller(unknown(), true).reader()), Ok(Principal::Anonymous));
        assert_eq!(code(caller(unknown(), false).reader()), refused);
        assert_eq!(code(caller(unknown(), true).call()), refused);
        let failed = || Err(Problem::new(Code::Overloaded, "too many are being looked up"));
        assert_eq!(code(caller(failed(), true).reader()), Err(Code::Overloaded));
    }

    #[test]
    fn two_verifiable_credentials_are_refused_only_where_one_is_looked_at() {
        let operator = || caller(Ok(Principal::Operator), false);
        assert!(operator().call().is_ok() && operator().reader().is_ok());
        let code = |call: Result<Call, Problem>| call.map(drop).map_err(|problem| problem.code());
        assert_eq!(code(operator().with_credential()), Err(Code::InvalidArgument));
        let unknown = Err(Problem::new(Code::Unauthenticated, "the credential is not known"));
        assert_eq!(code(caller(unknown, false).with_credential()), Err(Code::Unauthenticated));
    }
}
