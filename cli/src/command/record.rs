//! `record put|get|list|delete`.

use proto_wire::registry::v1 as wire;
use serde_json::json;

use crate::args::{Format, RecordVerb};
use crate::client::Profile;
use crate::failure::Failure;
use crate::output::{Output, printable};

use super::{document, pages, print_raw};

pub(crate) async fn run(
    profile: &Profile,
    verb: RecordVerb,
    format: Format,
) -> Result<(), Failure> {
    let mut directory = profile.directory().await?;
    let output = match verb {
        RecordVerb::Put { file, if_match, visibility } => {
            let document = document(&file)?.into();
            let request = wire::PutRecordRequest { document, if_match, visibility };
            summary(&directory.put_record(request).await?.into_inner())
        }
        RecordVerb::Get { handle, strong } => {
            let request = wire::GetRecordRequest { handle, consistency: i32::from(strong) };
            let record = directory.get_record(request).await?.into_inner();
            if format == Format::Table {
                return print_raw(&record.document);
            }
            summary(&record)
        }
        RecordVerb::List => list(&mut directory).await?,
        RecordVerb::Delete { handle } => {
            let request = wire::DeleteRecordRequest { handle, if_match: String::new() };
            let done = directory.delete_record(request).await?.into_inner();
            Output::one(json!({ "revision": done.revision }))
        }
    };
    Ok(output.print(format)?)
}

fn summary(record: &wire::Record) -> Output {
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
