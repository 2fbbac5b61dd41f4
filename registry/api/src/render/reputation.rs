//! A peer's reputation as operators read it: every number that the score is made of. Nobody else sees it: a peer that
//! knew its score could spend it down to the last call that goes unnoticed.

use proto_types::Origin;
use proto_wire::registry::v1 as wire;
use registry_core::change::Reply;
use registry_core::query::{EvidenceLine, Reputation};
use registry_core::reputation::{FORMULA, UNIT, Working};

/// A peer's reputation.
#[must_use]
pub fn reputation(origin: &Origin, reputation: &Reputation) -> wire::PeerReputation {
    let Working { evidence, score, .. } = reputation.working;
    wire::PeerReputation {
        origin: origin.to_string(),
        formula: FORMULA,
        at_ms: reputation.at.0,
        score_millionths: score.0,
        good_millionths: evidence.good,
        bad_millionths: evidence.bad,
        arithmetic: arithmetic(&reputation.working),
        lines: reputation.lines.iter().map(line).collect(),
    }
}

fn line(line: &EvidenceLine) -> wire::ReputationLine {
    wire::ReputationLine {
        reporter: line.entry.reporter.to_string(),
        window: line.entry.window.0,
        good_millionths: line.entry.evidence.good,
        bad_millionths: line.entry.evidence.bad,
        good_left_millionths: line.left.good,
        bad_left_millionths: line.left.bad,
    }
}

/// How the score comes about, so that it can be worked out again by hand.
fn arithmetic(working: &Working) -> Vec<String> {
    let Working { evidence, root, score } = working;
    let all = decimal(evidence.total());
    let (good, bad, score) =
        (decimal(evidence.good), decimal(evidence.bad), decimal(score.0.into()));
    if evidence.total() == 0 {
        return vec!["nothing was seen: 0".to_owned()];
    }
    vec![
        format!("good {good}, bad {bad}, n = {all}; z = 1.96, of the 95 % interval"),
        format!("root = sqrt(good * bad / n + z^2 / 4) = {}", decimal(*root)),
        "score = (good + z^2 / 2 - z * root) / (n + z^2), the lower bound of Wilson".to_owned(),
        format!("= ({good} + 1.920800 - 1.96 * {}) / ({all} + 3.841600) = {score}", decimal(*root)),
    ]
}

/// Millionths as a decimal number.
#[must_use]
pub fn decimal(millionths: u64) -> String {
    format!("{}.{:06}", millionths / UNIT, millionths % UNIT)
}

/// What became of a report; `None` for the reply to another command.
#[must_use]
pub fn counted(reply: &Reply) -> Option<wire::ReportConductReply> {
    let Reply::Counted { revision, counted, passed_over, repeated } = *reply else { return None };
    Some(wire::ReportConductReply { revision: revision.0, counted, passed_over, repeated })
}

#[cfg(test)]
mod tests {
    use registry_core::reputation::Evidence;

    use super::*;

    #[test]
    fn the_arithmetic_can_be_followed_by_hand() {
        let working = Evidence { good: 9 * UNIT, bad: UNIT }.working();
        let lines = arithmetic(&working);
        assert_eq!(lines[1], "root = sqrt(good * bad / n + z^2 / 4) = 1.363964");
        assert_eq!(
            lines[3],
            "= (9.000000 + 1.920800 - 1.96 * 1.363964) / (10.000000 + 3.841600) = 0.595843"
        );
        assert_eq!(arithmetic(&Working::default()), ["nothing was seen: 0"]);
    }
}
