//! One suite for every store of envelopes: what is true of the registry is true of JetStream, but for what `docs/envelopes.md`
//! names.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use axum::body::Bytes;
use deploy_service::secret;
use deploy_service::tls::Connector;
use futures_util::future::join_all;
use gateway_server::{
    EnvelopeStore, JetStream, JetStreamAccess, JetStreamOptions, RegistryStore, StoreError,
};
use proto_wire::registry::v1 as wire;
use tokio::time::{Instant, sleep};

use crate::nats::{Nats, certificate};
use crate::world::{OPERATOR, World, by, credential, eventually, invite, secret as write_secret};

/// The shortest that the registry takes.
const LEASE: Duration = Duration::from_secs(1);
/// Longer than that, on a busy machine too.
const OVER: Duration = Duration::from_millis(1_500);
const SOURCE: &str = "https://a.example";
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TOKEN: &str = "token-of-nats-in-the-tests";

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

/// A queue of a store.
struct Queue<'s, S> {
    store: &'s S,
    target: String,
}

impl<'s, S: EnvelopeStore> Queue<'s, S> {
    fn new(store: &'s S, name: &str) -> Self {
        Self { store, target: format!("urn:agent:{name}") }
    }

    fn message(&self, id: &str) -> wire::EnqueueEnvelopeRequest {
        wire::EnqueueEnvelopeRequest {
            id: format!("{}-{id}", &self.target[10..]),
            source: SOURCE.to_owned(),
            target: self.target.clone(),
            correlation: format!("correlation-{id}"),
            document: Bytes::from(format!("{{\"id\":\"{id}\"}}")),
            traceparent: TRACE.to_owned(),
            expires_at_ms: now_ms() + 3_600_000,
            hops: vec!["https://b.example".to_owned()],
            ..Default::default()
        }
    }

    async fn accept(&self, id: &str) -> wire::EnqueueEnvelopeReply {
        self.store.accept(self.message(id)).await.unwrap()
    }

    async fn lease(&self, max: u32, wait: Duration) -> Vec<wire::LeasedEnvelope> {
        let message = wire::LeaseEnvelopesRequest {
            target: self.target.clone(),
            max,
            ttl_ms: u64::try_from(LEASE.as_millis()).unwrap(),
            wait_ms: u64::try_from(wait.as_millis()).unwrap(),
        };
        self.store.lease(message).await.unwrap()
    }

    /// The one that can be leased within some seconds.
    async fn next(&self) -> wire::LeasedEnvelope {
        let mut leased = self.lease(1, Duration::from_secs(10)).await;
        leased.pop().unwrap_or_else(|| panic!("nothing to lease for {}", self.target))
    }

    async fn is_empty(&self) -> bool {
        self.lease(10, Duration::ZERO).await.is_empty()
    }

    async fn acknowledge(&self, leased: &wire::LeasedEnvelope) -> Result<(), StoreError> {
        let wire::LeasedEnvelope { target, source, id, epoch, .. } = leased.clone();
        self.store.acknowledge(wire::AckEnvelopeRequest { target, source, id, epoch }).await
    }

    async fn fail(
        &self,
        leased: &wire::LeasedEnvelope,
        (retry_in_ms, attempts_max): (u64, u32),
    ) -> Result<(), StoreError> {
        let wire::LeasedEnvelope { target, source, id, epoch, .. } = leased.clone();
        let reason = format!("attempt {}", leased.deliveries);
        let message = wire::FailEnvelopeRequest {
            target,
            source,
            id,
            epoch,
            reason,
            retry_in_ms,
            attempts_max,
        };
        self.store.fail(message).await
    }

    async fn dead(&self) -> Vec<wire::DeadLetter> {
        let message =
            wire::ListDeadLettersRequest { target: self.target.clone(), ..Default::default() };
        let list = self.store.dead_letters(message).await.unwrap();
        assert_eq!(list.total, list.letters.len() as u64);
        list.letters
    }

    fn name(&self, id: &str) -> wire::DeadLetterName {
        let wire::EnqueueEnvelopeRequest { source, id, .. } = self.message(id);
        wire::DeadLetterName { source, id }
    }
}

/// What every store does.
async fn holds<S: EnvelopeStore>(store: &S) {
    an_envelope_is_taken_once_and_handed_out_as_it_came(store).await;
    a_lease_ends_and_only_its_newest_holder_counts(store).await;
    a_late_acknowledgement_counts_while_nobody_else_has_it(store).await;
    what_failed_comes_again_after_its_pause_and_not_before(store).await;
    what_is_given_up_is_a_dead_letter_until_it_is_replayed_or_dropped(store).await;
    what_expires_is_a_dead_letter(store).await;
    no_envelope_has_two_holders(store).await;
    who_waits_gets_an_envelope_as_it_comes(store).await;
    what_cannot_be_is_refused(store).await;
}

async fn an_envelope_is_taken_once_and_handed_out_as_it_came<S: EnvelopeStore>(store: &S) {
    let queue = Queue::new(store, "once");
    assert!(!queue.accept("e1").await.duplicate);
    assert!(queue.accept("e1").await.duplicate);
    let (leased, sent) = (queue.next().await, queue.message("e1"));
    assert_eq!(
        (&leased.id, &leased.source, &leased.target, &leased.correlation, &leased.traceparent),
        (&sent.id, &sent.source, &sent.target, &sent.correlation, &sent.traceparent)
    );
    assert_eq!((&leased.document, &leased.hops), (&sent.document, &sent.hops));
    assert_eq!((leased.deliveries, leased.failures), (1, 0));
    assert!(leased.leased_until_ms > now_ms() && leased.accepted_at_ms <= now_ms() + 1_000);
    assert!(queue.is_empty().await, "it is leased");
    queue.acknowledge(&leased).await.unwrap();
    queue.acknowledge(&leased).await.expect("twice is no error");
    assert!(queue.accept("e1").await.duplicate, "its id is still known");
    sleep(OVER).await;
    assert!(queue.is_empty().await, "it takes effect once");
}

async fn a_lease_ends_and_only_its_newest_holder_counts<S: EnvelopeStore>(store: &S) {
    let queue = Queue::new(store, "fence");
    queue.accept("e1").await;
    let first = queue.next().await;
    let second = queue.next().await;
    assert_eq!((&first.id, second.deliveries), (&second.id, 2));
    assert!(second.epoch > first.epoch);
    assert_eq!(queue.acknowledge(&first).await, Err(StoreError::NotLeased));
    assert_eq!(queue.fail(&first, (0, 1)).await, Err(StoreError::NotLeased));
    queue.acknowledge(&second).await.unwrap();
    assert_eq!(queue.acknowledge(&first).await, Err(StoreError::NotLeased));
    assert!(queue.is_empty().await && queue.dead().await.is_empty());
}

async fn a_late_acknowledgement_counts_while_nobody_else_has_it<S: EnvelopeStore>(store: &S) {
    let queue = Queue::new(store, "late");
    queue.accept("e1").await;
    let leased = queue.next().await;
    sleep(OVER).await;
    queue.acknowledge(&leased).await.unwrap();
    assert!(queue.is_empty().await);
}

async fn what_failed_comes_again_after_its_pause_and_not_before<S: EnvelopeStore>(store: &S) {
    let queue = Queue::new(store, "pause");
    queue.accept("e1").await;
    let (leased, failed_at) = (queue.next().await, Instant::now());
    queue.fail(&leased, (2_500, 9)).await.unwrap();
    queue.fail(&leased, (2_500, 9)).await.expect("told twice it counts once");
    assert!(queue.is_empty().await);
    let again = queue.next().await;
    assert!(failed_at.elapsed() >= Duration::from_millis(2_300), "{:?}", failed_at.elapsed());
    assert_eq!((again.deliveries, again.failures), (2, 1));
    queue.acknowledge(&again).await.unwrap();
}

async fn what_is_given_up_is_a_dead_letter_until_it_is_replayed_or_dropped<S: EnvelopeStore>(
    store: &S,
) {
    let queue = Queue::new(store, "dead");
    is_given_up(&queue).await;
    is_replayed(&queue).await;
    store.discard(queue.name("e1")).await.unwrap();
    assert_eq!(store.discard(queue.name("e1")).await, Err(StoreError::NotFound));
    assert_eq!(store.dead_letter(queue.name("e1")).await.unwrap_err(), StoreError::NotFound);
    assert!(queue.is_empty().await);
}

async fn is_given_up<S: EnvelopeStore>(queue: &Queue<'_, S>) {
    queue.accept("e1").await;
    queue.fail(&queue.next().await, (0, 2)).await.unwrap();
    let second = queue.next().await;
    queue.fail(&second, (0, 2)).await.unwrap();
    queue.fail(&second, (0, 2)).await.expect("told twice");
    assert!(queue.is_empty().await);
    let letters = queue.dead().await;
    let [letter] = &letters[..] else { panic!("{letters:?}") };
    assert_eq!((letter.cause.as_str(), letter.failures, letter.deliveries), ("attempts", 2, 2));
    let reasons: Vec<_> = letter.attempts.iter().map(|it| it.reason.as_str()).collect();
    assert_eq!(reasons, ["attempt 1", "attempt 2"]);
    assert!(letter.document.is_empty() && letter.kept_until_ms > now_ms());
    let whole = queue.store.dead_letter(queue.name("e1")).await.unwrap();
    assert_eq!(whole.document, queue.message("e1").document);
}

async fn is_replayed<S: EnvelopeStore>(queue: &Queue<'_, S>) {
    let store = queue.store;
    store.replay(queue.name("e1")).await.unwrap();
    assert_eq!(store.replay(queue.name("e1")).await, Err(StoreError::NotFound));
    assert!(queue.dead().await.is_empty());
    let replayed = queue.next().await;
    assert_eq!((&replayed.id, replayed.failures), (&queue.message("e1").id, 0));
    queue.fail(&replayed, (0, 1)).await.unwrap();
    let again = store.dead_letter(queue.name("e1")).await.unwrap();
    assert_eq!((again.failures, again.attempts.len()), (1, 3), "its attempts are told on");
}

async fn what_expires_is_a_dead_letter<S: EnvelopeStore>(store: &S) {
    let queue = Queue::new(store, "expire");
    let expires_at_ms = now_ms() + 700;
    let message = wire::EnqueueEnvelopeRequest { expires_at_ms, ..queue.message("e1") };
    store.accept(message).await.unwrap();
    sleep(OVER).await;
    assert!(queue.is_empty().await);
    let letters = queue.dead().await;
    let [letter] = &letters[..] else { panic!("{letters:?}") };
    assert_eq!((letter.cause.as_str(), letter.failures), ("expired", 0));
}

async fn no_envelope_has_two_holders<S: EnvelopeStore>(store: &S) {
    let queue = Queue::new(store, "many");
    for id in 0..40 {
        queue.accept(&format!("e{id}")).await;
    }
    let began = Instant::now();
    let leases = join_all((0..8).map(|_| queue.lease(10, Duration::ZERO))).await;
    if began.elapsed() >= LEASE {
        // A machine that stands still says nothing.
        return;
    }
    let ids: Vec<String> = leases.into_iter().flatten().map(|leased| leased.id).collect();
    assert_eq!((ids.len(), ids.iter().collect::<BTreeSet<_>>().len()), (40, 40));
}

async fn who_waits_gets_an_envelope_as_it_comes<S: EnvelopeStore>(store: &S) {
    let queue = Queue::new(store, "wait");
    let began = Instant::now();
    assert!(queue.lease(1, Duration::from_millis(300)).await.is_empty());
    assert!(began.elapsed() >= Duration::from_millis(250));
    let sent = async {
        sleep(Duration::from_millis(300)).await;
        queue.accept("e1").await
    };
    let (leased, _) = tokio::join!(queue.lease(5, Duration::from_secs(20)), sent);
    assert_eq!(leased.len(), 1);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

async fn what_cannot_be_is_refused<S: EnvelopeStore>(store: &S) {
    let queue = Queue::new(store, "refused");
    let past = wire::EnqueueEnvelopeRequest { expires_at_ms: 1, ..queue.message("e0") };
    assert!(store.accept(past).await.is_err());
    assert_eq!(queue.acknowledge(&wire::LeasedEnvelope::default()).await.map_err(drop), Err(()));
    queue.accept("e1").await;
    let leased = queue.next().await;
    let stale = wire::LeasedEnvelope { epoch: 99, ..leased.clone() };
    assert_eq!(queue.acknowledge(&stale).await, Err(StoreError::NotLeased));
    let other = wire::LeasedEnvelope { id: "no-such-envelope".to_owned(), ..leased.clone() };
    assert_eq!(queue.acknowledge(&other).await, Err(StoreError::NotFound));
    let elsewhere =
        wire::LeasedEnvelope { target: "urn:agent:elsewhere".to_owned(), ..leased.clone() };
    assert_eq!(queue.acknowledge(&elsewhere).await, Err(StoreError::NotFound));
    queue.acknowledge(&leased).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_registry_is_a_store_of_envelopes() {
    let world = World::start().await;
    let credential = credential("g2");
    let request = wire::RegisterGatewayRequest {
        id: "g2".to_owned(),
        endpoint: "http://127.0.0.1:1".to_owned(),
        join_token: invite(&world.channel, "gateway").await,
        credential: credential.clone(),
    };
    world.fleet().register_gateway(by(OPERATOR, request)).await.unwrap();
    let (urls, connector) = ([world.registry_url.clone()], Connector::maybe(None).unwrap());
    let store = RegistryStore::connect(&urls, ("g2", &credential), OPERATOR, &connector);
    holds(&store.unwrap()).await;
}

fn options(nats: &Nats, scheme: &str, ca: Option<PathBuf>) -> JetStreamOptions {
    let folder = tempfile::tempdir().unwrap();
    let access = secret::read(&write_secret(folder.path(), "token", TOKEN)).unwrap();
    JetStreamOptions {
        urls: vec![format!("{scheme}://{}", nats.addr)],
        stream: "tests".to_owned(),
        ca,
        access: JetStreamAccess::Token(access),
        replicas: 1,
        ttl: Duration::from_secs(3_600),
        lease: LEASE,
    }
}

fn token() -> String {
    format!("authorization {{ token: \"{TOKEN}\" }}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jetstream_is_a_store_of_envelopes() {
    let nats = Nats::start(&token()).await;
    Box::pin(holds(&JetStream::new(options(&nats, "nats", None)))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jetstream_has_what_it_has_taken_after_its_server_was_started_anew() {
    let mut nats = Nats::start(&token()).await;
    let store = JetStream::new(options(&nats, "nats", None));
    let queue = Queue::new(&store, "again");
    for id in ["e1", "e2", "e3"] {
        queue.accept(id).await;
    }
    let leased = queue.next().await;
    queue.acknowledge(&leased).await.unwrap();
    queue.fail(&queue.next().await, (60_000, 1)).await.unwrap();
    // It is killed; what was acknowledged a moment before would come again.
    sleep(OVER).await;
    nats.restart().await;
    // The connection comes back by itself.
    let after = eventually("the rest", || async {
        let message = wire::LeaseEnvelopesRequest {
            target: queue.target.clone(),
            max: 10,
            ttl_ms: 1_000,
            wait_ms: 1_000,
        };
        store.lease(message).await.ok().filter(|leased| !leased.is_empty())
    })
    .await;
    let ids: Vec<_> = after.iter().map(|leased| leased.correlation.as_str()).collect();
    assert_eq!(ids, ["correlation-e3"]);
    assert_eq!(queue.dead().await.len(), 1);
    assert!(queue.accept("e3").await.duplicate, "the id of what waits is still known");
    // Another gateway ends a lease that this one has.
    let other = JetStream::new(options(&nats, "nats", None));
    Queue::new(&other, "again").acknowledge(&after[0]).await.unwrap();
    sleep(OVER).await;
    assert!(queue.is_empty().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jetstream_is_called_over_tls_and_believed_by_its_authority_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, cert, key) = certificate(folder.path());
    let tls = format!("tls {{ cert_file: {cert:?}, key_file: {key:?} }}");
    let nats = Nats::start(&format!("{}\n{tls}", token())).await;
    let store = JetStream::new(options(&nats, "tls", Some(ca)));
    let queue = Queue::new(&store, "tls");
    queue.accept("e1").await;
    queue.acknowledge(&queue.next().await).await.unwrap();

    let other = tempfile::tempdir().unwrap();
    let (stranger, ..) = certificate(other.path());
    let wary = JetStream::new(options(&nats, "tls", Some(stranger)));
    let refused = wary.accept(queue.message("e2")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Away(_)), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jetstream_says_what_it_does_not_do_and_when_it_is_not_there() {
    let nats = Nats::start(&token()).await;
    let store = JetStream::new(options(&nats, "nats", None));
    let queue = Queue::new(&store, "not");
    let ordered =
        wire::EnqueueEnvelopeRequest { ordering_key: "k".to_owned(), ..queue.message("e1") };
    let refused = store.accept(ordered).await.unwrap_err();
    assert!(matches!(refused, StoreError::Unsupported(why) if why.contains("order")), "{refused}");
    let wrong = JetStreamOptions { access: JetStreamAccess::Open, ..options(&nats, "nats", None) };
    let refused = JetStream::new(wrong).accept(queue.message("e1")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Away(_)), "{refused}");
    let urls = vec!["nats://127.0.0.1:1".to_owned()];
    let nowhere = JetStreamOptions { urls, ..options(&nats, "nats", None) };
    let refused = JetStream::new(nowhere).accept(queue.message("e1")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Away(_)), "{refused}");
}
