//! Search by skill and tag with the viewer's eyes, over a growing number of cards.
//! It decides the cards: a skill always has twenty, so that hits stay as many while cards grow. It must never
//! count an answer without its hits.

use anyhow::{Result, bail};
use bytes::Bytes;
use chaos_cluster::world::PATIENCE;
use http::{Method, StatusCode};
use proto_wire::registry::v1::PutCardRequest;
use serde_json::{Value, json};

use super::run::Run;
use super::{read, sizes};
use crate::baseline::Baseline;
use crate::bench::{self, Case};
use crate::drive::{self, Pace, Pool};
use crate::put::{self, CONNECTIONS};
use crate::report::whole;
use crate::series::{self, Point};
use crate::usage::Role;
use crate::web::{self, Shot};

/// Clients of a search, each with a connection: half of the searches that a member runs at once.
const CLIENTS: usize = 16;
/// Cards of one skill; a tenth of them is private.
const OF_A_SKILL: usize = 20;
const PRIVATE_OF: usize = 10;
/// Different tags; a card has two.
const TAGS: usize = 500;
/// Different queries in a turn.
const QUERIES: usize = 2_000;
/// Cards made beforehand at a time.
const CHUNK: usize = 10_000;

/// `cards` is the last of three sizes, ×1, ×10, ×100.
pub(super) async fn run(
    run: &mut Run,
    cards: usize,
    baselines: &mut [&mut Baseline],
) -> Result<()> {
    let (mut there, mut points) = (0, Vec::new());
    for size in [cards / 100, cards / 10, cards] {
        fill(run, there..size).await?;
        there = size;
        let clients =
            web::clients(&run.environment.world.members[0].url, CLIENTS, has_hits).await?;
        let cost_us = sizes::cost(run, clients, Pool::again(queries(run, size)?)).await?;
        points.push(Point { size, cost_us });
    }
    series::print("search by skill and tag, 18 of 20 cards seen, by cards", "cards", &points)?;
    let case = case(cards);
    let clients = web::clients(&run.environment.world.members[0].url, CLIENTS, has_hits).await?;
    let shots = queries(run, cards)?;
    let make = |_| Ok(Pool::again(shots.clone()));
    let figures =
        bench::measure((&run.environment, run.length), &case, clients, make, baselines).await?;
    run.note(&case, &figures, baselines)
}

fn case(cards: usize) -> Case {
    Case {
        benchmark: "search",
        what: format!(
            "GET /v1/agents by a skill that {OF_A_SKILL} cards have and a tag that {} have, over {} \
             cards, a tenth of them hidden from who asks; answered 200 with 18 hits",
            whole(cards as f64 / TAGS as f64 * 2.0),
            whole(cards as f64)
        ),
        durability: "none: a read of what is applied",
        against: Role::Registry,
    }
}

fn has_hits(status: StatusCode, body: &[u8]) -> bool {
    let hits = body.windows(9).filter(|part| *part == b"\"handle\":").count();
    status == StatusCode::OK && hits == OF_A_SKILL - OF_A_SKILL / PRIVATE_OF
}

fn queries(run: &Run, cards: usize) -> Result<Vec<Shot>> {
    let (member, skills) = (&run.environment.world.members[0].url, (cards / OF_A_SKILL).max(1));
    // A step that is prime beside the number of skills meets them in a scattered order.
    let skill = |query: usize| query * 7_919 % skills;
    let path = |skill| format!("/v1/agents?skill=skill-{skill}&tag=t{}", skill % TAGS);
    let shot = |query| web::shot(Method::GET, member, &path(skill(query)), None, Bytes::new());
    (0..QUERIES).map(shot).collect()
}

/// Writes the cards of these numbers, and waits until the member that is asked has them.
async fn fill(run: &mut Run, numbers: std::ops::Range<usize>) -> Result<()> {
    let mut from = numbers.start;
    while from < numbers.end {
        let to = numbers.end.min(from + CHUNK);
        let leader = run.environment.leader().await?;
        let clients = put::card_clients(&run.environment.world, &leader, 64, CONNECTIONS).await?;
        let pool = Pool::once((from..to).map(card).collect());
        let (_, turn) = drive::run(clients, pool, Pace::Closed, PATIENCE * 5).await?;
        if turn.tally.done() < (to - from) as u64 {
            let (done, why) = (turn.tally.done(), turn.tally.why.unwrap_or_default());
            bail!("{done} of {} cards were written: {why}", to - from);
        }
        from = to;
    }
    // Cards and records have one order, so that a record written last comes last.
    read::fill(run, 1).await?;
    let last = super::records::Records::handle(run.records.made() - 1);
    let url = format!("{}/v1/records/{last}", run.environment.world.members[0].url);
    read::applied(&url).await.map(drop)
}

/// Of some 40 words, as agents have them.
fn card(number: usize) -> PutCardRequest {
    let hidden = number.is_multiple_of(PRIVATE_OF);
    PutCardRequest {
        handle: format!("urn:load:card:{number:09}"),
        document: document(number).to_string().into(),
        owner: String::new(),
        visibility: if hidden { "private" } else { "public" }.to_owned(),
    }
}

fn document(number: usize) -> Value {
    let (skill, tags) = (number / OF_A_SKILL, number * 7 + 3);
    let tags = [skill % TAGS, tags % TAGS].map(|tag| format!("t{tag}"));
    let word = |word: usize| format!("w{}", (number * 31 + word * 97) % 5_000);
    json!({
        "name": format!("Agent {number}"),
        "description": (0..24).map(word).collect::<Vec<_>>().join(" "),
        "version": "1.0.0",
        "supportedInterfaces": [{
            "url": format!("https://agents.example/{number}"),
            "protocolBinding": "JSONRPC",
            "protocolVersion": "1.0",
        }],
        "capabilities": { "streaming": true },
        "defaultInputModes": ["text/plain"],
        "defaultOutputModes": ["text/plain"],
        "skills": [{
            "id": format!("skill-{skill}"),
            "name": "A skill",
            "description": "What an agent does with a text that it is given.",
            "tags": tags,
        }],
    })
}
