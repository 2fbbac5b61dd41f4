//! Security cases 44 and 45 with real processes: three bits turn in each kind of file that a member reads. It is refused
//! with exit code 1 and a reason, or sets aside what is damaged and makes it anew, or serves all the same what was
//! acknowledged. Nothing else is ever served, and nothing of it is silent or loud.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use chaos_cluster::log::Log;
use chaos_cluster::process::Process;
use chaos_cluster::world::PATIENCE;
use chaos_cluster::{World, web};
use proto_types::Digest;
use proto_wire::registry::v1::{Consistency, GetRecordRequest};
use tonic::Code;

use self::Pick::{All, Largest, Newest, Smallest};
use self::Verdict::{Anew, Refused, Served};
use crate::folders::RUNBOOK;
use crate::writers::{Writers, check};

/// Two snapshots are made before the first bits turn, the log before them is purged, and the next comes after the last: a
/// snapshot empties the log's write-ahead log, in which bits are to turn too.
const SETTINGS: &str = "[cluster]\nsnapshot_every_logs = 100\nlogs_kept = 0\n";
const FIRST: usize = 210;

/// Writes between one file and the next.
const MORE: usize = 5;

/// The newest writes are read strongly too.
const STRONG: usize = 20;

/// Whoever starts a member starts it again. Damage that a first start meets is made good by the second.
const STARTS_MAX: u32 = 2;

/// Between two looks at a member.
const LOOK: Duration = Duration::from_millis(50);

/// Handle and digest of each write that was acknowledged.
type Acked = [(String, String)];

/// What has become of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// It ends with exit code 1, each time.
    Refused,
    /// It serves everything that was acknowledged.
    Served,
    /// The same, after it has set something aside.
    Anew,
}

/// Which of several files.
#[derive(Clone, Copy, Debug)]
enum Pick {
    Newest,
    Largest,
    Smallest,
    All,
}

impl Pick {
    /// Of files in order of their names.
    fn of(self, mut files: Vec<Whole>) -> Vec<Whole> {
        let size = |file: &Whole| file.1.len();
        match self {
            Newest => files.pop().into_iter().collect(),
            Largest => files.into_iter().max_by_key(size).into_iter().collect(),
            Smallest => files.into_iter().min_by_key(size).into_iter().collect(),
            All => files,
        }
    }
}

/// A file and its bytes as they were.
type Whole = (PathBuf, Vec<u8>);

/// A kind of file in a member's folder.
struct Kind {
    /// Their path; one `*` in each part stands for anything.
    path: &'static str,
    pick: Pick,
    /// What may become of the member.
    may: &'static [Verdict],
    /// What a refusal names.
    names: &'static str,
    /// The exit code of a refusal.
    exit: i32,
}

const fn kind(path: &'static str, pick: Pick, may: &'static [Verdict]) -> Kind {
    Kind { path, pick, may, names: RUNBOOK, exit: 1 }
}

/// A secret, which lies beside the folder: the configuration names it.
const fn secret(path: &'static str, names: &'static str) -> Kind {
    Kind { path, pick: Newest, may: &[Refused], names, exit: 2 }
}

/// Says that the state is damaged. It is made for the test.
const DAMAGED: &str = "DAMAGED";

/// First what is refused, last the state, whose damage may be met late. The vote is in the smallest table of the log.
const KINDS: [Kind; 18] = [
    kind("IDENTITY", Newest, &[Refused]),
    kind("CURRENT", Newest, &[Refused]),
    kind("log/CURRENT", Newest, &[Refused]),
    kind("log/MANIFEST-*", Newest, &[Refused]),
    kind("log/*.log", Newest, &[Refused]),
    secret("../cluster", "/cluster"),
    secret("../operator", "/operator"),
    secret("../signing", "/signing"),
    kind("log/*.sst", Largest, &[Served, Refused]),
    kind("log/*.sst", Smallest, &[Served, Refused]),
    kind("*/OPTIONS-*", All, &[Served]),
    kind("snapshots/*/manifest", Newest, &[Served]),
    kind("snapshots/*/db/*.sst", Newest, &[Served, Anew]),
    kind("state-*/CURRENT", Newest, &[Anew]),
    kind("state-*/MANIFEST-*", Newest, &[Anew]),
    kind("state-*/*.sst", Largest, &[Served, Anew]),
    kind("state-*/*.blob", Largest, &[Anew]),
    kind(DAMAGED, Newest, &[Anew]),
];

#[tokio::test(flavor = "multi_thread")]
async fn bits_that_turn_in_any_kind_of_file_are_refused_made_good_or_harmless() -> Result<()> {
    Box::pin(each_kind([3, 4, 5])).await
}

/// Run by `make chaos`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "two minutes"]
async fn bits_that_turn_elsewhere_in_the_files_are_refused_made_good_or_harmless() -> Result<()> {
    Box::pin(each_kind([1, 2, 3])).await?;
    Box::pin(each_kind([2, 5, 6])).await
}

/// Turns bits of one follower's files, kind by kind, at these eighths of each file.
async fn each_kind(eighths: [usize; 3]) -> Result<()> {
    let world = World::prepared(3)?;
    world.configure(SETTINGS)?;
    let mut world = world.started().await?;
    let mut acked = written(&world, "first", FIRST).await?;
    world.cli(&["cluster", "defrag"])?;
    acked.extend(written(&world, "second", MORE).await?);
    let at = (world.leader().await? + 1) % 3;
    let logs: Vec<Log> = (0..3).filter(|other| *other != at).map(|at| world.log_of(at)).collect();
    world.kill_member(at)?;
    for (number, kind) in KINDS.iter().enumerate() {
        let turned = Turned::bits(&world.data_dir(at), kind, eighths)?;
        let verdict = judge(&mut world, at, &acked, kind).await;
        let verdict = verdict.with_context(|| format!("{} ({:?})", kind.path, kind.pick))?;
        println!("{} ({:?}): {verdict:?}", kind.path, kind.pick);
        ensure!(kind.may.contains(&verdict), "{} ({:?}): {verdict:?}", kind.path, kind.pick);
        if verdict != Refused {
            acked.extend(written(&world, &format!("after-{number}"), MORE).await?);
        }
        world.kill_member(at)?;
        turned.put_back()?;
    }
    logs.iter().try_for_each(Log::check_quiet)?;
    everything_is_there(world, at, &acked).await
}

/// Every member has everything, the one whose bits turned too.
async fn everything_is_there(mut world: World, at: usize, acked: &Acked) -> Result<()> {
    world.start_member(at)?;
    world.member_ready(at).await?;
    for member in &world.members {
        check(&world.operator_at(&member.url).await?, acked).await?;
    }
    world.stop()
}

/// Has a client write some records, one after the other, so that each is an entry of the log.
async fn written(world: &World, name: &str, count: usize) -> Result<Vec<(String, String)>> {
    let writers = Writers::named(world, 1, name)?;
    writers.more(count).await?;
    writers.stop().await
}

/// Files with turned bits.
struct Turned(Vec<Whole>);

impl Turned {
    fn bits(dir: &Path, kind: &Kind, eighths: [usize; 3]) -> Result<Self> {
        if kind.path == DAMAGED {
            fs::write(dir.join(DAMAGED), "a table does not match its checksum")?;
        }
        let files = kind.pick.of(found(dir, kind.path)?);
        ensure!(!files.is_empty(), "there is no {}", kind.path);
        for (path, bytes) in &files {
            let mut turned = bytes.clone();
            // The last makes any text unreadable.
            for (eighth, bit) in eighths.into_iter().zip([0, 4, 7]) {
                turned[bytes.len() * eighth / 8] ^= 1 << bit;
            }
            fs::write(path, turned)?;
        }
        Ok(Self(files))
    }

    /// What is still there gets its bytes back: that damage is not to be met with the next kind.
    fn put_back(self) -> Result<()> {
        for (path, bytes) in self.0 {
            if path.exists() {
                fs::write(path, bytes)?;
            }
        }
        Ok(())
    }
}

/// The files of a pattern that hold more than a few bytes, by name.
fn found(dir: &Path, pattern: &str) -> Result<Vec<Whole>> {
    let mut paths = vec![dir.to_owned()];
    for part in pattern.split('/') {
        let Some((begin, end)) = part.split_once('*') else {
            paths.iter_mut().for_each(|path| path.push(part));
            continue;
        };
        // What is no folder holds nothing.
        let entries = paths.iter().flat_map(fs::read_dir).flatten().flatten();
        let fits = |name: &str| name.starts_with(begin) && name.ends_with(end);
        let named = entries.filter(|entry| fits(&entry.file_name().to_string_lossy()));
        paths = named.map(|entry| entry.path()).collect();
    }
    paths.retain(|path| fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() >= 8));
    paths.sort();
    paths.into_iter().map(|path| Ok((path.clone(), fs::read(&path)?))).collect()
}

/// Starts a member over turned bits until it serves everything, or has been refused as often as it was started.
async fn judge(world: &mut World, at: usize, acked: &Acked, kind: &Kind) -> Result<Verdict> {
    let before = set_aside(&world.data_dir(at));
    for _ in 0..STARTS_MAX {
        let log = world.log_of(at);
        world.start_member(at)?;
        let serves = serves(world, at, acked, kind.exit).await?;
        log.check_quiet()?;
        if serves {
            let anew = set_aside(&world.data_dir(at)) > before;
            return Ok(if anew { Anew } else { Served });
        }
        let said = log.last_words()?;
        ensure!(said.contains(kind.names), "{:?} is not in: {said}", kind.names);
    }
    Ok(Refused)
}

/// How many things a member keeps for its operator.
fn set_aside(dir: &Path) -> usize {
    fs::read_dir(dir.join("set-aside")).map_or(0, Iterator::count)
}

/// Waits until a member serves everything, or has ended by itself with this exit code: then it does not.
async fn serves(world: &mut World, at: usize, acked: &Acked, exit: i32) -> Result<bool> {
    let readyz = format!("{}/readyz", world.members[at].url);
    let until = Instant::now() + PATIENCE;
    loop {
        let process = world.members[at].process.as_mut().context("it was started")?;
        if let Some(status) = process.wait(LOOK)? {
            world.members[at].process = None;
            ensure!(status.code() == Some(exit), "it ended with {status}");
            return Ok(false);
        }
        let ready = web::get(&readyz, None).await.is_ok_and(|answer| answer.status == 200);
        if ready && agrees(world, at, acked).await? {
            return Ok(true);
        }
        let tail = || world.members[at].process.as_ref().map(Process::tail);
        ensure!(Instant::now() < until, "neither refused nor serving: {:?}", tail());
    }
}

/// Whether a member gives each record that was acknowledged. It may say that it cannot, but nothing else.
async fn agrees(world: &World, at: usize, acked: &Acked) -> Result<bool> {
    let Ok(operator) = world.operator_at(&world.members[at].url).await else { return Ok(false) };
    let newest = &acked[acked.len().saturating_sub(STRONG)..];
    for (consistency, some) in [(Consistency::Stale, acked), (Consistency::Strong, newest)] {
        for (handle, digest) in some {
            let consistency = consistency.into();
            let request = GetRecordRequest { handle: handle.clone(), consistency };
            match operator.directory.clone().get_record(request).await {
                Ok(record) => {
                    let record = record.into_inner();
                    let held = Digest::of(&record.document).to_string();
                    ensure!(record.digest == *digest && held == *digest, "{handle} is another");
                }
                Err(status) => {
                    let strong = consistency == i32::from(Consistency::Strong);
                    let lost = strong && status.code() == Code::NotFound;
                    ensure!(!lost, "acknowledged {handle} is said not to be there");
                    return Ok(false);
                }
            }
        }
    }
    Ok(true)
}
