//! Clusters that follow each other's logs, on one machine and in TLS, and a forged log.

use std::path::Path;

use deploy_service::Shutdown;
use deploy_service::units::Duration;
use http::{Method, Request, Response, StatusCode};
use proto_types::tlog::{
    self, Checkpoint, Frontier, Kind, Note, NoteKey, NoteSigner, Policy, Refused, Submission,
};
use proto_types::{Digest, SecretKey};
use registry_server::config::{Contradiction, Witness};
use registry_server::{Config, Error};

use crate::log::{policy, publish};
use crate::tls::Certified;
use crate::world::{World, config, eventually, json, secret, vector_key};

const WITNESS: (&str, u8) = ("witness.example", 1);

fn key((name, seed): (&str, u8)) -> NoteKey {
    NoteKey::new(name, Kind::Witness, SecretKey::from_seed(&[seed; 32]).public()).unwrap()
}

fn witness_key() -> NoteKey {
    key(WITNESS)
}

/// What makes a cluster cosign for the log of every other world.
fn cosigning(config: &mut Config, folder: &Path, (name, seed): (&str, u8)) {
    config.log.origin = format!("{name}/log");
    config.log.witness_key_file = Some(secret(folder, "witness", &hex(seed)));
    config.log.witness_name = Some(name.to_owned());
    config.log.followed = vec![policy().log];
}

fn hex(seed: u8) -> String {
    format!("{seed:02x}").repeat(32)
}

async fn witness() -> World {
    World::with(|config, folder| cosigning(config, folder, WITNESS)).await
}

/// Clients that ask for the signatures of these.
fn strict(witnesses: &[(&str, u8)]) -> Policy {
    let witnesses: Vec<_> = witnesses.iter().copied().map(key).collect();
    Policy { quorum: witnesses.len(), witnesses, ..policy() }
}

/// A log with the keys of the world's, whose history a test makes up.
struct ForgedLog {
    signer: NoteSigner,
    frontier: Frontier,
    epoch: u64,
}

impl ForgedLog {
    fn new(history: &str, size: u64) -> Self {
        let key = vector_key("catalog");
        let signer = NoteSigner::new(policy().log.name(), Kind::Log, key).unwrap();
        let mut log = Self { signer, frontier: Frontier::default(), epoch: 0 };
        (0..size).for_each(|leaf| {
            let leaf = tlog::leaf_hash(format!("{history} {leaf}").as_bytes());
            log.frontier.append(leaf, |_, _, _| ());
        });
        log
    }

    fn note(&self) -> Note {
        let head = (self.frontier.size(), self.frontier.root());
        let head = Checkpoint::new(self.signer.key().name(), head, self.epoch);
        let mut note = Note::new(head.text());
        note.add(self.signer.sign(note.text(), 0));
        note
    }

    fn submission(&self, old: u64, proof: &[Digest]) -> String {
        Submission { old, proof: proof.to_vec(), note: self.note() }.to_string()
    }
}

async fn submit(world: &World, body: &str) -> Response<bytes::Bytes> {
    let request = Request::post("/add-checkpoint").body(body.to_owned().into()).unwrap();
    world.send(request).await
}

#[tokio::test]
async fn a_checkpoint_is_cosigned_by_another_cluster_and_clients_may_ask_for_that() {
    let witness = witness().await;
    let url = format!("http://{}", witness.addr);
    let world = World::with(|config, _| {
        let key = witness_key();
        config.log.witnesses = vec![Witness { url, key }];
        config.log.witness_every = Duration::from_millis(50);
    })
    .await;
    publish(&world).await;
    let strict = strict(&[WITNESS]);
    let unwitnessed = ForgedLog::new("another history", 2).note().to_string();
    let refused = strict.check(unwitnessed.as_bytes());
    assert_eq!(refused, Err(Refused::Unwitnessed { found: 0, needed: 1 }));
    for _ in 0..2 {
        let size = policy().check(world.get("/checkpoint").await.body()).unwrap().1.size;
        world
            .enrol(
                &format!("https://peer{size}.example"),
                "k",
                &SecretKey::from_seed(&[size as u8; 32]),
            )
            .await;
        eventually("a cosigned checkpoint of the newest tree", || async {
            let note = world.get("/checkpoint").await;
            strict.check(note.body()).ok().filter(|(_, head)| head.size > size)
        })
        .await;
    }
    world.stop().await;
    witness.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_witness_elsewhere_cosigns_in_tls_and_one_of_an_unknown_authority_is_not_asked() {
    const STRANGER: (&str, u8) = ("stranger.example", 2);
    let near = Certified::with(1, |config, folder| cosigning(config, folder, WITNESS)).await;
    let stranger = Certified::with(1, |config, folder| cosigning(config, folder, STRANGER)).await;
    let listed = |at: &Certified, who| Witness { url: at.urls[0].clone(), key: key(who) };
    let world = World::with(|config, _| {
        // In this order: whoever sees the second's signature knows that the first was tried.
        config.log.witnesses = vec![listed(&stranger, STRANGER), listed(&near, WITNESS)];
        config.log.extra_ca_file = Some(near.safe.ca());
        config.log.witness_every = Duration::from_millis(50);
    })
    .await;
    publish(&world).await;
    let note = eventually("a cosigned checkpoint", || async {
        let note = world.get("/checkpoint").await.into_body();
        strict(&[WITNESS]).check(&note).ok().map(|_| note)
    })
    .await;
    let both = strict(&[WITNESS, STRANGER]).check(&note);
    assert_eq!(both, Err(Refused::Unwitnessed { found: 1, needed: 2 }));
    world.stop().await;
    near.stop().await;
    stranger.stop().await;
}

#[tokio::test]
async fn a_witness_elsewhere_in_clear_text_and_a_file_without_authorities_are_refused_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let start = |url: &str, ca: Option<&str>| {
        let mut config = config(folder.path(), 1);
        config.log.witnesses = vec![Witness { url: url.to_owned(), key: witness_key() }];
        config.log.extra_ca_file = ca.map(|text| secret(folder.path(), "ca.crt", text));
        registry_server::run(config, Shutdown::new())
    };
    let clear = "http://witness.example:7400";
    let refused = start(clear, None).await;
    let expected = Contradiction::WitnessUrl(clear.to_owned());
    assert!(matches!(refused, Err(Error::Config(found)) if found == expected));
    let refused = start("https://witness.example", Some("no certificate")).await;
    assert!(matches!(refused, Err(Error::Tls(_))));
}

#[tokio::test]
async fn case_14_a_log_with_two_histories_is_cosigned_in_one_and_the_evidence_is_kept() {
    let witness = witness().await;
    let (one, other) = (ForgedLog::new("one", 4), ForgedLog::new("other", 4));
    let cosigned = submit(&witness, &one.submission(0, &[])).await;
    assert_eq!(cosigned.status(), StatusCode::OK);
    let line = std::str::from_utf8(cosigned.body()).unwrap().trim_end();
    let mut note = one.note();
    note.add(tlog::NoteSignature::parse(line).unwrap());
    assert!(witness_key().verified(&note).is_some());
    // The same again is cosigned again; from another size it is told where the witness stands.
    assert_eq!(submit(&witness, &one.submission(4, &[])).await.status(), StatusCode::OK);
    let moved = submit(&witness, &one.submission(0, &[])).await;
    assert_eq!((moved.status(), moved.body().as_ref()), (StatusCode::CONFLICT, b"4\n".as_slice()));
    assert_eq!(moved.headers()["content-type"], "text/x.tlog.size");

    let forked = submit(&witness, &other.submission(4, &[])).await;
    assert_eq!(forked.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(json(&forked)["code"], "log-inconsistent");
    let longer = ForgedLog::new("other", 5);
    let forked = submit(&witness, &longer.submission(4, &[Digest([0; 32])])).await;
    assert_eq!(forked.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let (old, new) = (one.frontier.root().to_string(), other.frontier.root().to_string());
    eventually("the evidence in the audit", || async {
        let audit = witness.call(Method::GET, "/v1/audit", b"").await;
        let text = String::from_utf8(audit.body().to_vec()).unwrap();
        text.lines().any(|line| line.contains(&old) && line.contains(&new)).then_some(())
    })
    .await;
    witness.stop().await;
}

#[tokio::test]
async fn case_47_a_witness_refuses_the_shorter_tree_of_a_restored_cluster() {
    let witness = witness().await;
    let (today, yesterday) = (ForgedLog::new("one", 6), ForgedLog::new("one", 3));
    assert_eq!(submit(&witness, &today.submission(0, &[])).await.status(), StatusCode::OK);
    let from_start = submit(&witness, &yesterday.submission(0, &[])).await;
    assert_eq!(from_start.status(), StatusCode::CONFLICT, "the witness is at 6");
    let shorter = submit(&witness, &yesterday.submission(6, &[])).await;
    assert_eq!(shorter.status(), StatusCode::BAD_REQUEST);
    witness.stop().await;
}

#[tokio::test]
async fn a_witness_begins_anew_once_with_each_epoch_that_a_log_has_signed_and_never_goes_back() {
    let witness = witness().await;
    let of_epoch =
        |history: &str, size, epoch| ForgedLog { epoch, ..ForgedLog::new(history, size) };
    let cosigned = async |log: &ForgedLog, old| submit(&witness, &log.submission(old, &[])).await;
    assert_eq!(cosigned(&ForgedLog::new("one", 6), 0).await.status(), StatusCode::OK);
    let restored = of_epoch("one", 3, 1);
    let moved = cosigned(&restored, 6).await;
    assert_eq!(moved.status(), StatusCode::BAD_REQUEST, "more than its tree has");
    assert_eq!(cosigned(&restored, 0).await.status(), StatusCode::OK);
    // In one epoch there is one history, and none after it of one before.
    let forked = cosigned(&of_epoch("other", 3, 1), 3).await;
    assert_eq!(forked.status(), StatusCode::UNPROCESSABLE_ENTITY);
    for size in [6, 9] {
        let back = cosigned(&ForgedLog::new("one", size), 0).await;
        assert_eq!(back.status(), StatusCode::UNPROCESSABLE_ENTITY, "{size}");
        assert_eq!(json(&back)["code"], "log-inconsistent");
    }
    assert_eq!(cosigned(&of_epoch("third", 1, 2), 0).await.status(), StatusCode::OK);
    let acts = crate::audit::lines(&witness, 0).await;
    assert_eq!(acts.iter().filter(|it| it.action == "witness-epoch").count(), 2, "{acts:?}");
    witness.stop().await;
}

#[tokio::test]
async fn only_logs_that_are_followed_are_cosigned_and_only_with_their_signature() {
    let witness = witness().await;
    let mut stranger = ForgedLog::new("one", 4);
    stranger.signer =
        NoteSigner::new("other.example", Kind::Log, SecretKey::from_seed(&[9; 32])).unwrap();
    assert_eq!(
        submit(&witness, &stranger.submission(0, &[])).await.status(),
        StatusCode::NOT_FOUND
    );
    stranger.signer =
        NoteSigner::new(policy().log.name(), Kind::Log, SecretKey::from_seed(&[9; 32])).unwrap();
    assert_eq!(
        submit(&witness, &stranger.submission(0, &[])).await.status(),
        StatusCode::FORBIDDEN
    );
    let good = ForgedLog::new("one", 4).submission(0, &[]);
    let tampered = good.replace("\n4\n", "\n5\n");
    assert_eq!(submit(&witness, &tampered).await.status(), StatusCode::FORBIDDEN);
    for malformed in ["", "old 0\n", "old x\n\n", &good.replace("old 0\n", "old 0\nAAAA\n")] {
        assert_eq!(
            submit(&witness, malformed).await.status(),
            StatusCode::BAD_REQUEST,
            "{malformed}"
        );
    }
    let huge = submit(&witness, &"x".repeat(30 << 10)).await;
    assert_eq!(huge.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let none = World::start().await;
    assert_eq!(submit(&none, &good).await.status(), StatusCode::NOT_FOUND);
    none.stop().await;
    witness.stop().await;
}
