//! The score of a peer: how evidence fades, and what the rest is worth (formula version 1).
//!
//! Evidence is that of a Beta distribution: units of good and of bad conduct, counted in millionths (Jøsang & Ismail,
//! "The Beta Reputation System", 2002). It halves each day, so that what a peer was does not excuse what it is. The score
//! is the lower bound of the Wilson 95 % interval (Wilson, 1927) of good among all: few events are worth little, so that
//! a fresh name never beats an old one (Friedman & Resnick, "The Social Cost of Cheap Pseudonyms", 2001) and many names
//! of one owner gain nothing together (Cheng & Friedman, 2005).
//!
//! It uses integers alone, so that members on any machine compute the same numbers. More good or less bad conduct never
//! lowers the score, and a minute never counts for more than its bound.

use serde::{Deserialize, Serialize};

/// Names all of this file. Another formula is another number, so that who reads an explanation knows which one it was.
pub const FORMULA: u32 = 1;

/// One event.
pub const UNIT: u64 = 1_000_000;

/// What one window of one reporter counts for at most: a flood says no more than a steady caller.
pub const WINDOW_UNITS_MAX: u64 = 10;

/// Less than a hundredth of one event is nothing, and need not be kept: it moves no score by a thousandth.
const NOTHING: u64 = UNIT / 100;

/// Minutes in which evidence halves.
const HALF_LIFE_MINUTES: u64 = 1_440;

/// `2^(-2^k / 1440)` in units of 2^-64, rounded down; one factor for each bit of the minutes of a day.
const FACTORS: [u64; 11] = [
    0xffe0_7631_7f69_aa3a,
    0xffc0_f045_a905_2511,
    0xff81_f014_10b8_776f,
    0xff04_1e3b_cead_f8c4,
    0xfe09_344c_1b2f_1d70,
    0xfc16_441b_bdfa_6965,
    0xf83b_d806_64e8_6678,
    0xf0b4_0089_acbf_941a,
    0xe251_ff92_e582_6d24,
    0xc814_e183_1755_7ec1,
    0x9c60_a210_d798_ed8f,
];

/// z of the 95 % interval is 1.96; these are `z^2 / 4`, `z^2 / 2` and `z^2` in millionths, exactly.
const Z2_BY_4: u64 = 960_400;
const Z2_BY_2: u64 = 1_920_800;
const Z2: u64 = 3_841_600;
/// z in hundredths.
const Z_CENTI: u64 = 196;

/// Good and bad conduct, in millionths of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Of good conduct.
    pub good: u64,
    /// Of bad conduct.
    pub bad: u64,
}

/// A score in millionths: 0 for nobody knows, below 1,000,000 always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Score(pub u32);

/// A score with the steps that lead to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Working {
    /// What it is made of.
    pub evidence: Evidence,
    /// `sqrt(good * bad / (good + bad) + z^2 / 4)`, in millionths, rounded down.
    pub root: u64,
    /// `(good + z^2 / 2 - z * root) / (good + bad + z^2)`.
    pub score: Score,
}

impl Evidence {
    /// What so many events of one window are worth: their ratio is kept where there are more than a window counts for.
    #[must_use]
    pub fn of(good: u32, bad: u32) -> Self {
        let (good, bad) = (u64::from(good), u64::from(bad));
        let all = good + bad;
        if all <= WINDOW_UNITS_MAX {
            return Self { good: good * UNIT, bad: bad * UNIT };
        }
        let whole = WINDOW_UNITS_MAX * UNIT;
        // At most 2^32 events by less than 2^24: it fits.
        let good = good * whole / all;
        Self { good, bad: whole - good }
    }

    /// What is left of it after so many minutes; nothing once it is next to nothing.
    #[must_use]
    pub fn after(self, minutes: u64) -> Self {
        let left = Self { good: faded(self.good, minutes), bad: faded(self.bad, minutes) };
        if left.total() < NOTHING { Self::default() } else { left }
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let (good, bad) =
            (self.good.saturating_add(other.good), self.bad.saturating_add(other.bad));
        Self { good, bad }
    }

    /// Good and bad.
    #[must_use]
    pub fn total(self) -> u64 {
        self.good.saturating_add(self.bad)
    }

    /// A number of whole days after which [`Evidence::after`] leaves nothing, and never anything again.
    #[must_use]
    pub fn days_to_nothing(self) -> u64 {
        let bits = |number: u64| u64::from(u64::BITS - number.leading_zeros());
        // Whole days only shift, and a part of a day makes it less: `total >> days` is an upper bound.
        let least = bits(self.total()).saturating_sub(bits(NOTHING));
        if self.total() >> least < NOTHING { least } else { least + 1 }
    }

    /// Its score, with the steps.
    #[must_use]
    pub fn working(self) -> Working {
        let (good, bad, all) =
            (u128::from(self.good), u128::from(self.bad), u128::from(self.total()));
        if all == 0 {
            return Working::default();
        }
        let unit = u128::from(UNIT);
        let root = ((good * bad / all + u128::from(Z2_BY_4)) * unit).isqrt();
        let taken = (u128::from(Z_CENTI) * root).div_ceil(100);
        let least = (good + u128::from(Z2_BY_2)).saturating_sub(taken);
        let score = least * unit / (all + u128::from(Z2));
        let score = u32::try_from(score).expect("at most all of it is good: below 1,000,000");
        let root = u64::try_from(root).expect("the root of less than 2^84 is less than 2^42");
        Working { evidence: self, root, score: Score(score) }
    }
}

impl Score {
    /// Whether it reaches so many tenths.
    #[must_use]
    pub fn reaches(self, tenths: u8) -> bool {
        u64::from(self.0) * 10 >= u64::from(tenths) * UNIT
    }
}

/// `value * 2^(-minutes / 1440)`, rounded down at each factor.
fn faded(value: u64, minutes: u64) -> u64 {
    let (days, rest) = (minutes / HALF_LIFE_MINUTES, minutes % HALF_LIFE_MINUTES);
    let halved = u32::try_from(days).ok().and_then(|days| value.checked_shr(days)).unwrap_or(0);
    let bits = FACTORS.iter().enumerate().filter(|(bit, _)| (rest >> bit) & 1 == 1);
    bits.fold(halved, |value, (_, factor)| {
        let product = u128::from(value) * u128::from(*factor);
        u64::try_from(product >> 64).expect("a factor below one makes no number larger")
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn score(good: u64, bad: u64) -> f64 {
        let evidence = Evidence { good: good * UNIT, bad: bad * UNIT };
        f64::from(evidence.working().score.0) / 1e6
    }

    #[test]
    fn the_scores_are_those_of_the_table() {
        let table = [
            ((0, 0), 0.0),
            ((0, 100), 0.0),
            ((1, 0), 0.2065),
            ((10, 0), 0.7225),
            ((100, 0), 0.9630),
            ((99, 1), 0.9455),
            ((50, 50), 0.4038),
            ((20_775, 0), 0.9998),
        ];
        for ((good, bad), expected) in table {
            assert!(
                (score(good, bad) - expected).abs() < 5e-5,
                "{good} {bad}: {}",
                score(good, bad)
            );
        }
    }

    #[test]
    fn a_tenth_is_reached_exactly() {
        assert!(Score(700_000).reaches(7) && !Score(699_999).reaches(7));
        assert!(Score(0).reaches(0) && !Score(999_999).reaches(10));
    }

    #[test]
    fn each_factor_is_the_square_of_the_one_before() {
        let half = (u128::from(FACTORS[10]) * u128::from(FACTORS[8])) >> 64;
        let half = (half * u128::from(FACTORS[7])) >> 64;
        let half = (half * u128::from(FACTORS[5])) >> 64;
        assert!((1_u128 << 63).abs_diff(half) < 8, "1024 + 256 + 128 + 32 minutes are a day");
        for pair in FACTORS.windows(2) {
            let square = (u128::from(pair[0]) * u128::from(pair[0])) >> 64;
            assert!(square.abs_diff(u128::from(pair[1])) < 4, "{pair:x?}");
        }
    }

    #[test]
    fn a_window_counts_for_ten_at_most_and_keeps_its_ratio() {
        assert_eq!(Evidence::of(3, 1), Evidence { good: 3 * UNIT, bad: UNIT });
        assert_eq!(Evidence::of(30, 10), Evidence { good: 7_500_000, bad: 2_500_000 });
        assert_eq!(Evidence::of(u32::MAX, u32::MAX).total(), 10 * UNIT);
        assert_eq!(Evidence::of(0, u32::MAX), Evidence { good: 0, bad: 10 * UNIT });
    }

    proptest! {
        /// Caught: a factor of the table with a digit changed.
        #[test]
        fn it_halves_each_day(value in 1_000_000_u64..100_000_000_000, minutes in 0_u64..20_000) {
            let expected = value as f64 * (-(minutes as f64) / 1_440.0).exp2();
            prop_assert!((faded(value, minutes) as f64 - expected).abs() < 12.0);
        }

        /// Caught: `days_to_nothing` without the `+ 1`.
        #[test]
        fn what_has_faded_to_nothing_stays_nothing(
            good in 0_u64..1 << 40, bad in 0_u64..1 << 40, more in 0_u64..10_000,
        ) {
            let evidence = Evidence { good, bad };
            let days = evidence.days_to_nothing();
            prop_assert_eq!(evidence.after(days * HALF_LIFE_MINUTES + more), Evidence::default());
            let before = days.saturating_sub(2) * HALF_LIFE_MINUTES;
            prop_assert!(days < 2 || evidence.after(before).total() > 0, "it is not dropped days too early");
        }

        #[test]
        fn less_good_or_more_bad_never_scores_more(
            good in 0_u64..1 << 36, bad in 0_u64..1 << 36, more in UNIT..1 << 36,
        ) {
            let score = |good, bad| Evidence { good, bad }.working().score;
            prop_assert!(score(good, bad) <= score(good + more, bad));
            prop_assert!(score(good, bad + more) <= score(good, bad));
            prop_assert!(score(good, bad) < Score(1_000_000));
        }
    }
}
