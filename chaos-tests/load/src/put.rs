//! Clients that write records and cards through gRPC. They must never repeat a call.

use anyhow::Result;
use chaos_cluster::World;
use chaos_cluster::clients::Operator;
use proto_wire::registry::v1::{PutCardRequest, PutRecordRequest};

use crate::drive::Client;

/// Callers share connections, as they would in a service.
pub(crate) const CONNECTIONS: usize = 8;

/// One caller on a connection that it shares with others.
pub(crate) struct Put(Operator);

/// The same, of cards.
pub(crate) struct PutCard(Operator);

/// `count` callers on `connections` connections to one member.
///
/// # Errors
/// It takes none.
pub(crate) async fn clients(
    world: &World,
    member: &str,
    count: usize,
    connections: usize,
) -> Result<Vec<Put>> {
    Ok(operators(world, member, count, connections).await?.map(Put).collect())
}

/// As [`clients`], of callers that write cards.
///
/// # Errors
/// As [`clients`].
pub(crate) async fn card_clients(
    world: &World,
    member: &str,
    count: usize,
    connections: usize,
) -> Result<Vec<PutCard>> {
    Ok(operators(world, member, count, connections).await?.map(PutCard).collect())
}

async fn operators(
    world: &World,
    member: &str,
    count: usize,
    connections: usize,
) -> Result<impl Iterator<Item = Operator>> {
    let mut operators = Vec::new();
    for _ in 0..connections {
        operators.push(world.operator_at(member).await?);
    }
    Ok((0..count).map(move |place| operators[place % connections].clone()))
}

impl Client for Put {
    type Request = PutRecordRequest;

    async fn send(&mut self, request: PutRecordRequest) -> Result<(), String> {
        self.0.directory.put_record(request).await.map(drop).map_err(|status| status.to_string())
    }
}

impl Client for PutCard {
    type Request = PutCardRequest;

    async fn send(&mut self, request: PutCardRequest) -> Result<(), String> {
        self.0.directory.put_card(request).await.map(drop).map_err(|status| status.to_string())
    }
}
