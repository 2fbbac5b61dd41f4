//! What is printed: for people, and as one line of JSON for each benchmark.
//! It decides the form only; it must never leave out failures, durability or the loop that a
//! latency is from.

use serde_json::{Value, json};

use crate::baseline::{Baseline, Rate};
use crate::bench::{Case, Figures};
use crate::drive::Tally;
use crate::environment::Role;

/// Prints one benchmark.
pub(crate) fn benchmark(case: &Case, figures: &Figures, baselines: &[Baseline]) {
    let (open_rate, open) = &figures.open;
    println!("\n{}: {}", case.benchmark, case.what);
    println!("  clients      {}", figures.clients);
    println!("  durability   {}", case.durability);
    println!("  closed loop  {}", loop_line(figures.rate(), &figures.closed));
    println!("  open loop    {}", loop_line(*open_rate, open));
    println!("  per CPU s    {}", cpu_line(figures));
    println!("  CPU          {}", spent_line(figures));
    for (baseline, rate) in baselines.iter().zip(&figures.baselines) {
        println!("  baseline     {}", baseline_line(baseline, rate));
        println!("  ratio        {}", ratio_line(case, figures, baseline, rate));
    }
    for (name, tally) in [("closed", &figures.closed), ("open", open)] {
        if let Some(why) = &tally.why {
            println!("  FAILED       {} in the {name} loop, the first: {why}", tally.failed);
        }
    }
    println!("{}", line(case, figures, baselines));
}

fn loop_line(rate: f64, tally: &Tally) -> String {
    let ms = |quantile| tally.latency_us.value_at_quantile(quantile) as f64 / 1_000.0;
    format!("{:>9} /s   p50 {:>8.2} ms   p99 {:>8.2} ms", whole(rate), ms(0.5), ms(0.99))
}

fn cpu_line(figures: &Figures) -> String {
    let show = |seconds| figures.per_cpu(seconds).map_or("-".to_owned(), whole);
    let mut line = format!("{} in sum", show(figures.used.servers()));
    for role in Role::ALL {
        line += &format!(" · {} {}", role.name(), show(figures.used.of(role)));
    }
    line
}

fn spent_line(figures: &Figures) -> String {
    let us = |seconds| figures.cpu_us(seconds);
    let (all, registry) = (us(figures.used.servers()), us(figures.used.of(Role::Registry)));
    format!("{all:.1} us each in all servers · registry {registry:.1} us")
}

fn baseline_line(baseline: &Baseline, rate: &Rate) -> String {
    let per_cpu = baseline.per_cpu();
    let unit = if per_cpu { "per CPU second" } else { "per second" };
    let mut line = format!("{} {unit}: {}", whole(rate.rate(per_cpu)), baseline.name());
    if let Some(latency) = &rate.latency {
        line += &format!("\n               {}", loop_line(rate.rate(false), latency));
        let us = rate.cpu_us().unwrap_or_default();
        line += &format!("   CPU {us:.1} us each over its members");
    }
    line
}

fn ratio_line(case: &Case, figures: &Figures, baseline: &Baseline, rate: &Rate) -> String {
    let unit = if baseline.per_cpu() { "per CPU second" } else { "per second" };
    let held = if baseline.per_cpu() { case.against.name() } else { "all" };
    let ratio = figures.ratio(case, baseline, rate);
    let ratio = ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.3}"));
    format!("{ratio} ({unit}, {held})")
}

/// Every figure under a name that says its unit; latencies in microseconds.
fn line(case: &Case, figures: &Figures, baselines: &[Baseline]) -> Value {
    let cpu = |role: Role| (role.name().replace(' ', "_"), json!(figures.used.of(role)));
    let baselines = baselines.iter().zip(&figures.baselines);
    let baseline = |(baseline, rate): (&Baseline, &Rate)| {
        json!({
            "what": baseline.name(),
            "rate": rate.rate(baseline.per_cpu()),
            "per_cpu": baseline.per_cpu(),
            "cpu_us": rate.cpu_us(),
            "latency": rate.latency.as_ref().map(latency),
            "ratio": figures.ratio(case, baseline, rate),
        })
    };
    json!({
        "work": case.benchmark,
        "what": case.what,
        "durability": case.durability,
        "clients": figures.clients,
        "per_second": figures.rate(),
        "closed": latency(&figures.closed),
        "open_per_second": figures.open.0,
        "open": latency(&figures.open.1),
        "per_cpu_second": figures.per_cpu(figures.used.servers()),
        "cpu_us": figures.cpu_us(figures.used.servers()),
        "cpu_seconds": Role::ALL.map(cpu).into_iter().collect::<serde_json::Map<_, _>>(),
        "baselines": baselines.map(baseline).collect::<Vec<_>>(),
    })
}

fn latency(tally: &Tally) -> Value {
    let at = |quantile| tally.latency_us.value_at_quantile(quantile);
    json!({ "done": tally.done(), "failed": tally.failed, "p50_us": at(0.5), "p99_us": at(0.99) })
}

/// Whole numbers with separators: figures of a shared machine have no more digits than that.
pub(crate) fn whole(figure: f64) -> String {
    // Saturates, and a figure is never negative.
    let digits = (figure.round() as u64).to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        for (figure, expected) in
            [(0.4, "0"), (999.6, "1,000"), (1_234_567.0, "1,234,567"), (12.0, "12")]
        {
            assert_eq!(whole(figure), expected);
        }
    }
}
