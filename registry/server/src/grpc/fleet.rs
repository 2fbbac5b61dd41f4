//! The gRPC service `ecumene.registry.v1.Fleet`: it hands each call to its handler.

use std::sync::Arc;

use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::fleet_server::Fleet;
use registry_api::Principal;
use tonic::{Request, Response, Streaming};

use crate::fleet::{OrderStream, open};
use crate::member::Member;

use super::{Handled, caller, conduct, envelopes, machines, pushes, service, tasks, tokens};

service! {
    FleetService: Fleet {
        register_gateway(wire::RegisterGatewayRequest) -> wire::Registration
            = machines::register_gateway;
        register_node(wire::RegisterNodeRequest) -> wire::Registration = machines::register_node;
        list_nodes(wire::ListRequest) -> wire::NodeList = machines::nodes;
        list_gateways(wire::ListRequest) -> wire::GatewayList = machines::gateways;
        session(Streaming<wire::NodeMessage>) -> Self::SessionStream = session;
        submit_task(wire::SubmitTaskRequest) -> wire::Task = tasks::submit;
        continue_task(wire::ContinueTaskRequest) -> wire::Task = tasks::continued;
        get_task(wire::GetTaskRequest) -> wire::Task = tasks::one;
        list_tasks(wire::ListTasksRequest) -> wire::TaskList = tasks::list;
        follow_task(wire::FollowTaskRequest) -> wire::Done = tasks::follow;
        put_push_config(wire::PutPushConfigRequest) -> wire::Done = pushes::put;
        list_push_configs(wire::ListPushConfigsRequest) -> wire::PushConfigList = pushes::list;
        delete_push_config(wire::DeletePushConfigRequest) -> wire::Done = pushes::delete;
        cancel_task(wire::CancelTaskRequest) -> wire::Task = tasks::cancel;
        complete_task(wire::CompleteTaskRequest) -> wire::Task = tasks::complete;
        spend_tokens(wire::SpendTokensRequest) -> wire::SpendTokensReply = tokens::spend;
        charge_tokens(wire::SpendTokensRequest) -> wire::SpendTokensReply = tokens::charge;
        report_conduct(wire::ReportConductRequest) -> wire::ReportConductReply = conduct::report;
        lease_shares(wire::LeaseSharesRequest) -> wire::LeaseSharesReply = conduct::lease_shares;
        enqueue_envelope(wire::EnqueueEnvelopeRequest) -> wire::EnqueueEnvelopeReply
            = envelopes::enqueue;
        lease_envelopes(wire::LeaseEnvelopesRequest) -> wire::LeaseEnvelopesReply
            = envelopes::lease;
        ack_envelope(wire::AckEnvelopeRequest) -> wire::Done = envelopes::ack;
        fail_envelope(wire::FailEnvelopeRequest) -> wire::Done = envelopes::fail;
        list_dead_letters(wire::ListDeadLettersRequest) -> wire::DeadLetterList
            = envelopes::dead_letters;
        get_dead_letter(wire::DeadLetterName) -> wire::DeadLetter = envelopes::dead_letter;
        replay_envelope(wire::DeadLetterName) -> wire::Done = envelopes::replay;
        drop_envelope(wire::DeadLetterName) -> wire::Done = envelopes::discard;
    }
    type SessionStream = OrderStream;
}

async fn session(
    member: &Arc<Member>,
    request: Request<Streaming<wire::NodeMessage>>,
) -> Handled<OrderStream> {
    let caller: Principal = caller(&request)?;
    let orders = open(Arc::clone(member), &caller, request.into_inner()).await?;
    Ok(Response::new(orders))
}
