//! How many files and connections a process may have open: what this one is granted, the servers that it starts inherit.
//! It decides how many are asked for. It must never lower what there is.

use anyhow::{Context as _, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More than any benchmark opens.
const WANTED: u64 = 65_536;

/// Asks for as many as the system grants without privileges.
///
/// # Errors
/// It refuses what it has said to be the most.
pub(crate) fn raise() -> Result<()> {
    let now = getrlimit(Resource::Nofile);
    if let Some(current) = raised(now) {
        let limit = Rlimit { current: Some(current), maximum: now.maximum };
        setrlimit(Resource::Nofile, limit).context("descriptors are not granted")?;
    }
    Ok(())
}

/// How many there are now.
pub(crate) fn granted() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// What is to be asked for; nothing if there are as many. None of a limit is no limit.
fn raised(now: Rlimit) -> Option<u64> {
    let most = now.maximum.unwrap_or(u64::MAX).min(WANTED);
    now.current.filter(|current| *current < most).map(|_| most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_asked_for_than_may_be_and_what_there_is_stays() {
        let asked = |current, maximum| raised(Rlimit { current, maximum });
        assert_eq!(asked(Some(1_024), Some(4_096)), Some(4_096));
        assert_eq!(asked(Some(1_024), Some(1 << 20)), Some(WANTED));
        assert_eq!(asked(Some(1_024), None), Some(WANTED));
        assert_eq!(asked(Some(1 << 20), Some(1 << 20)), None);
        assert_eq!(asked(Some(4_096), Some(4_096)), None);
        assert_eq!(asked(None, None), None);
    }
}
