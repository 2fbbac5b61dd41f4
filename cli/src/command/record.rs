//! `record put|sign|get|list|delete`. It must never publish what was only to be signed.

use std::path::Path;

use proto_types::{Origin, pilox};
use proto_wire::registry::v1 as wire;
use proto_wire::{to_json, to_json_without};
use serde_json::json;

use crate::args::{Format, RecordVerb};
use crate::client::Profile;
use crate::failure::Failure;
use crate::keyfile;
use crate::output::{Output, printable};

use super::{document, pages, print_raw};

pub(crate) async fn run(
    profile: &Profile,
    verb: RecordVerb,
    format: Format,
) -> Result<(), Failure> {
    let output = match verb {
        RecordVerb::Sign { file, key, by } => return print_raw(&signed(&file, &key, &by)?),
        RecordVerb::Put { file, if_match, visibility } => {
            let document = document(&file)?.into();
            let request = wire::PutRecordRequest { document, if_match, visibility };
            shown(&profile.directory()?.put_record(request).await?.into_inner())
        }
        RecordVerb::Get { handle, strong } => {
            let request = wire::GetRecordRequest { handle, consistency: i32::from(strong) };
            let record = profile.directory()?.get_record(request).await?.into_inner();
            if format == Format::Table {
                return print_raw(&record.document);
            }
            shown(&record)
        }
        RecordVerb::List => list(&mut profile.directory()?).await?,
        RecordVerb::Delete { handle } => {
            let request = wire::DeleteRecordRequest { handle, if_match: String::new() };
            let done = profile.directory()?.delete_record(request).await?;
            Output::one(to_json(done.get_ref()))
        }
    };
    Ok(output.print(format)?)
}

fn signed(file: &Path, key: &Path, by: &Origin) -> Result<Vec<u8>, Failure> {
    let wrong = |why: &dyn std::fmt::Display| Failure::usage(format!("{}: {why}", file.display()));
    let record = proto_types::json::parse(&document(file)?).map_err(|error| wrong(&error))?;
    let key = keyfile::read(key)?;
    let signed = pilox::proof::sign(&record, by, &key.kid, &key.secret);
    Ok(proto_types::json::canonical(signed.map_err(|error| wrong(&error))?.raw()))
}

/// The document is shown byte for byte, as a text.
fn shown(record: &wire::Record) -> Output {
    let left_out = ["updatedAtMs", "redacted", "liveness", "provenance"];
    let mut json = to_json_without(record, &left_out);
    json["document"] = String::from_utf8_lossy(&record.document).into();
    Output::one(json)
}

async fn list(directory: &mut crate::client::Directory) -> Result<Output, Failure> {
    let handles = pages::all(async |asked| {
        let page = directory.list_records(asked).await?.into_inner();
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
    fn a_record_is_shown_with_its_document_as_it_was_published() {
        let (handle, document) = ("h".to_owned(), r#"{"b": 1}"#.into());
        let record = wire::Record { handle, document, revision: 7, ..Default::default() };
        assert_eq!(
            shown(&record).json.to_string(),
            r#"{"assurance":"","digest":"","document":"{\"b\": 1}","handle":"h","namespace":"","owner":"","revision":7,"visibility":""}"#
        );
    }
}
