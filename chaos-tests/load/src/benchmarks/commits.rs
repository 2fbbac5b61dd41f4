//! What a closed turn puts into the registry's log: entries, revisions, and batches of tokens.
//! It decides by which figures of the servers that is told. It must never be run beside another turn, whose commits it
//! would count.

use anyhow::{Context as _, Result, ensure};
use chaos_cluster::web;
use serde_json::json;

use super::run::Run;
use crate::drive::{self, Client, Pace, Pool};

/// Requests looked at, at most: enough for some hundred entries that many writes share.
pub(super) const SAMPLE: usize = 5_000;

/// How far the leader's log and the gateway are.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Position {
    /// Entries of the log. Few of them are the cluster's own, such as its time.
    entries: f64,
    /// Changes of the state: one for each step of a task, each envelope, each report of conduct; none for a batch of tokens.
    revisions: f64,
    /// Batches of tokens that the gateway has had spent, each a proposal. Zero without a gateway.
    token_batches: f64,
}

/// Runs one more closed turn, and prints what it left in the log. The commits of one client share no entry, so that
/// its entries are the commits of a request.
///
/// # Errors
/// A server does not tell its figures, or nothing succeeds.
pub(super) async fn print<C: Client>(
    run: &mut Run,
    work: &str,
    clients: Vec<C>,
    pool: Pool<C::Request>,
) -> Result<()> {
    let (count, leader) = (clients.len(), run.environment.leader().await?);
    let before = position(run, &leader).await?;
    let (_, turn) = drive::run(clients, pool, Pace::Closed, run.length).await?;
    let after = position(run, &leader).await?;
    let done = turn.tally.done() as f64;
    ensure!(done > 0.0, "{work}: nothing succeeds: {}", turn.tally.why.unwrap_or_default());
    let Position { entries, revisions, token_batches } = after.each_since(before, done);
    println!(
        "  commits      {entries:.3} log entries each, or {:.1} to an entry · {revisions:.3} \
         revisions each · {token_batches:.3} batches of tokens each, at {count} clients",
        1.0 / entries
    );
    let figures = json!({
        "commits": work, "clients": count, "entries": entries, "revisions": revisions,
        "token_batches": token_batches,
    });
    println!("{figures}");
    Ok(())
}

impl Position {
    /// What each of so many requests has of the way here.
    fn each_since(self, before: Self, requests: f64) -> Self {
        let each = |after: f64, before: f64| (after - before).max(0.0) / requests;
        Self {
            entries: each(self.entries, before.entries),
            revisions: each(self.revisions, before.revisions),
            token_batches: each(self.token_batches, before.token_batches),
        }
    }
}

async fn position(run: &Run, leader: &str) -> Result<Position> {
    let registry = text(&format!("{leader}/v1/metrics")).await?;
    let token_batches = match run.environment.world.gateways.first() {
        Some(gateway) => {
            let text = text(&format!("{}/metrics", gateway.url)).await?;
            figure(&text, "ecumene_gateway_spend_calls_total")?
        }
        None => 0.0,
    };
    Ok(Position {
        entries: figure(&registry, "ecumene_registry_last_log_index")?,
        revisions: figure(&registry, "ecumene_registry_revision")?,
        token_batches,
    })
}

async fn text(url: &str) -> Result<String> {
    let answer = web::get(url, None).await?;
    ensure!(answer.status == 200, "{url} answers {}", answer.status);
    Ok(String::from_utf8_lossy(&answer.body).into_owned())
}

/// A figure without labels, in the text format of Prometheus.
fn figure(text: &str, name: &str) -> Result<f64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let value = value.with_context(|| format!("there is no {name}"))?;
    value.trim().parse::<f64>().with_context(|| format!("{name} is {value}"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_read_by_its_whole_name() {
        let text =
            "# HELP a_total Things.\n# TYPE a_total gauge\na_total_more 1\na_total 25\nb 2.5\n";
        assert_eq!(figure(text, "a_total").unwrap(), 25.0);
        assert_eq!(figure(text, "b").unwrap(), 2.5);
        assert!(figure(text, "a").is_err());
        assert!(figure("a much\n", "a").is_err());
    }

    #[test]
    fn each_request_has_its_part_of_the_way() {
        let position = |entries, revisions| Position { entries, revisions, token_batches: entries };
        let each = position(140.0, 30.0).each_since(position(100.0, 10.0), 10.0);
        assert_eq!(each, position(4.0, 2.0));
        // A new leader's log may be shorter by what nobody was told of.
        assert_eq!(position(1.0, 9.0).each_since(position(2.0, 9.0), 1.0), position(0.0, 0.0));
    }
}
