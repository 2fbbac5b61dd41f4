//! A small network: one host for each member and one for the clients, on one bridge, and cuts in it by direction.
//!
//! It decides addresses, and that a cut is silent: what is sent into it is lost, and nobody is told. It works in a
//! sandbox only; it must never touch the network of the machine.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};

use crate::sandbox;

/// A host: a member's by its number, or [`CLIENTS`].
pub type Host = u64;

/// The host of the test itself and of all its clients.
pub const CLIENTS: Host = 0;

/// Addresses have one byte for the host. Arbitrary; far above any test.
const HOSTS_MAX: u64 = 100;

/// The link that stands for nobody: frames for it go over the bridge and no host takes them.
const NOWHERE: &str = "02:00:00:00:01:00";

/// A way from one host to another, without the way back.
pub type Way = (Host, Host);

/// The network. It ends with the sandbox.
#[derive(Debug)]
pub struct Hosts {
    count: u64,
    cut: Mutex<BTreeSet<Way>>,
}

impl Hosts {
    /// Makes a network of the clients and `count` members.
    ///
    /// # Errors
    /// This process is in no sandbox, or `ip` refuses.
    pub fn new(count: u64) -> Result<Self> {
        ensure!(count < HOSTS_MAX, "{count} hosts");
        ensure!(sandbox::is_inside(), "a network is made in a sandbox only");
        // `ip netns` keeps its names there.
        run(Command::new("mount").args(["-t", "tmpfs", "tmpfs", "/run"]))?;
        let members = 1..=count;
        ip(&["link set lo up".to_owned(), bridge()])?;
        ip(&["addr add 10.9.0.254/24 dev b0".to_owned(), "link set b0 up".to_owned()])?;
        for host in members.clone() {
            ip(&plugged(host))?;
            ip_in(host, &configured(host))?;
        }
        let hosts = Self { count, cut: Mutex::default() };
        for from in hosts.all() {
            let known = hosts.all().filter(|to| *to != from);
            ip_in(from, &known.map(|to| neighbour((from, to), &link(to))).collect::<Vec<_>>())?;
        }
        Ok(hosts)
    }

    /// The clients, and then the members.
    fn all(&self) -> impl Iterator<Item = Host> + use<> {
        CLIENTS..=self.count
    }

    /// Cuts exactly these ways; all others are whole again.
    ///
    /// # Errors
    /// `ip` refuses.
    pub fn cut(&self, wanted: &BTreeSet<Way>) -> Result<()> {
        let mut cut = self.cut.lock().unwrap_or_else(PoisonError::into_inner);
        for from in self.all() {
            let of_host = |ways: BTreeSet<Way>| ways.into_iter().filter(move |way| way.0 == from);
            let gone = of_host(wanted - &cut).map(|way| neighbour(way, NOWHERE));
            let back = of_host(&*cut - wanted).map(|way| neighbour(way, &link(way.1)));
            let changes: Vec<String> = gone.chain(back).collect();
            if !changes.is_empty() {
                ip_in(from, &changes)?;
            }
        }
        cut.clone_from(wanted);
        Ok(())
    }
}

/// Where a host is.
#[must_use]
pub fn address(host: Host) -> String {
    format!("10.9.0.{}", if host == CLIENTS { 254 } else { host })
}

/// What has a program run on a host: to be put before it and its arguments.
#[must_use]
pub fn on(host: Host) -> Vec<String> {
    vec!["nsenter".to_owned(), format!("--net=/run/netns/m{host}"), "--".to_owned()]
}

fn link(host: Host) -> String {
    format!("02:00:00:00:00:{host:02x}")
}

fn bridge() -> String {
    format!("link add b0 address {} type bridge", link(CLIENTS))
}

fn plugged(host: Host) -> [String; 3] {
    [
        format!("netns add m{host}"),
        format!("link add v{host} type veth peer name e0 address {} netns m{host}", link(host)),
        format!("link set v{host} master b0 up"),
    ]
}

fn configured(host: Host) -> [String; 3] {
    let address = address(host);
    [
        "link set lo up".to_owned(),
        format!("addr add {address}/24 dev e0"),
        "link set e0 up".to_owned(),
    ]
}

/// Nobody asks who has an address, because everybody is told: so a cut is one entry, and no answer from the other side
/// mends it.
fn neighbour((from, to): Way, link: &str) -> String {
    let device = if from == CLIENTS { "b0" } else { "e0" };
    format!("neigh replace {} lladdr {link} nud permanent dev {device}", address(to))
}

fn ip(lines: &[String]) -> Result<()> {
    batch(&[], lines)
}

fn ip_in(host: Host, lines: &[String]) -> Result<()> {
    if host == CLIENTS { ip(lines) } else { batch(&["-n", &format!("m{host}")], lines) }
}

fn batch(place: &[&str], lines: &[String]) -> Result<()> {
    let mut child = Command::new("ip")
        .args(place)
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("ip (iproute2) is not there; `make deps` installs it")?;
    let mut input = child.stdin.take().context("a pipe")?;
    input.write_all((lines.join("\n") + "\n").as_bytes())?;
    drop(input);
    let output = child.wait_with_output()?;
    let why = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ip {place:?} {lines:?}: {why}");
    Ok(())
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    let why = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {why}");
    Ok(())
}
