//! Says what a hosted program can reach beyond its own streams. On a node, the answer must be
//! nothing; the tests of node-wasm run it to see that it is.
//!
//! Build it with `cargo build -p node-textkit --example authority --target wasm32-wasip2 --release`.

use std::net::{TcpStream, ToSocketAddrs as _, UdpSocket};

fn main() {
    let reached = [
        ("an environment variable", std::env::vars_os().next().is_some()),
        ("an argument", std::env::args_os().next().is_some()),
        ("the root folder", std::fs::read_dir("/").is_ok()),
        ("the current folder", std::fs::read_dir(".").is_ok()),
        ("a new file", std::fs::write("authority.tmp", "x").is_ok()),
        ("a TCP port", TcpStream::connect("127.0.0.1:9").is_ok()),
        ("a UDP port", UdpSocket::bind("127.0.0.1:0").is_ok()),
        ("a name server", ("localhost", 9).to_socket_addrs().is_ok()),
    ];
    for (what, _) in reached.iter().filter(|(_, reached)| *reached) {
        println!("{what}");
    }
    println!("done");
}
