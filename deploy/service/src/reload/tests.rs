//! A role whose files change under it.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::os::unix::fs::PermissionsExt as _;

use rustix::process::{Signal as Sent, getpid, kill_process};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::settings::Setting;

use super::*;

/// Far more than any test waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// One test at a time: a signal is heard by each role of the process.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// A small role.
#[derive(Clone, Debug, PartialEq, Deserialize, Setting)]
#[serde(default, deny_unknown_fields)]
struct Sample {
    /// May change.
    rate: u32,
    /// May not.
    port: u16,
    /// What it is shown.
    token_file: Option<PathBuf>,
}

impl Default for Sample {
    fn default() -> Self {
        Self { rate: 1, port: 1, token_file: None }
    }
}

impl Role for Sample {
    const NAME: &'static str = "sample";
    const CHOSEN: &'static [(&'static str, &'static str)] = &[];

    fn stop_timeout(&self) -> Duration {
        Duration::ZERO
    }

    fn contradiction(&self) -> Option<String> {
        (self.rate == 0).then(|| "rate: at least 1".to_owned())
    }

    fn mismatches(&self) -> Vec<String> {
        Vec::new()
    }
}

struct World {
    folder: tempfile::TempDir,
    taken: mpsc::Receiver<u32>,
    reloads: Arc<Reloads>,
    _running: tokio::task::JoinSet<()>,
}

impl World {
    /// A role that runs with this configuration, and looks so often.
    fn start(text: &str, every: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sample.toml");
        fs::write(&path, text).unwrap();
        let started: Sample = config::load_role(Some(&path), &[]).unwrap();
        let reload = Reload::on_signals(Some(&path), &[]).unwrap().looking_every(every);
        let (reloads, (take, taken)) = (Arc::<Reloads>::default(), mpsc::channel(64));
        let mut running = tokio::task::JoinSet::new();
        running.spawn(reload.run(
            started,
            Arc::clone(&reloads),
            |key| key != "port",
            move |fresh: &Sample| take.try_send(fresh.rate).map_err(|error| error.to_string()),
        ));
        Self { folder, taken, reloads, _running: running }
    }

    fn write(&self, name: &str, text: &str) {
        let (path, beside) = (self.folder.path().join(name), self.folder.path().join("beside"));
        fs::write(&beside, text).unwrap();
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o600)).unwrap();
        fs::rename(beside, path).unwrap();
    }

    async fn next(&mut self) -> u32 {
        timeout(PATIENCE, self.taken.recv()).await.unwrap().unwrap()
    }

    async fn refused(&self, times: u64) {
        let refused = async {
            while self.reloads.refused() < times {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, refused).await.unwrap();
    }
}

#[tokio::test]
async fn a_changed_file_is_taken_over_and_one_that_is_refused_leaves_the_last_good_one() {
    let _alone = ALONE.lock().await;
    let mut world = World::start("rate = 2", Duration::from_millis(20));
    world.write("sample.toml", "rate = 30");
    assert_eq!(world.next().await, 30);
    assert!(world.reloads.is_last_good());
    for (at, bad) in (1..).zip(["rate = 0", "rate = 'x", "rat = 200"]) {
        world.write("sample.toml", bad);
        world.refused(at).await;
        assert!(!world.reloads.is_last_good());
    }
    // It is tried again and again, and counted once.
    sleep(Duration::from_millis(200)).await;
    assert_eq!((world.reloads.refused(), world.reloads.taken()), (3, 1));
    assert!(world.taken.try_recv().is_err(), "what is refused is not taken over");
    world.write("sample.toml", "rate = 4000");
    assert_eq!(world.next().await, 4000);
}

#[tokio::test]
async fn a_secret_that_comes_after_the_setting_that_names_it_is_taken_up_and_then_looked_at() {
    let _alone = ALONE.lock().await;
    let mut world = World::start("", Duration::from_millis(20));
    let token = world.folder.path().join("token");
    world.write("sample.toml", &format!("rate = 5\ntoken_file = {token:?}"));
    world.refused(1).await;
    world.write("token", "0123456789abcdef");
    assert_eq!(world.next().await, 5);
    world.write("token", "fedcba9876543210+");
    assert_eq!(world.next().await, 5, "read again for the secret alone");
}

/// Caught: one that was replaced while the role started was not taken up until its next change.
#[tokio::test]
async fn a_secret_that_is_replaced_after_it_was_marked_has_changed() {
    let _alone = ALONE.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    fs::write(&token, "0123456789abcdef").unwrap();
    let started = Sample { token_file: Some(token.clone()), ..Sample::default() };
    let reload = Reload::on_signals(None, &[]).unwrap();
    let mut reload = reload.before_secrets(&started, |_| true);
    fs::write(&token, "fedcba9876543210+").unwrap();
    assert!(reload.marked(&started, |_| true).has_changed());
    assert!(!reload.marked(&started, |_| true).has_changed(), "looked at only now");
}

#[tokio::test]
async fn a_signal_has_it_read_although_nothing_seems_to_have_changed() {
    let _alone = ALONE.lock().await;
    let mut world = World::start("rate = 6", Duration::from_secs(3_600));
    kill_process(getpid(), Sent::HUP).unwrap();
    assert_eq!(world.next().await, 6);
}

#[tokio::test]
async fn a_file_that_is_not_there_is_told_as_such_and_what_is_no_file_as_that() {
    let folder = tempfile::tempdir().unwrap();
    let said = read::<Sample>(Some(folder.path().join("gone.toml")), Vec::new()).await;
    let said = said.unwrap_err();
    assert!(said.contains("gone.toml") && said.contains("No such file"), "{said}");
    let said = read::<Sample>(Some(folder.path().to_owned()), Vec::new()).await.unwrap_err();
    assert!(said.contains("can be read again"), "{said}");
}

#[test]
fn settings_that_differ_are_named_once_each_with_their_section() {
    let one = Sample::default();
    let other = Sample { port: 2, token_file: Some(PathBuf::from("token")), ..one.clone() };
    assert_eq!(settings::changes(&one, &other), ["port", "token_file"]);
    assert!(settings::changes(&other, &other.clone()).is_empty());
}
