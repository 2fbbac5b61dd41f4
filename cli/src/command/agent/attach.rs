//! `agent attach`: an A2A server that runs elsewhere becomes an agent of the gateways.
//!
//! It decides what the registry is told of the server: where and how it is called, by its card. The card is handed on byte
//! for byte: it may be signed.

use proto_types::card::Card;
use proto_wire::registry::v1 as wire;

use crate::args::AttachArgs;
use crate::client::Profile;
use crate::command::document;
use crate::failure::Failure;
use crate::output::Output;

use super::interface::{choose, together};
use super::server_card;

pub(super) async fn run(profile: &Profile, args: AttachArgs) -> Result<Output, Failure> {
    let (card, upstream) = match (&args.card, &args.card_url) {
        (Some(file), _) => {
            let card = server_card::read(&file.display().to_string(), &document(file)?)?;
            stated(&args, card)?
        }
        (None, Some(url)) => stated(&args, server_card::fetch(profile, url).await?)?,
        (None, None) => asked(profile, &args).await?,
    };
    let request = wire::AttachAgentRequest {
        handle: args.handle,
        upstream: Some(upstream),
        card: card.into_bytes().into(),
        visibility: args.visibility,
    };
    let agent = profile.directory()?.attach_agent(request).await?.into_inner();
    Ok(Output::one(super::json(&agent)))
}

/// Called at the URLs of the command line, in the way that the card says.
fn stated(args: &AttachArgs, card: Card) -> Result<(Card, wire::Upstream), Failure> {
    let chosen = choose(card.view(), args.binding.map(Into::into)).map_err(Failure::usage)?;
    Ok((card, chosen.at(args.urls.clone())))
}

/// Called where the card of each server says; the first one's card is kept.
async fn asked(profile: &Profile, args: &AttachArgs) -> Result<(Card, wire::Upstream), Failure> {
    let (mut first, mut replicas) = (None, Vec::with_capacity(args.urls.len()));
    for url in &args.urls {
        let card = server_card::fetch(profile, url).await?;
        let chosen = choose(card.view(), args.binding.map(Into::into));
        let chosen = chosen.map_err(|why| Failure::usage(format!("{url}: {why}")))?;
        replicas.push((url.as_str(), chosen));
        first.get_or_insert(card);
    }
    let upstream = together(&replicas).map_err(Failure::usage)?;
    let card = first.expect("together refuses where there is none");
    Ok((card, upstream))
}
