//! Reports of peers' conduct: which are taken, what they add up to, and what is found by them.

use proptest::prelude::*;
use registry_core::change::{Refusal, Reply, Spent};
use registry_core::command::{
    ChargeTokens, Command, Compact, Conduct, ConductCommand, PeerCommand, SpendTokens, StandPeer,
    Tally,
};
use registry_core::entry::{ChangeKind, JoinRole, PeerStatus, Source, Visibility, Window};
use registry_core::query::{self, Reputation};
use registry_core::reputation::{Evidence, Score, UNIT};
use registry_core::search::{Bounds, Query};
use registry_core::table::{EVIDENCE, GATEWAYS, REPORTERS};
use registry_core::viewer::Viewer;
use registry_core::{apply, verify};

use crate::search_world::page;
use crate::world::*;

/// The window that ended when tests start.
pub(crate) fn ended() -> Window {
    Window(Window::at(START).0 - 1)
}

pub(crate) fn report(gateway: u8, window: Window, tallies: &[(u8, u32, u32)]) -> Command {
    let tally = |(peer, good, bad): &(u8, u32, u32)| {
        let (peer, good, bad) = (origin(*peer), *good, *bad);
        Tally { peer, good, bad }
    };
    let tallies = tallies.iter().map(tally).collect();
    ConductCommand::Report(Conduct { reporter: gateway_id(gateway), window, tallies }).into()
}

/// Peers 0 to 2, and the gateways 0 and 1.
fn world() -> World {
    let mut world = World::populated();
    for peer in [1, 2] {
        world.done(&enrol(peer, &[peer], registry_core::entry::Approval::Operator));
    }
    for gateway in [0, 1] {
        world.done(&issue(10 + gateway, JoinRole::Gateway));
        world.done(&register_gateway(gateway, 10 + gateway));
    }
    world
}

fn of(world: &World, peer: u8) -> Reputation {
    query::reputation(&world.memory, &origin(peer)).unwrap()
}

fn counted(world: &mut World, command: &Command) -> (u32, u32, bool) {
    match world.done(command) {
        Reply::Counted { counted, passed_over, repeated, .. } => (counted, passed_over, repeated),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_window_is_taken_once_and_told_once() {
    let mut world = world();
    let first = report(0, ended(), &[(0, 10, 0), (1, 0, 3), (9, 1, 0)]);
    assert_eq!(counted(&mut world, &first), (2, 1, false));
    let revision = world.revision();
    let told = query::changes(&world.memory, proto_types::Revision(revision.0 - 1), 9).unwrap();
    assert_eq!((told[0].kind, told[0].id.as_str()), (ChangeKind::Reputation, "gateway-0"));
    let kept = world.memory.clone();
    assert_eq!(counted(&mut world, &first), (0, 0, true));
    let other = report(0, ended(), &[(2, 9, 0)]);
    assert_eq!(counted(&mut world, &other), (0, 0, true));
    let earlier = report(0, Window(ended().0 - 30), &[(2, 9, 0)]);
    assert_eq!(counted(&mut world, &earlier), (0, 0, true));
    assert_eq!(world.memory, kept);
    assert_eq!(of(&world, 0).working.score, Score(722_459));
    assert_eq!(of(&world, 1).working.score, Score(0));
    assert_eq!(of(&world, 9).lines, []);
    assert_eq!(verify::check(&world.memory).faults, [""; 0]);
}

#[test]
fn a_window_that_has_not_ended_or_is_too_old_is_refused() {
    let mut world = world();
    let now = Window::at(world.now);
    let refused = world.refusal(&report(0, now, &[(0, 1, 0)]));
    assert!(
        matches!(refused, Refusal::TooFarAhead { ref what, .. } if what == "window"),
        "{refused:?}"
    );
    world.refusal(&report(0, Window(u64::MAX), &[(0, 1, 0)]));
    world.now = now.ends_at().minus_ms(5_000);
    world.done(&report(0, now, &[(0, 1, 0)]));
    world.now = ended().ends_at().plus_ms(60 * MINUTE);
    world.done(&report(1, ended(), &[(0, 1, 0)]));
    let mut world = self::world();
    world.now = ended().ends_at().plus_ms(60 * MINUTE + 1);
    let refused = world.refusal(&report(1, ended(), &[(0, 1, 0)]));
    let ended_ms = ended().ends_at().0;
    assert_eq!(refused, Refusal::WindowTooOld { ended_ms, age_ms_max: 3_600_000 });
}

#[test]
fn a_report_that_says_nothing_or_too_much_is_refused() {
    let mut world = world();
    let invalid = |refusal: Refusal| matches!(refusal, Refusal::Invalid { .. });
    assert!(invalid(world.refusal(&report(0, ended(), &[]))));
    assert!(invalid(world.refusal(&report(0, ended(), &[(0, 0, 0)]))));
    assert!(invalid(world.refusal(&report(0, ended(), &[(0, 1, 0), (0, 1, 0)]))));
    let stranger = world.refusal(&report(7, ended(), &[(0, 1, 0)]));
    assert_eq!(stranger, not_found("gateway", gateway_id(7)));
    let many = (0..=1_000).map(|name| Tally {
        peer: proto_types::Origin::parse(&format!("https://p{name}.example")).unwrap(),
        good: 1,
        bad: 0,
    });
    let (reporter, window) = (gateway_id(0), ended());
    let many = ConductCommand::Report(Conduct { reporter, window, tallies: many.collect() }).into();
    assert_eq!(world.refusal(&many), full("tallies", 1_000));
}

#[test]
fn who_was_revoked_is_passed_over_and_who_is_suspended_is_not() {
    let mut world = world();
    for (peer, standing) in [(0, PeerStatus::Suspended), (1, PeerStatus::Revoked)] {
        let (origin, reason) = (origin(peer), None);
        world.done(&Command::Peer(PeerCommand::Stand(StandPeer { origin, standing, reason })));
    }
    let all = report(0, ended(), &[(0, 1, 0), (1, 1, 0), (2, 1, 0)]);
    assert_eq!(counted(&mut world, &all), (2, 1, false));
}

#[test]
fn evidence_halves_in_a_day_and_is_forgotten_when_nothing_is_left() {
    let mut world = world();
    world.done(&report(0, ended(), &[(0, 8, 2)]));
    world.later(DAY).done(&put_body(9));
    let half = of(&world, 0).working.evidence;
    assert_eq!(half, Evidence { good: 4 * UNIT, bad: UNIT });
    // Ten units are less than a hundredth after ten days; the last hour keeps late reports apart from it.
    let compact = |world: &World| {
        Command::Compact(Compact {
            changes_through: proto_types::Revision(0),
            tasks_until: world.now.minus_ms(DAY),
        })
    };
    world.later(8 * DAY);
    let forget = compact(&world);
    world.done(&forget);
    assert_eq!(EVIDENCE.list(&world.memory, None, 9).unwrap().len(), 1);
    world.later(DAY + 61 * MINUTE);
    assert!(of(&world, 0).working.evidence.total() > 0, "the state's time has not moved on");
    let forget = compact(&world);
    world.done(&forget);
    assert_eq!(EVIDENCE.list(&world.memory, None, 9).unwrap(), []);
    assert_eq!(REPORTERS.list(&world.memory, None, 9).unwrap().len(), 1, "its windows still rise");
    assert_eq!(verify::check(&world.memory).faults, [""; 0]);
}

#[test]
fn a_gateway_that_is_not_registered_any_more_is_not_believed() {
    let mut world = world();
    world.done(&report(0, ended(), &[(0, 10, 0)]));
    world.done(&report(1, ended(), &[(0, 0, 10)]));
    let before = of(&world, 0).working.score;
    world.memory.commit(&[GATEWAYS.delete(gateway_id(1).as_str())]);
    let after = of(&world, 0);
    assert!(before < after.working.score);
    assert_eq!((after.lines[1].left, after.lines.len()), (Evidence::default(), 2));
}

#[test]
fn a_token_is_charged_once_and_never_when_it_was_spent() {
    let mut world = world();
    let until = world.now.plus_ms(MINUTE);
    let charge =
        |name| ConductCommand::Charge(ChargeTokens { entries: vec![(digest(name), until)] }).into();
    let spend = |name| Command::SpendTokens(SpendTokens { entries: vec![(digest(name), until)] });
    let mut verdict = |command: &Command| match world.done(command) {
        Reply::Spent(verdicts) => verdicts[0],
        other => panic!("{other:?}"),
    };
    assert_eq!(verdict(&charge(1)), Spent::Fresh);
    assert_eq!(verdict(&charge(1)), Spent::Replayed);
    assert_eq!(verdict(&spend(1)), Spent::Fresh, "a charge does not spend");
    assert_eq!(verdict(&spend(2)), Spent::Fresh);
    assert_eq!(verdict(&charge(2)), Spent::Replayed);
    let past =
        ConductCommand::Charge(ChargeTokens { entries: vec![(digest(3), START.minus_ms(1))] })
            .into();
    assert_eq!(verdict(&past), Spent::OutOfHorizon);
}

/// A card and a record of peer 0, one of peer 1, and one of nobody.
fn listed() -> World {
    let mut world = world();
    let put = |name: u8, owner: Option<u8>, visibility| {
        let mut put = put_record(name, 1, START, owner.map(|peer| (peer, peer)));
        if let Command::PutRecord(put) = &mut put {
            put.visibility = Some(visibility);
        }
        put
    };
    for (name, owner, visibility) in [
        (1, Some(0), Visibility::Public),
        (2, Some(1), Visibility::Public),
        (3, None, Visibility::Public),
        (4, Some(0), Visibility::Redacted),
    ] {
        world.done(&put(name, owner, visibility));
        world.done(&put_search(Source::Record, name, 1, 1));
    }
    world
}

fn found(world: &World, tenths: u8, viewer: &Viewer) -> Vec<String> {
    let mut found = Vec::new();
    for query in [Query::default(), Query::default().text("alpha").unwrap()] {
        let query = query.reputed(tenths);
        let page = page(&world.memory, (&query, viewer), None, 10, Bounds::default());
        assert!(!page.truncated);
        let mut hits: Vec<_> = page.hits.iter().map(|hit| hit.handle.to_string()).collect();
        hits.sort();
        found.push(hits);
    }
    assert_eq!(found[0], found[1]);
    found.remove(0)
}

#[test]
fn entries_are_found_by_their_owners_reputation() {
    let mut world = listed();
    let all = ["urn:agent:0001", "urn:agent:0002", "urn:agent:0003", "urn:agent:0004"];
    let anonymous = Viewer::Anonymous;
    assert_eq!(found(&world, 0, &anonymous), all);
    assert_eq!(found(&world, 1, &anonymous), [""; 0]);
    world.done(&report(0, ended(), &[(0, 10, 0), (1, 2, 8)]));
    assert_eq!(found(&world, 7, &anonymous), ["urn:agent:0001"], "a redacted owner is not read");
    assert_eq!(found(&world, 7, &Viewer::Operator), ["urn:agent:0001", "urn:agent:0004"]);
    assert_eq!(found(&world, 8, &Viewer::Operator), [""; 0]);
    let (origin, reason, standing) = (origin(0), None, PeerStatus::Suspended);
    world.done(&Command::Peer(PeerCommand::Stand(StandPeer { origin, standing, reason })));
    assert_eq!(found(&world, 1, &Viewer::Operator), [""; 0], "who may not act has none");
}

proptest! {
    /// Caught: fading by the time at which a report arrives, and not by its window.
    #[test]
    fn the_order_of_gateways_reports_changes_nothing(
        reports in prop::collection::vec((0_u8..2, 0_u64..30, 0_u8..3, 0_u32..30, 1_u32..30), 1..24),
        places in prop::collection::vec(any::<prop::sample::Index>(), 24),
    ) {
        let mut world = world();
        world.later(30 * MINUTE);
        let mut by_gateway: [Vec<Command>; 2] = Default::default();
        let mut sorted = reports;
        sorted.sort_by_key(|(gateway, window, ..)| (*gateway, *window));
        for (gateway, window, peer, good, bad) in sorted {
            let window = Window(ended().0 + window);
            by_gateway[usize::from(gateway)].push(report(gateway, window, &[(peer, good, bad)]));
        }
        let apart: Vec<&Command> = by_gateway.iter().flatten().collect();
        // The same, with the second gateway's in between the first one's.
        let mut mixed: Vec<&Command> = by_gateway[0].iter().collect();
        let mut at = 0;
        for (command, place) in by_gateway[1].iter().zip(&places) {
            at = at.max(place.index(mixed.len() + 1)).min(mixed.len());
            mixed.insert(at, command);
            at += 1;
        }
        let outcome = |commands: &[&Command]| {
            let mut memory = world.memory.clone();
            for (at, command) in (0_u64..).zip(commands) {
                // Who comes later comes at another time, too.
                let stamp = proto_types::Stamp { now: world.now.plus_ms(at * 20_000) };
                memory.commit(&apply(&memory, stamp, command).unwrap().writes);
            }
            // A repetition does not move the state's time: read at the same one.
            let stamp = proto_types::Stamp { now: world.now.plus_ms(10 * MINUTE) };
            memory.commit(&apply(&memory, stamp, &put_body(9)).unwrap().writes);
            let all = EVIDENCE.list(&memory, None, 99).unwrap().into_iter();
            let kept: Vec<_> = all.map(|it| (it.peer, it.reporter, it.window, it.evidence)).collect();
            let scores: Vec<_> = (0..3)
                .map(|peer| query::reputation(&memory, &origin(peer)).unwrap().working)
                .collect();
            (kept, scores)
        };
        prop_assert_eq!(outcome(&apart), outcome(&mixed));
    }
}
