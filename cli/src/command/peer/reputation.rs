//! `peer reputation`: a peer's score, and with `--explain` all that it is made of.
//! It decides how the numbers look; it must never work them out anew: the registry says what they are.

use proto_types::Origin;
use proto_wire::registry::v1 as wire;
use proto_wire::to_json;
use registry_api::render::reputation::decimal;

use crate::client::Directory;
use crate::failure::Failure;
use crate::output::{Output, printable};

pub(super) async fn show(
    directory: &mut Directory,
    origin: &Origin,
    explain: bool,
) -> Result<Output, Failure> {
    let strong = wire::Consistency::Strong.into();
    let request =
        wire::GetPeerReputationRequest { origin: origin.to_string(), consistency: strong };
    let shown = directory.get_peer_reputation(request).await?.into_inner();
    Ok(Output { heads: &[], rows: rows(&shown, explain), json: to_json(&shown) })
}

fn rows(shown: &wire::PeerReputation, explain: bool) -> Vec<Vec<String>> {
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let mut rows = vec![
        row("score", decimal(shown.score_millionths.into())),
        row("good", decimal(shown.good_millionths)),
        row("bad", decimal(shown.bad_millionths)),
        row("formula", shown.formula.to_string()),
    ];
    if explain {
        rows.extend(shown.lines.iter().map(|line| row(&printable(&line.reporter), seen(line))));
        rows.extend(shown.arithmetic.iter().map(|step| row("because", printable(step))));
    }
    rows
}

fn seen(line: &wire::ReputationLine) -> String {
    format!(
        "good {}, bad {} at the end of minute {}; left: good {}, bad {}",
        decimal(line.good_millionths),
        decimal(line.bad_millionths),
        line.window,
        decimal(line.good_left_millionths),
        decimal(line.bad_left_millionths),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_arithmetic_are_shown_when_asked_for() {
        let line = wire::ReputationLine { reporter: "gateway-1".to_owned(), ..Default::default() };
        let arithmetic = vec!["nothing was seen: 0".to_owned()];
        let lines = vec![line];
        let shown = wire::PeerReputation { arithmetic, lines, ..Default::default() };
        assert_eq!(rows(&shown, false).len(), 4);
        let all = rows(&shown, true);
        assert_eq!(
            (all.len(), all[4][0].as_str(), all[5][0].as_str()),
            (6, "gateway-1", "because")
        );
    }
}
