//! `card put|get|list`.

use proto_wire::registry::v1 as wire;
use serde_json::json;

use crate::args::{CardVerb, Format};
use crate::client::{Directory, Profile};
use crate::failure::Failure;
use crate::output::{Output, printable};

use super::{document, pages, print_raw};

pub(crate) async fn run(profile: &Profile, verb: CardVerb, format: Format) -> Result<(), Failure> {
    let mut directory = profile.directory().await?;
    let card = match verb {
        CardVerb::Put { handle, file, owner, visibility } => {
            let document = document(&file)?.into();
            let request = wire::PutCardRequest { handle, document, owner, visibility };
            directory.put_card(request).await?.into_inner()
        }
        CardVerb::Get { handle } => {
            let request = wire::GetCardRequest { handle, consistency: 0 };
            let card = directory.get_card(request).await?.into_inner();
            if format == Format::Table {
                return print_raw(&card.document);
            }
            card
        }
        CardVerb::List => return Ok(list(&mut directory).await?.print(format)?),
    };
    let output = Output::one(json!({
        "handle": card.handle,
        "digest": card.digest,
        "assurance": card.assurance,
        "owner": card.owner,
        "visibility": card.visibility,
        "namespace": card.namespace,
        "revision": card.revision,
    }));
    Ok(output.print(format)?)
}

async fn list(directory: &mut Directory) -> Result<Output, Failure> {
    let handles = pages::all(async |asked| {
        let page = directory.list_cards(asked).await?.into_inner();
        Ok((page.handles, page.next))
    });
    let handles = handles.await?;
    let rows = handles.iter().map(|handle| vec![printable(handle)]).collect();
    Ok(Output { heads: &["handle"], rows, json: json!(handles) })
}
