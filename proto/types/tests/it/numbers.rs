//! Numbers as Node reads and prints them: what `vectors/numbers-node.js` has found.

use proto_types::json;
use serde_json::Value;

/// From here on ECMAScript prints an integer with an exponent, so nobody takes it for exact.
const EXPONENT_FROM: f64 = 1e21;

#[test]
fn case_18_numbers_are_printed_as_node_prints_them_or_refused_as_unsafe() {
    let table = json::parse(include_bytes!("../vectors/numbers-node.json")).unwrap();
    let table = table.as_array().unwrap();
    assert!(table.len() >= 600, "{}", table.len());
    for row in table {
        let text = row["text"].as_str().unwrap();
        let magnitude = text.parse::<f64>().unwrap().abs();
        let unsafe_integer = row["unsafe"] == Value::Bool(true) && magnitude < EXPONENT_FROM;
        let ours = json::parse(text.as_bytes()).map(|value| json::canonical(&value));
        match row["printed"].as_str().filter(|_| !unsafe_integer) {
            Some(printed) => assert_eq!(ours.unwrap(), printed.as_bytes(), "{text}"),
            None => assert!(ours.is_err(), "{text}"),
        }
    }
}
