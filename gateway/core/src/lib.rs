//! What a gateway decides: who is let in, how often, where a request goes, what a call asks for and
//! what a refusal says.
//!
//! Decides from its arguments alone. Must never read a clock, a random source, the environment, a
//! file or a socket: the shell (gateway-server) passes time and snapshots in and does what comes out.

pub mod admit;
pub mod caller;
pub mod conduct;
pub mod credential;
pub mod denial;
pub mod dispatch;
pub mod errors;
pub mod federation;
pub mod form;
pub mod gcra;
pub mod http_json;
pub mod limits;
pub mod media;
pub mod params;
pub mod path;
pub mod peers;
pub mod relay;
pub mod sealed;
pub mod task_view;
pub mod upstream;
pub mod webhook;

pub use crate::admit::{Permit, admit};
pub use crate::caller::Caller;
pub use crate::credential::Credential;
pub use crate::denial::Denial;
pub use crate::errors::{CallError, ErrorReply, Failure};
pub use crate::peers::{Key, Peer, Peers};
