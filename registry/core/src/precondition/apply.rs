//! The decision whether the stored version is one that the caller named. If it is not, no later command of the proposal
//! is carried out.

use crate::agent::table::AGENTS;
use crate::card::table::CARDS;
use crate::change::{Refusal, Reply};
use crate::draft::{Draft, Outcome};
use crate::peer::table::PEERS;
use crate::policy::table::POLICIES;
use crate::record::table::RECORDS;

use super::command::{Precondition, Versioned};

pub(crate) fn check(draft: &Draft<'_>, condition: &Precondition) -> Outcome {
    let stored = match &condition.subject {
        Versioned::Record(handle) => {
            draft.entry(&RECORDS, handle.as_str())?.and_then(|record| record.digest)
        }
        Versioned::Card(handle) => draft.entry(&CARDS, handle.as_str())?.map(|card| card.digest),
        Versioned::Manifest(origin) => {
            let peer = draft.entry(&PEERS, origin.as_str())?;
            peer.and_then(|peer| peer.current_manifest().map(|manifest| manifest.digest))
        }
        Versioned::Agent(handle) => {
            draft.entry(&AGENTS, handle.as_str())?.map(|agent| agent.version())
        }
        Versioned::Policy(name) => draft.entry(&POLICIES, name.as_str())?.map(|kept| kept.digest),
    };
    let matches = condition.if_match.as_ref().is_none_or(|these| these.include(stored.as_ref()));
    let excluded =
        condition.if_none_match.as_ref().is_some_and(|these| these.include(stored.as_ref()));
    match matches && !excluded {
        true => Ok(Reply::Done(draft.revision())),
        false => Err(Refusal::PreconditionFailed { stored }.into()),
    }
}
