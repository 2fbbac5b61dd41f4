//! `policy put|list|show|remove|schema|test|explain`. It must never ask a registry where only files are tested.

mod decided;

use std::path::Path;

use proto_wire::registry::v1 as wire;
use proto_wire::{to_json, to_json_without};
use serde_json::Value;

use crate::args::{Format, PolicyVerb};
use crate::client::{Directory, Profile};
use crate::failure::Failure;
use crate::output::Output;

use super::{document, print_raw};

/// `profile` is read only where the registry is asked.
pub(crate) async fn run(
    profile: impl Fn() -> Result<Profile, Failure>,
    verb: PolicyVerb,
    format: Format,
) -> Result<(), Failure> {
    let directory = || profile()?.directory();
    let output = match verb {
        PolicyVerb::Put { name, file, if_match } => {
            let request = wire::PutPolicyRequest { name, text: text(&file)?, if_match };
            stored(directory()?.put_policy(request).await?.get_ref())
        }
        PolicyVerb::List => list(&mut directory()?).await?,
        PolicyVerb::Show { name } => {
            let request = wire::GetPolicyRequest { name, consistency: 0 };
            let policy = directory()?.get_policy(request).await?.into_inner();
            if format == Format::Table {
                return print_raw(policy.text.as_bytes());
            }
            Output::one(to_json(&policy))
        }
        PolicyVerb::Remove { name, if_match } => {
            let request = wire::DeletePolicyRequest { name, if_match };
            Output::one(to_json(directory()?.delete_policy(request).await?.get_ref()))
        }
        PolicyVerb::Schema => return print_raw(policy_core::SCHEMA.as_bytes()),
        PolicyVerb::Test(args) => decided::test(&args)?,
        PolicyVerb::Explain(call) => decided::explain(&mut directory()?, &call).await?,
    };
    Ok(output.print(format)?)
}

/// All policies that are stored.
async fn all(directory: &mut Directory) -> Result<Vec<wire::Policy>, Failure> {
    let request = wire::ListPoliciesRequest { consistency: 0 };
    Ok(directory.list_policies(request).await?.into_inner().policies)
}

async fn list(directory: &mut Directory) -> Result<Output, Failure> {
    let all = all(directory).await?;
    let row = |policy: &wire::Policy| {
        let (bytes, revision) = (policy.text.len().to_string(), policy.revision.to_string());
        vec![policy.name.clone(), bytes, policy.digest.clone(), revision]
    };
    Ok(Output {
        heads: &["name", "bytes", "digest", "revision"],
        rows: all.iter().map(row).collect(),
        json: all.iter().map(to_json).collect::<Vec<Value>>().into(),
    })
}

fn stored(policy: &wire::Policy) -> Output {
    Output::one(to_json_without(policy, &["text"]))
}

/// The text in a file, or on stdin for `-`.
fn text(file: &Path) -> Result<String, Failure> {
    let wrong = |_| Failure::usage(format!("{}: it is not UTF-8", file.display()));
    String::from_utf8(document(file)?).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_is_shown_by_its_digest() {
        let (name, digest) = ("all".to_owned(), "sha256:00".to_owned());
        let policy = wire::Policy { name, digest, text: "permit".to_owned(), revision: 7 };
        let shown = stored(&policy).json;
        assert_eq!(shown, serde_json::json!({"name": "all", "digest": "sha256:00", "revision": 7}));
    }
}
