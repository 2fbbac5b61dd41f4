//! Who calls: the `authorization` value becomes a principal, with what it may do and see. Secrets are compared as
//! digests, in constant time (attack case 35), and a refusal never says which part of a credential was wrong.

mod peer;

use proto_types::{Digest, GatewayId, NodeId, Origin, TenantKey, WallMs};
use registry_core::command::{Command, Proposal, SpendToken};
use registry_core::query;
use registry_core::view::View;
use registry_core::viewer::Viewer;

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
    /// An enrolled, active peer.
    Peer(PeerCaller),
    /// A Pilox instance that shows its token: it may write under its own tenant key.
    Instance(TenantKey),
}

/// A peer that calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCaller {
    /// Its name.
    pub origin: Origin,
    /// The token that says so, which a write spends; `None` if something else says so.
    pub token: Option<TokenUse>,
}

/// One use of a federation token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenUse {
    /// SHA-256 of (issuer, 0, jti).
    pub hash: Digest,
    /// Until when it must be remembered.
    pub until: WallMs,
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
    /// A peer.
    Peer,
    /// An instance.
    Instance,
}

/// What credentials are checked against, besides the state.
#[derive(Clone, Copy, Debug)]
pub struct AuthContext<'a> {
    /// The operator's secret.
    pub operator: &'a OperatorSecret,
    /// The origin that federation tokens must be for; without one, none is accepted.
    pub audience: Option<&'a Origin>,
    /// Now.
    pub now: WallMs,
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

    /// What the principal sees.
    ///
    /// # Errors
    /// `internal` if the view fails.
    pub fn viewer(&self, view: &dyn View) -> Result<Viewer, Problem> {
        match self {
            // An instance's token says what it may write, and nothing of who it is. A node is sent what it runs, and reads
            // artifacts by their digest: the directory is none of its business.
            Self::Anonymous | Self::Instance(_) | Self::Node(_) => Ok(Viewer::Anonymous),
            // Gateways serve on behalf of all; what they show to whom is their duty.
            Self::Operator | Self::Gateway(_) => Ok(Viewer::Operator),
            Self::Peer(peer) => Ok(query::viewer(view, &peer.origin)?),
        }
    }

    /// The peer that calls, if it is one.
    #[must_use]
    pub fn peer(&self) -> Option<&Origin> {
        match self {
            Self::Peer(peer) => Some(&peer.origin),
            Self::Anonymous
            | Self::Operator
            | Self::Gateway(_)
            | Self::Node(_)
            | Self::Instance(_) => None,
        }
    }

    /// The proposal as this principal makes it: its token, if it showed one, is spent in the same
    /// decision, so that a token has one effect at most and a refused request costs none.
    #[must_use]
    pub fn with_token_spend(&self, mut proposal: Proposal) -> Proposal {
        if let Self::Peer(PeerCaller { token: Some(TokenUse { hash, until }), .. }) = self {
            let spend = Command::SpendToken(SpendToken { hash: *hash, until: *until });
            proposal.commands.insert(0, spend);
        }
        proposal
    }

    fn role(&self) -> Option<Role> {
        match self {
            Self::Anonymous => None,
            Self::Operator => Some(Role::Operator),
            Self::Gateway(_) => Some(Role::Gateway),
            Self::Node(_) => Some(Role::Node),
            Self::Peer(_) => Some(Role::Peer),
            Self::Instance(_) => Some(Role::Instance),
        }
    }
}

/// Who shows this `authorization` value: `Bearer` and the operator's secret, or
/// `gateway:<id>:<credential>`, or `node:<id>:<credential>`, or `instance:<tenant>:<secret>`, or a
/// federation token. No value is nobody.
///
/// # Errors
/// `unauthenticated` for every value that is not known, `internal` if the view fails.
pub fn identify(
    authorization: Option<&str>,
    context: AuthContext<'_>,
    view: &dyn View,
) -> Result<Principal, Problem> {
    let Some(value) = authorization else { return Ok(Principal::Anonymous) };
    let token = bearer(value).ok_or_else(unknown)?;
    if let Some(registered) = registered(token, view)? {
        return Ok(registered);
    }
    if peer::is_token(token) {
        return peer::identify(token, context, view).map(Principal::Peer);
    }
    check(&Digest::of(token.as_bytes()), Some(context.operator.0))?;
    Ok(Principal::Operator)
}

/// Who shows a token that was given by registration; `None` if it has no such form.
fn registered(token: &str, view: &dyn View) -> Result<Option<Principal>, Problem> {
    if let Some(rest) = token.strip_prefix("gateway:") {
        let (id, credential) = split::<GatewayId>(rest)?;
        let entry = query::gateway(view, &id)?;
        check(&credential, entry.map(|entry| entry.credential))?;
        return Ok(Some(Principal::Gateway(id)));
    }
    if let Some(rest) = token.strip_prefix("node:") {
        let (id, credential) = split::<NodeId>(rest)?;
        let entry = query::node(view, &id)?;
        check(&credential, entry.map(|entry| entry.credential))?;
        return Ok(Some(Principal::Node(id)));
    }
    let Some(rest) = token.strip_prefix("instance:") else { return Ok(None) };
    let (tenant, secret) = split::<TenantKey>(rest)?;
    let entry = query::instance(view, &tenant)?;
    check(&secret, entry.map(|entry| entry.token))?;
    Ok(Some(Principal::Instance(tenant)))
}

/// Whether the value is a secret, which one comparison judges. A federation token takes the check of
/// a signature, so its bearer is unknown until then.
#[must_use]
pub fn is_secret(authorization: &str) -> bool {
    bearer(authorization).is_some_and(|token| !peer::is_token(token))
}

/// Whether the value has the form of a credential that is given by registration: a member that lags
/// behind may not know yet one that is good.
#[must_use]
pub fn may_be_new(authorization: &str) -> bool {
    bearer(authorization).is_some_and(is_registered)
}

/// Whether the value has the form of a credential of ours. Any other is a stranger's to us: where
/// anybody may read, it is no reason to be refused (a Pilox instance shows its own everywhere).
#[must_use]
pub fn is_ours(authorization: &str) -> bool {
    bearer(authorization).is_some_and(|token| is_registered(token) || peer::is_token(token))
}

fn is_registered(token: &str) -> bool {
    ["gateway:", "node:", "instance:"].iter().any(|name| token.starts_with(name))
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

/// The headers in which a Pilox instance shows a federation token, besides `authorization`.
pub const TOKEN_HEADERS: [&str; 2] = ["x-hive-federation-jwt", "x-pilox-federation-jwt"];

/// The one credential of a request, as an `authorization` value: from all of these and from all the
/// tokens in [`TOKEN_HEADERS`]. `None` is a value that is no text.
///
/// # Errors
/// `invalid-argument` if there are several: whoever stands between could be read otherwise than us.
pub fn single<'a>(
    authorizations: impl Iterator<Item = Option<&'a str>>,
    tokens: impl Iterator<Item = Option<&'a str>>,
) -> Result<Option<String>, Problem> {
    let whole = authorizations.map(|value| value.map(ToOwned::to_owned));
    let bare = tokens.map(|token| token.map(|token| format!("Bearer {token}")));
    let mut values = whole.chain(bare);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(Some(value)), None) => Ok(Some(value)),
        (Some(None), None) => Err(unknown()),
        (Some(_), Some(_)) => Err(Problem::argument("authorization", "more than one credential")),
    }
}
