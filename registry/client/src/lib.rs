//! How a process calls a registry cluster: whichever member answers.
//!
//! It decides which member is asked next, what a status says about that, and when a call certainly had no effect. It must
//! never know what a call means: how long it may take, and whether it may be made twice, its caller says.

mod bearer;
mod channel;
mod client;
mod doubt;
mod rotation;

pub use self::bearer::Bearer;
pub use self::channel::{ChannelOptions, InvalidUrl};
pub use self::client::{Answer, Attempts, Client, Member, within};
pub use self::doubt::{code_of, is_away, is_unproposed, says_away};
pub use self::rotation::Rotation;
