//! Writes, strong reads and stale reads at every member at once, as users have them.
//! It decides the mix. It must never count a round as good in which a member did not answer.

use anyhow::Result;
use chaos_cluster::clients::Operator;
use proto_wire::registry::v1::{Consistency, GetRecordRequest, PutRecordRequest};
use tonic::Code;

use super::records;
use super::run::Run;
use crate::bench::{self, Case};
use crate::drive::{Client, Pool};
use crate::usage::Role;

/// Enough for shared log entries, and for readers that meet writers at each member.
const CLIENTS: usize = 16;

pub(super) async fn run(run: &mut Run) -> Result<()> {
    let case = Case {
        benchmark: "mixed",
        what: "a round: a new record written at one member, read strong there and stale at each"
            .to_owned(),
        durability: "synced to the disks of a majority of 3 members",
        against: Role::Registry,
    };
    let mut clients = Vec::new();
    for place in 0..CLIENTS {
        let mut members = Vec::new();
        for member in &run.environment.world.members {
            members.push(run.environment.world.operator_at(&member.url).await?);
        }
        members.rotate_left(place % run.environment.world.members.len());
        clients.push(Round { members });
    }
    let (records, peer) = (&mut run.records, &run.environment.peer);
    let make =
        |count| -> Result<Pool<PutRecordRequest>> { records.pool(peer, count, records::BYTES) };
    let figures =
        bench::measure((&run.environment, run.length), &case, clients, make, &mut []).await?;
    run.note(&case, &figures, &[])
}

/// A client that knows all members, the one that it writes at first.
struct Round {
    members: Vec<Operator>,
}

impl Client for Round {
    type Request = PutRecordRequest;

    async fn send(&mut self, request: PutRecordRequest) -> Result<(), String> {
        let stored = self.members[0].directory.put_record(request).await;
        let handle = stored.map_err(|status| status.to_string())?.into_inner().handle;
        read(&mut self.members[0], &handle, Consistency::Strong).await?;
        for member in &mut self.members {
            read(member, &handle, Consistency::Stale).await?;
        }
        Ok(())
    }
}

/// A stale read of a follower may not have the record yet.
async fn read(member: &mut Operator, handle: &str, consistency: Consistency) -> Result<(), String> {
    let request = GetRecordRequest { handle: handle.to_owned(), consistency: consistency.into() };
    match member.directory.get_record(request).await {
        Err(status) if consistency == Consistency::Stale && status.code() == Code::NotFound => {
            Ok(())
        }
        answer => answer.map(drop).map_err(|status| status.to_string()),
    }
}
