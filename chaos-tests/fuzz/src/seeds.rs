//! What the search of each target begins with: `seeds.json`, and the vectors that the tests of the readers have.
//!
//! In `seeds.json` each target has texts and documents, behind the bytes (in hexadecimal digits) that choose what is read.
//! There must be nothing in it that a reader refuses at its first look: from there nothing is found.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

use crate::targets::grpc;

const PILOX: &[u8] = include_bytes!("../../../proto/types/tests/vectors/pilox-formats.json");
const CARDS: &[u8] = include_bytes!("../../../proto/types/tests/vectors/a2a-card-jws.json");
const GRPC: &str = include_str!("../../../gateway/server/src/grpc/transcode/golden.txt");

type Seeds = BTreeMap<String, BTreeMap<String, Vec<Value>>>;

static OWN: LazyLock<Seeds> = LazyLock::new(|| {
    serde_json::from_slice(include_bytes!("../seeds.json")).expect("seeds.json is as it has to be")
});

/// All seeds of a target.
pub(crate) fn of(target: &str) -> Vec<Vec<u8>> {
    let own = OWN.get(target).into_iter().flatten();
    let own = own.flat_map(|(chosen, all)| all.iter().map(move |seed| (chosen.as_str(), seed)));
    let mut seeds: Vec<Vec<u8>> = own.map(|(chosen, seed)| behind(chosen, seed)).collect();
    seeds.extend(of_vectors(target));
    seeds
}

fn behind(chosen: &str, seed: &Value) -> Vec<u8> {
    let mut bytes =
        hex::decode(chosen).expect("the first bytes of a seed are in hexadecimal digits");
    match seed {
        Value::String(text) => bytes.extend_from_slice(text.as_bytes()),
        document => bytes.extend_from_slice(document.to_string().as_bytes()),
    }
    bytes
}

fn of_vectors(target: &str) -> Vec<Vec<u8>> {
    let vectors = |bytes| serde_json::from_slice(bytes).expect("a file of vectors is JSON");
    match target {
        "card" => {
            let cards: Value = vectors(CARDS);
            let all = cards["vectors"].as_array().into_iter().flatten();
            all.map(|vector| behind("", &vector["wire"])).collect()
        }
        "token" => {
            let pilox: Value = vectors(PILOX);
            let all = pilox["federationJwt"].as_object().into_iter().flatten();
            all.filter(|(_, token)| token.is_string()).map(|(_, token)| behind("", token)).collect()
        }
        "record" => of_pilox(&vectors(PILOX)),
        "grpc" => GRPC.lines().filter_map(of_grpc).collect(),
        _ => Vec::new(),
    }
}

fn of_pilox(pilox: &Value) -> Vec<Vec<u8>> {
    let records = pilox["records"].as_object().into_iter().flatten();
    let mut seeds: Vec<Vec<u8>> =
        records.map(|(_, vector)| behind("00", &vector["record"])).collect();
    let catalog = &pilox["catalog"]["response"];
    seeds.push(behind("01", &pilox["rosterManifest"]["document"]));
    seeds.push(behind("03", &catalog["catalogProof"]));
    seeds.push(behind("03", &catalog["handles"]));
    seeds
}

/// A line names what it is, its method and its bytes; remarks have no method.
fn of_grpc(line: &str) -> Option<Vec<u8>> {
    let mut words = line.splitn(4, ' ').skip(1);
    let number = grpc::number(words.next()?)?;
    let bytes = hex::decode(words.next()?.trim_matches('-')).ok()?;
    Some([&[number], &bytes[..]].concat())
}
