//! `partner add|list|status|release|remove`.

use proto_wire::registry::v1 as wire;
use serde_json::{Value, json};

use crate::args::{PartnerKind, PartnerTerms, PartnerVerb};
use crate::client::Profile;
use crate::failure::Failure;
use crate::output::Output;

pub(crate) async fn run(profile: &Profile, verb: PartnerVerb) -> Result<Output, Failure> {
    let mut partners = profile.partners()?;
    match verb {
        PartnerVerb::Add(terms) => {
            let partner = partners.put_partner(agreement(terms)).await?.into_inner();
            Ok(Output::one(json(&partner)))
        }
        PartnerVerb::Status { name } => {
            let partner = partners.get_partner(wire::GetPartnerRequest { name }).await?;
            Ok(Output::one(json(&partner.into_inner())))
        }
        PartnerVerb::Release { name } => {
            let partner = partners.release_partner(wire::ReleasePartnerRequest { name }).await?;
            Ok(Output::one(json(&partner.into_inner())))
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
        json: all.iter().map(json).collect(),
    }
}

fn json(partner: &wire::Partner) -> Value {
    json!({
        "name": partner.name,
        "url": partner.url,
        "kind": partner.kind,
        "catalogKey": partner.catalog_key,
        "logKey": partner.log_key,
        "logSize": partner.log_size,
        "hops": partner.hops,
        "namespaces": partner.namespaces,
        "quota": partner.quota,
        "state": partner.state,
        "reason": partner.reason,
        "cursor": partner.cursor,
        "imported": partner.imported,
        "pulledAtMs": partner.pulled_at_ms,
        "addedAtMs": partner.added_at_ms,
        "passedOver": partner.passed_over,
        "passedOverNamed": partner.passed_over_named,
        "epoch": partner.epoch,
        "held": partner.held,
        "heldSinceMs": partner.held_since_ms,
        "failedPulls": partner.failed_pulls,
        "failedAtMs": partner.failed_at_ms,
    })
}
