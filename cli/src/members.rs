//! The registry as a gRPC service: whichever member answers.
//!
//! It decides when another member is asked: after a read that has no answer, and after a write that was certainly not
//! begun. It must never make a write again whose outcome is in doubt.

use std::fmt::Display;
use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use deploy_service::telemetry::chain;
use deploy_service::tls::Connector;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use registry_client::{ChannelOptions, Rotation, code_of, is_away, is_unproposed};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service};
use tonic::transport::Channel;

use crate::failure::Failure;

/// A member that is silent for this long is probed, and given up after as long again: it hangs, or vanished without a
/// word.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(3);
const CHANNEL: ChannelOptions = ChannelOptions {
    // Loopback answers within milliseconds; a far registry within this.
    connect_timeout: Duration::from_secs(3),
    keep_alive: KEEP_ALIVE,
    keep_alive_timeout: KEEP_ALIVE,
    while_idle: false,
};
/// Longer than an election: a write sent while the leader is chosen still gets its answer. A copy is made before its first
/// byte is sent.
const CALL_TIMEOUT: Duration = Duration::from_secs(90);

/// How the names of methods begin that change nothing, or nothing that a second member may not do too.
const READS: [&str; 6] = ["Backup", "Get", "List", "Search", "Status", "TakeSnapshot"];
/// Those among them that take as long as the state is large.
const COPIES: [&str; 2] = ["/Backup", "/TakeSnapshot"];

/// What a call does to the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

impl Access {
    /// Of a gRPC method, by its path. One that is not known is taken for a write.
    fn of_path(path: &str) -> Self {
        let method = path.rsplit('/').next().unwrap_or_default();
        match READS.iter().any(|read| method.starts_with(read)) {
            true => Self::Read,
            false => Self::Write,
        }
    }

    /// Of an HTTP request.
    pub(crate) fn of_method(method: &Method) -> Self {
        if *method == Method::GET { Self::Read } else { Self::Write }
    }

    /// What it means that no answer has come to what was sent.
    pub(crate) fn unanswered(self, url: &str, why: impl Display) -> Failure {
        let failure = Failure::unreachable(url, why);
        if self == Self::Read { failure } else { failure.in_doubt() }
    }

    /// What it means that a member says that it cannot.
    pub(crate) fn refused(self, member: &str, said: Failure, code: &str) -> Failure {
        let said = said.of_member(member);
        let undone = self == Self::Read || is_unproposed(code);
        if undone { said } else { said.in_doubt() }
    }
}

/// What is said of an answer that is late.
pub(crate) fn late(limit: Duration) -> String {
    format!("no answer within {} s", limit.as_secs())
}

/// Asks the members in turn, the one that answered last first, as long as nothing comes of it.
pub(crate) async fn rotate<T, F: Future<Output = Result<T, Failure>>>(
    registry: &[String],
    rotation: &Rotation,
    ask: impl Fn(String) -> F,
) -> Result<T, Failure> {
    let mut failures = Vec::new();
    for member in rotation.round(registry) {
        match ask(member.clone()).await {
            Err(failure) if failure.is_undone() => failures.push(failure),
            answer => return answer,
        }
    }
    Err(Failure::all(failures))
}

/// Makes a call to one member after the other until an answer comes. Each call has a connection of its own, so that what
/// cannot be connected to has certainly not been sent it.
#[derive(Clone, Debug)]
pub(crate) struct Members {
    /// Their URLs, in order of preference.
    pub(crate) registry: Vec<String>,
    /// Which of them answered last.
    pub(crate) rotation: Rotation,
    /// How they are connected to.
    pub(crate) connector: Connector,
    /// How long a member may take for the answer to a read.
    pub(crate) read_timeout: Duration,
}

impl Members {
    async fn answer(self, request: Request<Body>) -> Result<Response<Body>, Failure> {
        let (head, body) = request.into_parts();
        // Whole, so that it can be sent again. The largest is an artifact, which is in memory as it is.
        let body = body.collect().await?.to_bytes();
        let ask = |member: String| {
            let body = Body::new(Full::new(body.clone()));
            self.ask(member, Request::from_parts(head.clone(), body))
        };
        rotate(&self.registry, &self.rotation, ask).await
    }

    async fn ask(&self, member: String, request: Request<Body>) -> Result<Response<Body>, Failure> {
        let path = request.uri().path();
        let access = Access::of_path(path);
        let limit = match access {
            Access::Read if !COPIES.iter().any(|copy| path.ends_with(copy)) => self.read_timeout,
            _ => CALL_TIMEOUT,
        };
        let channel = self.connect(&member).await?;
        let response = match tokio::time::timeout(limit, send(channel, request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(access.unanswered(&member, chain(&error))),
            Err(_) => return Err(access.unanswered(&member, late(limit))),
        };
        // A refusal has its status in the headers.
        match Status::from_header_map(response.headers()) {
            Some(status) if is_away(&status) => {
                let code = code_of(&status).unwrap_or_default().to_owned();
                Err(access.refused(&member, status.into(), &code))
            }
            _ => Ok(response),
        }
    }

    async fn connect(&self, member: &str) -> Result<Channel, Failure> {
        let endpoint = CHANNEL.endpoint(member);
        let endpoint = endpoint.map_err(|invalid| Failure::usage(invalid.to_string()))?;
        endpoint
            .connect_with_connector(self.connector.clone())
            .await
            .map_err(|error| Failure::unreachable(member, chain(&error)))
    }
}

async fn send(
    mut channel: Channel,
    request: Request<Body>,
) -> Result<Response<Body>, tonic::transport::Error> {
    poll_fn(|cx| Service::<Request<Body>>::poll_ready(&mut channel, cx)).await?;
    channel.call(request).await
}

impl Service<Request<Body>> for Members {
    type Response = Response<Body>;
    type Error = Failure;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.clone().answer(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_that_is_not_known_to_change_nothing_is_a_write() {
        let reads = proto_wire::METHODS.iter().filter(|path| Access::of_path(path) == Access::Read);
        let reads = reads.filter_map(|path| path.rsplit('/').next());
        let changes = ["Put", "Set", "Delete", "Issue", "Spend", "Lease", "Complete", "Register"];
        for method in reads {
            assert!(!changes.iter().any(|change| method.contains(change)), "{method}");
        }
        for (path, access) in [
            ("/ecumene.registry.v1.Directory/GetRecord", Access::Read),
            ("/ecumene.registry.v1.Directory/Status", Access::Read),
            ("/ecumene.registry.v1.Search/SearchAgents", Access::Read),
            ("/ecumene.registry.v1.Cluster/TakeSnapshot", Access::Read),
            ("/ecumene.registry.v1.Cluster/Defrag", Access::Write),
            ("/ecumene.registry.v1.Directory/PutRecord", Access::Write),
            ("/ecumene.registry.v1.Directory/IssueJoinToken", Access::Write),
            ("/ecumene.registry.v1.Cluster/TransferLeader", Access::Write),
            ("/ecumene.registry.v1.Cluster/Unheard", Access::Write),
        ] {
            assert_eq!(Access::of_path(path), access, "{path}");
        }
    }

    #[test]
    fn a_write_is_for_another_member_only_where_this_one_has_certainly_not_begun_it() {
        for (code, undone) in [
            ("no-leader", true),
            ("stopping", true),
            ("in-doubt", false),
            ("disk-failed", false),
            ("read-unconfirmed", false),
            ("", false),
        ] {
            let said = || Failure::from(Status::unavailable("x"));
            assert_eq!(Access::Write.refused("m", said(), code).is_undone(), undone, "{code}");
            assert!(Access::Read.refused("m", said(), code).is_undone(), "{code}");
        }
        assert!(Access::Read.unanswered("m", "x").is_undone());
        assert!(!Access::Write.unanswered("m", "x").is_undone());
    }
}
