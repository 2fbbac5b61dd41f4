//! Ways to break the world on purpose, so that each invariant is seen to hold water. None must ever be on unless a test or a
//! command line asks for it.

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Breakage {
    /// A sync says done and keeps nothing.
    LyingSync,
    /// One copy makes an entry committed.
    QuorumOfOne,
    /// A leader answers a strong read without asking whether it still leads.
    UnconfirmedReads,
    /// A member votes for everybody who asks.
    ManyVotes,
    /// After a restart, the last applied entry is applied again.
    AppliedTwice,
    /// A member applies with its own clock in the place of the leader's stamp.
    OwnClock,
    /// A leader stamps with its own clock, whatever those of the others show.
    OneClock,
    /// A member answers a write before it is committed.
    EarlyAnswer,
}
