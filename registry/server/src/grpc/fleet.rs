//! `ecumene.registry.v1.Fleet`: which handler serves which call, and registration.
//!
//! It decides nothing else.

use std::sync::Arc;

use proto_types::NodeId;
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::fleet_server::Fleet;
use registry_api::{List, Principal, Problem, Role, decode, field, render};
use registry_core::change::Reply;
use registry_core::command::Proposal;
use registry_core::query;
use tonic::{Request, Response, Status, Streaming};

use crate::fleet::{OrderStream, open};
use crate::member::{Member, done_at, unexpected};

use super::{Handled, at, caller, conduct, envelopes, finish, read, tasks};

/// The service, over the member.
#[derive(Clone)]
pub(crate) struct FleetService(pub(crate) Arc<Member>);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Fleet for FleetService {
    type SessionStream = OrderStream;

    async fn register_gateway(
        &self,
        request: Request<wire::RegisterGatewayRequest>,
    ) -> Answer<wire::Registration> {
        let request = request.into_inner();
        let proposal = decode::fleet::register_gateway(&request);
        finish(register(&self.0, request.id, proposal).await)
    }

    async fn register_node(
        &self,
        request: Request<wire::RegisterNodeRequest>,
    ) -> Answer<wire::Registration> {
        let request = request.into_inner();
        let proposal = decode::fleet::register_node(&request);
        finish(register(&self.0, request.id, proposal).await)
    }

    async fn list_nodes(&self, request: Request<wire::ListRequest>) -> Answer<wire::NodeList> {
        finish(nodes(&self.0, request).await)
    }

    async fn session(
        &self,
        request: Request<Streaming<wire::NodeMessage>>,
    ) -> Answer<Self::SessionStream> {
        finish(session(&self.0, request).await)
    }

    async fn submit_task(&self, request: Request<wire::SubmitTaskRequest>) -> Answer<wire::Task> {
        finish(tasks::submit(&self.0, request).await)
    }

    async fn continue_task(
        &self,
        request: Request<wire::ContinueTaskRequest>,
    ) -> Answer<wire::Task> {
        finish(tasks::continued(&self.0, request).await)
    }

    async fn get_task(&self, request: Request<wire::GetTaskRequest>) -> Answer<wire::Task> {
        finish(tasks::one(&self.0, request).await)
    }

    async fn cancel_task(&self, request: Request<wire::CancelTaskRequest>) -> Answer<wire::Task> {
        finish(tasks::cancel(&self.0, request).await)
    }

    async fn complete_task(
        &self,
        request: Request<wire::CompleteTaskRequest>,
    ) -> Answer<wire::Task> {
        finish(tasks::complete(&self.0, request).await)
    }

    async fn spend_tokens(
        &self,
        request: Request<wire::SpendTokensRequest>,
    ) -> Answer<wire::SpendTokensReply> {
        finish(spend(&self.0, request).await)
    }

    async fn charge_tokens(
        &self,
        request: Request<wire::SpendTokensRequest>,
    ) -> Answer<wire::SpendTokensReply> {
        finish(conduct::charge(&self.0, request).await)
    }

    async fn report_conduct(
        &self,
        request: Request<wire::ReportConductRequest>,
    ) -> Answer<wire::ReportConductReply> {
        finish(conduct::report(&self.0, request).await)
    }

    async fn enqueue_envelope(
        &self,
        request: Request<wire::EnqueueEnvelopeRequest>,
    ) -> Answer<wire::EnqueueEnvelopeReply> {
        finish(envelopes::enqueue(&self.0, request).await)
    }

    async fn lease_envelopes(
        &self,
        request: Request<wire::LeaseEnvelopesRequest>,
    ) -> Answer<wire::LeaseEnvelopesReply> {
        finish(envelopes::lease(&self.0, request).await)
    }

    async fn ack_envelope(&self, request: Request<wire::AckEnvelopeRequest>) -> Answer<wire::Done> {
        finish(envelopes::ack(&self.0, request).await)
    }
}

/// The credential counts at this member once the call has returned.
async fn register(
    member: &Member,
    id: String,
    proposal: Result<Proposal, Problem>,
) -> Handled<wire::Registration> {
    let revision = done_at(&member.write(proposal?).await?)?;
    let reading = member.reached(revision).await?;
    Ok(at(&reading, wire::Registration { id, revision: revision.0 }))
}

async fn nodes(member: &Member, request: Request<wire::ListRequest>) -> Handled<wire::NodeList> {
    caller(&request)?.require(&[Role::Operator, Role::Gateway, Role::Node])?;
    let request = request.into_inner();
    let after: Option<NodeId> = member.cursors(List::Nodes).after("after", &request.after)?;
    let limit = field::page(request.limit)?;
    let reading = read(member, request.consistency).await?;
    let page = query::nodes(&reading.view, after.as_ref(), limit)?;
    let next = member.cursors(List::Nodes).next(&page, limit, |node| node.id.as_str());
    let nodes = page.iter().map(render::fleet::node).collect();
    Ok(at(&reading, wire::NodeList { nodes, next }))
}

async fn session(
    member: &Arc<Member>,
    request: Request<Streaming<wire::NodeMessage>>,
) -> Handled<OrderStream> {
    let caller: Principal = caller(&request)?;
    let orders = open(Arc::clone(member), &caller, request.into_inner()).await?;
    Ok(Response::new(orders))
}

async fn spend(
    member: &Member,
    request: Request<wire::SpendTokensRequest>,
) -> Handled<wire::SpendTokensReply> {
    let caller = caller(&request)?;
    let proposal = decode::token::spend(&caller, request.get_ref(), &member.registry.view().0)?;
    match member.write(proposal).await? {
        Reply::Spent(spent) => Ok(Response::new(render::fleet::verdicts(&spent))),
        other => Err(unexpected(&other)),
    }
}
