//! What the servers are told by their environment, so that they are measured and not their bounds.
//! It decides how much room there is. It must never have a server do less for a request.

/// The generator is one peer at one address, its calls are those of 256 callers, and it holds 10,000 connections open.
///
/// The node has a slot for each of them, and as many again: a caller may have its answer, and call anew, before the node
/// has given the slot back. With fewer slots the line before the node would be measured. Its memory is all slots times
/// [`GUEST_MEMORY_BYTES`], of which guests touch little.
pub(crate) const LIFTED: [(&str, &str); 11] = [
    ("ECUMENE_GATEWAY__BOUNDS__ADDRESS_REQUESTS_PER_SECOND", "1000000"),
    ("ECUMENE_GATEWAY__BOUNDS__ADDRESS_BURST", "1000000"),
    ("ECUMENE_GATEWAY__BOUNDS__PEER_REQUESTS", "10000000"),
    ("ECUMENE_GATEWAY__BOUNDS__NEWCOMER_REQUESTS", "10000000"),
    ("ECUMENE_GATEWAY__BOUNDS__BOUND_TOKENS_MAX", "10000000"),
    ("ECUMENE_GATEWAY__LIMITS__CONNECTIONS_MAX", "16384"),
    ("ECUMENE_GATEWAY__LIMITS__CONNECTIONS_PER_ADDRESS_MAX", "16384"),
    ("ECUMENE_REGISTRY__BOUNDS__SOURCE_REQUESTS_PER_SECOND", "1000000"),
    ("ECUMENE_REGISTRY__BOUNDS__SOURCE_BURST", "1000000"),
    ("ECUMENE_NODE__SLOTS", "512"),
    ("ECUMENE_NODE__MEMORY", "8GiB"),
];

/// What a run of the hosted agent may take: several times what it needs for a text, and little enough for so many slots.
pub(crate) const GUEST_MEMORY_BYTES: u64 = 16 << 20;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_node_has_memory_for_a_guest_in_each_slot() {
        let told = |name: &str| LIFTED.iter().find(|(told, _)| *told == name).unwrap().1;
        let slots: u64 = told("ECUMENE_NODE__SLOTS").parse().unwrap();
        let memory = told("ECUMENE_NODE__MEMORY").strip_suffix("GiB").unwrap();
        assert_eq!(slots * GUEST_MEMORY_BYTES, memory.parse::<u64>().unwrap() << 30);
    }
}
