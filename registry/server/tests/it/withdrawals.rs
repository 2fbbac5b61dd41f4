//! What a partner has no more: carried out, held back where it is too much at once, and undone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use deploy_service::units;
use proto_types::Digest;
use proto_wire::registry::v1 as wire;
use serde_json::json;

use crate::federation::{agree, arrives, key, partner, publish};
use crate::site::{Answer, Site, record, segment};
use crate::world::{OPERATOR, World, by, eventually, refused, vector_key};

const ENTRIES: usize = 6;

/// A registry that has its entries, or, as long as it is told to, has forgotten them.
struct Forgetful {
    site: Site,
    /// How many entries it lists.
    listed: Arc<AtomicUsize>,
    /// Whether changes since any revision are said to be forgotten.
    forgets: Arc<AtomicBool>,
    /// Whether it was restored from a backup, in which its entries are of another namespace.
    restored: Arc<AtomicBool>,
    /// Whether it answers 503.
    fails: Arc<AtomicBool>,
}

impl Forgetful {
    async fn start() -> Self {
        let handles: Vec<String> = (0..ENTRIES).map(|at| format!("urn:site:{at:04}")).collect();
        let document = |handle: &String| {
            record(handle, "https://a.example/card.json", "https://a.example", &key())
        };
        let documents: Vec<_> = handles.iter().map(document).collect();
        let listed = Arc::new(AtomicUsize::new(ENTRIES));
        let forgets = Arc::new(AtomicBool::new(false));
        let (restored, fails): (Arc<AtomicBool>, Arc<AtomicBool>) = Default::default();
        let (shown, forgotten) = (Arc::clone(&listed), Arc::clone(&forgets));
        let (is_restored, failing) = (Arc::clone(&restored), Arc::clone(&fails));
        let site = Site::start(move |_, path| -> Answer {
            if failing.load(Ordering::SeqCst) {
                return (503, Vec::new());
            }
            let at = handles.iter().position(|it| path == format!("/v1/records/{}", segment(it)));
            if let Some(at) = at {
                return (200, documents[at].clone());
            }
            if path.starts_with("/v1/federation/changes") && forgotten.load(Ordering::SeqCst) {
                return (410, Vec::new());
            }
            let (epoch, namespace) = match is_restored.load(Ordering::SeqCst) {
                true => (1_u64, "elsewhere"),
                false => (0, "default"),
            };
            let head = (epoch << 40) + 9;
            let entry = |(handle, document): (&String, &Vec<u8>)| {
                json!({
                    "kind": "record", "handle": handle, "digest": Digest::of(document).to_string(),
                    "revision": 1, "namespace": namespace, "owner": null,
                })
            };
            let count =
                if path.contains("entries?kind=record") { shown.load(Ordering::SeqCst) } else { 0 };
            let entries: Vec<_> = handles.iter().zip(&documents).take(count).map(entry).collect();
            let page = json!({
                "entries": entries, "head": head, "next": head, "nextAfter": "", "epoch": epoch,
            });
            (200, page.to_string().into_bytes())
        })
        .await;
        Self { site, listed, forgets, restored, fails }
    }

    /// From now on its list has so many entries, and is asked for.
    fn lists(&self, count: usize) {
        self.listed.store(count, Ordering::SeqCst);
        self.forgets.store(true, Ordering::SeqCst);
    }
}

pub(crate) async fn stands(
    world: &World,
    what: &str,
    is: impl Fn(&wire::Partner) -> bool,
) -> wire::Partner {
    eventually(what, || async { Some(partner(world, "site").await).filter(|it| is(it)) }).await
}

async fn is_measured(world: &World, figure: &str) {
    let metrics = world.get("/v1/metrics").await;
    let text = std::str::from_utf8(metrics.body()).unwrap();
    assert!(text.contains(figure), "{figure}: {text}");
}

#[tokio::test]
async fn what_is_withdrawn_at_once_is_held_until_it_comes_back_or_the_operator_says_so() {
    let (partner, here) = (Forgetful::start().await, World::outbound(|_| {}).await);
    agree(&here, "site", &partner.site.origin(), |_| {}).await;
    let all = ENTRIES as u64;
    stands(&here, "its entries", |it| it.imported == all && it.cursor == 9).await;
    let release = || by(OPERATOR, wire::ReleasePartnerRequest { name: "site".to_owned() });
    refused(
        "nothing to release",
        here.partners().release_partner(release()).await,
        "invalid-argument",
    );

    partner.lists(0);
    let held = stands(&here, "what is held", |it| it.held == all).await;
    assert_eq!((held.imported, &*held.state), (all, "active"));
    assert!(held.reason.contains("held back") && held.held_since_ms > 0, "{}", held.reason);
    is_measured(&here, "ecumene_registry_partner_entries_held 6").await;
    partner.lists(ENTRIES);
    let healed = stands(&here, "that nothing is held", |it| it.held == 0).await;
    assert_eq!((healed.imported, &*healed.reason), (all, ""));

    // A list that has shrunk is no better than an empty one.
    partner.lists(1);
    stands(&here, "what is held again", |it| it.held == all - 1 && it.imported == all).await;
    here.partners().release_partner(release()).await.unwrap();
    stands(&here, "the withdrawal", |it| it.imported == 1 && it.held == 0).await;
    // And what its home has again is here again.
    partner.lists(ENTRIES);
    stands(&here, "what has come back", |it| it.imported == all).await;
    let acts = crate::audit::lines(&here, 0).await;
    for act in ["hold-partner", "release-partner"] {
        assert!(acts.iter().any(|it| it.action == act), "{act}: {acts:?}");
    }
    here.stop().await;
}

#[tokio::test]
async fn what_is_held_goes_when_the_stated_time_is_over_and_a_few_go_at_once() {
    let partner = Forgetful::start().await;
    let here = World::outbound(|config| {
        config.federation.withdraw_hold = units::Duration::from_millis(700);
    })
    .await;
    agree(&here, "site", &partner.site.origin(), |_| {}).await;
    stands(&here, "its entries", |it| it.imported == ENTRIES as u64).await;
    partner.lists(ENTRIES - 1);
    stands(&here, "one less", |it| it.imported == ENTRIES as u64 - 1 && it.held == 0).await;
    partner.lists(0);
    stands(&here, "the end of the time", |it| it.imported == 0 && it.held == 0).await;
    let acts = crate::audit::lines(&here, 0).await;
    assert!(acts.iter().any(|it| it.action == "hold-partner"), "it was held before: {acts:?}");
    here.stop().await;
}

#[tokio::test]
async fn a_restored_partner_that_lists_everything_elsewhere_is_held_and_its_terms_are_not_to_blame()
{
    let (partner, here) = (Forgetful::start().await, World::outbound(|_| {}).await);
    let namespaces = vec!["default".to_owned()];
    agree(&here, "site", &partner.site.origin(), |terms| terms.namespaces = namespaces).await;
    let all = ENTRIES as u64;
    stands(&here, "its entries", |it| it.imported == all && it.cursor == 9).await;
    partner.restored.store(true, Ordering::SeqCst);
    let held = stands(&here, "what is held", |it| it.held == all).await;
    assert_eq!((held.imported, held.epoch), (all, 1));
    here.stop().await;
}

#[tokio::test]
async fn a_release_lets_no_more_go_than_were_held_when_it_was_said() {
    let (partner, here) = (Forgetful::start().await, World::outbound(|_| {}).await);
    agree(&here, "site", &partner.site.origin(), |_| {}).await;
    let all = ENTRIES as u64;
    stands(&here, "its entries", |it| it.imported == all).await;
    partner.lists(1);
    stands(&here, "what is held", |it| it.held == all - 1).await;
    partner.fails.store(true, Ordering::SeqCst);
    stands(&here, "the failure", |it| it.failed_pulls > 0).await;
    let release = || by(OPERATOR, wire::ReleasePartnerRequest { name: "site".to_owned() });
    here.partners().release_partner(release()).await.unwrap();

    partner.lists(0);
    partner.fails.store(false, Ordering::SeqCst);
    let anew = stands(&here, "that all is held", |it| it.held == all).await;
    assert_eq!(anew.imported, all, "the release was for five");
    here.partners().release_partner(release()).await.unwrap();
    stands(&here, "the withdrawal", |it| it.imported == 0 && it.held == 0).await;
    here.stop().await;
}

#[tokio::test]
async fn failing_pulls_show_in_the_status_until_one_succeeds_and_withdraw_nothing() {
    let fails = Arc::new(AtomicBool::new(false));
    let (failing, document) = (
        Arc::clone(&fails),
        record("urn:site:0001", "https://a.example/card.json", "https://a.example", &key()),
    );
    let site = Site::start(move |_, path| match path {
        _ if failing.load(Ordering::SeqCst) => (503, Vec::new()),
        "/v1/records/urn%3Asite%3A0001" => (200, document.clone()),
        _ => {
            let entry = json!({
                "kind": "record", "handle": "urn:site:0001", "revision": 1, "owner": null,
                "digest": Digest::of(&document).to_string(), "namespace": "default",
            });
            let entries = if path.contains("kind=record") { vec![entry] } else { Vec::new() };
            let page = json!({ "entries": entries, "head": 9, "next": 9, "nextAfter": "" });
            (200, page.to_string().into_bytes())
        }
    })
    .await;
    let here = World::outbound(|_| {}).await;
    agree(&here, "site", &site.origin(), |_| {}).await;
    stands(&here, "its entry", |it| it.imported == 1).await;
    fails.store(true, Ordering::SeqCst);
    let shown = stands(&here, "the failure", |it| it.failed_pulls > 0).await;
    assert!(shown.reason.contains("it answered 503") && shown.failed_at_ms > 0, "{}", shown.reason);
    assert_eq!((shown.imported, &*shown.state), (1, "active"));
    is_measured(&here, "ecumene_registry_partners_failing 1").await;
    fails.store(false, Ordering::SeqCst);
    let shown = stands(&here, "the success", |it| it.failed_pulls == 0).await;
    assert_eq!((shown.imported, &*shown.reason), (1, ""));
    here.stop().await;
}

#[tokio::test]
async fn a_lowered_quota_applies_to_what_is_there_and_can_be_raised_again() {
    let (home, here) = (World::start().await, World::outbound(|_| {}).await);
    let handles: Vec<String> = (0..8).map(|at| format!("urn:home:{at:04}")).collect();
    for handle in &handles {
        publish(&home, handle).await;
    }
    let origin = format!("http://{}", home.addr);
    agree(&here, "site", &origin, |_| {}).await;
    stands(&here, "its entries", |it| it.imported == 8).await;
    agree(&here, "site", &origin, |terms| terms.quota = 5).await;
    let lower =
        stands(&here, "the lower quota", |it| it.imported == 5 && it.passed_over == 3).await;
    assert_eq!((lower.held, &*lower.state), (0, "active"), "it is the operator's own word");
    let named = lower.passed_over_named.join("\n");
    for (at, handle) in handles.iter().enumerate() {
        let request = wire::GetRecordRequest { handle: handle.clone(), consistency: 0 };
        assert_eq!(here.directory().get_record(request).await.is_ok(), at < 5, "{handle}");
        assert_eq!(named.contains(&format!("record {handle}: bound-reached")), at >= 5, "{named}");
    }
    // A list that is far beyond the quota is not read to its end, and says so.
    agree(&here, "site", &origin, |terms| terms.quota = 2).await;
    let least =
        stands(&here, "the least quota", |it| it.imported == 2 && it.failed_pulls > 0).await;
    assert!(least.reason.contains("twice its quota"), "{}", least.reason);
    agree(&here, "site", &origin, |_| {}).await;
    stands(&here, "the higher quota", |it| it.imported == 8 && it.passed_over == 0).await;
    home.stop().await;
    here.stop().await;
}

/// It answered 304 for what was trimmed, and so it stayed away.
#[tokio::test]
async fn a_lowered_quota_of_a_pilox_registry_can_be_raised_again() {
    let (home, here) = (World::start().await, World::outbound(|_| {}).await);
    for at in 0..8 {
        publish(&home, &format!("urn:home:{at:04}")).await;
    }
    let origin = format!("http://{}", home.addr);
    let key = vector_key("catalog").public().to_hex();
    let terms = |quota: Option<u64>| {
        let catalog_key = key.clone();
        move |terms: &mut wire::PutPartnerRequest| {
            (terms.kind, terms.catalog_key) = ("pilox".to_owned(), catalog_key);
            terms.quota = quota.unwrap_or(terms.quota);
        }
    };
    agree(&here, "site", &origin, terms(None)).await;
    stands(&here, "its entries", |it| it.imported == 8).await;
    agree(&here, "site", &origin, terms(Some(5))).await;
    let lower =
        stands(&here, "the lower quota", |it| it.imported == 5 && it.passed_over == 3).await;
    let named = lower.passed_over_named.join("\n");
    assert!(named.contains("record urn:home:0007: bound-reached"), "{named}");
    agree(&here, "site", &origin, terms(None)).await;
    stands(&here, "the higher quota", |it| it.imported == 8 && it.passed_over == 0).await;
    home.stop().await;
    here.stop().await;
}

#[tokio::test]
async fn terms_that_change_apply_to_what_is_there_and_can_be_taken_back() {
    let (home, here) = (World::start().await, World::outbound(|_| {}).await);
    let handles: Vec<String> = (0..8).map(|at| format!("urn:home:{at:04}")).collect();
    for handle in &handles {
        publish(&home, handle).await;
    }
    let origin = format!("http://{}", home.addr);
    agree(&here, "site", &origin, |_| {}).await;
    stands(&here, "its entries", |it| it.imported == 8).await;
    for _ in 0..2 {
        agree(&here, "site", &origin, |terms| terms.namespaces = vec!["nosuch".to_owned()]).await;
        let left = stands(&here, "the narrower terms", |it| it.imported == 0).await;
        assert_eq!((left.held, &*left.reason), (0, ""), "it is the operator's own word");
        agree(&here, "site", &origin, |_| {}).await;
        for handle in &handles {
            arrives(&here, handle).await;
        }
        stands(&here, "the wider terms", |it| it.imported == 8).await;
    }
    home.stop().await;
    here.stop().await;
}
