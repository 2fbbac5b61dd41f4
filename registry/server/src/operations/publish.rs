//! Publishing of a record or a card: authority and admission by one state, then the policy engine, then the write. A dry
//! run takes the same steps up to the proposal. The policy engine is never asked about what the registry itself refuses.

use std::borrow::Cow;

use proto_types::card::Assurance;
use proto_types::{Digest, Handle, Revision, Stamp};
use registry_api::Problem;
use registry_api::decode::{Conditions, Put};
use registry_core::change::Reply;
use registry_core::command::Proposal;
use registry_core::entry::ImportKind;
use registry_core::view::View;
use registry_raft::StoreView;
use serde_json::Value;

use crate::admission::Question;
use crate::call::Call;
use crate::member::{Member, done_at};

/// What was published.
pub(crate) struct Stored {
    pub(crate) handle: Handle,
    /// The digest of the bytes that are kept.
    pub(crate) version: Digest,
    pub(crate) assurance: Assurance,
    pub(crate) revision: Revision,
}

/// What was published, and the bytes that are kept of it.
pub(crate) type Published<'a> = (Stored, Cow<'a, [u8]>);

/// Publishes what `authorize` makes of a document that was read; only that is judged again by another state.
pub(super) async fn publish(
    member: &Member,
    call: &Call,
    (kind, conditions): (ImportKind, Conditions),
    document: &Value,
    authorize: impl Fn(&StoreView) -> Result<Put, Problem>,
) -> Result<Stored, Problem> {
    let check = |view: &StoreView| judged(member, call, document, authorize(view)?);
    let ((put, question), term) = member.precheck(check).await?;
    member.admission_policy.ask_policy_engine(question).await?;
    let write = (conditions.on(put.proposal), term);
    let reply = member.write_as(&call.principal, (kind, &put.handle), write).await?;
    Ok(Stored {
        handle: put.handle,
        version: put.digest,
        assurance: put.assurance,
        revision: done_at(&reply)?,
    })
}

/// What [`publish`] would come to, were it proposed now. Nothing is stored, and no token is spent.
pub(super) async fn dry_run(
    member: &Member,
    call: &Call,
    conditions: Conditions,
    document: &Value,
    authorize: impl Fn(&StoreView) -> Result<Put, Problem>,
) -> Result<Assurance, Problem> {
    let view = member.strong().await?.view;
    let (put, question) = judged(member, call, document, authorize(&view)?)?;
    dry_apply(member, &view, &conditions.on(put.proposal))?;
    drop(view);
    member.admission_policy.ask_policy_engine(question).await?;
    Ok(put.assurance)
}

/// What may be proposed, and what the policy engine is to be asked about it.
fn judged(
    member: &Member,
    call: &Call,
    document: &Value,
    put: Put,
) -> Result<(Put, Question), Problem> {
    let (credential, now) = (call.credential.as_deref(), member.clock.now());
    let question = member.admission_policy.check(&put, document, credential, now)?;
    Ok((put, question))
}

/// What the state machine would decide, were it proposed now.
fn dry_apply(member: &Member, view: &dyn View, proposal: &Proposal) -> Result<(), Problem> {
    let stamp = Stamp { now: member.clock.now() };
    let change = registry_core::apply_batch(view, stamp, std::slice::from_ref(proposal))?;
    match change.replies.into_iter().flatten().next_back() {
        Some(Reply::Refused(refusal)) => Err(refusal.into()),
        _ => Ok(()),
    }
}
