//! Partners behind a balancer over members that lag, or behind a cache: nothing of theirs is lost, and none of it is misbehaviour.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http::Method;
use proto_types::tlog::TilePath;
use proto_types::{Digest, WallMs};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::federation::{agree, arrives, key, partner, publish};
use crate::restored_partners::{becomes, change};
use crate::site::{Site, catalog, now, record, segment};
use crate::withdrawals::stands;
use crate::world::{World, eventually};

const HANDLE: &str = "urn:home:0001";
const NEW: &str = "urn:home:0002";

/// The first pages of its lists.
const RECORDS: &str = "/v1/federation/entries?kind=record&limit=256&after=";
const CARDS: &str = "/v1/federation/entries?kind=card&limit=256&after=";

/// Passes requests on to a registry, but for those that a member that lags answers, or a cache.
struct Balancer {
    site: Site,
    registry: SocketAddr,
    /// The answers of before, by path.
    kept: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

impl Balancer {
    async fn before(home: &World) -> Self {
        let kept: Arc<Mutex<BTreeMap<String, Vec<u8>>>> = Arc::default();
        let (registry, answers) = (home.addr, Arc::clone(&kept));
        let site = Site::with(move |mut stream, head| {
            let answers = Arc::clone(&answers);
            async move {
                let path = head.split(' ').nth(1).unwrap_or_default();
                let kept = answers.lock().unwrap().get(path).cloned();
                let answer = match kept {
                    Some(answer) => answer,
                    None => ask(registry, path).await,
                };
                let _ = stream.write_all(&answer).await;
            }
        })
        .await;
        Self { site, registry, kept }
    }

    /// From now on this path is answered as it is now.
    async fn keeps(&self, path: &str) {
        let answer = ask(self.registry, path).await;
        self.says(path, &answer);
    }

    fn says(&self, path: &str, answer: &[u8]) {
        self.kept.lock().unwrap().insert(path.to_owned(), answer.to_vec());
    }

    /// Every member has the newest state, and nothing is in a cache.
    fn catches_up(&self) {
        self.kept.lock().unwrap().clear();
    }
}

/// A whole answer, head and body; empty if the registry is down.
async fn ask(registry: SocketAddr, path: &str) -> Vec<u8> {
    let mut answer = Vec::new();
    let Ok(mut stream) = TcpStream::connect(registry).await else { return answer };
    let request = format!("GET {path} HTTP/1.1\r\nhost: {registry}\r\nconnection: close\r\n\r\n");
    if stream.write_all(request.as_bytes()).await.is_ok() {
        let _ = stream.read_to_end(&mut answer).await;
    }
    answer
}

/// A registry, one that may pull from it, and the balancer between them.
async fn balanced() -> (World, World, Balancer) {
    let (home, here) = (World::start().await, World::outbound(|_| {}).await);
    let balancer = Balancer::before(&home).await;
    (home, here, balancer)
}

fn log_key() -> String {
    crate::log::policy().log.to_string()
}

async fn agree_with(here: &World, balancer: &Balancer, log_key: &str) {
    agree(here, "site", &balancer.site.origin(), |terms| terms.log_key = log_key.to_owned()).await;
}

/// How an entry is asked for: as any member has it, and as a majority has it.
fn paths(handle: &str, log_key: &str) -> [String; 2] {
    let path = format!("/v1/records/{}", segment(handle));
    match log_key {
        "" => [path.clone(), format!("{path}?consistency=strong")],
        _ => [format!("{path}?proof=true"), format!("{path}?proof=true&consistency=strong")],
    }
}

/// Publishes the same bytes for fewer eyes, and for all again; the revision that they then have.
async fn put_again(home: &World, document: &[u8]) -> u64 {
    for visibility in ["private", "public"] {
        let path = format!("/v1/records?visibility={visibility}");
        assert_eq!(home.call(Method::POST, &path, document).await.status(), 201, "{visibility}");
    }
    arrives(home, HANDLE).await.revision
}

/// A new entry is not found there, and a changed one has its old bytes.
async fn is_asked_again(log_key: &str) {
    let (home, here, balancer) = balanced().await;
    let first = Digest::of(&publish(&home, HANDLE).await);
    agree_with(&here, &balancer, log_key).await;
    becomes(&here, HANDLE, Some(first)).await;
    for handle in [HANDLE, NEW] {
        let [path, _] = paths(handle, log_key);
        balancer.keeps(&path).await;
    }
    let changed = change(&home, HANDLE).await;
    let new = Digest::of(&publish(&home, NEW).await);
    becomes(&here, HANDLE, Some(changed)).await;
    becomes(&here, NEW, Some(new)).await;
    assert_eq!(partner(&here, "site").await.state, "active");
    home.stop().await;
    here.stop().await;
}

#[tokio::test]
async fn an_entry_that_a_member_that_lags_answers_is_asked_for_again_and_comes() {
    Box::pin(is_asked_again("")).await;
}

#[tokio::test]
async fn an_entry_whose_proof_a_member_that_lags_gives_is_asked_for_again_and_comes() {
    Box::pin(is_asked_again(&log_key())).await;
}

#[tokio::test]
async fn no_pull_goes_on_past_an_entry_that_a_cache_answers() {
    let (home, here, balancer) = balanced().await;
    let first = Digest::of(&publish(&home, HANDLE).await);
    agree_with(&here, &balancer, "").await;
    becomes(&here, HANDLE, Some(first)).await;
    stands(&here, "the end of the walk", |it| it.cursor > 0).await;
    for path in paths(HANDLE, "") {
        balancer.keeps(&path).await;
    }
    let changed = change(&home, HANDLE).await;
    stands(&here, "the failure", |it| it.reason.contains("older state")).await;
    // More pulls than any entry has that is passed over.
    let visits = balancer.site.connections();
    eventually("pulls", || async { (balancer.site.connections() > visits + 20).then_some(()) })
        .await;
    let shown = partner(&here, "site").await;
    assert_eq!((&*shown.state, shown.passed_over), ("active", 0), "{}", shown.reason);
    assert!(shown.cursor < arrives(&home, HANDLE).await.revision, "{}", shown.cursor);
    balancer.catches_up();
    becomes(&here, HANDLE, Some(changed)).await;
    stands(&here, "a pull that succeeds", |it| it.failed_pulls == 0).await;
    home.stop().await;
    here.stop().await;
}

#[tokio::test]
async fn a_page_of_a_list_from_a_member_that_lags_fails_the_pull_and_is_no_misbehaviour() {
    let (home, here, balancer) = balanced().await;
    balancer.keeps(CARDS).await;
    publish(&home, HANDLE).await;
    agree_with(&here, &balancer, "").await;
    let shown = stands(&here, "the failure", |it| it.reason.contains("older state")).await;
    assert_eq!((&*shown.state, shown.cursor), ("active", 0));
    balancer.catches_up();
    stands(&here, "the end of the walk", |it| it.failed_pulls == 0 && it.cursor > 0).await;
    arrives(&here, HANDLE).await;
    home.stop().await;
    here.stop().await;
}

#[tokio::test]
async fn a_list_from_before_what_was_pulled_takes_nothing_away() {
    let (home, here, balancer) = balanced().await;
    publish(&home, HANDLE).await;
    agree_with(&here, &balancer, "").await;
    arrives(&here, HANDLE).await;
    stands(&here, "the end of the walk", |it| it.cursor > 0).await;
    balancer.keeps(RECORDS).await;
    let new = Digest::of(&publish(&home, NEW).await);
    let newest = arrives(&home, NEW).await.revision;
    let pulled = stands(&here, "the newest", |it| it.cursor >= newest).await;
    // The changes since are forgotten, so that the list is read.
    let changes = format!("/v1/federation/changes?since={}&limit=256", pulled.cursor);
    balancer.says(&changes, b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n");
    let shown = stands(&here, "the failure", |it| it.reason.contains("older state")).await;
    assert_eq!((&*shown.state, shown.imported), ("active", 2));
    balancer.catches_up();
    stands(&here, "a pull that succeeds", |it| it.failed_pulls == 0 && it.imported == 2).await;
    becomes(&here, NEW, Some(new)).await;
    home.stop().await;
    here.stop().await;
}

/// Caught: what an older list does not have was withdrawn, and came back with the changes after it.
#[tokio::test]
async fn a_first_list_from_before_what_is_here_takes_nothing_away() {
    let (home, here, balancer) = balanced().await;
    publish(&home, HANDLE).await;
    agree_with(&here, &balancer, "").await;
    stands(&here, "the end of the walk", |it| it.cursor > 0).await;
    balancer.keeps(RECORDS).await;
    publish(&home, NEW).await;
    let newest = arrives(&home, NEW).await.revision;
    let pulled = stands(&here, "the newest", |it| it.cursor >= newest).await;
    let taken = arrives(&here, NEW).await.revision;
    // Under new terms its list is read from the beginning.
    agree(&here, "site", &balancer.site.origin(), |terms| terms.quota = 1_000).await;
    let shown = stands(&here, "the end of the walk", |it| it.cursor > 0).await;
    assert_eq!((&*shown.state, shown.imported), ("active", pulled.imported));
    assert_eq!(arrives(&here, NEW).await.revision, taken, "it was never gone");
    home.stop().await;
    here.stop().await;
}

#[tokio::test]
async fn the_same_bytes_that_were_put_again_since_the_list_come_with_the_revision_that_is_proven() {
    let (home, here, balancer) = balanced().await;
    let document = publish(&home, HANDLE).await;
    balancer.keeps(RECORDS).await;
    let again = put_again(&home, &document).await;
    agree_with(&here, &balancer, &log_key()).await;
    let provenance = arrives(&here, HANDLE).await.provenance.unwrap();
    assert_eq!(provenance.home_revision, again);
    let shown = stands(&here, "the change", |it| it.cursor >= again).await;
    assert_eq!((&*shown.state, shown.passed_over), ("active", 0), "{}", shown.reason);
    home.stop().await;
    here.stop().await;
}

#[tokio::test]
async fn a_proof_of_the_same_bytes_at_an_older_revision_fails_the_pull_and_is_no_misbehaviour() {
    let (home, here, balancer) = balanced().await;
    let document = publish(&home, HANDLE).await;
    for path in paths(HANDLE, &log_key()) {
        balancer.keeps(&path).await;
    }
    let again = put_again(&home, &document).await;
    agree_with(&here, &balancer, &log_key()).await;
    let shown = stands(&here, "the failure", |it| it.reason.contains("older revision")).await;
    assert_eq!((&*shown.state, shown.imported), ("active", 0));
    balancer.catches_up();
    let provenance = arrives(&here, HANDLE).await.provenance.unwrap();
    assert_eq!(provenance.home_revision, again);
    home.stop().await;
    here.stop().await;
}

#[tokio::test]
async fn a_member_that_has_no_log_yet_fails_the_pull_and_is_no_misbehaviour() {
    let (home, here, balancer) = balanced().await;
    publish(&home, HANDLE).await;
    agree_with(&here, &balancer, &log_key()).await;
    stands(&here, "its log", |it| it.log_size > 0).await;
    balancer.says("/checkpoint", b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
    let shown = stands(&here, "the failure", |it| it.reason.contains("its log is gone")).await;
    assert_eq!(shown.state, "active");
    balancer.catches_up();
    publish(&home, NEW).await;
    arrives(&here, NEW).await;
    home.stop().await;
    here.stop().await;
}

#[tokio::test]
async fn what_a_member_of_before_a_restore_answers_is_no_later_version_of_an_entry() {
    let (home, here, balancer) = balanced().await;
    let first = Digest::of(&publish(&home, HANDLE).await);
    agree_with(&here, &balancer, "").await;
    becomes(&here, HANDLE, Some(first)).await;
    let copy = home.copy().await;
    let lost = change(&home, HANDLE).await;
    becomes(&here, HANDLE, Some(lost)).await;
    for path in paths(HANDLE, "") {
        balancer.keeps(&path).await;
    }
    let home = home.restored(&copy).await;
    let shown = stands(&here, "the failure", |it| it.reason.contains("epoch that is over")).await;
    assert_eq!((&*shown.state, shown.epoch), ("active", 1));
    balancer.catches_up();
    becomes(&here, HANDLE, Some(first)).await;
    home.stop().await;
    here.stop().await;
}

#[tokio::test]
async fn an_entry_that_a_cache_has_of_before_a_restore_is_asked_for_again_and_comes() {
    let (home, here, balancer) = balanced().await;
    let first = Digest::of(&publish(&home, HANDLE).await);
    agree_with(&here, &balancer, "").await;
    becomes(&here, HANDLE, Some(first)).await;
    let copy = home.copy().await;
    let lost = change(&home, HANDLE).await;
    becomes(&here, HANDLE, Some(lost)).await;
    let [path, _] = paths(HANDLE, "");
    balancer.keeps(&path).await;
    let home = home.restored(&copy).await;
    becomes(&here, HANDLE, Some(first)).await;
    let shown = stands(&here, "a pull that succeeds", |it| it.failed_pulls == 0).await;
    assert_eq!((&*shown.state, shown.epoch), ("active", 1));
    home.stop().await;
    here.stop().await;
}

/// Caught: the hashes of what the restore has lost were held against the log that took its place.
#[tokio::test]
async fn tiles_that_a_cache_has_of_before_a_restore_are_no_second_history() {
    let (home, here, balancer) = balanced().await;
    publish(&home, HANDLE).await;
    agree_with(&here, &balancer, &log_key()).await;
    arrives(&here, HANDLE).await;
    let copy = home.copy().await;
    for at in 0..4 {
        publish(&home, &format!("urn:lost:{at:04}")).await;
    }
    let before = stands(&here, "what will be lost", |it| it.imported == 5 && it.log_size > 2).await;
    for size in 1..=before.log_size {
        balancer.keeps(&format!("/tile/{}", TilePath::of(0, 0, size).unwrap())).await;
    }
    let home = home.restored(&copy).await;
    stands(&here, "the restore", |it| it.epoch == 1 && it.imported == 1 && it.cursor > 0).await;
    let new = Digest::of(&publish(&home, NEW).await);
    becomes(&here, NEW, Some(new)).await;
    assert_eq!(partner(&here, "site").await.state, "active");
    home.stop().await;
    here.stop().await;
}

#[tokio::test]
async fn a_catalog_older_than_the_last_fails_the_pull_until_there_is_a_newer_one() {
    let handles = ["urn:site:0001", "urn:site:0002"];
    let documents = handles
        .map(|handle| record(handle, "https://a.example/card.json", "https://a.example", &key()));
    // How far its clock is ahead, and how many handles it lists.
    let says = Arc::new(Mutex::new((120_000, 1)));
    let said = Arc::clone(&says);
    let site = Site::start(move |_, path| {
        if path == "/v1/records" {
            let (ahead_ms, count): (u64, usize) = *said.lock().unwrap();
            let issued = WallMs(now().0 + ahead_ms);
            let listed = catalog(&handles[..count], issued, &key());
            return (200, listed.to_string().into_bytes());
        }
        let at = handles.iter().position(|it| path == format!("/v1/records/{}", segment(it)));
        at.map_or((404, Vec::new()), |at| (200, documents[at].clone()))
    })
    .await;
    let here = World::outbound(|_| {}).await;
    agree(&here, "site", &site.origin(), |terms| {
        (terms.kind, terms.catalog_key) = ("pilox".to_owned(), key().public().to_hex());
    })
    .await;
    arrives(&here, handles[0]).await;
    stands(&here, "its catalog", |it| it.cursor > 0).await;
    // Its clock is set right.
    *says.lock().unwrap() = (0, 2);
    let shown = stands(&here, "the failure", |it| it.reason.contains("older than the last")).await;
    assert_eq!((&*shown.state, shown.imported), ("active", 1));
    *says.lock().unwrap() = (240_000, 2);
    arrives(&here, handles[1]).await;
    stands(&here, "a pull that succeeds", |it| it.failed_pulls == 0).await;
    here.stop().await;
}
