//! The decision on a partner's terms, and on how far its entries are taken in. Progress never goes back, and a partner in
//! quarantine goes on only when the operator says so.

use proto_types::{Namespace, WallMs};

use crate::bound::{self, MINUTE_MS, REASON_BYTES_MAX};
use crate::change::{Refusal, Reply};
use crate::draft::{Draft, Outcome};
use crate::epoch::EPOCH_MAX;
use crate::import::withdraw;

use super::command::{
    AdvancePartner, PullStart, PutPartner, QuarantinePartner, RemovePartner, SetPartnerEpoch,
};
use super::entry::{
    PARTNERS_MAX, PartnerEntry, PartnerKind, PartnerState, PartnerTerms, PassedOver,
};
use super::table::PARTNERS;

/// A registry of registries of registries is as far as anybody can judge. Arbitrary.
const HOPS_MAX: u64 = 4;

/// Entries of one partner; a hundred partners still fit into what a member can hold.
const QUOTA_MAX: u64 = 1_000_000;

/// Namespaces that are named one by one. Arbitrary.
const NAMESPACES_MAX: u64 = 64;

/// The longest checkpoint, witnesses included.
const CHECKPOINT_BYTES_MAX: u64 = 8 * 1_024;

pub(crate) fn put(draft: &mut Draft<'_>, command: &PutPartner) -> Outcome {
    let PutPartner { name, terms } = command;
    check_terms(name, terms)?;
    let kept = draft.entry(&PARTNERS, name.as_str())?;
    if let Some(kept) = &kept
        && (&kept.terms, &kept.state) == (&**terms, &PartnerState::Active)
        && kept.failing.is_none()
    {
        return Ok(Reply::Done(draft.revision()));
    }
    let all = PARTNERS.list(draft.view(), None, PARTNERS_MAX)?;
    if kept.is_none() && all.len() >= PARTNERS_MAX {
        return Err(bound::full("partners", PARTNERS_MAX as u64).into());
    }
    // Two names for one registry would be two ways around its quota.
    if all.iter().any(|other| other.name != *name && other.terms.url == terms.url) {
        return Err(bound::conflict("partner", terms.url.as_str()).into());
    }
    let partner = agreed(draft.now(), kept.as_ref(), name, terms)?;
    draft.replace(&PARTNERS, kept.as_ref(), &partner);
    // An agreement is no fact of the directory: watchers do not see it, so it has no revision.
    Ok(Reply::Done(draft.revision()))
}

/// New terms may let in what was passed over, so a known partner is pulled from its beginning.
fn agreed(
    now: WallMs,
    kept: Option<&PartnerEntry>,
    name: &Namespace,
    terms: &PartnerTerms,
) -> Result<PartnerEntry, Refusal> {
    match kept {
        Some(kept) if !same_registry(&kept.terms, terms) => {
            Err(bound::conflict("partner", name.as_str()))
        }
        Some(kept) => Ok(agreed_anew(kept, terms)),
        None => Ok(PartnerEntry {
            name: name.clone(),
            terms: terms.clone(),
            state: PartnerState::Active,
            cursor: 0,
            checkpoint: String::new(),
            imported: 0,
            pulled_at: Default::default(),
            added_at: now,
            passed_over: PassedOver::default(),
            epoch: 0,
            held: None,
            failing: None,
            terms_changed: false,
            generation: 0,
        }),
    }
}

fn agreed_anew(kept: &PartnerEntry, terms: &PartnerTerms) -> PartnerEntry {
    // The operator has looked at what its log did, or knows of another log. That pulls fail says nothing of a log that was
    // agreed; without one, an epoch is its bare word, which may be what fails.
    let forgets = kept.state != PartnerState::Active
        || kept.terms.log_key != terms.log_key
        || kept.failing.is_some() && terms.log_key.is_empty();
    let (checkpoint, epoch) = match forgets {
        true => (String::new(), 0),
        false => (kept.checkpoint.clone(), kept.epoch),
    };
    PartnerEntry {
        terms_changed: kept.terms_changed || kept.terms != *terms,
        terms: terms.clone(),
        state: PartnerState::Active,
        cursor: 0,
        checkpoint,
        epoch,
        failing: None,
        generation: kept.generation + 1,
        ..kept.clone()
    }
}

/// Another registry under an old name would be the authority of the old one's entries.
fn same_registry(kept: &PartnerTerms, offered: &PartnerTerms) -> bool {
    (&kept.url, kept.kind) == (&offered.url, offered.kind)
}

fn check_terms(name: &Namespace, terms: &PartnerTerms) -> Result<(), Refusal> {
    if name.as_str() == Namespace::DEFAULT {
        return Err(bound::invalid("name", "is the name of the namespace of our own entries"));
    }
    bound::number("hops", terms.hops.into(), (1, HOPS_MAX))?;
    bound::number("quota", terms.quota, (1, QUOTA_MAX))?;
    bound::number("namespaces", terms.namespaces.len() as u64, (0, NAMESPACES_MAX))?;
    if !terms.log_key.is_empty() {
        bound::text("log_key", &terms.log_key, REASON_BYTES_MAX)?;
    }
    if terms.kind == PartnerKind::Pilox && terms.catalog_key.is_none() {
        return Err(bound::invalid("catalog_key", "is needed for a Pilox registry"));
    }
    Ok(())
}

/// How far a pull has come, and what it has passed over. One that was under way when the operator agreed anew, or another
/// has come further, says nothing of what stands.
pub(crate) fn advance(draft: &mut Draft<'_>, command: &AdvancePartner) -> Outcome {
    let AdvancePartner { name, cursor, checkpoint, passed_over, from } = command;
    let kept = draft.existing(&PARTNERS, name.as_str())?;
    require_active(&kept)?;
    let stands = PullStart { cursor: kept.cursor, agreement: kept.agreement() };
    if from.is_some_and(|from| from != stands) {
        return Err(bound::conflict("partner", name.as_str()).into());
    }
    if *cursor < kept.cursor {
        let (issuer, kept) = (kept.terms.url, kept.cursor);
        return Err(Refusal::SequenceNotHigher { issuer, kept, offered: *cursor }.into());
    }
    let mut advanced = PartnerEntry { cursor: *cursor, ..kept.clone() };
    if let Some(text) = read_checkpoint(checkpoint.as_deref())? {
        advanced.checkpoint = text;
    }
    if let Some(passed_over) = passed_over {
        check_named(passed_over)?;
        advanced.passed_over.clone_from(passed_over);
    }
    (advanced.failing, advanced.terms_changed) = (None, false);
    let now = draft.now();
    if advanced != kept || now.since(kept.pulled_at) >= MINUTE_MS {
        advanced.pulled_at = now;
        draft.replace(&PARTNERS, Some(&kept), &advanced);
    }
    Ok(Reply::Done(draft.revision()))
}

fn check_named(passed_over: &PassedOver) -> Result<(), Refusal> {
    let most = PassedOver::NAMED_MAX as u64;
    bound::number("entries that are named", passed_over.named.len() as u64, (0, most))?;
    for (name, why) in &passed_over.named {
        bound::text("name", name, REASON_BYTES_MAX)?;
        bound::text("reason", why, REASON_BYTES_MAX)?;
    }
    Ok(())
}

fn read_checkpoint(text: Option<&str>) -> Result<Option<String>, Refusal> {
    match text {
        Some(text) if text.len() as u64 > CHECKPOINT_BYTES_MAX => {
            Err(bound::full("bytes of a checkpoint", CHECKPOINT_BYTES_MAX))
        }
        text => Ok(text.map(str::to_owned)),
    }
}

/// It was restored from a backup: how far it was pulled is of another history, and so is its log.
pub(crate) fn set_epoch(draft: &mut Draft<'_>, command: &SetPartnerEpoch) -> Outcome {
    let epoch = command.epoch;
    let kept = draft.existing(&PARTNERS, command.name.as_str())?;
    require_active(&kept)?;
    if epoch <= kept.epoch {
        let (issuer, kept) = (kept.terms.url, kept.epoch);
        return Err(Refusal::SequenceNotHigher { issuer, kept, offered: epoch }.into());
    }
    bound::number("epoch", epoch, (1, EPOCH_MAX))?;
    let checkpoint = read_checkpoint(command.checkpoint.as_deref())?.unwrap_or_default();
    let restored = PartnerEntry { epoch, cursor: 0, checkpoint, ..kept.clone() };
    draft.replace(&PARTNERS, Some(&kept), &restored);
    Ok(Reply::Done(draft.revision()))
}

/// It was caught in a lie.
pub(crate) fn quarantine(draft: &mut Draft<'_>, command: &QuarantinePartner) -> Outcome {
    bound::text("reason", &command.reason, REASON_BYTES_MAX)?;
    let kept = draft.existing(&PARTNERS, command.name.as_str())?;
    if kept.state == PartnerState::Active {
        let state = PartnerState::Quarantined { reason: command.reason.clone(), at: draft.now() };
        let caught = PartnerEntry { state, ..kept.clone() };
        draft.replace(&PARTNERS, Some(&kept), &caught);
    }
    Ok(Reply::Done(draft.revision()))
}

/// Forgets a partner with all it gave, a part at a time: repeated until it is not found.
pub(crate) fn remove(draft: &mut Draft<'_>, command: &RemovePartner) -> Outcome {
    let name = &command.name;
    let kept = draft.existing(&PARTNERS, name.as_str())?;
    if withdraw::drop_some(draft, &kept)? {
        let kept = draft.existing(&PARTNERS, name.as_str())?;
        draft.remove(&PARTNERS, &kept);
    }
    Ok(Reply::Done(draft.revision()))
}

pub(crate) fn require_active(partner: &PartnerEntry) -> Result<(), Refusal> {
    match &partner.state {
        PartnerState::Active => Ok(()),
        PartnerState::Quarantined { .. } => {
            Err(bound::invalid("partner", "is in quarantine until an operator puts it again"))
        }
    }
}
