//! Calls to attached agents: each is handed on to the agent's own server, and what that says handed back.
//!
//! Decides what becomes of an answer. How a call is written for a server, and which ids it is told, is in `gateway-core`; which
//! replica is asked is in `upstream`. Must never tell a server anything that its caller did not say to this agent, nor a caller
//! what a server says to whoever operates this gateway.

mod flow;
mod headers;

use std::sync::Arc;

use axum::response::Response;
use gateway_core::relay::{self, Answered, Outgoing, OutgoingHttp, UpstreamFault, UpstreamForm};
use gateway_core::sealed::Sealer;
use gateway_core::upstream::ReplicaTag;
use gateway_core::{CallError, Caller, Failure};
use http::request::Parts;
use proto_types::a2a::{A2aError, SendMessageResponse, StreamResponse, Task};
use proto_types::{Handle, Upstream};

use crate::agents::Agent;
use crate::gateway::Gateway;
use crate::upstream::{Body, Sent, SseReader, UpstreamError};

use self::flow::Flow;
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
        let place = gateway.waiting.place(caller.origin())?;
        let call = Call::new(gateway, caller, self)?;
        match call.outgoing.is_stream() {
            true => {
                let begun = call.stream(gateway, parts).await?;
                Flow::new((gateway, caller), binding, (begun, place)).answer().await
            }
            false => {
                let answered = call.answer(gateway, parts).await?;
                // It may have taken a while.
                gateway.check_caller(caller)?;
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
    /// The replica that made the task which is named.
    made_by: Option<ReplicaTag>,
    translator: Translator,
}

/// A stream that a server has begun.
struct Begun {
    translator: Translator,
    replica: ReplicaTag,
    events: SseReader,
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
    fn new(gateway: &Gateway, caller: &Caller, relay: Relay) -> Result<Self, Failure> {
        let Relay { agent, upstream, outgoing } = relay;
        let (handle, form) = (agent.handle.clone(), UpstreamForm::from(&*upstream));
        let sealer = gateway.upstreams.sealer(caller.as_str(), &handle);
        let (outgoing, made_by) = relay::sealed_in(&sealer, outgoing)?;
        let http = form.request(&outgoing, upstream.tenant.as_deref());
        let translator =
            Translator { handle, form, sealer, history_length: outgoing.history_length() };
        Ok(Self { upstream, outgoing, http, made_by, translator })
    }

    fn sent(&self, gateway: &Gateway, parts: &Parts) -> Sent<'_> {
        Sent {
            agent: &self.translator.handle,
            upstream: &self.upstream,
            prefer: self.made_by,
            http: &self.http,
            safe_to_repeat: self.outgoing.is_safe_to_repeat(),
            headers: headers::forwarded(parts, self.upstream.version),
            until: gateway.upstreams.deadline(),
        }
    }

    async fn answer(&self, gateway: &Gateway, parts: &Parts) -> Result<Answered, Failure> {
        let answer = gateway.upstreams.call(self.sent(gateway, parts)).await?;
        let read = self.translator.form.read_answer(&self.outgoing, answer.status, &answer.body);
        let answered = read.map_err(|fault| self.fault(answer.replica, fault))?;
        self.translator.answered(self.made_by.unwrap_or(answer.replica), answered)
    }

    async fn stream(self, gateway: &Gateway, parts: &Parts) -> Result<Begun, Failure> {
        let streamed = gateway.upstreams.stream(self.sent(gateway, parts)).await?;
        let replica = self.made_by.unwrap_or(streamed.replica);
        match streamed.body {
            Body::Events(events) => Ok(Begun { translator: self.translator, replica, events }),
            Body::Whole(body) => {
                let read = self.translator.form.read_answer(&self.outgoing, streamed.status, &body);
                let none = || UpstreamFault::NotA2a("an answer that is no stream".to_owned());
                Err(self.fault(streamed.replica, read.err().unwrap_or_else(none)))
            }
        }
    }

    /// What its caller is told of a fault. A replica that was asked in the place of the one that has made the task does not
    /// say whether there is one.
    fn fault(&self, asked: ReplicaTag, fault: UpstreamFault) -> Failure {
        let mut listed = self.upstream.urls.iter().map(|url| ReplicaTag::of(url.as_str()));
        let is_elsewhere =
            self.made_by.is_some_and(|tag| tag != asked && listed.any(|listed| listed == tag));
        match self.translator.fault(fault) {
            Failure::Call(CallError::Upstream(A2aError::TaskNotFound, _)) if is_elsewhere => {
                Failure::UpstreamUnreachable
            }
            failure => failure,
        }
    }
}

impl Translator {
    fn answered(&self, replica: ReplicaTag, answered: Answered) -> Result<Answered, Failure> {
        let mut told = relay::sealed_out(&self.sealer, replica, answered)?;
        if let Answered::Task(task) | Answered::Message(SendMessageResponse::Task(task)) = &mut told
        {
            self.shorten(task);
        }
        Ok(told)
    }

    /// An event of a stream, from its data.
    fn event(&self, replica: ReplicaTag, data: &[u8]) -> Result<StreamResponse, Failure> {
        let event = self.form.read_event(data).map_err(|fault| self.fault(fault))?;
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
    fn fault(&self, fault: UpstreamFault) -> Failure {
        match &fault {
            UpstreamFault::Refused(error, _) => {
                tracing::debug!(agent = %self.handle, ?error, "an attached agent refuses a call");
            }
            fault => tracing::warn!(agent = %self.handle, %fault, "an attached agent fails"),
        }
        fault.into()
    }
}

impl From<UpstreamError> for Failure {
    fn from(error: UpstreamError) -> Self {
        match error {
            UpstreamError::Unreachable => Self::UpstreamUnreachable,
            UpstreamError::Overloaded => Self::UpstreamOverloaded,
            UpstreamError::Timeout => Self::UpstreamTimeout,
            UpstreamError::TooLarge | UpstreamError::Broken => Self::Call(CallError::AgentResponse),
        }
    }
}
