//! The operations on A2A cards: who may put one, what is stored, and what the caller is told. `registry-api` verifies a
//! card, and the core decides whose it is.

use std::borrow::Cow;

use proto_types::Handle;
use registry_api::decode::card::Terms;
use registry_api::decode::{self, Conditions};
use registry_api::{List, Problem};
use registry_core::entry::{CardEntry, ImportKind};
use registry_core::query;
use registry_raft::StoreView;

use crate::call::Call;
use crate::lookup::{self, Seen};
use crate::member::{Member, Reading};

use super::publish::{self, Published};
use super::{Listed, Page, look};

/// A card to keep.
pub(crate) struct Put<'a> {
    pub(crate) handle: &'a str,
    pub(crate) document: &'a [u8],
    pub(crate) terms: Terms<'a>,
    pub(crate) conditions: Conditions,
}

/// Keeps a card.
pub(crate) async fn put<'a>(
    member: &Member,
    call: &Call,
    put: Put<'a>,
) -> Result<Published<'a>, Problem> {
    let Put { handle, document, terms, conditions } = put;
    let card = decode::card::parse(&call.principal, handle, document, &terms)?;
    let authorize = |view: &StoreView| decode::card::authorize(&card, &call.principal, view);
    let what = (ImportKind::Card, conditions);
    let stored = publish::publish(member, call, what, card.raw(), authorize).await?;
    Ok((stored, Cow::Borrowed(document)))
}

/// The handles of the cards that the caller sees, in order.
pub(crate) async fn list(
    member: &Member,
    call: &Call,
    page: Page<Handle>,
) -> Result<Listed<Handle>, Problem> {
    let Page { after, limit, consistency } = page;
    let (reading, viewer) = look(member, &call.principal, consistency).await?;
    let entries = query::cards_listed(&reading.view, &viewer, after.as_ref(), limit)?;
    let next = member.cursors(List::Cards).next(&entries, limit, Handle::as_str);
    Ok(Listed { reading, entries, next })
}

/// A card as [`put`] has left it.
pub(crate) async fn written(
    member: &Member,
    (stored, kept): Published<'_>,
) -> Result<(Reading, Seen<CardEntry>), Problem> {
    let reading = member.reached(stored.revision).await?;
    let brought = (stored.version, kept);
    let seen = lookup::written_card(&reading.view, &stored.handle, brought)?;
    Ok((reading, seen))
}
