"""Runs the conformance kit of A2A against agents behind an Ecumene gateway, and judges what it finds.

Usage: run.py CHECKOUT ECUMENE AGENT_WASM [WHAT...]

CHECKOUT is a clone of https://github.com/a2aproject/a2a-tck, of which the branches of `KITS` are run, or one of them unpacked.
WHAT narrows it: `1.0`, `0.3`, `hosted` (node/conformance as a hosted agent), `attached` (a server of the official Python SDK).
Everything runs on loopback in a folder that is deleted. A failure that deviations.toml knows, and that says what it says
there, is the kit's own; any other one makes the exit status 1.
"""

import contextlib
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
import urllib.request
import xml.etree.ElementTree as ElementTree
from pathlib import Path

HERE = Path(__file__).parent
ISSUER = "https://tck.example"
PATIENCE_S = 60

# By version: the kit's branch, what of it is run, how it is told whom to test, and where no credential must be added: those
# tests want to be refused. Mandatory for the kit is what fails its own run, so that what a card declares counts too.
KITS = {
    "1.0": {
        "branch": "1.0-dev",
        "tests": ["tests/compatibility"],
        "target": lambda origin, _handle: [f"--sut-host={origin}"],
        "without": [],
    },
    "0.3": {
        "branch": "0.3.x",
        "tests": ["tests/mandatory", "tests/optional/capabilities", "tests/optional/multi_transport"],
        "target": lambda origin, handle: ["--test-scope=all", f"--sut-url={origin}/agents/{handle}"],
        "without": [
            "tests/mandatory/authentication",
            "tests/mandatory/protocol/test_extended_agent_card.py",
            "tests/mandatory/protocol/test_a2a_v030_new_methods.py::TestAuthenticatedExtendedCard"
            "::test_authenticated_extended_card_without_auth",
            "tests/mandatory/security/test_agent_card_security.py",
        ],
    },
}


def kit(checkout, version, folder):
    """A copy of one branch, or the checkout itself if it is that branch unpacked."""
    branch = KITS[version]["branch"]
    for revision in (branch, f"origin/{branch}") if shutil.which("git") else ():
        packed = subprocess.run(["git", "-C", checkout, "archive", revision], capture_output=True, check=False)
        if packed.returncode == 0:
            with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as files:
                files.extractall(folder, filter="data")
            return folder
    if all((checkout / tests).is_dir() for tests in KITS[version]["tests"]):
        return checkout
    return None


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def wait(what, found):
    until = time.monotonic() + PATIENCE_S
    while not (result := found()):
        if time.monotonic() > until:
            sys.exit(f"{what}: not within {PATIENCE_S} s")
        time.sleep(0.2)
    return result


def answers(url):
    with contextlib.suppress(OSError):
        return urllib.request.urlopen(url, timeout=5).status == 200
    return False


@contextlib.contextmanager
def running(command, log):
    """A process that ends with the block; what it prints is in the log."""
    with open(log, "w", encoding="utf-8") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Fleet:
    """Registry, node and gateways on loopback, with one peer."""

    def __init__(self, ecumene, work):
        self.program, self.work = ecumene, work
        self.profile, self.key = work / "ecumene-data" / "client.toml", work / "key.json"

    def ecumene(self, *words):
        command = [self.program, "--profile", self.profile, *words]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout

    @contextlib.contextmanager
    def up(self):
        listen = ["--registry-listen", "127.0.0.1:0", "--gateway-listen", "127.0.0.1:0"]
        command = [self.program, "up", "--data-dir", self.work / "ecumene-data", *listen]
        with running(command, self.work / "up.log"):
            wait("ecumene up", self.profile.exists)
            self.ecumene("key", "new", "--out", self.key)
            self.ecumene("peer", "enrol", ISSUER, "--key", self.key)
            with open(self.work / "join", "w", encoding="utf-8", opener=private) as join:
                join.write(self.ecumene("cluster", "invite", "gateway"))
            yield

    @contextlib.contextmanager
    def gateway(self, handle, version, origin):
        """One whose default agent has the handle: the kit names no tenant over gRPC. Its port."""
        port = free_port()
        registry = tomllib.loads(self.profile.read_text(encoding="utf-8"))["registry"]
        settings = {
            "id": "tck",
            "listen": f"127.0.0.1:{port}",
            "origin": origin,
            "registry": registry,
            "join_token_file": str(self.work / "join"),
            "state_dir": str(self.work / "gateway"),
            "default_agent": handle,
            # A strict reader of 1.0 refuses the members of 0.3, and one of 0.3 needs them.
            "dual_cards": version == "0.3",
        }
        lines = [f"{name} = {json.dumps(value)}\n" for name, value in settings.items()]
        # The receiver of the kit's push notifications is on this machine.
        lines += ["[upstreams]\n", 'push_networks = ["127.0.0.0/8"]\n']
        if handle == ATTACHED:
            (self.work / "ids").write_text("5" * 64, encoding="utf-8")
            (self.work / "ids").chmod(0o600)
            lines += ['private_networks = ["127.0.0.0/8"]\n', f'id_key_file = "{self.work / "ids"}"\n']
        config = self.work / "gateway.toml"
        config.write_text("".join(lines), encoding="utf-8")
        with running([self.program, "gateway", "run", "--config", config], self.work / "gateway.log"):
            card = f"http://127.0.0.1:{port}/agents/{handle}/.well-known/agent-card.json"
            wait("the gateway, with the agent's card", lambda: answers(card))
            yield port


def private(path, flags):
    return os.open(path, flags, 0o600)


def first_line(log):
    return log.exists() and log.read_text(encoding="utf-8").partition("\n")[0]


HOSTED, ATTACHED = "tck", "tck-sdk"


@contextlib.contextmanager
def agents(fleet, wasm, wanted):
    """The handles of the agents under test, by what they are."""
    handles = {}
    with contextlib.ExitStack() as stack:
        if "hosted" in wanted:
            fleet.ecumene("agent", "deploy", HOSTED, "--artifact", wasm, "--card", HERE / "card.json")
            handles["hosted"] = HOSTED
        if "attached" in wanted:
            log = fleet.work / "server.log"
            stack.enter_context(running([sys.executable, HERE / "server.py", "0"], log))
            url = json.loads(wait("the server of the Python SDK", lambda: first_line(log)))["url"]
            fleet.ecumene("agent", "attach", ATTACHED, url)
            handles["attached"] = ATTACHED
        yield handles


def pytest(folder, version, origin, handle, select, report):
    """The test cases that ran, each with its failure, if it failed."""
    options = ["-q", "--tb=no", "-p", "no:cacheprovider", "-o", "asyncio_default_fixture_loop_scope=function"]
    options += ["-o", "junit_family=xunit1", f"--junitxml={report}", *KITS[version]["target"](origin, handle)]
    command = [sys.executable, "-m", "pytest", *options, *select]
    status = subprocess.run(command, cwd=folder, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}, check=False).returncode
    if status not in (0, 1) or not report.exists():
        sys.exit(f"pytest: status {status}")
    for case in ElementTree.parse(report).iter("testcase"):
        module = case.get("file").removesuffix(".py").replace("/", ".")
        inner = case.get("classname").removeprefix(module).removeprefix(".")
        name = "::".join(part for part in (case.get("file"), inner, case.get("name")) if part)
        failures = [each.text or "" for kind in ("failure", "error") for each in case.findall(kind)]
        yield name, "\n".join(failures) if failures else None


def judge(version, agent, results):
    """Prints the verdict; whether nothing failed that is not known of the kit."""
    with open(HERE / "deviations.toml", "rb") as file:
        known = [each for each in tomllib.load(file)["deviation"] if each["kit"] == version]
    known = {each["test"]: each for each in known if each.get("agent", agent) == agent}
    failed = {name: why for name, why in results.items() if why is not None}
    unknown = [name for name, why in failed.items() if name not in known or known[name]["says"] not in why]
    for name in unknown:
        print(f"FAILED {name}\n{failed[name]}")
    for name in known.keys() - failed.keys():
        print(f"{name} passes here, though deviations.toml has it")
    print(f"== {version}, {agent}: {len(results)} tests, {len(failed) - len(unknown)} fail as known, {len(unknown)} fail\n")
    return not unknown


def run(fleet, folder, version, agent, handle):
    port = free_port()
    origin, without = f"http://127.0.0.1:{port}", KITS[version]["without"]
    everything = KITS[version]["tests"] + [f"--deselect={each}" for each in without]
    results = {}
    with fleet.gateway(handle, version, origin) as gateway:
        for key, select in ((fleet.key, everything), ("-", without)):
            if not select:
                continue
            print(f"== A2A {version}, {agent} agent, {'without' if key == '-' else 'with'} credentials", flush=True)
            words = [str(word) for word in (port, gateway, handle, key, ISSUER)]
            log = fleet.work / "forward.log"
            with running([sys.executable, HERE / "forward.py", *words], log):
                wait("the forwarder", lambda: first_line(log))
                results |= pytest(folder, version, origin, handle, select, fleet.work / "report.xml")
    return judge(version, agent, results)


def main(checkout, ecumene, wasm, *what):
    unknown = set(what) - {*KITS, "hosted", "attached"}
    if unknown:
        sys.exit(f"unknown: {' '.join(sorted(unknown))}")
    versions = [version for version in KITS if version in what] or list(KITS)
    wanted = [each for each in ("hosted", "attached") if each in what] or ["hosted", "attached"]
    with tempfile.TemporaryDirectory(prefix="tck-") as work:
        work = Path(work)
        kits = {each: kit(Path(checkout).resolve(), each, work / f"kit-{each}") for each in versions}
        for version in (each for each in versions if not kits[each]):
            print(f"== A2A {version} is not run: {checkout} has no branch {KITS[version]['branch']}", flush=True)
        kits = {version: folder for version, folder in kits.items() if folder}
        if not kits:
            sys.exit(f"{checkout}: neither a clone of the kit nor one of its branches {[KITS[each]['branch'] for each in versions]}")
        fleet = Fleet(Path(ecumene).resolve(), work)
        with fleet.up(), agents(fleet, Path(wasm).resolve(), wanted) as handles:
            runs = [(version, folder, agent) for agent in handles for version, folder in kits.items()]
            good = [run(fleet, folder, version, agent, handles[agent]) for version, folder, agent in runs]
    sys.exit(not all(good))


main(*sys.argv[1:])
