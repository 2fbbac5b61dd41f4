//! What a dashboard of Pilox asks besides: how A2A is spoken here, which agents there are, and how peers answer.
//!
//! Decides what these documents say, in the words of Pilox. Must never decide who sees an agent: it is given those that its
//! reader sees, and no more of each than that.

use proto_types::pilox::descriptor::MESH_V2;
use proto_types::visibility::Visibility;
use proto_types::{Handle, Origin, WallMs};
use serde_json::{Value, json};

use super::{CARD, PEERS_MAX, Probed, RPC, Standing, callable, federation, rate};
use crate::peers::Peers;

/// Agents of one answer, unless it asks for another number; and at most. Both are those of Pilox.
const LISTED: usize = 50;
const LISTED_MAX: usize = 200;

/// Who a caller is here, for people.
const CONVENTION: &str = "JSON-RPC callers are peers: each request shows a federation token whose `iss` is the \
     origin of an enrolled peer and whose `aud` is this instance.";

/// How A2A is spoken here. `taskTtlSeconds` is the registry's to know, and not told here.
#[must_use]
pub fn a2a_status(standing: Standing<'_>, peers: &Peers, bootstrap: &[String]) -> Value {
    json!({
        "enabled": true,
        "meshV2": MESH_V2,
        "endpoints": {"agentCardPath": CARD, "jsonRpcPath": RPC},
        // A peer is an operator there.
        "policy": {"jsonRpcMinRole": "operator"},
        "persistence": {"taskStore": "registry", "taskTtlSeconds": null},
        "rateLimit": rate(standing.quota),
        "sdkLayers": {"auditEnabled": true, "circuitBreakerEnabled": true},
        "identity": {"convention": CONVENTION},
        "publicJsonRpc": public_tier(),
        "publicMesh": {"bootstrapMeshDescriptorUrls": bootstrap, "dhtBootstrapHints": []},
        "federation": federation(standing, peers),
    })
}

/// Pilox's own tier of callers without a token is not served, whatever other callers there are.
fn public_tier() -> Value {
    json!({
        "enabled": false,
        "allowedMethods": [],
        "rateLimit": {"maxRequests": 0, "windowMs": 0},
        "identityRateLimit": null,
        "reputationTracking": false,
        "reputationBlock": null,
        "apiKeys": {
            "configured": false, "required": false, "scopesEnabled": false, "rateLimit": null,
        },
        "rateLimitedResponse": {"httpStatus": 429, "jsonRpcErrorCode": -32_005},
    })
}

/// Which agents somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentsQuery {
    /// What name or description have in them, in lower case.
    words: String,
    /// These visibilities alone, in the words of Pilox.
    visibilities: Option<Vec<String>>,
    limit: usize,
}

/// An agent as its reader sees it.
#[derive(Clone, Copy, Debug)]
pub struct ShownAgent<'a> {
    /// Its name here.
    pub handle: &'a Handle,
    /// Its name for people.
    pub name: &'a str,
    /// What it does.
    pub description: &'a str,
    /// Who may see it.
    pub visibility: Visibility,
    /// What only those are told who see all of it.
    pub more: Option<MoreShown>,
}

/// What is told of an agent to who sees all of it.
#[derive(Clone, Copy, Debug)]
pub struct MoreShown {
    /// `hosted` or `attached`.
    pub kind: &'static str,
    /// When it was changed last, or since when it is served here, if that was later.
    pub changed_at: Option<WallMs>,
}

impl AgentsQuery {
    /// Reads `q`, `visibility` and `limit` as Pilox does: what makes no sense counts as absent.
    #[must_use]
    pub fn read(pairs: impl Iterator<Item = (String, String)>) -> Self {
        let mut query = Self { words: String::new(), visibilities: None, limit: LISTED };
        for (name, value) in pairs {
            match name.as_str() {
                "q" => query.words = value.trim().to_lowercase(),
                "visibility" if !value.is_empty() => {
                    let words = value.split(',').map(|word| word.trim().to_owned());
                    query.visibilities = Some(words.collect());
                }
                "limit" => {
                    let limit = value.parse::<usize>().ok().filter(|limit| *limit > 0);
                    query.limit = limit.unwrap_or(LISTED).min(LISTED_MAX);
                }
                _ => {}
            }
        }
        query
    }

    fn wants(&self, agent: &ShownAgent<'_>) -> bool {
        let says = |text: &str| text.to_lowercase().contains(&self.words);
        let is_named = |words: &Vec<String>| words.iter().any(|word| word == word_of(agent));
        self.visibilities.as_ref().is_none_or(is_named)
            && (self.words.is_empty() || says(agent.name) || says(agent.description))
    }
}

/// What is told of the agents that somebody sees: those that it asks for.
#[must_use]
pub fn agents<'a>(
    query: &AgentsQuery,
    shown: impl Iterator<Item = ShownAgent<'a>>,
    own: &Origin,
) -> Value {
    let wanted = shown.filter(|agent| query.wants(agent)).take(query.limit);
    let rows: Vec<Value> = wanted.map(|agent| agent_row(&agent)).collect();
    json!({"agents": rows, "total": rows.len(), "instanceOrigin": own})
}

/// What is here may be called: `ready`. Which model an agent uses is its own to know.
fn agent_row(agent: &ShownAgent<'_>) -> Value {
    let ShownAgent { handle, name, description, more, .. } = agent;
    let changed_at = more.and_then(|more| more.changed_at).map(WallMs::to_rfc3339);
    json!({
        "id": handle, "name": name, "description": description,
        "status": more.map(|_| "ready"), "agentType": more.map(|more| more.kind),
        "visibility": word_of(agent), "preferredModel": null, "createdAt": changed_at,
    })
}

/// Pilox has three words: what everybody may know of in part is public there.
const fn word_of(agent: &ShownAgent<'_>) -> &'static str {
    match agent.visibility {
        Visibility::Public | Visibility::Redacted => "public",
        Visibility::Federated => "federation",
        Visibility::Private => "private",
    }
}

/// How peers answer, as they were found when they were looked at: nothing of it is kept, so that no failure is ever one of
/// several, and nobody is named as one to be left out.
#[must_use]
pub fn peer_health(peers: &Peers, own: &Origin, probed: Option<(&[Probed], WallMs)>) -> Value {
    let rows: Vec<Value> = match probed {
        Some((probed, at)) => probed.iter().map(|probed| probed_row(probed, at)).collect(),
        None => callable(peers, own).take(PEERS_MAX).map(unprobed_row).collect(),
    };
    let healthy = rows.iter().filter(|row| row["healthy"] == true).count();
    let total = callable(peers, own).count();
    json!({
        "peers": rows, "total": total, "healthy": healthy, "unhealthy": total.saturating_sub(healthy),
        "evictable": [], "federationEnabled": true,
    })
}

fn probed_row(Probed { origin, answer, latency_ms }: &Probed, at: WallMs) -> Value {
    let failed = match answer {
        Ok(200..300) => None,
        Ok(status) => Some(format!("HTTP {status}")),
        Err(reason) => Some((*reason).to_owned()),
    };
    let mut row = json!({
        "origin": origin, "healthy": failed.is_none(), "lastProbeAt": at.to_rfc3339(),
        "latencyMs": latency_ms, "errorCount": u8::from(failed.is_some()),
    });
    if let Some(failed) = failed {
        row["lastError"] = json!(failed);
    }
    row
}

fn unprobed_row(origin: &Origin) -> Value {
    json!({
        "origin": origin, "healthy": false, "lastProbeAt": "", "latencyMs": 0, "errorCount": 0,
        "lastError": "Not probed yet",
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::Revision;

    use super::*;
    use crate::gcra::Quota;
    use crate::peers::Peer;

    fn origin(name: &str) -> Origin {
        Origin::parse(&format!("https://{name}.example")).unwrap()
    }

    fn peers() -> Peers {
        let peer = |name: &str| Peer::new(origin(name), name != "b", Vec::new(), Revision(1));
        Peers::default().replaced(["a", "b", "c", "d"].map(peer))
    }

    #[test]
    fn the_state_of_a2a_has_the_members_that_the_dashboard_reads() {
        let own = origin("d");
        let standing = Standing {
            own: &own,
            key: None,
            token_header: "X-Pilox-Federation-JWT",
            token_life_s: 120,
            quota: Quota::new(100, 60_000_000).unwrap(),
            is_fenced: true,
        };
        let said = a2a_status(standing, &peers(), &["https://x.example/m.json".to_owned()]);
        assert_eq!(said["endpoints"]["jsonRpcPath"], "/api/a2a/jsonrpc");
        assert_eq!(said["rateLimit"], json!({"maxRequests": 100, "windowMs": 60_000}));
        assert_eq!(said["publicJsonRpc"]["enabled"], false);
        assert_eq!(
            said["publicMesh"]["bootstrapMeshDescriptorUrls"][0],
            "https://x.example/m.json"
        );
        assert_eq!(said["federation"]["configuredPeerCount"], 2);
        assert_eq!(said["federation"]["federationInboundAllowlistActive"], true);
    }

    fn listed(query: &str) -> Vec<String> {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap());
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let query = AgentsQuery::read(pairs);
        let handles = ["echo", "mind", "part"].map(|name| Handle::parse(name).unwrap());
        let more = Some(MoreShown { kind: "hosted", changed_at: Some(WallMs(0)) });
        let shown = [
            (&handles[0], "Echo", Visibility::Public, more),
            (&handles[1], "Mind", Visibility::Federated, more),
            (&handles[2], "Part", Visibility::Redacted, None),
        ];
        let shown = shown.into_iter().map(|(handle, name, visibility, more)| ShownAgent {
            handle,
            name,
            description: "Says it AGAIN",
            visibility,
            more,
        });
        let said = agents(&query, shown, &origin("d"));
        let rows = said["agents"].as_array().unwrap();
        assert_eq!(said["total"], rows.len());
        assert_eq!(said["instanceOrigin"], "https://d.example");
        for row in rows {
            let is_part = row["id"] == "part";
            for member in ["status", "agentType", "createdAt"] {
                assert_eq!(row[member].is_null(), is_part, "{row}");
            }
        }
        rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn agents_are_those_that_are_asked_for_and_of_a_part_no_more_is_told() {
        assert_eq!(listed(""), ["echo", "mind", "part"]);
        assert_eq!(listed("q=eCHo"), ["echo"]);
        assert_eq!(listed("q=again&limit=2"), ["echo", "mind"]);
        assert_eq!(listed("visibility=federation"), ["mind"]);
        assert_eq!(listed("visibility=public,private"), ["echo", "part"]);
        assert_eq!(listed("limit=x&visibility="), ["echo", "mind", "part"]);
        assert!(listed("q=nothing").is_empty());
    }

    #[test]
    fn peers_are_healthy_that_have_answered_and_nobody_is_to_be_left_out() {
        let (peers, own) = (peers(), origin("d"));
        let unknown = peer_health(&peers, &own, None);
        assert_eq!(unknown["peers"].as_array().unwrap().len(), 2);
        assert_eq!(unknown["peers"][0]["lastError"], "Not probed yet");
        assert_eq!((&unknown["total"], &unknown["healthy"]), (&json!(2), &json!(0)));
        let answer = |name, answer| Probed { origin: origin(name), answer, latency_ms: 5 };
        let probed = [answer("a", Ok(200)), answer("c", Ok(404))];
        let said = peer_health(&peers, &own, Some((&probed, WallMs(0))));
        assert_eq!((&said["healthy"], &said["unhealthy"]), (&json!(1), &json!(1)));
        assert_eq!(said["peers"][0].get("lastError"), None);
        assert_eq!(said["peers"][1]["lastError"], "HTTP 404");
        assert_eq!(said["peers"][1]["lastProbeAt"], WallMs(0).to_rfc3339());
        assert_eq!(said["evictable"], json!([]));
    }
}
