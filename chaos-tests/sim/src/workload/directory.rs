//! Commands about the directory beyond records: cards and what a search knows of them, namespaces, statuses, the audit,
//! what a crawler saw, what gateways report, and entries of other registries.
//!
//! They are drawn by chance alone, on the few handles that local writers use too, so that homes, tenants and owners
//! meet. Every revision that a partner tells is of this client's own count: some are old news elsewhere, and refused.

use proto_types::card::Assurance;
use proto_types::{Digest, WallMs};
use registry_core::command::{
    AdvancePartner, Audit, Command, Conduct, ConductCommand, DeleteNamespace, FederationCommand,
    Import, ImportedRecord, LogCommand, NamespaceCommand, PeerCommand, PutCard, PutNamespace,
    PutPartner, QuarantinePartner, RemovePartner, SetReachability, StandPeer, Tally, TruncateAudit,
};
use registry_core::entry::{
    ImportKind, PartnerKind, PartnerTerms, PeerStatus, Quotas, Reachability, Source, Subject,
    Terms, Visibility, Window,
};
use registry_core::search::{Document, Facts, PutSearch};

use crate::time::START;

use super::names::{gateway, handle, other, partner, tenant};

/// Handles that records, cards and imports share.
pub(super) const HANDLES: u8 = 6;

/// A proposal about the directory. `body` is fresh bytes and their digest; `count` has never been said before.
pub(super) fn commands(
    body: (Command, Digest),
    count: u64,
    now: WallMs,
    random: &mut fastrand::Rng,
) -> Vec<Command> {
    match random.u8(0..100) {
        0..30 => card(body, random),
        30..55 => import(body, count, now, random),
        55..68 => vec![agreement(random)],
        68..80 => vec![namespace(random)],
        80..88 => vec![peer_status(random)],
        88..92 => vec![seen(random)],
        92..96 => vec![report(random)],
        _ => vec![audit(count, random)],
    }
}

fn card((put, digest): (Command, Digest), random: &mut fastrand::Rng) -> Vec<Command> {
    let handle = handle(random.u8(0..HANDLES));
    let facts = Facts { name: "card", description: "of this world", ..Facts::default() };
    let document = Document::of(&facts);
    let told = PutSearch { source: Source::Card, handle: handle.clone(), digest, document };
    let card = Command::PutCard(PutCard {
        handle,
        digest,
        assurance: Assurance::Unsigned,
        owner: None,
        visibility: random
            .choice([None, Some(Visibility::Private), Some(Visibility::Public)])
            .flatten(),
    });
    match random.u8(0..4) {
        0 => vec![put, card],
        _ => vec![put, card, Command::PutSearch(told)],
    }
}

fn import(
    (put, digest): (Command, Digest),
    count: u64,
    now: WallMs,
    random: &mut fastrand::Rng,
) -> Vec<Command> {
    let (from, home) = partner(random.u8(0..2));
    let import = Import {
        partner: from,
        kind: ImportKind::Record,
        // One of those that are read, so that most of these are told of by their own writers alone; and some that
        // nobody here writes.
        handle: handle(random.u8(3..HANDLES + 2)),
        home,
        home_revision: count,
        home_epoch: 0,
        hops: 1,
        hops_max: 1,
        entry: (random.u8(0..5) > 0).then(|| imported(digest, now)),
    };
    vec![put, FederationCommand::Import(Box::new(import)).into()]
}

fn imported(digest: Digest, updated_at: WallMs) -> ImportedRecord {
    ImportedRecord {
        digest,
        assurance: Assurance::Unsigned,
        owner: None,
        public: true,
        updated_at,
        valid_until: None,
        ttl_s: None,
        agent_card_url: "https://elsewhere.example/card.json".to_owned(),
    }
}

/// What is there before clients begin: both partners, and both tenants.
pub(super) fn initial_state() -> Vec<Command> {
    (0..2).flat_map(|name| [agreed(name, 2), claimed(name, Quotas::default())]).collect()
}

fn agreed(name: u8, quota: u64) -> Command {
    let (name, url) = partner(name);
    let terms = PartnerTerms {
        url,
        kind: PartnerKind::Ecumene,
        catalog_key: None,
        log_key: String::new(),
        hops: 1,
        namespaces: Vec::new(),
        quota,
    };
    FederationCommand::PutPartner(PutPartner { name, terms: Box::new(terms) }).into()
}

fn claimed(name: u8, quotas: Quotas) -> Command {
    let (name, prefix) = tenant(name);
    let terms = Terms { prefixes: vec![prefix], quotas, ..Terms::default() };
    Command::Namespace(NamespaceCommand::Put(PutNamespace {
        name,
        terms: Box::new(terms),
        by: None,
    }))
}

/// Partners are agreed with, caught in a lie, and left.
fn agreement(random: &mut fastrand::Rng) -> Command {
    let called = random.u8(0..2);
    let (name, _) = partner(called);
    let command = match random.u8(0..10) {
        0..5 => return agreed(called, random.u64(1..4)),
        5..8 => {
            let cursor = random.u64(0..100);
            let (checkpoint, passed_over, from) = (None, None, None);
            FederationCommand::AdvancePartner(AdvancePartner {
                name,
                cursor,
                checkpoint,
                passed_over,
                from,
            })
        }
        8 => FederationCommand::QuarantinePartner(QuarantinePartner {
            name,
            reason: "by chance".to_owned(),
        }),
        _ => FederationCommand::RemovePartner(RemovePartner { name }),
    };
    command.into()
}

/// Tenants come, with narrow terms, and go.
fn namespace(random: &mut fastrand::Rng) -> Command {
    let called = random.u8(0..2);
    let quotas = Quotas { records: Some(random.u64(0..3)), ..Quotas::default() };
    match random.u8(0..3) {
        0 => {
            Command::Namespace(NamespaceCommand::Delete(DeleteNamespace { name: tenant(called).0 }))
        }
        _ => claimed(called, quotas),
    }
}

fn peer_status(random: &mut fastrand::Rng) -> Command {
    let standing = if random.bool() { PeerStatus::Active } else { PeerStatus::Suspended };
    Command::Peer(PeerCommand::Stand(StandPeer { origin: other(), standing, reason: None }))
}

fn seen(random: &mut fastrand::Rng) -> Command {
    let subject = match random.bool() {
        true => Subject::Peer(other()),
        false => Subject::Record(handle(random.u8(0..HANDLES))),
    };
    let class = if random.bool() { Reachability::Open } else { Reachability::Unreachable };
    FederationCommand::SetReachability(SetReachability {
        subject,
        class,
        prober: 1,
        why: "by chance".to_owned(),
    })
    .into()
}

/// Of one of the last windows before the world began, some of which are too old once a clock has jumped.
fn report(random: &mut fastrand::Rng) -> Command {
    let window = Window(Window::at(START).0 - random.u64(1..58));
    let tally = Tally { peer: other(), good: random.u32(1..20), bad: random.u32(0..3) };
    let reporter = gateway(random.u8(0..2));
    ConductCommand::Report(Conduct { reporter, window, tallies: vec![tally] }).into()
}

fn audit(count: u64, random: &mut fastrand::Rng) -> Command {
    Command::Log(match random.u8(0..4) {
        0 => LogCommand::TruncateAudit(TruncateAudit { through: random.u64(0..20) }),
        _ => LogCommand::Audit(Audit {
            who: "operator".to_owned(),
            action: "tried".to_owned(),
            target: count.to_string(),
            outcome: "done".to_owned(),
            request_id: String::new(),
        }),
    })
}
