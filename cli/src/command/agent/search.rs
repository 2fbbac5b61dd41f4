//! `agent search`: what an entry must have, and what was found.
//! It decides how hits look; the registry decides what they are.

use proto_wire::registry::v1 as wire;
use proto_wire::to_json_without;

use crate::args::{Format, SearchArgs};
use crate::client::Profile;
use crate::command::pages;
use crate::failure::Failure;
use crate::output::Output;

pub(super) async fn run(
    profile: &Profile,
    args: SearchArgs,
    format: Format,
) -> Result<(), Failure> {
    let request = wire::SearchAgentsRequest {
        text: args.words.join(" "),
        skills: args.skill,
        tags: args.tag,
        capabilities: args.capability,
        modalities: args.modality,
        bindings: args.binding,
        kinds: args.kind,
        min_assurance: args.min_assurance,
        min_reputation: args.min_reputation,
        liveness: args.liveness,
        limit: args.limit,
        cursor: args.cursor,
        explain: args.explain,
        ..Default::default()
    };
    let page = profile.search()?.search_agents(request).await?.into_inner();
    if page.truncated {
        eprintln!("the search stopped at its bound; more words or filters find the rest");
    }
    pages::say_more(&page.next, format);
    Ok(output(&page, args.explain).print(format)?)
}

fn output(page: &wire::SearchAgentsResponse, explain: bool) -> Output {
    let row = |hit: &wire::AgentHit| {
        let why =
            hit.parts.iter().map(|part| format!("{} {}x{}", part.word, part.weight, part.rarity));
        let mut row = vec![
            hit.score.to_string(),
            hit.kind.clone(),
            hit.handle.clone(),
            hit.name.clone(),
            hit.assurance.clone(),
        ];
        row.extend(explain.then(|| why.collect::<Vec<_>>().join(" + ")));
        row
    };
    Output {
        heads: match explain {
            true => &["score", "kind", "handle", "name", "assurance", "because"],
            false => &["score", "kind", "handle", "name", "assurance"],
        },
        rows: page.hits.iter().map(row).collect(),
        json: to_json_without(page, &["basis"]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_are_shown_whole_and_the_basis_is_not() {
        let parts = vec![wire::ScorePart { weight: 2, ..Default::default() }];
        let hits = vec![wire::AgentHit { handle: "h".to_owned(), parts, ..Default::default() }];
        let basis = Some(wire::SearchBasis::default());
        let page = wire::SearchAgentsResponse { hits, basis, ..Default::default() };
        assert_eq!(
            output(&page, true).json.to_string(),
            r#"{"hits":[{"assurance":"","description":"","digest":"","handle":"h","kind":"","liveness":"","name":"","namespace":"","owner":"","parts":[{"points":0,"rarity":0,"weight":2,"word":""}],"score":0,"visibility":""}],"next":"","truncated":false}"#
        );
    }
}
