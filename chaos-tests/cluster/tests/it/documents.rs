//! The pages of the documentation, followed as written, each in a network of its own, so that their ports are free.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use chaos_cluster::sandbox;
use chaos_cluster::walkthrough::{Reader, pages, pieces};

/// What the pages call a running `ecumene up`.
const UP: &str =
    "ecumene up > up.log 2>&1 &\nuntil ecumene doctor > doctor.log; do sleep 0.2; done\n";

/// A gateway that is named and a node that has joined once, both stopped, at the cluster of the page on bootstrapping.
const STOPPED: &str = r#"
export ECUMENE_REGISTRY=http://127.0.0.1:7401 ECUMENE_GATEWAY=http://127.0.0.1:7500
export ECUMENE_OPERATOR_TOKEN_FILE=secrets/operator
mkdir -p n1
(umask 077; ecumene cluster invite node > n1/join)
cat > n1/node.toml <<'END'
id = "n1"
registry = ["http://127.0.0.1:7401"]
join_token_file = "n1/join"
state_dir = "n1/state"
slots = 1
memory = "256MiB"
END
ecumene node run --config n1/node.toml > n1/log 2>&1 &
until ecumene node list | grep "n1 *joined"; do sleep 0.2; done
kill $!
wait $!
"#;

/// The pages that a test below follows. All others hold no command.
const FOLLOWED: [&str; 15] = [
    "quickstart.md",
    "write-an-agent.md",
    "attach-an-agent.md",
    "add-a-gateway.md",
    "add-a-node.md",
    "runbooks/bootstrap.md",
    "runbooks/upgrade.md",
    "runbooks/replace-a-member.md",
    "runbooks/certificates.md",
    "runbooks/federate-with-a-registry.md",
    "runbooks/publish.md",
    "runbooks/revoke-a-peer.md",
    "runbooks/dead-letters.md",
    "runbooks/restore.md",
    "runbooks/transparency-log.md",
];

/// Runs the body of a test in a network of its own, in which there is loopback and nothing else.
fn alone(test: &str, body: impl FnOnce() -> Result<()>) -> Result<()> {
    sandbox::run(&format!("{}::{test}", module_path!()), || async {
        let up = Command::new("ip").args(["link", "set", "lo", "up"]).status();
        ensure!(up.context("ip (iproute2)")?.success(), "there is no loopback");
        body()
    })
}

#[test]
fn the_quickstart_works_as_written() -> Result<()> {
    alone("the_quickstart_works_as_written", || {
        let reader = Reader::new()?;
        reader.install_sdks()?;
        let said = reader.follow("quickstart.md", "")?;
        // The command line twice, curl, Python and JavaScript.
        let completed = said.matches("TASK_STATE_COMPLETED").count();
        ensure!(completed >= 5, "{completed} calls were completed:\n{said}");
        Ok(())
    })
}

#[test]
fn an_agent_is_written_as_the_page_says() -> Result<()> {
    alone("an_agent_is_written_as_the_page_says", || {
        let said = Reader::new()?.with_guests()?.follow("write-an-agent.md", UP)?;
        ensure!(said.contains("NOT SO LOUD") && said.contains("your message has"), "{said}");
        Ok(())
    })
}

#[test]
fn a_gateway_and_a_node_are_added_as_the_pages_say() -> Result<()> {
    alone("a_gateway_and_a_node_are_added_as_the_pages_say", || {
        let reader = Reader::new()?;
        reader.follow("add-a-gateway.md", UP)?;
        reader.follow("add-a-node.md", "").map(drop)
    })
}

#[test]
fn an_agent_is_attached_as_the_page_says() -> Result<()> {
    alone("an_agent_is_attached_as_the_page_says", || {
        let reader = Reader::new()?;
        reader.install_sdks()?;
        let said = reader.follow("attach-an-agent.md", UP)?;
        let answers = ["you said: is anybody there?", "you said: hello"];
        ensure!(answers.iter().all(|answer| said.contains(answer)), "{said}");
        Ok(())
    })
}

#[test]
fn a_cluster_is_bootstrapped_and_a_member_replaced_as_the_pages_say() -> Result<()> {
    alone("a_cluster_is_bootstrapped_and_a_member_replaced_as_the_pages_say", || {
        let reader = Reader::new()?;
        reader.follow("runbooks/bootstrap.md", "")?;
        // Gateways and nodes are down during an upgrade, and members are waited for all the same.
        reader.follow("runbooks/upgrade.md", STOPPED)?;
        reader.follow("runbooks/replace-a-member.md", "").map(drop)
    })
}

#[test]
fn a_peer_publishes_and_is_revoked_and_the_log_proves_it_as_the_pages_say() -> Result<()> {
    alone("a_peer_publishes_and_is_revoked_and_the_log_proves_it_as_the_pages_say", || {
        let reader = Reader::new()?;
        let begin = format!("{UP}cp docs/quickstart/*.json .\n");
        reader.follow("runbooks/publish.md", &begin)?;
        reader.follow("runbooks/transparency-log.md", "")?;
        reader.follow("runbooks/dead-letters.md", "")?;
        reader.follow("runbooks/revoke-a-peer.md", "").map(drop)
    })
}

#[test]
fn certificates_partners_and_a_restore_work_as_the_pages_say() -> Result<()> {
    alone("certificates_partners_and_a_restore_work_as_the_pages_say", || {
        let reader = Reader::new()?;
        reader.follow("runbooks/certificates.md", "")?;
        reader.follow("runbooks/restore.md", UP)?;
        reader.follow("runbooks/federate-with-a-registry.md", "").map(drop)
    })
}

#[test]
fn every_page_with_commands_is_followed_by_a_test() -> Result<()> {
    let everywhere = [pages("")?, pages("runbooks")?].concat();
    for page in &everywhere {
        let path = format!("{}/../../docs/{page}", env!("CARGO_MANIFEST_DIR"));
        let found = pieces(&std::fs::read_to_string(path)?).context(page.clone())?;
        ensure!(found.is_empty() || FOLLOWED.contains(&page.as_str()), "nobody follows {page}");
    }
    for page in FOLLOWED {
        ensure!(everywhere.iter().any(|other| other == page), "there is no {page}");
    }
    Ok(())
}
