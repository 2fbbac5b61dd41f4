//! Who may write which entry, and choose who sees it.
//!
//! It decides from the caller, the enrolled signer of the document and the namespace. It must never
//! tell a caller more of an entry that it may not see than that its handle is not open to it.

use proto_types::{Handle, Namespace, Origin};
use registry_core::entry::{Scope, Visibility};
use registry_core::query;
use registry_core::view::View;
use registry_core::viewer::Sight;

use crate::identity::Principal;
use crate::problem::{Code, Problem};

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
    if *wish.caller == Principal::Operator {
        return Ok(());
    }
    let home = query::namespace_of(view, wish.handle)?;
    let terms = query::namespace(view, &home)?.map(|entry| entry.terms);
    let owners = terms.map(|terms| terms.owners).unwrap_or_default();
    let owns = |origin: Option<&Origin>| origin.is_some_and(|origin| owners.contains(origin));
    let calls = wish.caller.peer();
    let open = home.as_str() == Namespace::DEFAULT && wish.signer.is_some();
    if !(open || owns(calls) || owns(wish.signer)) {
        return Err(refused(wish));
    }
    // Anybody may bring a signed document, so bringing it gives no say in who sees it.
    let has_say = owns(calls) || calls.is_some() && calls == wish.signer;
    if wish.visibility.is_some() && !has_say {
        return Err(refused(wish));
    }
    if let Some(kept) = wish.kept
        && !sees_whole(wish, kept, view)?
    {
        return Err(denied());
    }
    Ok(())
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
    if wish.caller.viewer(view)?.sight(kept) == Sight::Whole {
        return Ok(true);
    }
    // A signature speaks for its owner, whoever brings it.
    let Some(signer) = wish.signer else { return Ok(false) };
    Ok(query::viewer(view, signer)?.sight(kept) == Sight::Whole)
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
