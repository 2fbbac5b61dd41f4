//! `record put|sign|get|list|delete`. It must never publish what was only to be signed.

use std::path::Path;

use proto_types::{Origin, pilox};
use proto_wire::registry::v1 as wire;
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
            Output::one(json!({ "revision": done.into_inner().revision }))
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

fn shown(record: &wire::Record) -> Output {
    Output::one(json!({
        "handle": record.handle,
        "digest": record.digest,
        "assurance": record.assurance,
        "owner": record.owner,
        "visibility": record.visibility,
        "namespace": record.namespace,
        "revision": record.revision,
        "document": String::from_utf8_lossy(&record.document),
    }))
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
