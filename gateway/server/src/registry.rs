//! The registry as this gateway calls it: whichever member answers.
//!
//! Decides deadlines, rotation among members, and which calls may be made twice. Must never take a
//! lost answer for a refusal, nor for success: a caller learns that nobody knows; nor an answer of a
//! cluster that was restored since for one of the cluster that there is now.

mod call;
mod member;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use deploy_service::tls::{Connector, Role};
use proto_types::WallMs;
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::directory_client::DirectoryClient;
use proto_wire::registry::v1::fleet_client::FleetClient;
use tonic::metadata::{Ascii, MetadataMap, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};

use self::call::Attempts;
pub(crate) use self::call::Unanswered;
pub(crate) use self::member::Member;
use crate::clock;

/// On loopback a connection takes microseconds; a member that is stopped takes none.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Finds a member that vanished without a word while a watch is open.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// How often the cluster was restored from a backup: every answer carries it.
const EPOCH_KEY: &str = "ecumene-epoch";
/// A task holds an input and an outcome of at most 1 MiB each; 100 leased envelopes as many.
const MESSAGE_BYTES_MAX: usize = 128 << 20;

/// Tokens allow for 60 s; half of it is worth a word.
const CLOCK_OFF_MS_MAX: u64 = 30_000;

/// For calls that change something: longer than an election.
const WRITE: Attempts = Attempts { each: Duration::from_secs(3), all: Duration::from_secs(8) };
/// A caller waits for it before anything else happens.
const SPEND: Attempts = Attempts { each: Duration::from_secs(2), all: Duration::from_secs(5) };
const READ: Attempts = Attempts { each: Duration::from_secs(2), all: Duration::from_secs(5) };

/// The members and the credential shown to them.
pub(crate) struct Registry {
    members: Vec<Channel>,
    /// The member that answered last.
    good: AtomicUsize,
    /// The newest cluster epoch that any member has answered with.
    epoch: AtomicU64,
    bearer: MetadataValue<Ascii>,
    /// How far this process's clock is from the registry's time.
    clock_off_ms: AtomicU64,
}

/// Every call: its name here, the client, the method, the messages, and its deadlines.
macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident = $client:ident.$method:ident($request:ty) -> $reply:ty, $attempts:expr;)*) => {
        impl Registry {
            $($(#[$doc])*
            pub(crate) async fn $name(&self, message: $request) -> Result<$reply, Unanswered> {
                let call = |channel| {
                    let request = self.request(message.clone());
                    async move { $client(channel).$method(request).await }
                };
                self.rotate($attempts, call).await.map(|answer| answer.reply)
            })*
        }
    };
}

calls! {
    // Safe to repeat: reads, and writes that name what they make.
    submit_task = fleet.submit_task(wire::SubmitTaskRequest) -> wire::Task, WRITE;
    continue_task = fleet.continue_task(wire::ContinueTaskRequest) -> wire::Task, WRITE;
    task = fleet.get_task(wire::GetTaskRequest) -> wire::Task, READ;
    cancel_task = fleet.cancel_task(wire::CancelTaskRequest) -> wire::Task, WRITE;
    enqueue = fleet.enqueue_envelope(wire::EnqueueEnvelopeRequest) -> wire::EnqueueEnvelopeReply, WRITE;
    // In doubt a token counts as charged, in favour of its peer.
    charge = fleet.charge_tokens(wire::SpendTokensRequest) -> wire::SpendTokensReply, SPEND;
    report_conduct = fleet.report_conduct(wire::ReportConductRequest) -> wire::ReportConductReply, WRITE;
    ack = fleet.ack_envelope(wire::AckEnvelopeRequest) -> wire::Done, WRITE;
}

impl Registry {
    /// Connects when it is first used.
    pub(crate) fn new(
        urls: &[String],
        id: &str,
        credential: &str,
        connector: &Connector,
    ) -> Result<Self, InvalidMember> {
        let bearer = format!("Bearer gateway:{id}:{credential}").parse();
        let mut bearer: MetadataValue<Ascii> =
            bearer.map_err(|_| InvalidMember("credential".to_owned()))?;
        bearer.set_sensitive(true);
        let lazy = |url: &String| lazy(url, connector);
        let members = urls.iter().map(lazy).collect::<Result<_, _>>()?;
        let (good, epoch, clock_off_ms) = Default::default();
        Ok(Self { members, good, epoch, bearer, clock_off_ms })
    }

    /// Registers this gateway, without showing the credential that the registry does not know yet.
    pub(crate) async fn register_gateway(
        &self,
        message: wire::RegisterGatewayRequest,
    ) -> Result<wire::Registration, Unanswered> {
        let call = |channel| {
            let request = Request::new(message.clone());
            async move { fleet(channel).register_gateway(request).await }
        };
        self.rotate(WRITE, call).await.map(|answer| answer.reply)
    }

    /// Spends tokens; the second value tells that an earlier attempt may have been carried out, so
    /// that "replayed" may only mean that.
    pub(crate) async fn spend(
        &self,
        tokens: Vec<wire::TokenUse>,
    ) -> Result<(wire::SpendTokensReply, bool), Unanswered> {
        let message = wire::SpendTokensRequest { tokens };
        let call = |channel| {
            let request = self.request(message.clone());
            async move { fleet(channel).spend_tokens(request).await }
        };
        self.rotate(SPEND, call).await.map(|answer| (answer.reply, answer.earlier_in_doubt))
    }

    /// Leases envelopes, waiting for the first. A lost answer costs a lease's time, no envelope.
    pub(crate) async fn lease(
        &self,
        message: wire::LeaseEnvelopesRequest,
    ) -> Result<wire::LeaseEnvelopesReply, Unanswered> {
        let wait = Duration::from_millis(message.wait_ms);
        let attempts = Attempts { each: WRITE.each + wait, all: WRITE.all + wait };
        let call = |channel| {
            let request = self.request(message.clone());
            async move { fleet(channel).lease_envelopes(request).await }
        };
        self.rotate(attempts, call).await.map(|answer| answer.reply)
    }

    /// The newest cluster epoch that was heard of: what is known of the registry must be of it.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Holds if the answer is of the newest cluster epoch. One that does not say is of a version that
    /// does not.
    fn check_epoch(&self, metadata: &MetadataMap) -> Result<(), Status> {
        let Some(epoch) = number(metadata, EPOCH_KEY) else { return Ok(()) };
        match epoch < self.epoch.fetch_max(epoch, Ordering::AcqRel) {
            true => Err(Status::unavailable("the member is of a cluster that was restored since")),
            false => Ok(()),
        }
    }

    /// The same for a member that is asked by itself.
    async fn timed<T>(
        &self,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<Response<T>, Status> {
        let answer = tokio::time::timeout(READ.each, call).await;
        let answer = answer.unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer in time")));
        self.check_epoch(metadata(&answer))?;
        answer
    }

    /// The member that answered last, for calls that must see what it said before.
    pub(crate) fn member(&self) -> Member<'_> {
        let at = self.good.load(Ordering::Relaxed) % self.members.len();
        Member::of(self, self.members[at].clone(), at)
    }

    /// How far this process's clock was from the registry's time when they were compared last.
    pub(crate) fn clock_off_ms(&self) -> u64 {
        self.clock_off_ms.load(Ordering::Relaxed)
    }

    /// Compares this process's clock with the time that an answer names.
    fn compare_clocks(&self, answer: &MetadataMap) {
        let said =
            answer.get("ecumene-time-ms").and_then(|value| value.to_str().ok()?.parse().ok());
        let Some(said) = said.map(WallMs) else { return };
        let own = clock::wall();
        let off_ms = own.0.abs_diff(said.0);
        self.clock_off_ms.store(off_ms, Ordering::Relaxed);
        if off_ms > CLOCK_OFF_MS_MAX {
            let way = if own > said { "ahead of" } else { "behind" };
            tracing::warn!(
                off_ms,
                "this gateway's clock is {way} the registry's time: it refuses tokens that are good"
            );
        }
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", self.bearer.clone());
        request
    }
}

/// A reply and the revision that its member had applied; 0 if it did not say.
fn with_revision<T>(response: Response<T>) -> (T, u64) {
    let revision = number(response.metadata(), "ecumene-revision").unwrap_or(0);
    (response.into_inner(), revision)
}

/// What an answer says beside its message; a refusal says it too.
fn metadata<T>(answer: &Result<Response<T>, Status>) -> &MetadataMap {
    match answer {
        Ok(response) => response.metadata(),
        Err(status) => status.metadata(),
    }
}

fn number(metadata: &MetadataMap, name: &str) -> Option<u64> {
    metadata.get(name)?.to_str().ok()?.parse().ok()
}

fn fleet(channel: Channel) -> FleetClient<Channel> {
    FleetClient::new(channel)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
}

fn directory(channel: Channel) -> DirectoryClient<Channel> {
    DirectoryClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX)
}

/// A member's URL that cannot be called.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no URL that can be called")]
pub struct InvalidMember(String);

fn lazy(url: &str, connector: &Connector) -> Result<Channel, InvalidMember> {
    let endpoint =
        Endpoint::from_shared(url.to_owned()).map_err(|_| InvalidMember(url.to_owned()))?;
    Ok(endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .keep_alive_while_idle(true)
        .connect_with_connector_lazy(connector.clone().to(Role::Registry)))
}
