//! Who calls: from the `authorization` value to a principal, and what a principal may do.
//!
//! It decides whether a credential is one that we know. It must never compare secrets but as
//! digests in constant time (attack case 35), and never say which part of a credential was wrong.

use proto_types::{Digest, GatewayId, NodeId};
use registry_core::query;
use registry_core::view::View;

use crate::problem::{Code, Problem};

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// Showed no credential.
    Anonymous,
    /// Holds the operator's secret.
    Operator,
    /// A registered gateway.
    Gateway(GatewayId),
    /// A registered node.
    Node(NodeId),
}

/// The kinds of principals that a call may be reserved for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The operator.
    Operator,
    /// A gateway.
    Gateway,
    /// A node.
    Node,
}

/// The digest of the operator's secret; the secret itself is not kept.
#[derive(Clone, Debug)]
pub struct OperatorSecret(Digest);

impl OperatorSecret {
    /// Of the secret's text.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        Self(Digest::of(secret.as_bytes()))
    }
}

impl Principal {
    /// Holds if the principal has one of the roles.
    ///
    /// # Errors
    /// `unauthenticated` for nobody, `permission-denied` for somebody else.
    pub fn require(&self, roles: &[Role]) -> Result<(), Problem> {
        match self.role() {
            Some(role) if roles.contains(&role) => Ok(()),
            Some(_) => Err(Problem::new(Code::PermissionDenied, "this call is not for this role")),
            None => Err(unauthenticated("this call needs a credential")),
        }
    }

    /// The node that calls.
    ///
    /// # Errors
    /// As [`Principal::require`].
    pub fn node(&self) -> Result<&NodeId, Problem> {
        self.require(&[Role::Node])?;
        let Self::Node(id) = self else { unreachable!("required above") };
        Ok(id)
    }

    fn role(&self) -> Option<Role> {
        match self {
            Self::Anonymous => None,
            Self::Operator => Some(Role::Operator),
            Self::Gateway(_) => Some(Role::Gateway),
            Self::Node(_) => Some(Role::Node),
        }
    }
}

/// Who shows this `authorization` value: `Bearer` and the operator's secret, or
/// `gateway:<id>:<credential>`, or `node:<id>:<credential>`. No value is nobody.
///
/// # Errors
/// `unauthenticated` for every value that is not known, `internal` if the view fails.
pub fn identify(
    authorization: Option<&str>,
    operator: &OperatorSecret,
    view: &dyn View,
) -> Result<Principal, Problem> {
    let Some(value) = authorization else { return Ok(Principal::Anonymous) };
    let token = bearer(value).ok_or_else(unknown)?;
    if let Some(rest) = token.strip_prefix("gateway:") {
        let (id, credential) = split::<GatewayId>(rest)?;
        let entry = query::gateway(view, &id)?;
        check(&credential, entry.map(|entry| entry.credential))?;
        return Ok(Principal::Gateway(id));
    }
    if let Some(rest) = token.strip_prefix("node:") {
        let (id, credential) = split::<NodeId>(rest)?;
        let entry = query::node(view, &id)?;
        check(&credential, entry.map(|entry| entry.credential))?;
        return Ok(Principal::Node(id));
    }
    check(&Digest::of(token.as_bytes()), Some(operator.0))?;
    Ok(Principal::Operator)
}

/// Whether the value has the form of a credential that is given by registration: a member that lags
/// behind may not know yet one that is good.
#[must_use]
pub fn may_be_new(authorization: &str) -> bool {
    let registered = |token: &str| token.starts_with("gateway:") || token.starts_with("node:");
    bearer(authorization).is_some_and(registered)
}

/// The token of `Bearer <token>`; the scheme's case does not matter (RFC 9110, section 11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

fn split<T: std::str::FromStr>(rest: &str) -> Result<(T, Digest), Problem> {
    let (id, credential) = rest.split_once(':').ok_or_else(unknown)?;
    let id = id.parse().map_err(|_| unknown())?;
    Ok((id, Digest::of(credential.as_bytes())))
}

/// An unknown id costs a comparison too.
fn check(offered: &Digest, kept: Option<Digest>) -> Result<(), Problem> {
    let known = kept.is_some();
    let same = offered.same_secret(&kept.unwrap_or(Digest([0; 32])));
    if known && same { Ok(()) } else { Err(unknown()) }
}

fn unknown() -> Problem {
    unauthenticated("the credential is not known")
}

fn unauthenticated(detail: &str) -> Problem {
    Problem::new(Code::Unauthenticated, detail)
}

/// The one `authorization` value of a request, from all there are; `None` is one that is no text.
///
/// # Errors
/// `unauthenticated` if there are several: a request has exactly one credential.
pub fn single<'a>(
    mut values: impl Iterator<Item = Option<&'a str>>,
) -> Result<Option<&'a str>, Problem> {
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(Some(value)), None) => Ok(Some(value)),
        (Some(None), None) => Err(unknown()),
        (Some(_), Some(_)) => Err(unauthenticated("more than one credential")),
    }
}
