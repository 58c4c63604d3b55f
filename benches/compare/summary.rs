//! What all the tables say together.

use std::fmt::Write;

use crate::machine;
use crate::recipe::LIMIT;
use crate::report::{Outcome, Row, ahead, nothing, number, optional, ratio_text};
use crate::workload::{Series, Workload};

type Outcomes<'a> = [(&'a Workload, Outcome)];

pub(crate) fn all(outcomes: &Outcomes<'_>) -> String {
    let mut text = verdicts(outcomes);
    for (series, title) in [
        (Series::Connections, "connections"),
        (Series::Size, "size of the file in bytes"),
        (Series::Names, "names in the directory"),
    ] {
        text.push_str(&growth(outcomes, series, title));
    }
    text.push_str(&left_out(outcomes));
    if let Some(load) = machine::load_average() {
        let _ = writeln!(text, "\nLoad average after: {load}.");
    }
    text
}

/// One line a workload: is the base ahead of the best of the others?
fn verdicts(outcomes: &Outcomes<'_>) -> String {
    let mut text = String::from(
        "## Summary\n\n| workload | server | unit | median | closest peer | ahead of it \
         | share of the limit | share of the ceiling | p99 ms | nginx's p99 ms |\n\
         |---|---|---|---:|---|---:|---:|---:|---:|---:|\n",
    );
    for (workload, outcome) in outcomes {
        let Some(base) = outcome.base() else { continue };
        let closest = peers(outcome, base)
            .filter_map(|row| Some((row, ahead(workload, base, row)?)))
            .min_by(|(_, one), (_, other)| one.total_cmp(other));
        let ceilings = outcome.rows.iter().filter(|row| row.ceiling);
        let (limit, unbound): (Vec<&Row>, Vec<&Row>) = ceilings.partition(|row| row.label == LIMIT);
        let share = |of: Vec<&Row>| {
            let shares = of.into_iter().filter_map(|row| ahead(workload, base, row));
            shares.min_by(f64::total_cmp)
        };
        let nginx = outcome.rows.iter().find(|row| row.label == "nginx");
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            workload.name,
            base.label,
            workload.drive.unit(),
            optional(base.values().map(|values| values.median), number),
            closest.map_or_else(nothing, |(row, _)| row.label.clone()),
            optional(closest.map(|(_, ratio)| ratio), ratio_text),
            optional(share(limit), ratio_text),
            optional(share(unbound), ratio_text),
            optional(base.p99(), number),
            optional(nginx.and_then(Row::p99), number),
        );
    }
    text
}

/// Rates and costs along one axis, a column a server: `rate (CPU µs)`.
fn growth(outcomes: &Outcomes<'_>, series: Series, title: &str) -> String {
    let mut points: Vec<(u64, &Workload, &Outcome)> = Vec::new();
    for (workload, outcome) in outcomes {
        let here = workload.points.iter().filter(|(of, _)| *of == series);
        points.extend(here.map(|(_, at)| (*at, *workload, outcome)));
    }
    points.sort_by_key(|(at, _, _)| *at);
    if points.len() < 2 {
        return String::new();
    }
    let mut labels: Vec<&str> = Vec::new();
    for row in points.iter().flat_map(|(_, _, outcome)| &outcome.rows) {
        if !labels.contains(&row.label.as_str()) {
            labels.push(&row.label);
        }
    }
    let mut text = format!("\n### Growth with {title}\n\n| {title} | unit |");
    for label in &labels {
        let _ = write!(text, " {label} |");
    }
    text.push_str("\n|---:|---|");
    text.push_str(&"---:|".repeat(labels.len()));
    text.push('\n');
    for (at, workload, outcome) in points {
        let (cost, parts) = workload.drive.cost_unit();
        let _ = write!(
            text,
            "| {} | {} ({cost}) |",
            whole(at),
            workload.drive.unit()
        );
        for label in &labels {
            let row = outcome.rows.iter().find(|row| row.label == *label);
            let rate = row.and_then(Row::values).map(|values| values.median);
            let cpu = row.and_then(Row::cpu).map(|cpu| cpu * parts);
            let _ = write!(
                text,
                " {} ({}) |",
                optional(rate, number),
                optional(cpu, number)
            );
        }
        text.push('\n');
    }
    text
}

fn left_out(outcomes: &Outcomes<'_>) -> String {
    let mut text = String::new();
    for (workload, outcome) in outcomes {
        let failed = outcome.rows.iter().filter(|row| row.failed());
        let failed = failed.map(|row| (row.label.clone(), "failed".to_owned()));
        for (label, reason) in outcome.left_out.iter().cloned().chain(failed) {
            let _ = writeln!(text, "- {}: {label} ({reason})", workload.name);
        }
    }
    if text.is_empty() {
        text
    } else {
        format!("\n### Left out or failed\n\n{text}")
    }
}

/// The servers that the base is compared with.
fn peers<'a>(outcome: &'a Outcome, base: &'a Row) -> impl Iterator<Item = &'a Row> {
    outcome.rows.iter().filter(|row| {
        // The base on another target ("rhttp, whole file") is not a peer.
        !row.ceiling && !row.label.starts_with(&base.label)
    })
}

fn whole(number: u64) -> String {
    if number < 1000 {
        number.to_string()
    } else {
        crate::report::number(number as f64)
    }
}
