//! Calls to attached agents: each is handed on to the agent's own server, and what that says handed back.
//!
//! Decides what becomes of an answer. How a call is written for a server, and which ids it is told, is in `gateway-core`; which
//! replica is asked is in `upstream`. Must never tell a server anything that its caller did not say to this agent, nor a caller
//! what a server says to whoever operates this gateway.

mod asked;
mod flow;
mod headers;
mod lasting;

use std::sync::Arc;

use axum::response::Response;
use deploy_service::Place;
use gateway_core::params::fault;
use gateway_core::relay::{self, Answered, Outgoing, OutgoingHttp, UpstreamFault, UpstreamForm};
use gateway_core::sealed::Sealer;
use gateway_core::upstream::ReplicaTag;
use gateway_core::{CallError, Caller, Failure};
use http::HeaderMap;
use http::request::Parts;
use proto_types::a2a::{A2aError, SendMessageResponse, StreamResponse, Task};
use proto_types::{Handle, TaskOwner, Upstream, json};

use crate::agents::Agent;
use crate::flow::Flow;
use crate::gateway::Gateway;
use crate::grpc::{self, Method};
use crate::upstream::{Answer, EventReader, Sent, Streamed, UpstreamClient, UpstreamError};
use crate::waiting::{Lasting, Room};

use self::flow::Heard;
use self::lasting::lasting;
use super::binding::Binding;

/// What is asked of an attached agent. Its ids are as the caller wrote them.
pub(super) struct Relay {
    agent: Arc<Agent>,
    upstream: Arc<Upstream>,
    outgoing: Outgoing,
}

impl Relay {
    pub(super) const fn new(
        agent: Arc<Agent>,
        upstream: Arc<Upstream>,
        outgoing: Outgoing,
    ) -> Self {
        Self { agent, upstream, outgoing }
    }

    /// A message is answered with its task as it is.
    pub(super) fn return_immediately(&mut self) {
        if let Outgoing::Send(request) | Outgoing::Stream(request) = &mut self.outgoing {
            let configuration = request.configuration.get_or_insert_with(Default::default);
            configuration.return_immediately = true;
        }
    }

    /// Asks the agent's server; what its caller is answered. The token is spent.
    pub(super) async fn answer(
        self,
        gateway: &Arc<Gateway>,
        caller: &Caller,
        (binding, parts): (Binding, &Parts),
    ) -> Result<Response, Failure> {
        let place = gateway.waiting.place(caller.owner())?;
        // Its token may have taken a while. Who is let in no more is refused here, or counted as open by now.
        gateway.check_caller(caller)?;
        let headers = headers::forwarded(gateway, caller, parts, self.upstream.version)?;
        let call = Call::new(gateway, caller, (self, headers))?;
        let handle = call.translator.handle.clone();
        let terms = (&**gateway, caller, &handle);
        match call.outgoing.is_stream() {
            true => {
                let (begun, events) = lasting(terms, call.stream(gateway)).await?;
                let heard = Heard::new(caller, begun);
                Flow::new((gateway, heard), binding, (events, place)).answer_unless_refused().await
            }
            false => {
                let (answered, _held) = lasting(terms, call.answer(gateway)).await?;
                // It may have taken a while.
                gateway.check_lasting(caller, Lasting::Call)?;
                binding.answer(&answered.into())
            }
        }
    }
}

/// A call in the terms of its server.
struct Call {
    upstream: Arc<Upstream>,
    /// With the ids that the server gave.
    outgoing: Outgoing,
    http: OutgoingHttp,
    /// What is told of the head of the call.
    headers: HeaderMap,
    /// The replica that made the task which is named.
    made_by: Option<ReplicaTag>,
    translator: Translator,
    /// Where the answer counts.
    room: Room,
}

/// A stream that a server has begun.
struct Begun {
    translator: Translator,
    upstream: Arc<Upstream>,
    /// By which its ids are sealed.
    replica: ReplicaTag,
    /// Whose it is: another one may have made its task.
    server: ReplicaTag,
}

/// Puts what a server says into the terms of one caller.
struct Translator {
    handle: Handle,
    form: UpstreamForm,
    sealer: Sealer,
    /// How many messages of the history its caller wants.
    history_length: Option<u32>,
}

impl Call {
    fn new(
        gateway: &Gateway,
        caller: &Caller,
        (relay, headers): (Relay, HeaderMap),
    ) -> Result<Self, Failure> {
        let Relay { agent, upstream, outgoing } = relay;
        let (handle, form) = (agent.handle.clone(), UpstreamForm::from(&*upstream));
        let sealer = gateway.upstreams.sealer(caller.as_str(), &handle);
        let (outgoing, made_by) = relay::sealed_in(&sealer, outgoing)?;
        let http = encoded(form.request(&outgoing, upstream.tenant.as_deref()))?;
        let translator =
            Translator { handle, form, sealer, history_length: outgoing.history_length() };
        let room = gateway.waiting.room(caller.owner());
        Ok(Self { upstream, outgoing, http, headers, made_by, translator, room })
    }

    fn sent(&self, gateway: &Gateway) -> Sent<'_> {
        Sent {
            agent: &self.translator.handle,
            upstream: &self.upstream,
            prefer: self.made_by,
            http: &self.http,
            safe_to_repeat: self.outgoing.is_safe_to_repeat(),
            headers: self.headers.clone(),
            until: gateway.upstreams.deadline(),
            room: &self.room,
        }
    }

    /// With what it takes of its caller's room, until it is told.
    async fn answer(&self, gateway: &Gateway) -> Result<(Answered, Place<TaskOwner>), Failure> {
        let upstreams = &gateway.upstreams;
        let Answer { replica, status, body, held } = upstreams.call(self.sent(gateway)).await?;
        let read = self.translator.form.read_answer(&self.outgoing, status, &body);
        let answered = read.map_err(|fault| self.fault(upstreams, replica, fault))?;
        let answered = self.translator.answered(self.made_by.unwrap_or(replica), answered)?;
        Ok((answered, held))
    }

    async fn stream(self, gateway: &Gateway) -> Result<(Begun, Box<EventReader>), Failure> {
        let upstreams = &gateway.upstreams;
        let streamed = upstreams.stream(self.sent(gateway)).await?;
        match streamed {
            Streamed::Events(events) => {
                let server = events.replica();
                let (translator, upstream) = (self.translator, self.upstream);
                let replica = self.made_by.unwrap_or(server);
                Ok((Begun { translator, upstream, replica, server }, events))
            }
            Streamed::Whole(Answer { replica, status, body, held: _held }) => {
                let read = self.translator.form.read_answer(&self.outgoing, status, &body);
                let none = || UpstreamFault::NotA2a("an answer that is no stream".to_owned());
                Err(self.fault(upstreams, replica, read.err().unwrap_or_else(none)))
            }
        }
    }

    /// What its caller is told of a fault. A replica that was asked in the place of the one that has made the task does not
    /// say whether there is one.
    fn fault(
        &self,
        upstreams: &UpstreamClient,
        asked: ReplicaTag,
        fault: UpstreamFault,
    ) -> Failure {
        let mut listed = self.upstream.urls.iter().map(|url| ReplicaTag::of(url.as_str()));
        let is_elsewhere =
            self.made_by.is_some_and(|tag| tag != asked && listed.any(|listed| listed == tag));
        match self.translator.fault(upstreams, fault) {
            Failure::Call(CallError::Upstream(A2aError::TaskNotFound, _)) if is_elsewhere => {
                Failure::UpstreamUnreachable
            }
            failure => failure,
        }
    }
}

/// A request as it is sent: over gRPC its JSON is a message.
fn encoded(http: OutgoingHttp) -> Result<OutgoingHttp, Failure> {
    let Some(method) = Method::at(&http.path) else { return Ok(http) };
    let params = http.body.as_deref().and_then(|body| json::parse_lossless(body).ok());
    let body = params.and_then(|params| grpc::request_of(&method, &params));
    // What its caller has said is of A2A, but not everything of that is of protobuf.
    let must_be = "what the agent can be told over gRPC";
    let unfit = || Failure::Call(CallError::Params(vec![fault("", must_be)]));
    Ok(OutgoingHttp { body: Some(body.ok_or_else(unfit)?.into()), ..http })
}

impl Translator {
    fn answered(&self, replica: ReplicaTag, answered: Answered) -> Result<Answered, Failure> {
        let mut told = relay::sealed_out(&self.sealer, replica, answered)?;
        match &mut told {
            Answered::Task(task) | Answered::Message(SendMessageResponse::Task(task)) => {
                self.shorten(task);
            }
            Answered::Tasks(page) => page.tasks.iter_mut().for_each(|task| self.shorten(task)),
            Answered::Message(SendMessageResponse::Message(_)) => {}
        }
        Ok(told)
    }

    /// An event of a stream, from its data.
    fn event(
        &self,
        upstreams: &UpstreamClient,
        replica: ReplicaTag,
        data: &[u8],
    ) -> Result<StreamResponse, Failure> {
        let event = self.form.read_event(data).map_err(|fault| self.fault(upstreams, fault))?;
        let mut told = relay::event_sealed_out(&self.sealer, replica, event)?;
        if let StreamResponse::Task(task) = &mut told {
            self.shorten(task);
        }
        Ok(told)
    }

    /// Servers may give more of the history than was asked for (A2A 1.0, section 3.2.4).
    fn shorten(&self, task: &mut Task) {
        let most = self.history_length.map_or(usize::MAX, |most| most as usize);
        task.history.drain(..task.history.len().saturating_sub(most));
    }

    /// What a caller is told of a fault. All of it is for the log alone, but for what the agent itself says.
    fn fault(&self, upstreams: &UpstreamClient, fault: UpstreamFault) -> Failure {
        let agent = &self.handle;
        if let UpstreamFault::Refused(error, _) = &fault {
            tracing::debug!(%agent, ?error, "an attached agent refuses a call");
        } else if let Some(unsaid) = upstreams.line(agent, word(&fault)) {
            tracing::warn!(%agent, %fault, unsaid, "an attached agent fails");
        }
        fault.into()
    }
}

/// What kind of line of the log a fault is.
const fn word(fault: &UpstreamFault) -> &'static str {
    match fault {
        UpstreamFault::Refused(..) => "refused",
        UpstreamFault::NotA2a(_) => "not_a2a",
        UpstreamFault::Denied => "denied",
        UpstreamFault::Unavailable(_) => "unavailable",
    }
}

/// Whether a stream of this replica is one of the agent as it is now: it is called as it was, and is still one of its servers.
fn is_of(replica: ReplicaTag, then: &Upstream, now: &Upstream) -> bool {
    (then.binding, then.version, &then.tenant) == (now.binding, now.version, &now.tenant)
        && now.urls.iter().any(|url| ReplicaTag::of(url.as_str()) == replica)
}

impl From<UpstreamError> for Failure {
    fn from(error: UpstreamError) -> Self {
        match error {
            UpstreamError::Unreachable => Self::UpstreamUnreachable,
            UpstreamError::Overloaded => Self::UpstreamOverloaded,
            UpstreamError::Timeout => Self::UpstreamTimeout,
            UpstreamError::TooLarge | UpstreamError::Broken => Self::Call(CallError::AgentResponse),
            UpstreamError::NoRoom(full) => full.into(),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_stream_goes_on_as_long_as_its_server_is_one_of_the_agents_and_called_as_it_was() {
        let upstream = |urls: &[&str], version, tenant| {
            Upstream::parse(urls, "JSONRPC", version, tenant).unwrap()
        };
        let (one, other) = ("http://a.example/rpc", "http://b.example/rpc");
        let then = upstream(&[one], "1.0", "");
        let goes_on = |now: &Upstream| is_of(ReplicaTag::of(one), &then, now);
        assert!(goes_on(&then) && goes_on(&upstream(&[other, one], "1.0", "")));
        for now in [(other, "1.0", ""), (one, "0.3", ""), (one, "1.0", "t")] {
            assert!(!goes_on(&upstream(&[now.0], now.1, now.2)), "{now:?}");
        }
    }
}
