//! A bounded pool whose places have holders: the counts, to which `proto_types::share` applies the rules. It must never
//! remember a holder that holds nothing, so that its table is bounded by the pool.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use proto_types::{Class, Full, Shares};

/// The places of one pool; clones share them.
#[derive(Debug)]
pub struct Pool<K> {
    shares: Shares,
    taken: Arc<Mutex<Taken<K>>>,
}

/// Every entry holds at least one place.
#[derive(Debug)]
struct Taken<K> {
    total: u64,
    by_holder: BTreeMap<K, u64>,
}

/// Places of one holder, given back when this is dropped.
#[derive(Debug)]
pub struct Place<K: Ord> {
    pool: Pool<K>,
    holder: K,
    amount: u64,
}

impl<K> Clone for Pool<K> {
    fn clone(&self) -> Self {
        Self { shares: self.shares, taken: Arc::clone(&self.taken) }
    }
}

impl<K: Ord> Pool<K> {
    /// An empty pool.
    #[must_use]
    pub fn new(shares: Shares) -> Self {
        let taken = Taken { total: 0, by_holder: BTreeMap::new() };
        Self { shares, taken: Arc::new(Mutex::new(taken)) }
    }

    /// How much is taken.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.lock().total
    }

    /// How much of it one holder has.
    #[must_use]
    pub fn held(&self, holder: &K) -> u64 {
        self.lock().by_holder.get(holder).copied().unwrap_or(0)
    }

    /// Who has any of it.
    #[must_use]
    pub fn holders(&self) -> Vec<K>
    where
        K: Clone,
    {
        self.lock().by_holder.keys().cloned().collect()
    }

    /// One place.
    ///
    /// # Errors
    /// There is none for this holder.
    pub fn place(&self, class: Class, holder: K) -> Result<Place<K>, Full>
    where
        K: Clone,
    {
        self.places(class, holder, 1)
    }

    /// So many places, or bytes.
    ///
    /// # Errors
    /// There are not so many for this holder.
    pub fn places(&self, class: Class, holder: K, amount: u64) -> Result<Place<K>, Full>
    where
        K: Clone,
    {
        self.take(class, &holder, amount)?;
        Ok(Place { pool: self.clone(), holder, amount })
    }

    /// Takes an amount that [`Pool::give`] gives back.
    pub(crate) fn take(&self, class: Class, holder: &K, amount: u64) -> Result<(), Full>
    where
        K: Clone,
    {
        let mut taken = self.lock();
        let held = taken.by_holder.get(holder).copied().unwrap_or(0);
        self.shares.admit(class, taken.total, held, amount)?;
        taken.add(holder, amount);
        Ok(())
    }

    /// Counts an amount that is taken already, whether there is room or not.
    pub(crate) fn count(&self, holder: &K, amount: u64)
    where
        K: Clone,
    {
        self.lock().add(holder, amount);
    }

    pub(crate) fn give(&self, holder: &K, amount: u64) {
        let mut taken = self.lock();
        taken.total = taken.total.saturating_sub(amount);
        match taken.by_holder.get_mut(holder) {
            Some(held) if *held > amount => *held -= amount,
            _ => drop(taken.by_holder.remove(holder)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Taken<K>> {
        // The lock is held for arithmetic only, which does not panic between two writes.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Ord + Clone> Taken<K> {
    fn add(&mut self, holder: &K, amount: u64) {
        if amount == 0 {
            return;
        }
        self.total = self.total.saturating_add(amount);
        match self.by_holder.get_mut(holder) {
            Some(held) => *held = held.saturating_add(amount),
            None => drop(self.by_holder.insert(holder.clone(), amount)),
        }
    }
}

impl<K: Ord + Clone> Place<K> {
    /// Counts what is held by now instead, whether there is room or not.
    pub fn recount(&mut self, amount: u64) {
        if amount > self.amount {
            self.pool.count(&self.holder, amount - self.amount);
        } else {
            self.pool.give(&self.holder, self.amount - amount);
        }
        self.amount = amount;
    }

    /// The same, if there is room for what is more.
    ///
    /// # Errors
    /// There is not so much for this holder: what was counted still is.
    pub fn resize(&mut self, class: Class, amount: u64) -> Result<(), Full> {
        if amount > self.amount {
            self.pool.take(class, &self.holder, amount - self.amount)?;
            self.amount = amount;
        } else {
            self.recount(amount);
        }
        Ok(())
    }
}

impl<K: Ord> Drop for Place<K> {
    fn drop(&mut self) {
        self.pool.give(&self.holder, self.amount);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_and_its_holder_is_forgotten() {
        let pool = Pool::new(Shares::new(8));
        let places: Vec<_> = (0..3).map(|_| pool.place(Class::Ordinary, "a").unwrap()).collect();
        assert_eq!(pool.place(Class::Ordinary, "a").unwrap_err(), Full::Share);
        let other = pool.place(Class::Ordinary, "b").unwrap();
        let system = pool.place(Class::System, "c").unwrap();
        assert_eq!(pool.taken(), 5);
        drop((places, other, system));
        assert_eq!((pool.taken(), pool.lock().by_holder.len()), (0, 0));
    }

    #[test]
    fn a_place_that_is_counted_again_gives_back_what_it_counts_then() {
        let pool = Pool::new(Shares::new(8).without_reserve());
        let mut place = pool.places(Class::Ordinary, "a", 4).unwrap();
        for amount in [1, 7, 0, 9, 9] {
            place.recount(amount);
            assert_eq!(pool.taken(), amount, "what is held counts, room or not");
        }
        assert_eq!(pool.place(Class::Ordinary, "b").unwrap_err(), Full::Pool);
        drop(place);
        assert_eq!((pool.taken(), pool.lock().by_holder.len()), (0, 0));
    }

    #[test]
    fn a_place_grows_as_far_as_there_is_room_and_keeps_what_it_has() {
        let pool = Pool::new(Shares::new(8).without_reserve());
        let mut place = pool.places(Class::Ordinary, "a", 1).unwrap();
        for (amount, refused) in [(4, None), (5, Some(Full::Share)), (9, Some(Full::Pool))] {
            assert_eq!(place.resize(Class::Ordinary, amount).err(), refused, "{amount}");
            assert_eq!(pool.taken(), 4);
        }
        // What has its share all the same is not asked for more.
        let other = pool.places(Class::Ordinary, "b", 2).unwrap();
        assert_eq!(place.resize(Class::Ordinary, 4), Ok(()));
        assert_eq!(place.resize(Class::Ordinary, 1), Ok(()));
        assert_eq!(pool.taken(), 3);
        drop((place, other));
        assert_eq!((pool.taken(), pool.lock().by_holder.len()), (0, 0));
    }
}
