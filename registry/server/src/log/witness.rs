//! This cluster as the witness of other logs (C2SP tlog-witness). A head is remembered by a majority before it is
//! cosigned. Two histories of one log are never both cosigned; the refused one is kept in the audit as evidence.

use proto_types::Digest;
use proto_types::tlog::{self, Checkpoint, NoteKey, Refused, Submission, verify_consistency};
use registry_api::{Code, Problem};
use registry_core::command::{Command, LogCommand, Witness, WitnessEpoch};
use registry_core::query;

use super::only;
use crate::member::Member;

/// What a submission comes to.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// The line with the cosignature.
    Cosigned(String),
    /// The submission starts from another head than the one cosigned last, whose size this is.
    Moved(u64),
}

/// Answers the body of `add-checkpoint`, in the order of the specification.
pub(crate) async fn cosign(member: &Member, body: &[u8]) -> Result<Verdict, Problem> {
    let log = &member.log;
    let none = || Problem::new(Code::NotFound, "this registry is no witness of that log");
    let signer = log.witness.as_ref().ok_or_else(none)?;
    let submission = Submission::parse(body).map_err(|why| Problem::argument("body", why))?;
    let claimed = Checkpoint::parse(submission.note.text());
    let claimed = claimed.map_err(|why| Problem::argument("body", why))?;
    let followed = log.followed.iter().find(|key| key.name() == claimed.origin);
    let checkpoint = signed_by(followed.ok_or_else(none)?, &submission)?;
    if submission.old > checkpoint.size {
        return Err(Problem::argument("old", "it is larger than the tree of the checkpoint"));
    }
    let kept = head(member, &checkpoint).await?;
    if kept.0 != submission.old {
        return Ok(Verdict::Moved(kept.0));
    }
    continues(member, &submission, &checkpoint, kept)?;
    if !remembered(member, &checkpoint, kept).await? {
        let moved = query::witnessed(&member.strong().await?.view, &checkpoint.origin)?;
        return Ok(Verdict::Moved(moved.map_or(0, |(size, _)| size)));
    }
    let time_s = member.clock.now().0 / 1_000;
    Ok(Verdict::Cosigned(format!("{}\n", signer.sign(submission.note.text(), time_s))))
}

/// The head that was cosigned last in the cluster epoch of this checkpoint. A log whose cluster was restored from a
/// backup says so in what it signs, and begins with the empty tree again, once; an epoch that is over is another history.
async fn head(member: &Member, checkpoint: &Checkpoint) -> Result<(u64, Digest), Problem> {
    let (origin, first) = (&checkpoint.origin, (0, tlog::empty_root()));
    let view = member.strong().await?.view;
    let kept = query::witnessed(&view, origin)?.unwrap_or(first);
    let (known, epoch) = (query::witnessed_epoch(&view, origin)?, checkpoint.epoch());
    drop(view);
    if epoch == known {
        return Ok(kept);
    }
    let both = format!("{} of epoch {epoch} after epoch {known}", evidence(checkpoint, kept));
    if epoch < known {
        member.refusals.note("witness", &both, "log-inconsistent");
        let why = "the checkpoint is of a cluster epoch before the one cosigned last";
        return Err(Problem::new(Code::LogInconsistent, why));
    }
    tracing::warn!(both, "a log that is witnessed begins anew: its cluster was restored");
    let command = LogCommand::WitnessEpoch(WitnessEpoch { origin: origin.clone(), epoch });
    member.write_command(Command::Log(command)).await?;
    Ok(first)
}

/// Holds if the checkpoint continues the head cosigned last; if not, both heads are kept.
fn continues(
    member: &Member,
    submission: &Submission,
    checkpoint: &Checkpoint,
    kept: (u64, Digest),
) -> Result<(), Problem> {
    let proven = verify_consistency((kept.0, &kept.1), checkpoint.head(), &submission.proof);
    proven.map_err(|why| {
        member.refusals.note("witness", &evidence(checkpoint, kept), "log-inconsistent");
        let why = format_args!("the checkpoint does not continue the one cosigned before: {why}");
        Problem::new(Code::LogInconsistent, why)
    })
}

fn signed_by(key: &NoteKey, submission: &Submission) -> Result<Checkpoint, Problem> {
    match only(key).check(submission.note.to_string().as_bytes()) {
        Ok((_, checkpoint)) => Ok(checkpoint),
        Err(why @ (Refused::UnknownKey { .. } | Refused::BadSignature { .. })) => {
            Err(Problem::new(Code::PermissionDenied, why))
        }
        Err(why) => Err(Problem::argument("body", why)),
    }
}

/// Whether a majority has the new head in the place of the old one, in its own epoch.
async fn remembered(
    member: &Member,
    checkpoint: &Checkpoint,
    from: (u64, Digest),
) -> Result<bool, Problem> {
    let to = (checkpoint.size, checkpoint.root);
    if from == to {
        return Ok(true);
    }
    let (origin, epoch) = (checkpoint.origin.clone(), Some(checkpoint.epoch()));
    let command = Command::Log(LogCommand::Witness(Witness { origin, from, to, epoch }));
    match member.write_command(command).await {
        Ok(_) => Ok(true),
        Err(problem) if problem.code() == Code::PreconditionFailed => Ok(false),
        Err(problem) => Err(problem),
    }
}

/// Both heads, of which the log has signed each.
fn evidence(new: &Checkpoint, kept: (u64, Digest)) -> String {
    let Checkpoint { origin, size, root, .. } = new;
    format!("{origin}: {} {} was signed before {size} {root}", kept.0, kept.1)
}
