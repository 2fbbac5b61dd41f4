//! What is printed: for people, and as one line of JSON for each benchmark.
//! It decides the form only; it must never leave out failures, durability or the loop that a
//! latency is from.

use serde_json::{Map, Value, json};

use crate::baseline::{Baseline, Rate};
use crate::bench::{Case, Figures};
use crate::drive::Tally;
use crate::usage::Role;

/// Prints one benchmark.
pub(crate) fn benchmark(case: &Case, figures: &Figures, baselines: &[&mut Baseline]) {
    let (open_rate, open) = &figures.open;
    println!("\n{}: {}", case.benchmark, case.what);
    println!("  clients      {}", figures.clients);
    println!("  durability   {}", case.durability);
    println!("  closed loop  {}", loop_line(figures.rate(), &figures.closed));
    println!("  open loop    {}", loop_line(*open_rate, open));
    println!("  per CPU s    {}", cpu_line(figures));
    println!("  CPU          {}", spent_line(figures));
    println!("  switches     {}", switches_line(figures));
    for (baseline, rate) in held_against(figures, baselines) {
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

fn held_against<'a>(
    figures: &'a Figures,
    baselines: &'a [&mut Baseline],
) -> impl Iterator<Item = (&'a Baseline, &'a Rate)> {
    baselines.iter().map(|baseline| &**baseline).zip(&figures.baselines)
}

/// The mean of one client's closed loop is the wall time of a request.
pub(crate) fn loop_line(rate: f64, tally: &Tally) -> String {
    let ms = |quantile| tally.latency_us.value_at_quantile(quantile) as f64 / 1_000.0;
    let (p50, p99, mean) = (ms(0.5), ms(0.99), tally.latency_us.mean() / 1_000.0);
    format!("{:>9} /s   p50 {p50:>8.2} ms   p99 {p99:>8.2} ms   mean {mean:>8.3} ms", whole(rate))
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
    let mut line = format!("{:.1} us each in all servers", us(figures.used.servers()));
    for role in Role::SERVERS {
        line += &format!(" · {} {:.1} us", role.name(), us(figures.used.of(role)));
    }
    line
}

fn switches_line(figures: &Figures) -> String {
    let each = |role| figures.each(figures.used.switches(role));
    let shown = Role::SERVERS.map(|role| format!("{} {:.2}", role.name(), each(role)));
    format!("{} each, voluntary; lost are those of threads that ended", shown.join(" · "))
}

fn baseline_line(baseline: &Baseline, rate: &Rate) -> String {
    let per_cpu = baseline.per_cpu();
    let unit = if per_cpu { "per CPU second" } else { "per second" };
    let mut line = format!("{} {unit}: {}", whole(rate.rate(per_cpu)), baseline.name());
    if let Some(latency) = &rate.latency {
        line += &format!("\n               {}", loop_line(rate.rate(false), latency));
        let us = rate.cpu_us().unwrap_or_default();
        line += &format!("   CPU {us:.1} us each");
    }
    line
}

fn ratio_line(case: &Case, figures: &Figures, baseline: &Baseline, rate: &Rate) -> String {
    let unit = if baseline.per_cpu() { "per CPU second" } else { "per second" };
    let held = if baseline.per_cpu() { case.against.name() } else { "all" };
    let show = |ratio: Option<f64>| ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.3}"));
    let mut line = format!("{} ({unit}, {held})", show(figures.ratio(case, baseline, rate)));
    if let Some(p50) = figures.in_its_p50(rate) {
        let cpu = figures.in_its_cpu(rate).map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
        line += &format!(" · p50 {p50:.2} times its · CPU {cpu} times its");
    }
    line
}

/// Every figure under a name that says its unit; latencies in microseconds.
fn line(case: &Case, figures: &Figures, baselines: &[&mut Baseline]) -> Value {
    let baselines = held_against(figures, baselines)
        .map(|(baseline, rate)| beside(case, figures, baseline, rate))
        .collect::<Vec<_>>();
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
        "cpu_seconds": by_role(|role| figures.used.of(role)),
        "cpu_us_of": by_role(|role| figures.cpu_us(figures.used.of(role))),
        "switches_of": by_role(|role| figures.each(figures.used.switches(role))),
        "baselines": baselines,
    })
}

fn beside(case: &Case, figures: &Figures, baseline: &Baseline, rate: &Rate) -> Value {
    json!({
        "what": baseline.name(),
        "rate": rate.rate(baseline.per_cpu()),
        "per_cpu": baseline.per_cpu(),
        "cpu_us": rate.cpu_us(),
        "latency": rate.latency.as_ref().map(latency),
        "ratio": figures.ratio(case, baseline, rate),
        "p50_ratio": figures.in_its_p50(rate),
        "cpu_ratio": figures.in_its_cpu(rate),
    })
}

fn by_role(figure: impl Fn(Role) -> f64) -> Map<String, Value> {
    Role::ALL.iter().map(|role| (role.name().replace(' ', "_"), json!(figure(*role)))).collect()
}

/// Latencies in microseconds, and how many answers there were.
pub(crate) fn latency(tally: &Tally) -> Value {
    let at = |quantile| tally.latency_us.value_at_quantile(quantile);
    let (p50, p99, mean) = (at(0.5), at(0.99), tally.latency_us.mean());
    json!({
        "done": tally.done(), "failed": tally.failed,
        "p50_us": p50, "p99_us": p99, "mean_us": mean,
    })
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
