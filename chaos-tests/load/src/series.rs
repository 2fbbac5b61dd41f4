//! How the cost of one request grows with a size: the exponent between the first and the last point. Whether it may grow so
//! much is for the reader to judge.

use anyhow::Result;
use serde_json::json;

use crate::report::whole;

/// One size and what a request cost there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    /// The size, in the series' unit.
    pub(crate) size: usize,
    /// CPU time of the registry for one request, in microseconds.
    pub(crate) cost_us: f64,
}

/// Prints a series and its exponent.
///
/// # Errors
/// There are not two points of different sizes.
pub(crate) fn print(what: &str, unit: &str, points: &[Point]) -> Result<()> {
    let exponent = exponent(points).ok_or_else(|| anyhow::anyhow!("{what}: no series"))?;
    println!("\nsize series: {what}");
    for point in points {
        println!(
            "  {:>9} {unit}   {:>8.1} us of registry CPU each",
            whole(point.size as f64),
            point.cost_us
        );
    }
    println!("  exponent {exponent:.2}  (0: the cost does not grow; 1: it grows as the size does)");
    let points: Vec<_> = points.iter().map(|point| json!([point.size, point.cost_us])).collect();
    println!("{}", json!({ "series": what, "unit": unit, "points": points, "exponent": exponent }));
    Ok(())
}

/// e of cost = c * size^e through the first and the last point.
fn exponent(points: &[Point]) -> Option<f64> {
    let (first, last) = (points.first()?, points.last()?);
    let grown = (last.size as f64 / first.size as f64).ln();
    (grown > 0.0).then(|| (last.cost_us / first.cost_us).ln() / grown)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_exponent_is_that_of_the_power_law() {
        let point = |size, cost_us| Point { size, cost_us };
        let of = |points: &[Point]| (exponent(points).unwrap() * 100.0).round();
        assert_eq!(of(&[point(10, 5.0), point(100, 5.0)]), 0.0);
        assert_eq!(of(&[point(10, 5.0), point(100, 50.0)]), 100.0);
        assert_eq!(of(&[point(10, 5.0), point(50, 60.0), point(1_000, 500.0)]), 100.0);
        assert!(exponent(&[point(10, 5.0)]).is_none());
        assert!(exponent(&[]).is_none());
    }
}
