//! What a gateway decides: who is let in, how often, where a request goes, what a call asks for and
//! what a refusal says.
//!
//! Decides from its arguments alone. Must never read a clock, a random source, the environment, a
//! file or a socket: the shell (gateway-server) passes time and snapshots in and does what comes out.

pub mod admit;
pub mod caller;
pub mod client;
pub mod concurrency;
pub mod conduct;
pub mod credential;
pub mod denial;
pub mod dispatch;
pub mod errors;
pub mod extensions;
pub mod federation;
pub mod fleet_quota;
pub mod form;
pub mod gcra;
pub mod handed_on;
pub mod hops;
pub mod http_json;
pub mod limits;
pub mod media;
pub mod nonce;
pub mod params;
pub mod path;
pub mod peers;
pub mod push;
pub mod quarantine;
pub mod relay;
pub mod replay;
pub mod sealed;
pub mod shared;
pub mod task_view;
pub mod upstream;
pub mod webhook;

pub use crate::admit::{Permit, admit};
pub use crate::caller::{Caller, CallerKind};
pub use crate::credential::Credential;
pub use crate::denial::Denial;
pub use crate::errors::{BodyFault, CallError, ErrorReply, Failure, Forbidden};
pub use crate::nonce::{Boot, FleetKey, Holder, Nonces};
pub use crate::peers::{Key, Peer, Peers};
