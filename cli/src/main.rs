//! The one binary: it decides how a command line becomes a call, and a failure an exit code.
//! It must never hold a rule of the protocol: those live in the cores and the documents.
//!
//! `args.rs` reads the command line, `command.rs` has it carried out, and `client.rs` says whom it may ask. `members.rs`
//! makes gRPC calls and `http_call.rs` HTTP calls, to one member after the other. `failure.rs` gives what went wrong its
//! exit code.

mod args;
mod client;
mod command;
mod failure;
mod http_call;
mod keyfile;
mod members;
mod output;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(command::run(args)),
        Err(error) => Err(failure::Failure::internal(error)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("ecumene: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}
