//! The tables, in Markdown.

use std::fmt::Write;

use crate::check::Close;
use crate::machine::Machine;
use crate::measure::{Contender, Sample};
use crate::options::Options;
use crate::peers::Found;
use crate::recipe::OURS;
use crate::server::Usage;
use crate::statistics::{Spread, median, spread};
use crate::target::Version;
use crate::workload::Workload;

/// What a server may still keep in its log's buffer, beside one in a hundred.
const LATE_LINES: u64 = 200;
/// A server that takes more of a processor than this while others are measured makes them look
/// worse.
const RESTLESS: f64 = 0.05;
const NOTHING: &str = "–";

/// What came of one workload.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) rows: Vec<Row>,
    pub(crate) left_out: Vec<(String, String)>,
}

/// What came of one server in it.
pub(crate) struct Row {
    pub(crate) label: String,
    pub(crate) ceiling: bool,
    pub(crate) samples: Vec<Result<Sample, String>>,
    pub(crate) after: Usage,
    notes: Vec<String>,
}

impl Outcome {
    pub(crate) fn leave_out(&mut self, label: &str, reason: &str) {
        self.left_out.push((label.to_owned(), reason.to_owned()));
    }

    /// The server that the others are compared with: rhttp, or else the first.
    pub(crate) fn base(&self) -> Option<&Row> {
        let ours = self.rows.iter().find(|row| row.label == OURS);
        ours.or(self.rows.first())
    }
}

impl Row {
    pub(crate) fn new(contender: Contender<'_>) -> Self {
        let mut notes = Vec::new();
        match contender.checked.close {
            Close::Announced if !contender.asks_to_close() => {
                notes.push("closes each connection".to_owned());
            }
            Close::Silent => notes.push("closes each connection without saying so".to_owned()),
            Close::Announced | Close::Never => {}
        }
        if contender.checked.request.version == Version::Http10 {
            notes.push("asked in HTTP/1.0".to_owned());
        }
        let samples = contender.samples.iter().flatten();
        let answers: u64 = samples.map(|sample| sample.answers).sum();
        let lines = contender.logged_lines();
        if !contender.peer.is_ceiling() && lines + answers / 100 + LATE_LINES < answers {
            notes.push(format!("{lines} lines of log for {answers} answers"));
        }
        let failed: Vec<&String> = contender
            .samples
            .iter()
            .filter_map(|sample| sample.as_ref().err())
            .collect();
        if let Some(why) = failed.first() {
            notes.push(format!(
                "{} of {} rounds not counted: {why}",
                failed.len(),
                contender.samples.len()
            ));
        }
        let busy = contender.busy_between();
        if busy > RESTLESS {
            notes.push(format!(
                "takes {:.0} % of a processor while others are measured",
                busy * 100.0
            ));
        }
        Self {
            after: contender.usage(),
            ceiling: contender.peer.is_ceiling(),
            notes,
            label: contender.label,
            samples: contender.samples,
        }
    }

    /// Half the rounds must be good; else there is no figure at all.
    pub(crate) fn failed(&self) -> bool {
        let good = self.samples.iter().filter(|sample| sample.is_ok()).count();
        good == 0 || good * 2 < self.samples.len()
    }

    pub(crate) fn values(&self) -> Option<Spread> {
        spread(self.good().map(|sample| sample.value)).filter(|_| !self.failed())
    }

    pub(crate) fn cpu(&self) -> Option<f64> {
        median(self.good().filter_map(|sample| sample.cpu)).filter(|_| !self.failed())
    }

    pub(crate) fn p50(&self) -> Option<f64> {
        median(self.good().filter_map(|sample| sample.p50)).filter(|_| !self.failed())
    }

    pub(crate) fn p99(&self) -> Option<f64> {
        median(self.good().filter_map(|sample| sample.p99)).filter(|_| !self.failed())
    }

    fn good(&self) -> impl Iterator<Item = &Sample> {
        self.samples
            .iter()
            .filter_map(|sample| sample.as_ref().ok())
    }
}

/// How far `base` is ahead of `other`: the median of the rounds' own ratios, so
/// that a machine that slows down for a while slows both. Above 1, `base` is
/// better, whatever the unit.
pub(crate) fn ahead(workload: &Workload, base: &Row, other: &Row) -> Option<f64> {
    if base.failed() || other.failed() {
        return None;
    }
    let pairs = base.samples.iter().zip(&other.samples);
    let ratios = pairs.filter_map(|pair| match pair {
        (Ok(base), Ok(other)) if workload.drive.more_is_better() => Some(base.value / other.value),
        (Ok(base), Ok(other)) => Some(other.value / base.value),
        _ => None,
    });
    median(ratios.filter(|ratio| ratio.is_finite()))
}

pub(crate) fn list(workloads: &[Workload]) -> String {
    let mut text = String::new();
    for workload in workloads {
        let _ = writeln!(text, "{:20} {}", workload.name, workload.about());
    }
    text
}

pub(crate) fn heading(
    options: &Options,
    machine: &Machine,
    found: &Found,
    workloads: &[Workload],
) -> String {
    let mut text = String::from("# Static web servers compared\n\n| machine | |\n|---|---|\n");
    for (name, value) in machine {
        let _ = writeln!(text, "| {name} | {value} |");
    }
    let _ = writeln!(text, "\n| server | version |\n|---|---|");
    for peer in &found.peers {
        let _ = writeln!(text, "| {} | {} |", peer.name, peer.version);
    }
    for name in &found.missing {
        let _ = writeln!(text, "| {name} | left out: not installed |");
    }
    // Each sample takes a second beside the load, each workload some to set up.
    let samples = (options.rounds * found.peers.len() * workloads.len()) as u64;
    let seconds = samples * (options.seconds + 1) + 8 * workloads.len() as u64;
    let _ = writeln!(
        text,
        "\n{} rounds, loads of {} s, at most {} workloads on {} servers: about {} minutes.\n",
        options.rounds,
        options.seconds,
        workloads.len(),
        found.peers.len(),
        seconds / 60 + 1
    );
    text
}

pub(crate) fn progress(round: usize, contender: &Contender<'_>) -> String {
    let value = match contender.samples.last() {
        Some(Ok(sample)) => number(sample.value),
        Some(Err(reason)) => reason.clone(),
        None => NOTHING.to_owned(),
    };
    format!("round {}, {}: {value}", round + 1, contender.label)
}

pub(crate) fn table(workload: &Workload, outcome: &Outcome) -> String {
    let mut text = format!("## {}: {}\n\n", workload.name, workload.about());
    if let Some(base) = outcome.base() {
        let (cost, parts) = workload.drive.cost_unit();
        let _ = writeln!(
            text,
            "| server | {unit} | spread | {ours} ahead | {cost} | p50 ms | p99 ms \
             | peak MiB | MiB after | note |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---|",
            unit = workload.drive.unit(),
            ours = base.label,
        );
        for row in &outcome.rows {
            let values = row.values();
            let ratio = ahead(workload, base, row).filter(|_| row.label != base.label);
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
                row.label,
                values
                    .as_ref()
                    .map_or_else(|| "failed".to_owned(), |v| number(v.median)),
                values.map_or_else(nothing, |v| format!(
                    "{}–{}",
                    number(v.least),
                    number(v.most)
                )),
                optional(ratio, ratio_text),
                optional(row.cpu().map(|cpu| cpu * parts), number),
                optional(row.p50(), number),
                optional(row.p99(), number),
                mebibytes(row.after.peak_kib),
                mebibytes(row.after.resident_kib),
                row.notes.join("; "),
            );
        }
    }
    if !outcome.left_out.is_empty() {
        let named: Vec<String> = outcome
            .left_out
            .iter()
            .map(|(label, reason)| format!("{label} ({reason})"))
            .collect();
        let _ = writeln!(text, "\nLeft out: {}.", named.join(", "));
    }
    text.push('\n');
    text
}

/// Three digits, or thousands with a comma.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 => {
            let whole = value.round() as u64;
            let thousands = whole / 1000;
            let rest = whole % 1000;
            if thousands < 1000 {
                format!("{thousands},{rest:03}")
            } else {
                format!("{},{rest:03}", number(thousands as f64))
            }
        }
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

pub(crate) fn ratio_text(ratio: f64) -> String {
    format!("{}×", number(ratio))
}

pub(crate) fn optional(value: Option<f64>, shown: fn(f64) -> String) -> String {
    value.map_or_else(nothing, shown)
}

pub(crate) fn nothing() -> String {
    NOTHING.to_owned()
}

fn mebibytes(kib: u64) -> String {
    // Where there is no /proc, nothing is known.
    if kib == 0 {
        nothing()
    } else {
        format!("{:.1}", kib as f64 / 1024.0)
    }
}
