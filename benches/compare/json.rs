//! Every sample, for plots and comparisons.

use serde_json::{Value, json};

use crate::machine::Machine;
use crate::options::Options;
use crate::peers::Found;
use crate::report::{Outcome, Row};
use crate::workload::Workload;

pub(crate) fn document(
    options: &Options,
    machine: &Machine,
    found: &Found,
    outcomes: &[(&Workload, Outcome)],
) -> String {
    let machine: serde_json::Map<String, Value> = machine
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    let servers: serde_json::Map<String, Value> = found
        .peers
        .iter()
        .map(|peer| (peer.name.to_owned(), json!(peer.version)))
        .collect();
    let workloads: Vec<Value> = outcomes
        .iter()
        .map(|(of, outcome)| workload(of, outcome))
        .collect();
    let document = json!({
        "machine": machine,
        "servers": servers,
        "missing": found.missing,
        "rounds": options.rounds,
        "seconds": options.seconds,
        "workloads": workloads,
    });
    format!("{document:#}\n")
}

fn workload(workload: &Workload, outcome: &Outcome) -> Value {
    let left_out: Vec<Value> = outcome
        .left_out
        .iter()
        .map(|(server, reason)| json!({ "server": server, "reason": reason }))
        .collect();
    json!({
        "name": workload.name,
        "about": workload.about(),
        "unit": workload.drive.unit(),
        "more_is_better": workload.drive.more_is_better(),
        "servers": outcome.rows.iter().map(server).collect::<Vec<_>>(),
        "left_out": left_out,
    })
}

fn server(row: &Row) -> Value {
    let samples = row.samples.iter().map(|sample| match sample {
        Ok(sample) => json!({
            "value": sample.value,
            "cpu_seconds": sample.cpu,
            "p50_ms": sample.p50,
            "p99_ms": sample.p99,
        }),
        Err(reason) => json!({ "failed": reason }),
    });
    json!({
        "name": row.label,
        "samples": samples.collect::<Vec<_>>(),
        "peak_kib": row.after.peak_kib,
        "after_kib": row.after.resident_kib,
    })
}
