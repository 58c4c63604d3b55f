//! The same requests, the same answers: rhttp against CPython 3.12.
//!
//! `tests/parity/rows.jsonl` holds what CPython answered, byte for byte, and what it logged. Here
//! every row is sent to rhttp. Where a CPython 3.12 is found, both also run side by side, on the
//! rows and on random requests.

mod compare;
mod generator;
mod random;
pub(crate) mod reference;
mod replay;
pub(crate) mod rows;
mod targets;

use crate::support::{Running, Tree, assert_in_manual};
use compare::{Mismatches, as_rhttp_sends_it, without_keep_alive};
use generator::Generator;
use reference::reference_python;
use replay::{Case, replay};
use rhttp::http::Scheme;
use rows::{Row, rows};
use std::env;

const PROTOCOLS: [&str; 2] = ["HTTP/1.0", "HTTP/1.1"];

#[test]
fn every_recorded_row_is_answered_as_cpython_does() {
    check_recorded_rows(Scheme::Http);
}

#[test]
fn every_recorded_row_is_answered_as_cpython_does_over_tls() {
    check_recorded_rows(Scheme::Https);
}

fn check_recorded_rows(scheme: Scheme) {
    let tree = Tree::recorded();
    let mut mismatches = Mismatches::default();
    for protocol in PROTOCOLS {
        let rows: Vec<_> = rows()
            .into_iter()
            .filter(|row| row.protocol == protocol)
            .collect();
        let server = rhttp_over(scheme, &tree, protocol);
        let exchanges = replay(&server, &cases(&rows));
        for (row, exchange) in rows.iter().zip(exchanges) {
            let expected = as_rhttp_sends_it(&row.expected_of_rhttp());
            let found = without_keep_alive(&exchange, &row.case().pieces);
            mismatches.compare(&row.title(), &expected, &found);
        }
    }
    mismatches.report();
}

#[test]
fn every_difference_of_the_rows_stands_in_the_manual() {
    let rows = rows();
    assert!(
        rows.len() >= 250,
        "{} rows are not the whole table",
        rows.len()
    );
    let differences = rows.iter().filter_map(|row| row.difference.as_deref());
    assert_in_manual(differences.chain(["continue-refused", "keep-alive-told"]));
}

/// Keeps the table true, and this harness honest: it must find no fault with CPython itself.
#[test]
fn cpython_answers_every_row_as_it_was_recorded() {
    let Some(python) = reference_python() else {
        return;
    };
    let tree = Tree::recorded();
    let mut mismatches = Mismatches::default();
    for protocol in PROTOCOLS {
        let rows = rows_of_the_reference(protocol);
        let server = python.serve(&tree, protocol);
        for (row, exchange) in rows.iter().zip(replay(&server, &cases(&rows))) {
            mismatches.compare(&row.title(), &row.recorded(), &exchange.as_if_closed());
        }
    }
    mismatches.report();
}

#[test]
fn both_servers_answer_the_rows_and_random_requests_alike() {
    let Some(python) = reference_python() else {
        return;
    };
    let tree = Tree::recorded();
    // Their order is that of the directory on the disk, which is the same for both servers.
    tree.file("twins/a", "")
        .file("twins/A", "")
        .file("twins/\u{e9}", "")
        .file("twins/\u{c9}", "");
    let seed = number_from("RHTTP_FUZZ_SEED", 20_261_122);
    let count = number_from("RHTTP_FUZZ_CASES", 2_000);
    let mut mismatches = Mismatches::default();
    for protocol in PROTOCOLS {
        let mut cases = cases(&rows_of_the_reference(protocol));
        let mut generator = Generator::new(seed);
        cases.extend((0..count).map(|number| generator.case(number)));
        let expected = replay(&python.serve(&tree, protocol), &cases);
        let found = replay(&rhttp(&tree, protocol), &cases);
        for ((case, expected), found) in cases.iter().zip(expected).zip(found) {
            let expected = as_rhttp_sends_it(&expected.as_if_closed());
            let title = format!("{protocol}, seed {seed}, {}", case.title());
            let found = without_keep_alive(&found, &case.pieces);
            mismatches.compare(&title, &expected, &found);
        }
    }
    mismatches.report();
}

fn rhttp(tree: &Tree, protocol: &str) -> Running {
    rhttp_over(Scheme::Http, tree, protocol)
}

fn rhttp_over(scheme: Scheme, tree: &Tree, protocol: &str) -> Running {
    let directory = tree.path().as_os_str();
    let arguments = [
        "--directory".as_ref(),
        directory,
        "--protocol".as_ref(),
        protocol.as_ref(),
    ];
    Running::rhttp_over(scheme, arguments)
}

/// The rows on which rhttp and CPython agree.
fn rows_of_the_reference(protocol: &str) -> Vec<Row> {
    let agrees = |row: &Row| row.difference.is_none() && row.protocol == protocol;
    rows().into_iter().filter(agrees).collect()
}

fn cases(rows: &[Row]) -> Vec<Case> {
    rows.iter().map(Row::case).collect()
}

fn number_from(variable: &str, default: u64) -> u64 {
    match env::var(variable) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{variable}={text} is no number")),
        Err(_) => default,
    }
}
