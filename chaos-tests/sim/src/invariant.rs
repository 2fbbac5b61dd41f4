//! What must hold in every world, one file each.
//!
//! An invariant decides by what it is shown and shares no code with what it judges. It must never
//! change the world.

mod acked_writes_survive;
mod envelopes_take_effect_once;
mod homes_keep_what_is_theirs;
mod log_only_grows;
mod one_leader_a_term;
mod reads_are_linearizable;
mod replicas_agree;
mod reports_count_once;
mod revisions_are_told_once;
mod states_verify;
mod tasks_end_once;
mod time_is_a_majoritys;
mod time_never_falls;
mod tokens_are_spent_once;

use crate::seen::{End, Seen};

/// What an invariant says.
pub(crate) type Verdict = Result<(), String>;

/// One thing that must hold.
pub(crate) trait Invariant {
    /// Its name, a sentence.
    fn name(&self) -> &'static str;

    /// Something has happened.
    fn observe(&mut self, _seen: &Seen) -> Verdict {
        Ok(())
    }

    /// All has calmed down.
    fn at_end(&mut self, _end: &End<'_>) -> Verdict {
        Ok(())
    }
}

/// All of them, for a world of so many members.
pub(crate) fn all(members: usize) -> Vec<Box<dyn Invariant>> {
    vec![
        Box::new(one_leader_a_term::OneLeaderATerm::default()),
        Box::new(replicas_agree::ReplicasAgree::default()),
        Box::new(time_never_falls::TimeNeverFalls::default()),
        Box::new(time_is_a_majoritys::TimeIsAMajoritys::new(members)),
        Box::new(revisions_are_told_once::RevisionsAreToldOnce),
        Box::new(log_only_grows::LogOnlyGrows::default()),
        Box::new(states_verify::StatesVerify),
        Box::new(reports_count_once::ReportsCountOnce),
        Box::new(homes_keep_what_is_theirs::HomesKeepWhatIsTheirs),
        Box::new(acked_writes_survive::AckedWritesSurvive),
        Box::new(reads_are_linearizable::ReadsAreLinearizable),
        Box::new(tokens_are_spent_once::TokensAreSpentOnce),
        Box::new(tasks_end_once::TasksEndOnce),
        Box::new(envelopes_take_effect_once::EnvelopesTakeEffectOnce),
    ]
}
