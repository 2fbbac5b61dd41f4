//! Waiting on a watch channel, for a value and not for a guard. It must never let a guard out: `Receiver::wait_for` gives one,
//! and a thread that borrows the channel once more while it has one can wait for ever.

use tokio::sync::watch;
use tokio::sync::watch::error::RecvError;

/// Waits until the newest value is as asked for, and gives a copy of it. The condition, and the copying, must take no lock. Cancel safe.
///
/// # Errors
/// The sender is gone, and its last value is another.
#[expect(clippy::disallowed_methods, reason = "the one place; the guard ends with the statement")]
pub async fn wait_until<T: Clone>(
    watched: &mut watch::Receiver<T>,
    condition: impl FnMut(&T) -> bool,
) -> Result<T, RecvError> {
    watched.wait_for(condition).await.map(|newest| newest.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_waited_for_is_a_copy_beside_which_values_are_sent() {
        let (values, mut watched) = watch::channel(1);
        let found = wait_until(&mut watched, |newest| *newest == 1).await;
        values.send_replace(2);
        assert_eq!(found.ok(), Some(1));
        drop(values);
        let last = wait_until(&mut watched, |newest| *newest == 2).await;
        assert_eq!(last.ok(), Some(2));
        assert!(wait_until(&mut watched, |newest| *newest == 3).await.is_err());
    }
}
