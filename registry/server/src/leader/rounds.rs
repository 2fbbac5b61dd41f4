//! One question for all callers that wait for its answer. An answer serves everybody who came before the question was
//! asked, so that the reads of one caller do not queue before another's, and nobody who came later.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use tokio::time::{Instant, sleep_until};

/// A question that is asked again and again, once at a time. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Rounds<T> {
    /// What is asked when the one before is answered; `None` as long as nobody waits for it.
    next: Arc<Mutex<Option<Round<T>>>>,
    /// When the question before was asked.
    turn: Arc<tokio::sync::Mutex<Option<Instant>>>,
    /// From one question to the next, at least.
    pause: Duration,
}

/// One question, for each who waits for its answer.
type Round<T> = Shared<BoxFuture<'static, T>>;

impl<T: Clone + Send + Sync + 'static> Rounds<T> {
    /// Nothing is asked yet.
    pub(crate) fn new(pause: Duration) -> Self {
        Self { next: Arc::default(), turn: Arc::default(), pause }
    }

    /// The answer to a question that is asked after this call: with `ask`, unless somebody waits for the next one already.
    /// Cancel safe: a question goes on as long as anybody waits for it.
    pub(crate) fn join<F>(&self, ask: impl FnOnce() -> F + Send + 'static) -> Round<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut next = locked(&self.next);
        next.get_or_insert_with(|| self.round(ask)).clone()
    }

    fn round<F>(&self, ask: impl FnOnce() -> F + Send + 'static) -> Round<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        // It is itself kept there.
        let (turn, next, pause) = (Arc::clone(&self.turn), Arc::downgrade(&self.next), self.pause);
        let round = async move {
            let mut turn = turn.lock().await;
            if let Some(before) = *turn {
                sleep_until(before + pause).await;
            }
            *turn = Some(Instant::now());
            if let Some(next) = next.upgrade() {
                // Whoever comes from here on waits for the one after this.
                drop(locked(&next).take());
            }
            ask().await
        };
        round.boxed().shared()
    }
}

fn locked<T>(next: &Mutex<Option<Round<T>>>) -> MutexGuard<'_, Option<Round<T>>> {
    // Nothing is done under the lock that could stop between two writes.
    next.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;
    use tokio::task::yield_now;

    use super::*;

    /// A question whose answer is its number, and which is answered when it is told to be.
    struct Question {
        rounds: Rounds<usize>,
        count: Arc<AtomicUsize>,
        answers: Arc<Semaphore>,
    }

    impl Question {
        fn new() -> Self {
            Self::paced(Duration::ZERO)
        }

        fn paced(pause: Duration) -> Self {
            let (count, answers) = (Arc::default(), Arc::new(Semaphore::new(0)));
            Self { rounds: Rounds::new(pause), count, answers }
        }

        fn join(&self) -> Round<usize> {
            let (count, answers) = (Arc::clone(&self.count), Arc::clone(&self.answers));
            self.rounds.join(move || async move {
                let number = count.fetch_add(1, Ordering::SeqCst) + 1;
                answers.acquire().await.unwrap().forget();
                number
            })
        }

        async fn until(&self, count: usize) {
            while self.count.load(Ordering::SeqCst) < count {
                yield_now().await;
            }
        }
    }

    #[tokio::test]
    async fn who_comes_beside_a_thousand_of_another_waits_for_one_question_more() {
        let question = Question::new();
        let first = tokio::spawn(question.join());
        question.until(1).await;
        let flood: Vec<_> = (0..1_000).map(|_| tokio::spawn(question.join())).collect();
        let victim = tokio::spawn(question.join());
        question.answers.add_permits(1);
        assert_eq!(first.await.unwrap(), 1);
        question.until(2).await;
        let late = question.join();
        question.answers.add_permits(1);
        assert_eq!(victim.await.unwrap(), 2, "the next one, whoever else waits for it");
        for each in flood {
            assert_eq!(each.await.unwrap(), 2);
        }
        question.answers.add_permits(1);
        assert_eq!(late.await, 3, "a question that was asked before serves nobody");
    }

    #[tokio::test]
    async fn questions_are_asked_no_faster_than_they_may_be() {
        let pause = Duration::from_millis(1);
        let (question, began) = (Question::paced(pause), Instant::now());
        question.answers.add_permits(10);
        for number in 1..=10 {
            assert_eq!(question.join().await, number);
        }
        assert!(began.elapsed() >= 9 * pause);
    }

    #[tokio::test]
    async fn questions_that_nobody_waits_for_any_more_keep_nobody_waiting() {
        let question = Question::new();
        let first = tokio::spawn(question.join());
        question.until(1).await;
        // Neither the next one, which has not begun, nor the one under way.
        drop(question.join());
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        question.answers.add_permits(1);
        assert_eq!(question.join().await, 2);
    }
}
