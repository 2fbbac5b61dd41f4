//! One operator's view of each member, past all cuts between members: who leads, how far it is, what it answers.
//! It must never wait without an end.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use chaos_cluster::World;
use chaos_cluster::clients::Operator;
use chaos_cluster::hosts::Host;
use chaos_cluster::labels::Age;
use proto_wire::registry::v1 as wire;
use tonic::{Request, Status};

use super::registers::label;

/// Longer than a member tries to confirm a strong read or to commit a write (10 s): it has to answer by itself.
const PATIENCE: Duration = Duration::from_secs(13);

/// Between two looks.
const POLL: Duration = Duration::from_millis(50);

/// A connection to each member, in order of their numbers.
pub(crate) struct Probes(Vec<Probe>);

/// A connection to a member.
pub(crate) struct Probe {
    pub(crate) member: Host,
    operator: Operator,
}

impl Probes {
    pub(crate) async fn of(world: &World) -> Result<Self> {
        let mut probes = Vec::new();
        for member in &world.members {
            let (connector, token) = (world.connector()?, world.operator_token()?);
            let operator =
                Operator::connect_within(connector, &member.url, &token, PATIENCE).await?;
            probes.push(Probe { member: member.id, operator });
        }
        Ok(Self(probes))
    }

    pub(crate) fn of_member(&self, member: Host) -> Result<&Probe> {
        self.0.iter().find(|probe| probe.member == member).context("a member")
    }

    pub(crate) fn all(&self) -> Vec<&Probe> {
        self.0.iter().collect()
    }

    /// Term and number of the leader that a majority follows, if one does.
    pub(crate) async fn leader(&self) -> Option<(u64, Host)> {
        let mut named = Vec::new();
        for probe in &self.0 {
            // A member that does not answer names nobody.
            if let Ok(status) = probe.status().await {
                named.push((status.term, status.leader));
            }
        }
        let majority = self.0.len() / 2 + 1;
        let followed = |one: &&(u64, Host)| named.iter().filter(|other| other == one).count();
        named.iter().find(|one| one.1 != 0 && followed(one) >= majority).copied()
    }

    /// Waits for one, other than `but`.
    pub(crate) async fn led(&self, but: Option<Host>, within: Duration) -> Result<(u64, Host)> {
        let until = Instant::now() + within;
        loop {
            match self.leader().await.filter(|(_, leader)| Some(*leader) != but) {
                Some(found) => return Ok(found),
                None => ensure!(Instant::now() < until, "nobody leads within {within:?}"),
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until every member is at the same entry of the same term, and holds that their states are the same there.
    pub(crate) async fn agree(&self, within: Duration) -> Result<()> {
        let until = Instant::now() + within;
        loop {
            let mut states = Vec::new();
            for probe in &self.0 {
                let status = probe.status().await?;
                states.push((status.state_index, status.revision, status.state_hash));
            }
            if states.windows(2).all(|pair| pair[0].0 == pair[1].0) {
                ensure!(states.windows(2).all(|pair| pair[0] == pair[1]), "differ: {states:?}");
                return Ok(());
            }
            ensure!(Instant::now() < until, "members do not agree within {within:?}: {states:?}");
            tokio::time::sleep(POLL).await;
        }
    }
}

impl Probe {
    pub(crate) async fn status(&self) -> Result<wire::ClusterStatus, Status> {
        let status = self.operator.directory.clone().status(wire::StatusRequest::default()).await;
        status.map(tonic::Response::into_inner)
    }

    /// Waits until the member has this revision, and follows this leader.
    pub(crate) async fn reaches(
        &self,
        revision: u64,
        (term, leader): (u64, Host),
        within: Duration,
    ) -> Result<Duration> {
        let begun = Instant::now();
        loop {
            let status = self.status().await?;
            if status.revision >= revision && status.leader == leader && status.term == term {
                return Ok(begun.elapsed());
            }
            if begun.elapsed() > within {
                bail!(
                    "member {} is not at revision {revision} under {leader} in term {term} within {within:?}, but at \
                     {} under {} in {}",
                    self.member,
                    status.revision,
                    status.leader,
                    status.term
                );
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// A strong read; what is asked for does not matter.
    pub(crate) async fn strong(&self) -> Result<u64, Status> {
        let request = wire::ListRequest { consistency: 1, limit: 1, ..Default::default() };
        let answer = self.operator.directory.clone().list_records(request).await?;
        Ok(label(answer.metadata(), true)?.0)
    }

    /// A stale read: the revision, and how old it may be.
    pub(crate) async fn stale(&self, max_age: Option<&'static str>) -> Result<(u64, Age), Status> {
        let message = wire::ListRequest { limit: 1, ..Default::default() };
        let mut request = Request::new(message);
        if let Some(bound) = max_age {
            let bound = bound.parse().map_err(|_| Status::internal("an age"))?;
            request.metadata_mut().insert("ecumene-max-age", bound);
        }
        let answer = self.operator.directory.clone().list_records(request).await?;
        label(answer.metadata(), false)
    }

    /// Waits until the member says that its state may be this old: it hears from no majority.
    pub(crate) async fn ages(&self, least: Duration, within: Duration) -> Result<(u64, Duration)> {
        let until = Instant::now() + within;
        loop {
            let (revision, age) = self.stale(None).await?;
            match age {
                Age::AtMost(age) if age >= least => return Ok((revision, age)),
                _ => ensure!(
                    Instant::now() < until,
                    "member {} is cut off and says after {within:?} that its state is {age:?} old",
                    self.member
                ),
            }
            tokio::time::sleep(POLL).await;
        }
    }
}
