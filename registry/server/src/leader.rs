//! Strong reads: this member, if it leads, has a majority confirm that; a follower asks the leader how far a read must
//! see. A confirmation never serves a caller that came after the question was asked.

mod rounds;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use deploy_service::tls::{Connector, Role};
use proto_types::metadata::TIME_KEY;
use proto_types::{Digest, Revision, WallMs};
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::directory_client::DirectoryClient;
use registry_api::{Code, Problem};
use registry_client::ChannelOptions;
use registry_raft::{ReadError, Registry, StateMark};
use tonic::Request;
use tonic::transport::Channel;

use self::rounds::Rounds;

/// Longer than a round of heartbeats, shorter than a caller's patience.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// From one question to a leader to the next: half as many as it takes of one source by default (`bounds.source_requests_per_second`),
/// since it does not know its own members from others. About as long as an answer takes, so that it delays next to nobody.
const QUESTION_PAUSE: Duration = Duration::from_millis(1);

/// The way to the last leader that was asked, and to this member as one.
#[derive(Debug)]
pub(crate) struct LeaderLine {
    connector: Connector,
    kept: Mutex<Option<Line>>,
    own: Rounds<Result<(), ReadError>>,
}

/// The way to one leader. What is asked of one that does not answer keeps nobody from asking the next.
#[derive(Clone, Debug)]
struct Line {
    leader: String,
    channel: Channel,
    questions: Rounds<Confirmed>,
}

/// The revision that covers every write acknowledged before the question, and the leader's time if it tells one.
type Confirmed = Result<(Revision, Option<WallMs>), Problem>;

impl LeaderLine {
    /// Asks by this connector, which talks to members only.
    pub(crate) fn new(connector: &Connector) -> Self {
        let connector = connector.clone().to(Role::Registry);
        Self { connector, kept: Mutex::new(None), own: Rounds::new(Duration::ZERO) }
    }

    /// Holds if this member leads, and has applied all that was acknowledged before this call. One confirmation serves all
    /// who wait for it.
    pub(crate) async fn led(&self, registry: &Registry) -> Result<(), ReadError> {
        let registry = registry.clone();
        self.own.join(move || async move { registry.strong().await.map(drop) }).await
    }

    /// What the leader confirms to a question that is asked after this call. One serves all who wait for it: the leader
    /// counts those of all callers as one source's, and takes so many at once on one connection.
    pub(crate) async fn confirmed(&self, leader: &str) -> Confirmed {
        let Line { channel, questions, .. } = self.line(leader)?;
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, questions.join(move || ask(channel)));
        answer.await.unwrap_or_else(|_| Err(unconfirmed()))
    }

    /// The digest of the leader's state, if it answers.
    pub(crate) async fn mark(&self, leader: &str) -> Option<StateMark> {
        let mut client = DirectoryClient::new(self.line(leader).ok()?.channel);
        let mut request = Request::new(wire::StatusRequest::default());
        request.set_timeout(ANSWER_TIMEOUT);
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, client.status(request)).await;
        let status = answer.ok()?.ok()?.into_inner();
        let hash = Digest::parse(&status.state_hash).ok()?;
        Some(StateMark { since: status.state_since, index: status.state_index, hash })
    }

    fn line(&self, leader: &str) -> Result<Line, Problem> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = kept.as_ref().filter(|line| line.leader == leader) {
            return Ok(line.clone());
        }
        let channel = ChannelOptions::BETWEEN_MEMBERS.lazy(leader, &self.connector);
        let channel = channel.map_err(|_| unconfirmed())?;
        let line =
            Line { leader: leader.to_owned(), channel, questions: Rounds::new(QUESTION_PAUSE) };
        *kept = Some(line.clone());
        Ok(line)
    }
}

/// Asks a leader. Nobody waits for its answer for longer than [`ANSWER_TIMEOUT`], and then it is given up.
async fn ask(leader: Channel) -> Confirmed {
    let strong = wire::Consistency::Strong.into();
    let mut request = Request::new(wire::StatusRequest { consistency: strong });
    request.set_timeout(ANSWER_TIMEOUT);
    let status = DirectoryClient::new(leader).status(request).await.map_err(|_| unconfirmed())?;
    let time = status.metadata().get(TIME_KEY);
    let time = time.and_then(|value| value.to_str().ok()?.parse().ok()).map(WallMs);
    Ok((Revision(status.into_inner().revision), time))
}

fn unconfirmed() -> Problem {
    Problem::new(Code::ReadUnconfirmed, "the leader did not confirm the read")
}
