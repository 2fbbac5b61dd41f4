//! Calls to the registry: whichever member answers. It decides deadlines; it must never decide that a call whose answer
//! was lost did not happen: only idempotent calls are made twice.

use std::time::Duration;

use deploy_service::trace::Span;
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::directory_client::DirectoryClient;
use proto_wire::registry::v1::fleet_client::FleetClient;
use registry_client::{Attempts, Bearer, ChannelOptions, Client, Failed, InvalidUrl};
use tonic::Status;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;

use crate::Error;
use crate::config::Checked;

const CHANNEL: ChannelOptions = ChannelOptions {
    connect_timeout: Duration::from_secs(2),
    // A peer that vanished without a word must not hold a session open: keep-alive finds it.
    keep_alive: Duration::from_secs(3),
    keep_alive_timeout: Duration::from_secs(3),
    while_idle: false,
};
/// A commit takes milliseconds; an election, two seconds.
const CALL: Attempts = Attempts { each: Duration::from_secs(10), all: None };
/// Artifacts are at most 64 MiB.
const FETCH: Attempts = Attempts { each: Duration::from_secs(120), all: None };
/// A message holds an input of at most 1 MiB and an agent's card.
const MESSAGE_BYTES_MAX: usize = 8 << 20;

/// The members, and the credential that is shown to them.
pub(crate) struct Registry {
    client: Client,
    bearer: Bearer,
}

/// A client that carries the node's credential.
pub(crate) type Fleet = FleetClient<InterceptedService<Channel, Bearer>>;
type Directory = DirectoryClient<InterceptedService<Channel, Bearer>>;

impl Registry {
    /// Connects when it is first used.
    pub(crate) fn new(config: &Checked, credential: &str) -> Result<Self, Error> {
        let bearer = Bearer::new(&format!("node:{}:{credential}", config.id));
        let bearer = bearer.map_err(|_| Error::Config("the credential is not ASCII".to_owned()))?;
        let client = Client::new(&config.registry, &config.connector, CHANNEL);
        Ok(Self { client: client.map_err(invalid)?, bearer })
    }

    /// The members' URLs, the one that answered last first.
    pub(crate) fn urls(&self) -> Vec<String> {
        self.client.in_turn().map(|member| member.url.clone()).collect()
    }

    /// A fleet client to any URL, a member of the list or one that a member named as leader.
    pub(crate) fn fleet_at(&self, url: &str) -> Result<Fleet, Error> {
        Ok(self.fleet(self.client.channel(url).map_err(invalid)?))
    }

    /// Registers the node; repeating it with the same credential is no error.
    pub(crate) async fn register(&self, request: wire::RegisterNodeRequest) -> Result<(), Status> {
        let call = |channel| {
            let (mut fleet, request) = (self.fleet(channel), request.clone());
            async move { fleet.register_node(request).await.map(drop) }
        };
        self.client.call(CALL, call).await.map(|answer| answer.reply).map_err(Status::from)
    }

    /// Commits an outcome; the epoch makes a repetition harmless.
    pub(crate) async fn complete(&self, request: wire::CompleteTaskRequest) -> Result<(), Status> {
        let call = |channel| {
            let (mut fleet, request) = (self.fleet(channel), request.clone());
            async move { fleet.complete_task(request).await.map(drop) }
        };
        let answer = traced("registry.complete_task", self.client.call(CALL, call)).await;
        answer.map(|answer| answer.reply).map_err(Status::from)
    }

    /// Fetches an artifact whole, up to `bytes_max`.
    pub(crate) async fn artifact(&self, digest: &str, bytes_max: usize) -> Result<Vec<u8>, Status> {
        let call = |channel| {
            let request = wire::GetArtifactRequest { digest: digest.to_owned() };
            fetch(self.directory(channel), request, bytes_max)
        };
        let answer = traced("registry.get_artifact", self.client.call(FETCH, call)).await;
        answer.map(|answer| answer.reply).map_err(Status::from)
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

/// A call as a part of the trace in which it is made.
async fn traced<T>(
    name: &'static str,
    call: impl Future<Output = Result<T, Failed>>,
) -> Result<T, Failed> {
    let span = Span::client(name);
    let answer = span.scope(call).await;
    if let Err(failed) = &answer {
        span.fail(failed.status.code().description());
    }
    answer
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

fn invalid(url: InvalidUrl) -> Error {
    Error::Config(format!("registry: {url}"))
}
