//! A client that writes records through gRPC.
//! It decides nothing; it must never repeat a call.

use anyhow::Result;
use chaos_cluster::World;
use chaos_cluster::clients::Operator;
use proto_wire::registry::v1::PutRecordRequest;

use crate::drive::Client;

/// One caller on a connection that it shares with others.
pub(crate) struct Put(Operator);

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
    let mut operators = Vec::new();
    for _ in 0..connections {
        operators.push(world.operator_at(member).await?);
    }
    Ok((0..count).map(|place| Put(operators[place % connections].clone())).collect())
}

impl Client for Put {
    type Request = PutRecordRequest;

    async fn send(&mut self, request: PutRecordRequest) -> Result<(), String> {
        self.0.directory.put_record(request).await.map(drop).map_err(|status| status.to_string())
    }
}
