//! Partners, provenance and liveness as they are shown.

use proto_types::tlog::{Checkpoint, Note};
use proto_wire::registry::v1 as wire;
use registry_core::entry::{
    Held, PartnerEntry, PartnerState, PassedOver, ProvenanceEntry, ReachabilityEntry,
};

/// What the crawler saw.
#[must_use]
pub fn liveness(entry: &ReachabilityEntry) -> wire::Liveness {
    wire::Liveness {
        class: entry.class.as_str().to_owned(),
        since_ms: entry.since.0,
        seen_at_ms: entry.seen_at.0,
        prober: entry.prober,
        why: entry.why.clone(),
    }
}

/// The same in one line, for a header: class, time of the sighting, member.
#[must_use]
pub fn liveness_line(entry: &ReachabilityEntry) -> String {
    let ReachabilityEntry { class, since, seen_at, prober, .. } = entry;
    format!("{class}; since={}; seen={}; prober={prober}", since.0, seen_at.0)
}

/// Where an entry came from, in one line for a header.
#[must_use]
pub fn provenance_line(entry: &ProvenanceEntry) -> String {
    let ProvenanceEntry { partner, home, home_revision, hops, fetched_at, .. } = entry;
    let fetched = fetched_at.0;
    format!("{partner}; home={home}; revision={home_revision}; hops={hops}; fetched={fetched}")
}

/// Where an entry came from.
#[must_use]
pub fn provenance(entry: &ProvenanceEntry) -> wire::Provenance {
    wire::Provenance {
        partner: entry.partner.to_string(),
        home: entry.home.to_string(),
        home_revision: entry.home_revision,
        hops: entry.hops.into(),
        fetched_at_ms: entry.fetched_at.0,
    }
}

/// A partner, its terms and how far it was pulled.
#[must_use]
pub fn partner(entry: &PartnerEntry) -> wire::Partner {
    let (terms, held) = (&entry.terms, entry.held.as_ref());
    let (state, reason) = state(entry);
    let failing = entry.failing.as_ref();
    wire::Partner {
        name: entry.name.to_string(),
        url: terms.url.to_string(),
        kind: terms.kind.to_string(),
        catalog_key: terms.catalog_key.map_or_else(String::new, |key| key.to_hex()),
        hops: terms.hops.into(),
        namespaces: terms.namespaces.iter().map(ToString::to_string).collect(),
        quota: terms.quota,
        state: state.to_owned(),
        reason,
        cursor: entry.cursor,
        imported: entry.imported,
        pulled_at_ms: entry.pulled_at.0,
        added_at_ms: entry.added_at.0,
        log_key: terms.log_key.clone(),
        log_size: log_size(&entry.checkpoint),
        passed_over: entry.passed_over.count,
        passed_over_named: named(&entry.passed_over),
        epoch: entry.epoch,
        held: held.map_or(0, |held| held.entries),
        held_since_ms: held.map_or(0, |held| held.since.0),
        failed_pulls: failing.map_or(0, |failing| failing.pulls),
        failed_at_ms: failing.map_or(0, |failing| failing.at.0),
    }
}

fn named(passed_over: &PassedOver) -> Vec<String> {
    passed_over.named.iter().map(|(name, why)| format!("{name}: {why}")).collect()
}

/// Its state, and what is wrong, the worst of it.
fn state(entry: &PartnerEntry) -> (&'static str, String) {
    if let PartnerState::Quarantined { reason, .. } = &entry.state {
        return ("quarantined", reason.clone());
    }
    let reason = match (&entry.held, &entry.failing) {
        (Some(Held { entries, released: false, .. }), _) => {
            format!("{entries} entries that it has withdrawn are held back")
        }
        (_, Some(failing)) => format!("{} pulls failed: {}", failing.pulls, failing.reason),
        _ => String::new(),
    };
    ("active", reason)
}

/// How far its log was followed; 0 if it was not.
fn log_size(checkpoint: &str) -> u64 {
    let note = Note::parse(checkpoint.as_bytes()).ok();
    note.and_then(|note| Checkpoint::parse(note.text()).ok()).map_or(0, |head| head.size)
}
