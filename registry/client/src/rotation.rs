//! The order in which members are asked. No member is asked twice in one round, whatever other calls do meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The place of the member that is asked first. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Rotation(Arc<AtomicUsize>);

impl Rotation {
    /// Each of these members once, the one that answered last first. Who takes the next one says that the one before did
    /// not answer.
    pub fn round<'m, M>(&'m self, members: &'m [M]) -> impl Iterator<Item = &'m M> {
        let (mut asked, count) = (Vec::<usize>::new(), members.len());
        std::iter::from_fn(move || {
            if let Some(&unanswered) = asked.last() {
                self.pass_over(unanswered, count);
            }
            let at = self.places(count).find(|at| !asked.contains(at))?;
            asked.push(at);
            members.get(at)
        })
    }

    /// The places of so many members, in turn.
    pub(crate) fn places(&self, count: usize) -> impl Iterator<Item = usize> + use<> {
        let first = self.0.load(Ordering::Relaxed);
        (0..count).map(move |step| (first + step) % count)
    }

    /// The next of so many members takes the place of `at`, unless another call has moved on already.
    pub(crate) fn pass_over(&self, at: usize, count: usize) {
        let next = (at + 1) % count;
        let _ = self.0.compare_exchange(at, next, Ordering::Relaxed, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMBERS: [&str; 3] = ["m1", "m2", "m3"];

    #[test]
    fn a_member_that_does_not_answer_gives_its_place_to_the_next_and_one_that_does_keeps_it() {
        let rotation = Rotation::default();
        assert_eq!(rotation.round(&MEMBERS).next(), Some(&"m1"));
        assert_eq!(rotation.round(&MEMBERS).nth(1), Some(&"m2"), "the first one was away");
        assert_eq!(rotation.clone().round(&MEMBERS).next(), Some(&"m2"));
        let all: Vec<_> = rotation.round(&MEMBERS).collect();
        assert_eq!(all, [&"m2", &"m3", &"m1"]);
        assert_eq!(rotation.round(&MEMBERS).next(), Some(&"m2"), "a round in vain changes nothing");
        assert_eq!(rotation.round::<&str>(&[]).next(), None);
    }

    #[test]
    fn calls_at_one_time_pass_over_a_member_once_and_each_asks_every_member_once() {
        let rotation = Rotation::default();
        let (mut one, mut other) = (rotation.round(&MEMBERS), rotation.round(&MEMBERS));
        assert_eq!((one.next(), other.next()), (Some(&"m1"), Some(&"m1")));
        assert_eq!((one.next(), other.next()), (Some(&"m2"), Some(&"m2")));
        assert_eq!(other.next(), Some(&"m3"));
        assert_eq!(other.next(), None);
        // The first member is in turn again by now, and this call has asked it.
        assert_eq!((one.next(), one.next()), (Some(&"m3"), None));
    }
}
