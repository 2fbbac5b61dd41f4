//! The bounds of policies of calls, for the registry that keeps them and for whoever evaluates them.
//!
//! Decides how large they may be, alone and together. Must never read one: that is `policy-core`.

/// The text of one policy, in bytes. Arbitrary: some hundred statements.
pub const POLICY_BYTES_MAX: usize = 64 << 10;

/// Policies that are stored. Every call is held against each of them. Arbitrary.
pub const POLICIES_MAX: usize = 256;

/// All texts together, in bytes: they are listed in one message, of which gRPC takes 4 MiB.
pub const POLICIES_BYTES_MAX: usize = 1 << 20;
