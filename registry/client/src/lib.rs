//! How a process calls a registry cluster: which member is asked next, what a status says about that, and when a call
//! certainly had no effect. The caller says how long a call may take and whether it may be made twice.

mod bearer;
mod channel;
mod client;
mod rotation;
mod status;

pub use self::bearer::Bearer;
pub use self::channel::{ChannelOptions, InvalidUrl};
pub use self::client::{Answer, Attempts, Client, Failed, Member, within};
pub use self::rotation::Rotation;
pub use self::status::{code_of, is_away, is_unproposed, says_away};
