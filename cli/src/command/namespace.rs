//! `namespace put|get|list|delete`, also spelled `policy`.

use proto_wire::registry::v1 as wire;
use serde_json::{Value, json};

use crate::args::NamespaceVerb;
use crate::client::{Directory, Profile};
use crate::failure::Failure;
use crate::output::{Output, printable};

use super::{document, pages};

pub(crate) async fn run(profile: &Profile, verb: NamespaceVerb) -> Result<Output, Failure> {
    let mut directory = profile.directory()?;
    match verb {
        NamespaceVerb::Put { name, file } => {
            let request = wire::PutNamespaceRequest { name, terms: document(&file)?.into() };
            let namespace = directory.put_namespace(request).await?.into_inner();
            Ok(Output::one(summary(&namespace)))
        }
        NamespaceVerb::Get { name } => {
            let request = wire::GetNamespaceRequest { name, consistency: 0 };
            let namespace = directory.get_namespace(request).await?.into_inner();
            Ok(Output::one(summary(&namespace)))
        }
        NamespaceVerb::List => list(&mut directory).await,
        NamespaceVerb::Delete { name } => {
            let request = wire::DeleteNamespaceRequest { name };
            let done = directory.delete_namespace(request).await?.into_inner();
            Ok(Output::one(json!({ "revision": done.revision })))
        }
    }
}

async fn list(directory: &mut Directory) -> Result<Output, Failure> {
    let listed = pages::all(async |asked| {
        let page = directory.list_namespaces(asked).await?.into_inner();
        Ok((page.namespaces, page.next))
    });
    let rows: Vec<Value> = listed.await?.iter().map(summary).collect();
    let cells = rows.iter().map(|row| {
        let cell = |name: &str| printable(&row[name].to_string().replace('"', ""));
        ["name", "records", "cards", "agents", "bytes"].map(cell).to_vec()
    });
    let heads = &["name", "records", "cards", "agents", "bytes"];
    Ok(Output { heads, rows: cells.collect(), json: Value::Array(rows) })
}

fn summary(namespace: &wire::Namespace) -> Value {
    json!({
        "name": namespace.name,
        "records": namespace.records,
        "cards": namespace.cards,
        "agents": namespace.agents,
        "bytes": namespace.bytes,
        "revision": namespace.revision,
        "terms": serde_json::from_slice::<Value>(&namespace.terms).unwrap_or(Value::Null),
    })
}
