//! The registry as this gateway calls it: whichever member answers.
//!
//! Decides deadlines, and which calls may be made twice. Must never take a
//! lost answer for a refusal, nor for success: a caller learns that nobody knows; nor an answer of a
//! cluster that was restored since for one of the cluster that there is now.

mod leader;
mod member;
mod unanswered;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use deploy_service::tls::Connector;
use deploy_service::trace::Span;
use proto_types::WallMs;
use proto_types::metadata::{EPOCH_KEY, REVISION_KEY, TIME_KEY};
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::fleet_client::FleetClient;
use registry_client::{Answer, Attempts, Bearer, ChannelOptions, Client, is_away, within};
use tonic::metadata::MetadataMap;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Response, Status};

pub(crate) use self::member::Member;
pub(crate) use self::unanswered::Unanswered;
use crate::clock;

const CHANNEL: ChannelOptions = ChannelOptions {
    // On loopback a connection takes microseconds; a member that is stopped takes none.
    connect_timeout: Duration::from_secs(1),
    // Finds a member that vanished without a word while a watch is open.
    keep_alive: Duration::from_secs(5),
    keep_alive_timeout: Duration::from_secs(5),
    while_idle: true,
};
/// A task holds an input and an outcome of at most 1 MiB each; 100 leased envelopes as many.
const MESSAGE_BYTES_MAX: usize = 128 << 20;

/// Tokens allow for 60 s; half of it is worth a word.
const CLOCK_OFF_MS_MAX: u64 = 30_000;

/// For calls that change something: longer than an election.
const WRITE: Attempts =
    Attempts { each: Duration::from_secs(3), all: Some(Duration::from_secs(8)) };
/// A caller waits for it before anything else happens.
const SPEND: Attempts =
    Attempts { each: Duration::from_secs(2), all: Some(Duration::from_secs(5)) };
const READ: Attempts = Attempts { each: Duration::from_secs(2), all: Some(Duration::from_secs(5)) };
/// One round: who follows a task looks at it again soon, and asks again. Longer than members wait for each other here.
const FOLLOW: Attempts = Attempts { each: Duration::from_secs(2), all: None };

/// The members and the credential shown to them.
pub(crate) struct Registry {
    client: Client,
    bearer: Bearer,
    /// The newest cluster epoch that any member has answered with.
    epoch: AtomicU64,
    /// How far this process's clock is from the registry's time.
    clock_off_ms: AtomicU64,
}

/// One attempt: a method of the fleet service at whichever member's channel.
macro_rules! attempt {
    ($bearer:expr, $method:ident($message:expr)) => {
        |channel| {
            let (mut fleet, message) = (fleet(channel, $bearer), $message.clone());
            async move { fleet.$method(message).await }
        }
    };
}

/// Every call: its name here, the method, the messages, and its deadlines.
macro_rules! calls {
    ($($name:ident = $method:ident($request:ty) -> $reply:ty, $attempts:expr;)*) => {
        impl Registry {
            $(pub(crate) async fn $name(&self, message: $request) -> Result<$reply, Unanswered> {
                let attempt = attempt!(&self.bearer, $method(message));
                let answer = self.rotate($attempts, attempt);
                let answer = traced(concat!("registry.", stringify!($method)), answer).await;
                answer.map(|answer| answer.reply)
            })*
        }
    };
}

calls! {
    // Safe to repeat: reads, and writes that name what they make.
    submit_task = submit_task(wire::SubmitTaskRequest) -> wire::Task, WRITE;
    continue_task = continue_task(wire::ContinueTaskRequest) -> wire::Task, WRITE;
    task = get_task(wire::GetTaskRequest) -> wire::Task, READ;
    list_tasks = list_tasks(wire::ListTasksRequest) -> wire::TaskList, READ;
    // The node pushes to one `reply_to` once, however often it is named.
    follow_task = follow_task(wire::FollowTaskRequest) -> wire::Done, FOLLOW;
    cancel_task = cancel_task(wire::CancelTaskRequest) -> wire::Task, WRITE;
    put_push_config = put_push_config(wire::PutPushConfigRequest) -> wire::Done, WRITE;
    push_configs = list_push_configs(wire::ListPushConfigsRequest) -> wire::PushConfigList, READ;
    delete_push_config = delete_push_config(wire::DeletePushConfigRequest) -> wire::Done, WRITE;
    enqueue = enqueue_envelope(wire::EnqueueEnvelopeRequest) -> wire::EnqueueEnvelopeReply, WRITE;
    // In doubt a token counts as charged, in favour of its peer.
    charge = charge_tokens(wire::SpendTokensRequest) -> wire::SpendTokensReply, SPEND;
    report_conduct = report_conduct(wire::ReportConductRequest) -> wire::ReportConductReply, WRITE;
    ack = ack_envelope(wire::AckEnvelopeRequest) -> wire::Done, WRITE;
    fail = fail_envelope(wire::FailEnvelopeRequest) -> wire::Done, WRITE;
    // An operator's. The second of two replays, or of two drops, is told that there is none.
    dead_letters = list_dead_letters(wire::ListDeadLettersRequest) -> wire::DeadLetterList, READ;
    dead_letter = get_dead_letter(wire::DeadLetterName) -> wire::DeadLetter, READ;
    replay = replay_envelope(wire::DeadLetterName) -> wire::Done, WRITE;
    discard = drop_envelope(wire::DeadLetterName) -> wire::Done, WRITE;
}

impl Registry {
    /// Connects when it is first used.
    pub(crate) fn new(
        urls: &[String],
        id: &str,
        credential: &str,
        connector: &Connector,
    ) -> Result<Self, InvalidMember> {
        Self::showing(urls, &format!("gateway:{id}:{credential}"), connector)
    }

    /// The same for an operator with this token.
    pub(crate) fn of_operator(
        urls: &[String],
        token: &str,
        connector: &Connector,
    ) -> Result<Self, InvalidMember> {
        Self::showing(urls, token, connector)
    }

    fn showing(urls: &[String], shown: &str, connector: &Connector) -> Result<Self, InvalidMember> {
        let bearer = Bearer::new(shown);
        let bearer = bearer.map_err(|_| InvalidMember("credential".to_owned()))?;
        let client = Client::new(urls, connector, CHANNEL);
        let client = client.map_err(|invalid| InvalidMember(invalid.url))?;
        let (epoch, clock_off_ms) = Default::default();
        Ok(Self { client, bearer, epoch, clock_off_ms })
    }

    /// Registers this gateway, without showing the credential that the registry does not know yet.
    pub(crate) async fn register_gateway(
        &self,
        message: wire::RegisterGatewayRequest,
    ) -> Result<wire::Registration, Unanswered> {
        let attempt = attempt!(&Bearer::default(), register_gateway(message));
        self.rotate(WRITE, attempt).await.map(|answer| answer.reply)
    }

    /// Spends tokens; the second value tells that an earlier attempt may have been carried out, so
    /// that "replayed" may only mean that.
    pub(crate) async fn spend(
        &self,
        tokens: Vec<wire::TokenUse>,
    ) -> Result<(wire::SpendTokensReply, bool), Unanswered> {
        let message = wire::SpendTokensRequest { tokens };
        let attempt = attempt!(&self.bearer, spend_tokens(message));
        let answer = traced("registry.spend_tokens", self.rotate(SPEND, attempt)).await;
        answer.map(|answer| (answer.reply, answer.earlier_in_doubt))
    }

    /// Leases envelopes, waiting for the first. A lost answer costs a lease's time, no envelope.
    pub(crate) async fn lease(
        &self,
        message: wire::LeaseEnvelopesRequest,
    ) -> Result<wire::LeaseEnvelopesReply, Unanswered> {
        let wait = Duration::from_millis(message.wait_ms);
        let attempts = Attempts { each: WRITE.each + wait, all: WRITE.all.map(|all| all + wait) };
        let attempt = attempt!(&self.bearer, lease_envelopes(message));
        self.rotate(attempts, attempt).await.map(|answer| answer.reply)
    }

    /// Asks the members in turn for an answer of the newest cluster epoch. A refusal is one: it says as well whether it may
    /// speak of what an earlier attempt did.
    async fn rotate<T, F: Future<Output = Result<Response<T>, Status>>>(
        &self,
        attempts: Attempts,
        call: impl Fn(Channel) -> F,
    ) -> Result<Answer<T>, Unanswered> {
        let current = |channel| {
            let answer = call(channel);
            async move {
                match self.current(answer.await) {
                    Err(status) if is_away(&status) => Err(status),
                    said => Ok(said.map(Response::into_inner)),
                }
            }
        };
        // It is moved about by all that waits for it, and is large.
        let answer = Box::pin(self.client.call(attempts, current)).await;
        let Answer { reply, earlier_in_doubt } =
            answer.map_err(|failed| Unanswered::away(&failed))?;
        match reply {
            Ok(reply) => Ok(Answer { reply, earlier_in_doubt }),
            Err(status) => Err(Unanswered::refused(&status, earlier_in_doubt)),
        }
    }

    /// The newest cluster epoch that was heard of: what is known of the registry must be of it.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// The answer or refusal, if it is of the newest cluster epoch. One that does not say is of a version that does not.
    fn current<T>(&self, answer: Result<Response<T>, Status>) -> Result<Response<T>, Status> {
        let metadata = match &answer {
            Ok(response) => response.metadata(),
            Err(status) => status.metadata(),
        };
        let Some(epoch) = number(metadata, EPOCH_KEY) else { return answer };
        match epoch < self.epoch.fetch_max(epoch, Ordering::AcqRel) {
            true => Err(Status::unavailable("the member is of a cluster that was restored since")),
            false => answer,
        }
    }

    /// The answer of a member that is asked by itself.
    async fn timed<T>(
        &self,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<Response<T>, Status> {
        self.current(within(READ.each, call).await)
    }

    /// The member that answered last, for calls that must see what it said before.
    pub(crate) fn member(&self) -> Member<'_> {
        let first = self.client.in_turn().next();
        Member::of(self, first.expect("config.rs refuses a registry without members"))
    }

    /// How far this process's clock was from the registry's time when they were compared last.
    pub(crate) fn clock_off_ms(&self) -> u64 {
        self.clock_off_ms.load(Ordering::Relaxed)
    }

    /// Compares this process's clock with the time that an answer names.
    fn compare_clocks(&self, answer: &MetadataMap) {
        let Some(said) = number(answer, TIME_KEY).map(WallMs) else { return };
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
}

/// A call as a part of the trace in which it is made.
async fn traced<T>(
    name: &'static str,
    call: impl Future<Output = Result<T, Unanswered>>,
) -> Result<T, Unanswered> {
    let span = Span::client(name);
    let answer = span.scope(call).await;
    if let Err(error) = &answer {
        span.fail(error.to_string());
    }
    answer
}

/// A reply and the revision that its member had applied; 0 if it did not say.
fn with_revision<T>(response: Response<T>) -> (T, u64) {
    let revision = number(response.metadata(), REVISION_KEY).unwrap_or(0);
    (response.into_inner(), revision)
}

fn number(metadata: &MetadataMap, name: &str) -> Option<u64> {
    metadata.get(name)?.to_str().ok()?.parse().ok()
}

fn fleet(channel: Channel, bearer: &Bearer) -> FleetClient<InterceptedService<Channel, Bearer>> {
    FleetClient::with_interceptor(channel, bearer.clone())
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
}

/// A member's URL that cannot be called.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no URL that can be called")]
pub struct InvalidMember(String);
