//! What the namespace of an entry demands of it: the trust of its signature, and room in its quotas. Only what the state
//! holds is counted, so that every member counts the same.

use proto_types::card::Assurance;
use proto_types::{Handle, Namespace};

use crate::bound;
use crate::change::Refusal;
use crate::counter;
use crate::draft::{Draft, Step};
use crate::visibility::Visibility;

use super::entry::{Quotas, Terms, TrustMode, Usage};
use super::query;

/// The namespace of a handle, with its terms.
pub(crate) struct NamespaceContext {
    pub(crate) name: Namespace,
    terms: Terms,
}

impl NamespaceContext {
    pub(crate) fn of(draft: &Draft<'_>, handle: &Handle) -> Step<Self> {
        let name = query::namespace_of(draft.view(), handle)?;
        let entry = query::namespace(draft.view(), &name)?;
        Ok(Self { name, terms: entry.map(|entry| entry.terms).unwrap_or_default() })
    }

    /// What was asked for, or what is kept, or what the namespace says of what does not say.
    pub(crate) fn visibility(
        &self,
        asked: Option<Visibility>,
        kept: Option<Visibility>,
    ) -> Visibility {
        asked.or(kept).unwrap_or(self.terms.visibility)
    }

    /// Refuses what is signed too little, alone or beside what it would replace.
    pub(crate) fn check_trust(
        &self,
        (kind, handle): (&str, &Handle),
        kept: Option<Assurance>,
        offered: Assurance,
    ) -> Result<(), Refusal> {
        let least = match self.terms.trust {
            TrustMode::Require => Assurance::Enrolled,
            TrustMode::Prefer if kept > Some(Assurance::Unsigned) => Assurance::SelfAsserted,
            TrustMode::Prefer | TrustMode::Off => return Ok(()),
        };
        if offered >= least {
            return Ok(());
        }
        let (kind, id) = (kind.to_owned(), handle.to_string());
        Err(Refusal::TrustTooLow { kind, id, namespace: self.name.clone(), least })
    }

    /// Counts an entry in the place of another one of this namespace, or refuses it for want of
    /// room. What takes no more than before is never refused.
    pub(crate) fn account(
        &self,
        draft: &mut Draft<'_>,
        before: Option<Usage>,
        after: Usage,
    ) -> Step<()> {
        let Quotas { records, cards, agents, bytes } = &self.terms.quotas;
        let bytes = Some(bytes.unwrap_or(Quotas::BYTES_DEFAULT));
        let before = before.unwrap_or_default();
        let rows = [
            (counter::RECORDS_OF, before.records, after.records, records),
            (counter::CARDS_OF, before.cards, after.cards, cards),
            (counter::AGENTS_OF, before.agents, after.agents, agents),
            (counter::BYTES_OF, before.bytes, after.bytes, &bytes),
        ];
        for (what, before, after, quota) in rows {
            if before == after {
                continue;
            }
            let name = counter::of_namespace(&self.name, what);
            let count = draft.count(&name)?.saturating_sub(before).saturating_add(after);
            if let Some(quota) = quota.filter(|quota| after > before && count > *quota) {
                return Err(
                    bound::full(&format!("{what} of namespace {}", self.name), quota).into()
                );
            }
            draft.set_count(&name, count);
        }
        Ok(())
    }
}
