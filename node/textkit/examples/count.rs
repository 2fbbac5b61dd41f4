//! The simplest hosted agent: a WASI command. It reads the A2A message as JSON from standard input
//! and writes its answer, here the number of words, to standard output, which becomes the artifact
//! `stdout`. A failure is told by standard error and the exit status, of which WASI 0.2 keeps only
//! whether it is zero.
//!
//! Build it with `cargo build -p node-textkit --example count --target wasm32-wasip2 --release`.

use std::process::ExitCode;

use node_textkit::words::words;
use serde_json::Value;

fn main() -> ExitCode {
    let message: Value = match serde_json::from_reader(std::io::stdin().lock()) {
        Ok(message) => message,
        Err(error) => {
            eprintln!("the message cannot be read: {error}");
            return ExitCode::FAILURE;
        }
    };
    let parts = message["parts"].as_array().map_or(&[][..], Vec::as_slice);
    let texts: Vec<&str> = parts.iter().filter_map(|part| part["text"].as_str()).collect();
    if texts.is_empty() {
        eprintln!("there is no text in the message");
        return ExitCode::FAILURE;
    }
    println!("{}", texts.iter().map(|text| words(text).len()).sum::<usize>());
    ExitCode::SUCCESS
}
