//! Who may write which entry, and choose who sees it.
//!
//! It decides from the caller, the enrolled signer of the document and the namespace. It must never
//! tell a caller more of an entry that it may not see than that its handle is not open to it.

use proto_types::{Handle, Namespace, Origin, TenantKey};
use registry_core::entry::{Scope, Visibility};
use registry_core::query;
use registry_core::view::View;
use registry_core::viewer::{Disclosure, Viewer};

use crate::identity::Principal;
use crate::problem::{Code, Problem};

/// The longest slug, as the Pilox registry has it.
const SLUG_LEN_MAX: usize = 128;

/// A wish to write an entry.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// Who asks.
    pub caller: &'a Principal,
    /// The peer whose enrolled key has signed the document.
    pub signer: Option<&'a Origin>,
    /// The entry.
    pub handle: &'a Handle,
    /// Who may see it, if the caller says so.
    pub visibility: Option<Visibility>,
    /// Who may see what is stored under the handle now, if something is.
    pub kept: Option<&'a Scope>,
}

/// Holds if the wish may be proposed. In a namespace with owners only these write; elsewhere every
/// enrolled signer does. The operator may everything.
///
/// # Errors
/// `unauthenticated` for nobody, `permission-denied` for somebody else.
pub fn check(wish: &Wish<'_>, view: &dyn View) -> Result<(), Problem> {
    match wish.caller {
        Principal::Operator => return Ok(()),
        Principal::Instance(tenant) => return check_instance(tenant, wish, view),
        _ => {}
    }
    // What begins with an instance's tenant key is written by nobody else but the same peer.
    let instance = query::instance_of(view, wish.handle)?;
    if instance.is_some_and(|instance| wish.signer != Some(&instance.origin)) {
        return Err(refused(wish));
    }
    let home = query::namespace_of(view, wish.handle)?;
    let terms = query::namespace(view, &home)?.map(|entry| entry.terms);
    let owners = terms.map(|terms| terms.owners).unwrap_or_default();
    let owns = |origin: Option<&Origin>| origin.is_some_and(|origin| owners.contains(origin));
    let open = home.as_str() == Namespace::DEFAULT && wish.signer.is_some();
    if !(open || owns(wish.caller.peer()) || owns(wish.signer)) {
        return Err(refused(wish));
    }
    if wish.visibility.is_some() && !has_say(wish, view)? {
        return Err(refused(wish));
    }
    match wish.kept {
        Some(kept) if !sees_whole(wish, kept, view)? => Err(denied()),
        _ => Ok(()),
    }
}

/// Whether it is the caller's own word, and not only a document that it brings: the operator's, an
/// instance's, the signer's, or an owner's of the namespace. Anybody may bring a signed document, so
/// bringing it gives no say in who sees it or what it replaces.
///
/// # Errors
/// `internal` if the view fails.
pub fn has_say(wish: &Wish<'_>, view: &dyn View) -> Result<bool, Problem> {
    let Some(calls) = wish.caller.peer() else {
        return Ok(matches!(wish.caller, Principal::Operator | Principal::Instance(_)));
    };
    let home = query::namespace(view, &query::namespace_of(view, wish.handle)?)?;
    Ok(wish.signer == Some(calls) || home.is_some_and(|it| it.terms.owners.contains(calls)))
}

/// An instance writes `tenantKey/slug`, shown to everybody, and nothing that a namespace has claimed.
fn check_instance(tenant: &TenantKey, wish: &Wish<'_>, view: &dyn View) -> Result<(), Problem> {
    check_own(tenant, wish.handle)?;
    let home = query::namespace_of(view, wish.handle)?;
    let kept = wish.kept.is_none_or(is_open);
    match home.as_str() == Namespace::DEFAULT && wish.visibility.is_none() && kept {
        true => Ok(()),
        false => Err(denied()),
    }
}

/// Whether everybody sees all of it.
fn is_open(scope: &Scope) -> bool {
    Viewer::Anonymous.disclosure(scope) == Disclosure::Whole
}

/// Holds if the handle is this tenant's: its key, a slash, and a word of the alphabet that Pilox has
/// for them.
///
/// # Errors
/// `permission-denied`.
pub fn check_own(tenant: &TenantKey, handle: &Handle) -> Result<(), Problem> {
    let slug = handle.as_str().strip_prefix(tenant.as_str()).and_then(|it| it.strip_prefix('/'));
    match slug.is_some_and(is_slug) {
        true => Ok(()),
        false => {
            let why = format_args!("this token writes {tenant}/slug only, of a-z, 0-9 and -");
            Err(Problem::new(Code::PermissionDenied, why).with("tenantKey", tenant.as_str()))
        }
    }
}

fn is_slug(slug: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(|byte| *byte != b'-');
    let bytes = slug.as_bytes();
    let word = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    bytes.len() <= SLUG_LEN_MAX
        && bytes.iter().all(word)
        && edge(bytes.first())
        && edge(bytes.last())
}

/// The refusal of who has no say.
#[must_use]
pub fn refused_without_say(caller: &Principal) -> Problem {
    match caller {
        Principal::Anonymous => {
            Problem::new(Code::Unauthenticated, "replacing this needs its owner's credential")
        }
        _ => denied(),
    }
}

/// Holds if the caller may delete an entry that it sees with this scope.
///
/// # Errors
/// As [`check`].
pub fn check_delete(
    caller: &Principal,
    handle: &Handle,
    kept: &Scope,
    view: &dyn View,
) -> Result<(), Problem> {
    if let Principal::Instance(tenant) = caller {
        return check_own(tenant, handle);
    }
    let calls = caller.peer();
    if *caller == Principal::Operator || calls.is_some() && calls == kept.owner.as_ref() {
        return Ok(());
    }
    let home = query::namespace(view, &query::namespace_of(view, handle)?)?;
    match calls.is_some_and(|origin| home.is_some_and(|it| it.terms.owners.contains(origin))) {
        true => Ok(()),
        false => Err(denied()),
    }
}

fn sees_whole(wish: &Wish<'_>, kept: &Scope, view: &dyn View) -> Result<bool, Problem> {
    if wish.caller.viewer(view)?.disclosure(kept) == Disclosure::Whole {
        return Ok(true);
    }
    // A signature speaks for its owner, whoever brings it.
    let Some(signer) = wish.signer else { return Ok(false) };
    Ok(query::viewer(view, signer)?.disclosure(kept) == Disclosure::Whole)
}

fn refused(wish: &Wish<'_>) -> Problem {
    match wish.caller {
        Principal::Anonymous if wish.signer.is_none() || wish.visibility.is_some() => {
            Problem::new(Code::Unauthenticated, "this call needs a credential")
        }
        _ => denied(),
    }
}

/// One answer for every reason: what is hidden does not show in it.
fn denied() -> Problem {
    Problem::new(Code::PermissionDenied, "the handle is not open to this caller")
}
