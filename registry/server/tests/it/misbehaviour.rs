//! Partners that misbehave, stall or never end, and the others that do not suffer from it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use proto_types::audit::AuditLine;
use proto_types::tlog::{Checkpoint, Kind, Note, NoteKey, NoteSigner};
use proto_types::{Digest, SecretKey};
use proto_wire::registry::v1 as wire;
use serde_json::json;

use crate::federation::{agree, arrives, key, partner, publish};
use crate::site::{Answer, Site, card, catalog, now, record};
use crate::world::{World, eventually};

const HANDLE: &str = "urn:rogue:0001";

/// Every way in which this registry answers ends in a quarantine with this word in its reason, and
/// a good partner's entries come all the same.
async fn is_caught(
    kind: &str,
    word: &str,
    answer: impl Fn(&str, &str) -> Answer + Send + Sync + 'static,
) {
    let terms = |terms: &mut wire::PutPartnerRequest| {
        (terms.kind, terms.catalog_key) = (kind.to_owned(), key().public().to_hex());
    };
    is_caught_under(terms, word, answer).await;
}

/// As [`is_caught`], under other terms.
async fn is_caught_under(
    terms: impl FnOnce(&mut wire::PutPartnerRequest),
    word: &str,
    answer: impl Fn(&str, &str) -> Answer + Send + Sync + 'static,
) {
    let site = Site::start(answer).await;
    let (good, here) = (World::start().await, World::outbound(|_| {}).await);
    agree(&here, "rogue", &site.origin(), terms).await;
    agree(&here, "good", &format!("http://{}", good.addr), |_| {}).await;
    let caught = eventually("the quarantine", || async {
        let shown = partner(&here, "rogue").await;
        (shown.state == "quarantined").then_some(shown)
    })
    .await;
    assert!(caught.reason.contains(word), "{}", caught.reason);
    assert_eq!(caught.imported, 0);
    publish(&good, "urn:good:0001").await;
    arrives(&here, "urn:good:0001").await;
    let visits = site.connections();
    publish(&good, "urn:good:0002").await;
    arrives(&here, "urn:good:0002").await;
    assert_eq!(site.connections(), visits, "it is left alone");
    let acts = crate::audit::lines(&here, 0).await;
    let noted = |it: &AuditLine| (&*it.action, &*it.target) == ("quarantine-partner", "rogue");
    assert!(acts.iter().any(|it| noted(it) && it.who == "registry"), "{acts:?}");
    good.stop().await;
    here.stop().await;
}

fn document() -> Vec<u8> {
    record(HANDLE, "https://a.example/card.json", "https://a.example", &key())
}

#[tokio::test]
async fn a_catalog_by_another_key_is_misbehaviour() {
    let other = SecretKey::from_seed(&[1; 32]);
    is_caught("pilox", "agreed key", move |_, _| {
        (200, catalog(&[HANDLE], now(), &other).to_string().into_bytes())
    })
    .await;
}

#[tokio::test]
async fn a_catalog_without_a_signature_is_misbehaviour() {
    is_caught("pilox", "not signed", |_, _| {
        (200, json!({ "handles": [HANDLE] }).to_string().into_bytes())
    })
    .await;
}

#[tokio::test]
async fn a_record_under_another_handle_is_misbehaviour() {
    is_caught("pilox", "another handle", |_, path| match path {
        "/v1/records" => {
            (200, catalog(&["urn:victim:0001"], now(), &key()).to_string().into_bytes())
        }
        _ => (200, document()),
    })
    .await;
}

/// A page of an Ecumene registry with one entry.
fn page(digest: &Digest, head: u64) -> Vec<u8> {
    let entry = json!({
        "kind": "record", "handle": HANDLE, "digest": digest.to_string(), "revision": 1,
        "namespace": "default", "owner": null,
    });
    json!({ "entries": [entry], "head": head, "nextAfter": "" }).to_string().into_bytes()
}

#[tokio::test]
async fn bytes_that_are_not_those_of_their_digest_are_misbehaviour() {
    is_caught("ecumene", "digest", |_, path| match path {
        "/v1/records/urn%3Arogue%3A0001" => (200, document()),
        _ => (200, page(&Digest::of(b"something else"), 1)),
    })
    .await;
}

#[tokio::test]
async fn a_revision_that_goes_back_is_misbehaviour() {
    is_caught("ecumene", "went back", |_, path| {
        let empty = |head: u64| json!({ "entries": [], "head": head, "next": 0, "nextAfter": "" });
        let head = if path.starts_with("/v1/federation/entries") { 9 } else { 3 };
        (200, empty(head).to_string().into_bytes())
    })
    .await;
}

/// Caught: an older version that is refused without a word; a later revision of the same bytes that is not kept, so
/// that a version from before it follows.
#[tokio::test]
async fn a_card_never_goes_back_in_its_homes_revision_and_the_attempt_is_named() {
    let [older, newer] = ["1", "2"].map(|version| {
        let mut card = card("https://a.example/rpc");
        card["version"] = version.into();
        card.to_string().into_bytes()
    });
    let (step, kept) = (Arc::new(AtomicUsize::new(0)), newer.clone());
    let at = Arc::clone(&step);
    let home = Site::start(move |_, path| {
        let steps = [(7, 7, &newer), (9, 9, &newer), (10, 8, &older)];
        let (head, revision, served) = steps[at.load(Ordering::SeqCst)];
        if path.starts_with("/v1/cards/") {
            return (200, served.clone());
        }
        let entry = json!({
            "kind": "card", "handle": HANDLE, "digest": Digest::of(served).to_string(),
            "revision": revision, "namespace": "default", "owner": null,
        });
        let is_news = path.contains("/changes?") && !path.contains(&format!("since={head}&"));
        let entries = if is_news || path.contains("kind=card") { vec![entry] } else { vec![] };
        let page = json!({ "entries": entries, "head": head, "next": head, "nextAfter": "" });
        (200, page.to_string().into_bytes())
    })
    .await;
    let here = World::outbound(|_| {}).await;
    agree(&here, "home", &home.origin(), |_| {}).await;
    let reaches = async |cursor: u64| {
        eventually("the end of the look", || async {
            Some(partner(&here, "home").await).filter(|it| it.cursor == cursor)
        })
        .await
    };
    assert_eq!(reaches(7).await.passed_over, 0);
    step.store(1, Ordering::SeqCst);
    assert_eq!(reaches(9).await.passed_over, 0);
    step.store(2, Ordering::SeqCst);
    let shown = reaches(10).await;
    assert_eq!((&*shown.state, shown.imported, shown.passed_over), ("active", 1, 1));
    let named = shown.passed_over_named.join("\n");
    assert!(named.starts_with("card urn:rogue:0001: its revision at home"), "{named}");
    let asked = wire::GetCardRequest { handle: HANDLE.to_owned(), consistency: 0 };
    let card = here.directory().get_card(asked).await.unwrap().into_inner();
    assert_eq!(card.document[..], kept[..]);
    here.stop().await;
}

/// Caught: an epoch above all others, after which each honest page was refused.
#[tokio::test]
async fn a_cluster_epoch_that_there_cannot_be_is_named_and_forgotten_when_the_partner_says_another()
{
    let said = Arc::new(AtomicU64::new(8_192));
    let (epoch, served) = (Arc::clone(&said), document());
    let home = Site::start(move |_, path| {
        if path.starts_with("/v1/records/") {
            return (200, served.clone());
        }
        let entry = json!({
            "kind": "record", "handle": HANDLE, "digest": Digest::of(&served).to_string(),
            "revision": 1, "namespace": "default", "owner": null,
        });
        let entries = if path.contains("kind=record") { vec![entry] } else { vec![] };
        let epoch = epoch.load(Ordering::SeqCst);
        let page = json!({
            "entries": entries, "epoch": epoch, "head": 7, "next": 7, "nextAfter": "",
        });
        (200, page.to_string().into_bytes())
    })
    .await;
    let here = World::outbound(|_| {}).await;
    agree(&here, "home", &home.origin(), |_| {}).await;
    eventually("the reason", || async {
        let shown = partner(&here, "home").await;
        shown.reason.contains("cluster epoch").then_some(())
    })
    .await;
    // 3 could be, but not at revision 7.
    for beyond in [u64::MAX, 3] {
        said.store(beyond, Ordering::SeqCst);
        let visits = home.connections();
        eventually("pulls", || async { (home.connections() > visits + 2).then_some(()) }).await;
        let shown = partner(&here, "home").await;
        assert_eq!((&*shown.state, shown.epoch, shown.imported), ("active", 0, 0), "{beyond}");
    }
    said.store(0, Ordering::SeqCst);
    arrives(&here, HANDLE).await;
    eventually("a pull that succeeds", || async {
        (partner(&here, "home").await.failed_pulls == 0).then_some(())
    })
    .await;
    here.stop().await;
}

#[tokio::test]
async fn a_list_that_is_not_in_order_is_misbehaviour() {
    is_caught("ecumene", "order", |_, _| {
        let entry = |handle: &str| {
            json!({
                "kind": "record", "handle": handle, "digest": null, "revision": 1,
                "namespace": "default", "owner": null,
            })
        };
        let entries = [entry("urn:b:00000001"), entry("urn:a:00000001")];
        (200, json!({ "entries": entries, "head": 1, "nextAfter": "" }).to_string().into_bytes())
    })
    .await;
}

#[tokio::test]
async fn case_27_endless_pages_of_a_catalog_end_at_the_budget_and_harm_nobody() {
    let endless = Site::start(|_, path| {
        let number: u64 = path
            .rsplit_once("page")
            .and_then(|(_, number)| number.parse().ok())
            .unwrap_or_default();
        let handle = format!("urn:endless:{number:08}");
        let mut body = catalog(&[&handle], now(), &key());
        body["next"] = format!("page{}", number + 1).into();
        (200, body.to_string().into_bytes())
    })
    .await;
    let (good, here) =
        (World::start().await, World::outbound(|config| config.federation.requests_max = 20).await);
    agree(&here, "endless", &endless.origin(), |terms| {
        (terms.kind, terms.catalog_key) = ("pilox".to_owned(), key().public().to_hex());
        terms.quota = 5;
    })
    .await;
    agree(&here, "good", &format!("http://{}", good.addr), |_| {}).await;
    eventually("the endless partner", || async { (endless.connections() > 0).then_some(()) }).await;
    publish(&good, "urn:good:0001").await;
    arrives(&here, "urn:good:0001").await;
    assert_eq!(partner(&here, "endless").await.imported, 0);
    good.stop().await;
    here.stop().await;
}

/// A partner whose log was agreed, and which answers `GET /checkpoint` with these heads in turn, the
/// last for ever: size, a byte of the root, epoch.
async fn is_caught_by_its_log(
    signer: SecretKey,
    heads: &'static [(u64, u8, u64)],
    word: &str,
    otherwise: impl Fn(&str) -> Answer + Send + Sync + 'static,
) {
    const LOG: &str = "rogue.example/log";
    let agreed = NoteKey::new(LOG, Kind::Log, key().public()).unwrap().to_string();
    let signer = NoteSigner::new(LOG, Kind::Log, signer).unwrap();
    let asked = AtomicU64::new(0);
    is_caught_under(
        |terms| terms.log_key = agreed,
        word,
        move |_, path| {
            if path != "/checkpoint" {
                return otherwise(path);
            }
            let at = asked.fetch_add(1, Ordering::SeqCst) as usize;
            let (size, root, epoch) = heads[at.min(heads.len() - 1)];
            let head = Checkpoint::new(LOG, (size, Digest([root; 32])), epoch);
            let mut note = Note::new(head.text());
            note.add(signer.sign(note.text(), 0));
            (200, note.to_string().into_bytes())
        },
    )
    .await;
}

/// A registry with nothing in it.
fn nothing(_: &str) -> Answer {
    (200, json!({ "entries": [], "head": 9, "next": 9, "nextAfter": "" }).to_string().into_bytes())
}

#[tokio::test]
async fn a_checkpoint_by_another_key_is_misbehaviour() {
    let other = SecretKey::from_seed(&[1; 32]);
    is_caught_by_its_log(other, &[(2, 1, 0)], "agreed key", nothing).await;
}

#[tokio::test]
async fn case_14_a_partner_that_shows_two_histories_is_caught() {
    is_caught_by_its_log(key(), &[(2, 1, 0), (2, 2, 0)], "two histories", nothing).await;
}

#[tokio::test]
async fn case_47_a_partner_whose_log_was_taken_back_is_caught() {
    is_caught_by_its_log(key(), &[(2, 1, 1), (2, 1, 0)], "taken back", nothing).await;
}

#[tokio::test]
async fn an_entry_without_its_proof_is_a_lie_where_a_log_was_agreed() {
    let served = document();
    is_caught_by_its_log(key(), &[(2, 1, 0)], "without its proof", move |path| match path {
        "/v1/records/urn%3Arogue%3A0001?proof=true" => (200, served.clone()),
        _ => (200, page(&Digest::of(&served), 1)),
    })
    .await;
}
