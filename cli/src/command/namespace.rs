//! `namespace put|get|list|delete`.

use proto_wire::registry::v1 as wire;
use proto_wire::{to_json, to_json_without};
use serde_json::Value;

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
            Ok(Output::one(to_json(&done)))
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

/// Who is admitted is told to gateways only.
fn summary(namespace: &wire::Namespace) -> Value {
    to_json_without(namespace, &["admitted"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_shown_with_its_terms() {
        let terms = r#"{"owners": []}"#.into();
        let (name, admitted) = ("n".to_owned(), vec!["https://a.example".to_owned()]);
        let kept = wire::Namespace { name, terms, admitted, revision: 7, ..Default::default() };
        assert_eq!(
            summary(&kept).to_string(),
            r#"{"agents":0,"bytes":0,"cards":0,"name":"n","records":0,"revision":7,"terms":{"owners":[]}}"#
        );
    }
}
