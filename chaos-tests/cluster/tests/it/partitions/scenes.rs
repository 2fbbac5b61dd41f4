//! Partitions that are told one by one: what the two sides may say meanwhile, and that nobody is deposed by who comes
//! back.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use chaos_cluster::World;
use chaos_cluster::hosts::{Host, Way};

use super::crowd::Crowd;
use super::nemesis::both;
use super::probe::{Probe, Probes};
use super::{HEALED, SOME};

/// An age that no member reaches that hears its leader: 20 heartbeats.
const OLD: Duration = Duration::from_secs(2);

/// How soon a member that is cut off has to admit that age, and a majority to elect: the age itself, an election, and a
/// machine that does other work besides.
const SOON: Duration = Duration::from_secs(10);

/// Long beside the time after which a silent connection is given up.
const LONG: Duration = Duration::from_secs(40);

pub(crate) async fn play(
    world: &World,
    probes: &Probes,
    crowd: &Crowd,
    long_cut: bool,
) -> Result<()> {
    let scene = Scene { world, probes, crowd };
    scene.a_follower_is_cut_off().await.context("a follower is cut off")?;
    scene.the_leader_is_cut_off().await.context("the leader is cut off")?;
    scene.the_leader_hears_nobody().await.context("the leader hears nobody")?;
    scene.the_leader_is_heard_by_nobody().await.context("the leader is heard by nobody")?;
    if long_cut {
        scene.a_follower_is_cut_off_for_long().await.context("a follower is cut off for long")?;
    }
    if world.members.len() > 3 {
        scene.the_leader_is_in_the_minority().await.context("the leader is in the minority")?;
    }
    scene.everyone_is_alone().await.context("everyone is alone")
}

struct Scene<'w> {
    world: &'w World,
    probes: &'w Probes,
    crowd: &'w Crowd,
}

impl Scene<'_> {
    fn members(&self) -> impl Iterator<Item = Host> {
        self.world.members.iter().map(|member| member.id)
    }

    fn others(&self, member: Host) -> impl Iterator<Item = Host> {
        self.members().filter(move |other| *other != member)
    }

    async fn leader(&self) -> Result<Host> {
        Ok(self.probes.led(None, HEALED).await?.1)
    }

    async fn a_follower_is_cut_off(&self) -> Result<()> {
        let leader = self.leader().await?;
        let cut_off = self.others(leader).next().context("a follower")?;
        self.world.cut(&both(&[cut_off], self.others(cut_off)))?;
        is_honest(self.probes.of_member(cut_off)?).await?;
        self.crowd.more(SOME, SOON).await?;
        self.comes_back_calmly(cut_off).await
    }

    /// By then its connections would wait half a minute for their next repetition.
    async fn a_follower_is_cut_off_for_long(&self) -> Result<()> {
        let leader = self.leader().await?;
        let cut_off = self.others(leader).next().context("a follower")?;
        let probe = self.probes.of_member(cut_off)?;
        self.world.cut(&both(&[cut_off], self.others(cut_off)))?;
        probe.ages(LONG, 2 * LONG).await?;
        self.world.heal()?;
        let (healed, mut strong) = (Instant::now(), probe.strong().await);
        while let Err(status) = strong {
            ensure!(healed.elapsed() < HEALED, "no strong read within {HEALED:?}: {status}");
            strong = probe.strong().await;
        }
        println!("strong reads went on {} ms after {LONG:?}", healed.elapsed().as_millis());
        Ok(())
    }

    async fn the_leader_is_cut_off(&self) -> Result<()> {
        let leader = self.leader().await?;
        self.replaced(leader, both(&[leader], self.others(leader))).await
    }

    async fn the_leader_hears_nobody(&self) -> Result<()> {
        let leader = self.leader().await?;
        self.replaced(leader, self.others(leader).map(|other| (other, leader)).collect()).await
    }

    async fn the_leader_is_heard_by_nobody(&self) -> Result<()> {
        let leader = self.leader().await?;
        self.replaced(leader, self.others(leader).map(|other| (leader, other)).collect()).await
    }

    /// With one that hears it, and nothing else: neither may take the other's word for the cluster's.
    async fn the_leader_is_in_the_minority(&self) -> Result<()> {
        let leader = self.leader().await?;
        let with = self.others(leader).next().context("a follower")?;
        let majority = self.others(leader).filter(|other| *other != with);
        self.world.cut(&both(&[leader, with], majority))?;
        self.probes.led(Some(leader), SOON).await?;
        is_honest(self.probes.of_member(with)?).await.context("its follower")?;
        is_honest(self.probes.of_member(leader)?).await.context("itself")?;
        self.crowd.more(SOME, SOON).await?;
        self.comes_back_calmly(leader).await
    }

    /// Nothing is acknowledged and nothing strong is answered, and then everything goes on.
    async fn everyone_is_alone(&self) -> Result<()> {
        let alone = self.members().flat_map(|one| both(&[one], self.others(one))).collect();
        self.world.cut(&alone)?;
        for probe in self.probes.all() {
            is_honest(probe).await?;
        }
        // What was on its way when the ways were cut has been answered or given up by now.
        let before = self.crowd.acknowledged();
        self.probes.of_member(1)?.ages(2 * OLD, SOON).await?;
        ensure!(self.crowd.acknowledged() == before, "a write without a majority");
        self.world.heal()?;
        let after = self.crowd.more(SOME, HEALED).await?;
        println!("writes went on {} ms after everyone was alone", after.as_millis());
        Ok(())
    }

    /// Cuts the leader off; the others elect another one, and it comes back as its follower.
    async fn replaced(&self, leader: Host, cut: BTreeSet<Way>) -> Result<()> {
        let begun = Instant::now();
        self.world.cut(&cut)?;
        self.probes.led(Some(leader), SOON).await?;
        self.crowd.more(SOME, SOON).await?;
        println!("{leader} was replaced after {} ms", begun.elapsed().as_millis());
        is_honest(self.probes.of_member(leader)?).await?;
        self.comes_back_calmly(leader).await
    }

    /// Heals; the member follows who leads, in the same term, and has what it missed.
    async fn comes_back_calmly(&self, member: Host) -> Result<()> {
        let lead = self.probes.led(None, SOON).await?;
        let revision = self.probes.of_member(lead.1)?.status().await?.revision;
        self.world.heal()?;
        let after = self.probes.of_member(member)?.reaches(revision, lead, HEALED).await?;
        ensure!(self.probes.led(None, SOON).await? == lead, "{lead:?} was deposed by {member}");
        println!("{member} came back after {} ms, calmly", after.as_millis());
        Ok(())
    }
}

/// What a member without a majority says: strong reads fail, stale ones grow old, and are refused to who wants newer.
async fn is_honest(probe: &Probe) -> Result<()> {
    let (strong, aged) = tokio::join!(probe.strong(), probe.ages(OLD, SOON));
    let (first, young) = aged?;
    let refused = strong.as_ref().err().and_then(|status| status.metadata().get("ecumene-code"));
    ensure!(refused.is_some(), "member {} answers a strong read with {strong:?}", probe.member);
    let (second, older) = probe.ages(young + Duration::from_millis(100), SOON).await?;
    ensure!(second >= first && older > young, "member {} grows no older", probe.member);
    let refused = probe.stale(Some("1s")).await.err();
    let code = refused.as_ref().and_then(|status| status.metadata().get("ecumene-code"));
    ensure!(code.is_some_and(|code| code == "state-too-old"), "older than asked for: {refused:?}");
    probe.stale(Some("10m")).await.context("a bound that it holds")?;
    Ok(())
}
