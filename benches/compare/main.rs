//! Compares rhttp with every static web server that is installed here, and
//! with a bare ceiling, on one tree of files.
//!
//! `cargo bench --bench compare -- --help` tells how; `benches/README.md` tells
//! what each workload is and how to read the tables.
//!
//! The straight line: for each workload, start every server that can do it,
//! check that each answers rightly, drive them in turn for some rounds, print
//! the table, end them.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what a benchmark prints is its result"
)]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts and times become figures of three digits"
)]

mod between;
mod ceiling;
mod certificate;
mod check;
mod client;
mod configured;
mod credible;
mod facts;
mod fallible;
mod flags;
mod guard;
mod handshakes;
mod installed;
mod json;
mod machine;
mod measure;
mod options;
mod origin;
mod peers;
mod recipe;
mod recipes;
mod report;
mod server;
mod setting;
mod statistics;
mod summary;
mod target;
mod transfer;
mod tree;
mod user;
mod workload;
mod workloads;
mod wrk;

use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;
use std::{env, fs};

use certificate::Certificate;
use fallible::Fallible;
use guard::Guard;
use measure::{Contender, Entry};
use options::Options;
use peers::{Found, Peer};
use report::{Outcome, Row};
use setting::Setting;
use tree::Tree;
use workload::Workload;

/// Long enough for a server to give back the memory and the threads of a load.
const SETTLE: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ended = match words.as_slice() {
        // The benchmark is its own helper program, so one build makes all.
        [ceiling::COMMAND, rest @ ..] => ceiling::run(rest),
        [guard::COMMAND, rest @ ..] => guard::run(rest),
        [] => {
            // `cargo test --all-targets` starts benches too, without a word.
            println!("nothing measured: start it with `cargo bench --bench compare`");
            Ok(())
        }
        words if words.contains(&"--help") || words.contains(&"-h") => {
            println!("{}", options::USAGE);
            Ok(())
        }
        words => match Options::parse(words) {
            Ok(options) => compare(&options),
            Err(message) => {
                eprintln!("compare: {message}\n\n{}", options::USAGE);
                return ExitCode::from(2);
            }
        },
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(options: &Options) -> Fallible<()> {
    let workloads = workloads::chosen(options)?;
    if options.list {
        print!("{}", report::list(&workloads));
        return Ok(());
    }
    let found = peers::find(options)?;
    let machine = machine::describe();
    machine::raise_file_limit();
    user::share();
    let scratch = env::temp_dir().join(format!("rhttp-bench-{}", std::process::id()));
    // Fails when it exists: what is deleted in the end is only what was made.
    fs::create_dir(&scratch)?;
    let guard = Guard::start(&scratch)?;

    let setting = Setting {
        tree: &Tree::new(&scratch.join("tree"))?,
        certificate: &Certificate::make(&scratch.join("tls"))?,
        guard: &guard,
    };
    print!("{}", report::heading(options, &machine, &found, &workloads));
    let mut outcomes = Vec::new();
    for workload in &workloads {
        let place = scratch.join(workload.name);
        let outcome = run(workload, &found, setting, &place, options);
        print!("{}", report::table(workload, &outcome));
        // The logs of a load are large; the next workload begins on an empty disk.
        if place.exists() {
            fs::remove_dir_all(&place)?;
        }
        outcomes.push((workload, outcome));
    }
    print!("{}", summary::all(&outcomes));
    if let Some(file) = &options.json {
        fs::write(file, json::document(options, &machine, &found, &outcomes))?;
    }
    guard.finish()
}

/// One workload from start to table: fresh processes, interleaved rounds.
fn run(
    workload: &Workload,
    found: &Found,
    setting: Setting<'_>,
    place: &Path,
    options: &Options,
) -> Outcome {
    let mut outcome = Outcome::default();
    if let Some(reason) = machine::cannot(workload) {
        outcome.leave_out("all", &reason);
        return outcome;
    }
    if let Err(error) = setting.tree.prepare(workload) {
        outcome.leave_out("all", &error.to_string());
        return outcome;
    }
    eprintln!("{}: starting", workload.name);
    let mut contenders = contenders(workload, found, setting, place, &mut outcome);
    for round in 0..options.rounds {
        // Nobody is always first, or always after the same neighbour.
        let start = round.checked_rem(contenders.len()).unwrap_or(0);
        contenders.rotate_left(start);
        for contender in &mut contenders {
            contender.take_turn(options.seconds);
            let progress = report::progress(round, contender);
            eprintln!("{}: {progress}", workload.name);
        }
        contenders.rotate_right(start);
    }
    if !contenders.is_empty() {
        thread::sleep(SETTLE);
    }
    outcome.rows = contenders.into_iter().map(Row::new).collect();
    outcome
}

/// The servers that are installed, can do this workload, and do it rightly.
/// The others are named with their reason.
fn contenders<'a>(
    workload: &'a Workload,
    found: &'a Found,
    setting: Setting<'a>,
    place: &Path,
    outcome: &mut Outcome,
) -> Vec<Contender<'a>> {
    let base: Option<&Peer> = found.peers.first();
    let suiting = found.peers.iter().filter(|peer| peer.suits(workload));
    let whole = suiting.map(|peer| Entry {
        label: peer.name.to_owned(),
        peer,
        target: &workload.target,
        mode: workload.mode,
    });
    let beside = workload.beside.iter().filter_map(|beside| {
        let peer = base?;
        Some(Entry {
            label: format!("{}, {}", peer.name, beside.label),
            peer,
            target: &beside.target,
            mode: beside.mode,
        })
    });
    let mut contenders = Vec::new();
    for entry in whole.chain(beside) {
        let label = entry.label.clone();
        let place = place.join(label.replace([',', ' '], "-"));
        match Contender::start(entry, workload, setting, &place) {
            Ok(contender) => contenders.push(contender),
            Err(reason) => outcome.leave_out(&label, &reason),
        }
    }
    contenders
}
