//! The decision who may change which terms of a namespace, and when it may be deleted. Two namespaces never claim one
//! prefix, and a change of prefixes never moves a live entry.

use std::collections::BTreeSet;

use proto_types::{Handle, Namespace, Origin};

use crate::agent::table::AGENTS;
use crate::bound;
use crate::card::table::CARDS;
use crate::change::{Refusal, Reply};
use crate::counter::{self, NAMESPACES as COUNT, PREFIX_LENGTHS};
use crate::draft::{Draft, Outcome, Step};
use crate::history::entry::ChangeKind;
use crate::index;
use crate::layout;
use crate::record::table::RECORDS;
use crate::view::Space;
use crate::visibility::Scoped;

use super::command::{DeleteNamespace, NamespaceCommand, PutNamespace};
use super::entry::{NamespaceEntry, Terms};
use super::table::{self, NAMESPACES};

/// A viewer's set of namespaces is read whole. Arbitrary.
const NAMESPACES_MAX: u64 = 1_024;

/// Of owners, prefixes, grants and patterns each; a list is read at every look. Arbitrary.
const LIST_MAX: u64 = 64;

/// The lengths of prefixes are the bits of one number, which every write reads.
const PREFIX_BYTES_MAX: u64 = 64;

/// The longest DNS name (RFC 1035).
const HOST_BYTES_MAX: usize = 253;

/// Tombstones under a prefix that are passed over before it counts as occupied.
const SCAN_MAX: usize = 1_000;

pub(crate) fn decide(draft: &mut Draft<'_>, command: &NamespaceCommand) -> Outcome {
    match command {
        NamespaceCommand::Put(command) => put(draft, command),
        NamespaceCommand::Delete(command) => delete(draft, command),
    }
}

fn put(draft: &mut Draft<'_>, command: &PutNamespace) -> Outcome {
    let PutNamespace { name, terms, by } = command;
    check_form(name, terms)?;
    let kept = draft.entry(&NAMESPACES, name.as_str())?;
    if let Some(owner) = by {
        check_owner(name, kept.as_ref(), terms, owner)?;
    }
    if let Some(kept) = kept.as_ref().filter(|kept| kept.terms == **terms) {
        return Ok(Reply::Done(kept.revision));
    }
    check_prefixes(draft, name, kept.as_ref().map(|kept| &kept.terms), terms)?;
    if kept.is_none() {
        let count = draft.count(COUNT)?;
        bound::number("namespaces", count + 1, (0, NAMESPACES_MAX))?;
        draft.set_count(COUNT, count + 1);
    }
    let (name, terms) = (name.clone(), Terms::clone(terms));
    let mut entry = NamespaceEntry { name, terms, revision: Default::default() };
    let scopes = (kept.as_ref().map(Scoped::scope), Some(entry.scope()));
    entry.revision = draft.note_in(ChangeKind::Namespace, entry.name.as_str(), false, scopes);
    draft.replace(&NAMESPACES, kept.as_ref(), &entry);
    note_lengths(draft)?;
    Ok(Reply::Done(entry.revision))
}

fn delete(draft: &mut Draft<'_>, command: &DeleteNamespace) -> Outcome {
    let name = &command.name;
    let kept = draft.existing(&NAMESPACES, name.as_str())?;
    check_prefixes(draft, name, Some(&kept.terms), &Terms::default())?;
    let count = draft.count(COUNT)?;
    draft.set_count(COUNT, count.saturating_sub(1));
    let scopes = (Some(kept.scope()), None);
    let revision = draft.note_in(ChangeKind::Namespace, name.as_str(), true, scopes);
    draft.remove(&NAMESPACES, &kept);
    note_lengths(draft)?;
    Ok(Reply::Done(revision))
}

/// Owners look after eyes, trust and policy; what costs others something is the operator's.
fn check_owner(
    name: &Namespace,
    kept: Option<&NamespaceEntry>,
    offered: &Terms,
    owner: &Origin,
) -> Result<(), Refusal> {
    let missing = || Refusal::NotFound { kind: NAMESPACES.name().to_owned(), id: name.to_string() };
    let kept = kept.filter(|kept| kept.terms.owners.contains(owner)).ok_or_else(missing)?;
    let same = kept.terms.owners == offered.owners
        && kept.terms.prefixes == offered.prefixes
        && kept.terms.quotas == offered.quotas;
    if same {
        Ok(())
    } else {
        Err(Refusal::OperatorOnly { what: "owners, prefixes, quotas".into() })
    }
}

fn check_form(name: &Namespace, terms: &Terms) -> Result<(), Refusal> {
    let hosts = &terms.policy.card_hosts;
    let patterns = &terms.policy.handle_patterns;
    let lists = [
        ("owners", terms.owners.len()),
        ("prefixes", terms.prefixes.len()),
        ("card_hosts", hosts.len()),
        ("handle_patterns", patterns.len()),
        ("grants.peers", terms.grants.peers.len()),
        ("grants.namespaces", terms.grants.namespaces.len()),
    ];
    for (what, len) in lists {
        bound::number(what, len as u64, (0, LIST_MAX))?;
    }
    for prefix in &terms.prefixes {
        bound::number("bytes of a prefix", prefix.len() as u64, (1, PREFIX_BYTES_MAX))?;
        Handle::parse(prefix).map_err(|why| bound::invalid("prefixes", &why.to_string()))?;
    }
    hosts.iter().try_for_each(|host| bound::text("card_hosts", host, HOST_BYTES_MAX))?;
    let pattern = |text| bound::text("handle_patterns", text, bound::NAME_BYTES_MAX);
    patterns.iter().map(String::as_str).try_for_each(pattern)?;
    if name.as_str() == Namespace::DEFAULT && !terms.prefixes.is_empty() {
        return Err(bound::invalid("prefixes", "the default namespace has what no other claims"));
    }
    Ok(())
}

/// A prefix is claimed and given up only while nothing lives under it.
fn check_prefixes(
    draft: &Draft<'_>,
    name: &Namespace,
    old: Option<&Terms>,
    new: &Terms,
) -> Step<()> {
    let old: BTreeSet<&String> = old.iter().flat_map(|terms| &terms.prefixes).collect();
    let new: BTreeSet<&String> = new.prefixes.iter().collect();
    for prefix in old.symmetric_difference(&new) {
        let claimed = draft.view().value(Space::Index, &table::namespace_prefix(prefix))?;
        let other = claimed.map(index::text).transpose()?;
        if other.is_some_and(|other| other != name.as_str()) {
            return Err(bound::conflict("prefix", prefix).into());
        }
        if occupied(draft, prefix)? {
            let why = format!("`{prefix}` has entries; a prefix changes hands only while empty");
            return Err(bound::invalid("prefixes", &why).into());
        }
    }
    Ok(())
}

fn occupied(draft: &Draft<'_>, prefix: &str) -> Step<bool> {
    let view = draft.view();
    if !CARDS.starting(view, prefix, 1)?.is_empty() || !AGENTS.starting(view, prefix, 1)?.is_empty()
    {
        return Ok(true);
    }
    let records = RECORDS.starting(view, prefix, SCAN_MAX)?;
    Ok(records.len() == SCAN_MAX || records.iter().any(|record| record.digest.is_some()))
}

/// Which lengths prefixes have, so that finding a handle's namespace costs one read for each.
fn note_lengths(draft: &mut Draft<'_>) -> Step<()> {
    let from = table::namespace_prefix("");
    let all = usize::try_from(NAMESPACES_MAX * LIST_MAX).unwrap_or(usize::MAX);
    let pairs = draft.view().range(Space::Index, &from, &layout::past(&from), all)?;
    let bit = |(key, _): &(Vec<u8>, Vec<u8>)| 1_u64 << ((key.len() - from.len() - 1) % 64);
    let lengths = pairs.iter().map(bit).fold(0, |lengths, bit| lengths | bit);
    draft.write(counter::write(PREFIX_LENGTHS, lengths));
    Ok(())
}
