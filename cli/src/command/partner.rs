//! `partner add|list|status|release|remove`.

use proto_wire::registry::v1 as wire;
use proto_wire::to_json;
use serde_json::json;

use crate::args::{PartnerKind, PartnerTerms, PartnerVerb};
use crate::client::Profile;
use crate::failure::Failure;
use crate::output::Output;

pub(crate) async fn run(profile: &Profile, verb: PartnerVerb) -> Result<Output, Failure> {
    let mut partners = profile.partners()?;
    match verb {
        PartnerVerb::Add(terms) => {
            let partner = partners.put_partner(agreement(terms)).await?.into_inner();
            Ok(Output::one(to_json(&partner)))
        }
        PartnerVerb::Status { name } => {
            let partner = partners.get_partner(wire::GetPartnerRequest { name }).await?;
            Ok(Output::one(to_json(&partner.into_inner())))
        }
        PartnerVerb::Release { name } => {
            let partner = partners.release_partner(wire::ReleasePartnerRequest { name }).await?;
            Ok(Output::one(to_json(&partner.into_inner())))
        }
        PartnerVerb::Remove { name } => {
            let removed = partners.remove_partner(wire::RemovePartnerRequest { name }).await?;
            Ok(Output::one(json!({ "entriesForgotten": removed.into_inner().entries })))
        }
        PartnerVerb::List => {
            let all = partners.list_partners(wire::ListPartnersRequest {}).await?;
            Ok(table(&all.into_inner().partners))
        }
    }
}

fn agreement(terms: PartnerTerms) -> wire::PutPartnerRequest {
    let kind = match terms.kind {
        PartnerKind::Ecumene => "ecumene",
        PartnerKind::Pilox => "pilox",
    };
    wire::PutPartnerRequest {
        name: terms.name,
        url: terms.url.to_string(),
        kind: kind.to_owned(),
        catalog_key: terms.catalog_key,
        hops: terms.hops,
        namespaces: terms.namespaces,
        quota: terms.quota,
        log_key: terms.log_key,
    }
}

fn table(all: &[wire::Partner]) -> Output {
    let row = |partner: &wire::Partner| {
        let entries = format!("{}/{}", partner.imported, partner.quota);
        let (name, url, kind) = (partner.name.clone(), partner.url.clone(), partner.kind.clone());
        let (passed_over, cursor) = (partner.passed_over.to_string(), partner.cursor.to_string());
        let (state, reason) = (partner.state.clone(), partner.reason.clone());
        vec![name, url, kind, state, entries, passed_over, cursor, reason]
    };
    Output {
        heads: &["name", "url", "kind", "state", "entries", "passed over", "cursor", "reason"],
        rows: all.iter().map(row).collect(),
        json: all.iter().map(to_json).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partner_is_shown_whole() {
        let passed_over_named = vec!["x".to_owned()];
        let partner = wire::Partner { passed_over_named, failed_pulls: 2, ..Default::default() };
        assert_eq!(
            table(&[partner]).json.to_string(),
            r#"[{"addedAtMs":0,"catalogKey":"","cursor":0,"epoch":0,"failedAtMs":0,"failedPulls":2,"held":0,"heldSinceMs":0,"hops":0,"imported":0,"kind":"","logKey":"","logSize":0,"name":"","namespaces":[],"passedOver":0,"passedOverNamed":["x"],"pulledAtMs":0,"quota":0,"reason":"","state":"","url":""}]"#
        );
    }
}
