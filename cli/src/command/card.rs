//! `card put|sign|get|list`. It must never publish what was only to be signed.

use std::path::Path;

use proto_types::card;
use proto_wire::registry::v1 as wire;
use proto_wire::to_json_without;
use serde_json::json;

use crate::args::{CardVerb, Format};
use crate::client::{Directory, Profile};
use crate::failure::Failure;
use crate::keyfile;
use crate::output::{Output, printable};

use super::{document, pages, print_raw};

pub(crate) async fn run(profile: &Profile, verb: CardVerb, format: Format) -> Result<(), Failure> {
    let card = match verb {
        CardVerb::Sign { file, key } => return print_raw(&signed(&file, &key)?),
        CardVerb::Put { handle, file, owner, visibility } => {
            let document = document(&file)?.into();
            let request = wire::PutCardRequest { handle, document, owner, visibility };
            profile.directory()?.put_card(request).await?.into_inner()
        }
        CardVerb::Get { handle } => {
            let request = wire::GetCardRequest { handle, consistency: 0 };
            let card = profile.directory()?.get_card(request).await?.into_inner();
            if format == Format::Table {
                return print_raw(&card.document);
            }
            card
        }
        CardVerb::List => {
            return Ok(list(&mut profile.directory()?).await?.print(format)?);
        }
    };
    Ok(shown(&card).print(format)?)
}

fn shown(card: &wire::Card) -> Output {
    Output::one(to_json_without(card, &["document", "redacted", "provenance"]))
}

fn signed(file: &Path, key: &Path) -> Result<Vec<u8>, Failure> {
    let wrong = |why: &dyn std::fmt::Display| Failure::usage(format!("{}: {why}", file.display()));
    let card = proto_types::json::parse(&document(file)?).map_err(|error| wrong(&error))?;
    let key = keyfile::read_card(key)?;
    let signed = card::jws::sign(&card, &key.kid, &*key.signer).map_err(|error| wrong(&error))?;
    Ok(signed.bytes().to_vec())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_shown_without_its_document() {
        let (handle, document) = ("h".to_owned(), "{}".into());
        let card = wire::Card { handle, document, revision: 7, ..Default::default() };
        assert_eq!(
            shown(&card).json.to_string(),
            r#"{"assurance":"","digest":"","handle":"h","namespace":"","owner":"","revision":7,"visibility":""}"#
        );
    }
}
