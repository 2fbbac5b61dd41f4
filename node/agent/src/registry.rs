//! Calls to the registry: whichever member answers. It decides deadlines and rotation; it must never decide that a
//! call whose answer was lost did not happen: only idempotent calls are made twice.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use deploy_service::tls::{Connector, Role};
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::directory_client::DirectoryClient;
use proto_wire::registry::v1::fleet_client::FleetClient;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use crate::Error;
use crate::config::Checked;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A commit takes milliseconds; an election, two seconds.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Artifacts are at most 64 MiB.
const FETCH_TIMEOUT: Duration = Duration::from_secs(120);
/// A message holds an input of at most 1 MiB and an agent's card.
const MESSAGE_BYTES_MAX: usize = 8 << 20;

/// The members, the one that answered last first.
pub(crate) struct Registry {
    members: Vec<(String, Channel)>,
    last: AtomicUsize,
    connector: Connector,
    bearer: Bearer,
}

/// A client that carries the node's credential.
pub(crate) type Fleet = FleetClient<InterceptedService<Channel, Bearer>>;
type Directory = DirectoryClient<InterceptedService<Channel, Bearer>>;

/// Adds the node's credential to each call.
#[derive(Clone)]
pub(crate) struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: tonic::Request<()>) -> Result<tonic::Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

impl Registry {
    /// Connects when it is first used.
    pub(crate) fn new(config: &Checked, credential: &str) -> Result<Self, Error> {
        let bearer = format!("Bearer node:{}:{credential}", config.id);
        let bearer =
            bearer.parse().map_err(|_| Error::Config("the credential is not ASCII".to_owned()))?;
        let connector = config.connector.clone();
        let connect = |url: &String| Ok((url.clone(), lazy(url, &connector)?));
        let members = config.registry.iter().map(connect).collect::<Result<_, Error>>()?;
        Ok(Self { members, last: AtomicUsize::new(0), connector, bearer: Bearer(bearer) })
    }

    /// The members' URLs, the one that answered last first.
    pub(crate) fn urls(&self) -> Vec<String> {
        let count = self.members.len();
        let first = self.last.load(Ordering::Relaxed);
        (0..count).map(|at| self.members[(first + at) % count].0.clone()).collect()
    }

    /// A fleet client to any URL, a member of the list or one that a member named as leader.
    pub(crate) fn fleet_at(&self, url: &str) -> Result<Fleet, Error> {
        let known = self.members.iter().find(|(member, _)| member == url);
        let channel = match known {
            Some((_, channel)) => channel.clone(),
            None => lazy(url, &self.connector)?,
        };
        Ok(self.fleet(channel))
    }

    /// Registers the node; repeating it with the same credential is no error.
    pub(crate) async fn register(&self, request: wire::RegisterNodeRequest) -> Result<(), Status> {
        self.rotate(CALL_TIMEOUT, |channel| {
            let (mut fleet, request) = (self.fleet(channel), request.clone());
            async move { fleet.register_node(request).await.map(drop) }
        })
        .await
    }

    /// Commits an outcome; the epoch makes a repetition harmless.
    pub(crate) async fn complete(&self, request: wire::CompleteTaskRequest) -> Result<(), Status> {
        self.rotate(CALL_TIMEOUT, |channel| {
            let (mut fleet, request) = (self.fleet(channel), request.clone());
            async move { fleet.complete_task(request).await.map(drop) }
        })
        .await
    }

    /// Fetches an artifact whole, up to `bytes_max`.
    pub(crate) async fn artifact(&self, digest: &str, bytes_max: usize) -> Result<Vec<u8>, Status> {
        self.rotate(FETCH_TIMEOUT, |channel| {
            let request = wire::GetArtifactRequest { digest: digest.to_owned() };
            fetch(self.directory(channel), request, bytes_max)
        })
        .await
    }

    /// Asks the members in turn until one gives an answer that is not about reaching it.
    async fn rotate<T, F: Future<Output = Result<T, Status>>>(
        &self,
        timeout: Duration,
        call: impl Fn(Channel) -> F,
    ) -> Result<T, Status> {
        let first = self.last.load(Ordering::Relaxed);
        let mut failed = Status::unavailable("no registry member is configured");
        for at in 0..self.members.len() {
            let index = (first + at) % self.members.len();
            let answer = tokio::time::timeout(timeout, call(self.members[index].1.clone())).await;
            match answer.unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer in time"))) {
                Err(status) if is_unreachable(&status) => failed = status,
                answer => {
                    self.last.store(index, Ordering::Relaxed);
                    return answer;
                }
            }
        }
        Err(failed)
    }

    fn fleet(&self, channel: Channel) -> Fleet {
        FleetClient::with_interceptor(channel, self.bearer.clone())
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
    }

    fn directory(&self, channel: Channel) -> Directory {
        DirectoryClient::with_interceptor(channel, self.bearer.clone())
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
    }
}

async fn fetch(
    mut directory: Directory,
    request: wire::GetArtifactRequest,
    bytes_max: usize,
) -> Result<Vec<u8>, Status> {
    let mut chunks = directory.get_artifact(request).await?.into_inner();
    let mut artifact = Vec::new();
    while let Some(chunk) = chunks.message().await? {
        if artifact.len() + chunk.bytes.len() > bytes_max {
            return Err(Status::out_of_range(format!(
                "the artifact is larger than {bytes_max} bytes"
            )));
        }
        artifact.extend_from_slice(&chunk.bytes);
    }
    Ok(artifact)
}

fn lazy(url: &str, connector: &Connector) -> Result<Channel, Error> {
    let endpoint = Endpoint::from_shared(url.to_owned())
        .map_err(|error| Error::Config(format!("registry: {url}: {error}")))?;
    // A peer that vanished without a word must not hold a session open: keep-alive finds it.
    Ok(endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(Duration::from_secs(3))
        .keep_alive_timeout(Duration::from_secs(3))
        .connect_with_connector_lazy(connector.clone().to(Role::Registry)))
}

/// Whether another member may answer. A connection that breaks while a member stops is `INTERNAL` by HTTP/2's rules; what the
/// registry says itself has a code of its own beside it.
pub(crate) fn is_unreachable(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown => true,
        code => code == Code::Internal && status.metadata().get("ecumene-code").is_none(),
    }
}
