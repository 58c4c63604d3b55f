//! The rows of `tests/parity/cgi_rows.jsonl`: what CPython 3.12 answered with `--cgi`, replayed.

use super::fixture::{ask, recorded, rhttp, unchunk, usual};
use crate::parity::reference::reference_python;
use crate::parity::rows::{Recorded, Request};
use crate::support::{AfterSending, Connection, Ending, Latin1, Readable, Running, Tree};
use crate::support::{assert_in_manual, mask_log, mask_response};
use serde::Deserialize;
use std::net::Ipv4Addr;

/// A line of `cgi_rows.jsonl`.
#[derive(Debug, Deserialize)]
struct Row {
    name: String,
    protocol: String,
    request: Request,
    #[serde(flatten)]
    reference: Recorded,
    difference: Option<String>,
    expected: Option<Recorded>,
}

#[test]
fn every_recorded_row_is_answered_as_cpython_does() {
    check_recorded_rows(&[]);
}

#[test]
fn every_recorded_row_is_answered_as_cpython_does_over_tls() {
    check_recorded_rows(&["--tls-self-signed"]);
}

fn check_recorded_rows(arguments: &[&str]) {
    let rows = rows();
    assert!(
        rows.len() >= 80,
        "{} rows are not the whole table",
        rows.len()
    );
    let tree = recorded();
    for protocol in ["HTTP/1.0", "HTTP/1.1"] {
        let mut command = rhttp(&tree, protocol);
        command.args(arguments);
        let server = Running::start(usual(&command));
        compare(&rows, protocol, &server, &tree, |row| {
            let expected = row.expected.as_ref().unwrap_or(&row.reference);
            let response = with_whole_line_ends(&expected.response.0);
            Some(Recorded {
                response: Latin1(response),
                log: expected.log.clone(),
            })
        });
    }
}

#[test]
fn every_difference_of_the_rows_stands_in_the_manual() {
    assert_in_manual(rows().iter().filter_map(|row| row.difference.as_deref()));
}

/// Keeps the table true, and this harness honest.
#[test]
fn cpython_answers_every_row_as_it_was_recorded() {
    let Some(python) = reference_python() else {
        return;
    };
    let tree = recorded();
    let rows = rows();
    for protocol in ["HTTP/1.0", "HTTP/1.1"] {
        let mut command = python.command(&tree, protocol);
        command.arg("--cgi");
        let server = Running::start(usual(&command));
        compare(&rows, protocol, &server, &tree, |row| {
            row.difference.is_none().then(|| row.reference.clone())
        });
    }
}

fn rows() -> Vec<Row> {
    include_str!("../../parity/cgi_rows.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// Sends all rows of a protocol, and panics when one is not answered as expected.
fn compare(
    rows: &[Row],
    protocol: &str,
    server: &Running,
    tree: &Tree,
    expected: impl Fn(&Row) -> Option<Recorded>,
) {
    let asked: Vec<_> = rows
        .iter()
        .filter(|row| row.protocol == protocol)
        .filter_map(|row| Some((row, expected(row)?)))
        .collect();
    let responses: Vec<_> = (0..)
        .zip(&asked)
        .map(|(number, (row, _))| {
            let connection = Connection::open_from(client(number).into(), server);
            let answer = connection.converse(&row.request.pieces(), AfterSending::HalfClose);
            assert_ne!(answer.ending, Ending::TimedOut, "{}", row.name);
            normal(&answer.bytes, tree, server)
        })
        .collect();
    // Once this one stands in the log, all others do.
    ask(server, "GET /the-last-request HTTP/1.0\r\n\r\n");
    let is_last = |line: &Vec<u8>| line.ends_with(b"\"GET /the-last-request HTTP/1.0\" 404 -");
    let log = server.wait_for_log(|lines| lines.iter().any(is_last).then(|| lines.to_vec()));
    let mut mismatches = Vec::new();
    for (number, ((row, expected), response)) in asked.iter().zip(responses).enumerate() {
        let address = client(number).to_string();
        let log = log.iter().filter_map(|line| mask_log(line));
        let log = log.filter(|(from, _)| *from == address.as_bytes());
        let found = Recorded {
            response: Latin1(response),
            log: log.map(|(_, line)| Latin1(line)).collect(),
        };
        if found != *expected {
            mismatches.push(format!(
                "{protocol}, {}\n  - {}\n  + {}\n  - {}\n  + {}",
                row.name,
                Readable(&expected.response.0),
                Readable(&found.response.0),
                Readable(&text(&expected.log)),
                Readable(&text(&found.log)),
            ));
        }
    }
    assert!(
        mismatches.is_empty(),
        "{} of {} are not as expected (- expected, + found):\n{}",
        mismatches.len(),
        asked.len(),
        mismatches.join("\n")
    );
}

fn text(lines: &[Latin1]) -> Vec<u8> {
    lines
        .iter()
        .map(|line| line.0.as_slice())
        .collect::<Vec<_>>()
        .join(&b'\n')
}

/// Each row's own address, by which the log tells them apart.
fn client(number: usize) -> Ipv4Addr {
    let offset = u32::try_from(number).expect("no run has that many rows");
    Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 0, 1, 1)) + offset)
}

/// What came back, without what differs from run to run and what rhttp adds: the framing, and
/// fields of its own.
fn normal(response: &[u8], tree: &Tree, server: &Running) -> Vec<u8> {
    let masked = mask_response(response);
    let end = masked.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, body) = masked.split_at(end.map_or(masked.len(), |end| end + 4));
    let mut normal = Vec::new();
    let mut is_chunked = false;
    for line in head.split_inclusive(|&byte| byte == b'\n') {
        is_chunked |= line == b"Transfer-Encoding: chunked\r\n";
        let added: [&[u8]; 5] = [
            b"Transfer-Encoding: chunked\r\n",
            b"X-Content-Type-Options: nosniff\r\n",
            b"Content-Security-Policy: script-src 'self'; object-src 'none'; base-uri 'none'\r\n",
            b"Accept-Ranges: ",
            b"ETag: ",
        ];
        if !added.iter().any(|added| line.starts_with(added)) {
            normal.extend_from_slice(line);
        }
    }
    if is_chunked && !body.is_empty() {
        normal.extend(unchunk(body).expect("the chunks are whole"));
    } else {
        normal.extend_from_slice(body);
    }

    let root = tree.path().to_str().expect("the root's name is text");
    let port = format!("SERVER_PORT=[{}]", server.address().port());
    let mut text = latin1(&normal).replace(&latin1(root.as_bytes()), "<root>");
    text = text.replace(&port, "SERVER_PORT=[<port>]");
    text = mask_line(
        &text,
        "SERVER_SOFTWARE=[",
        &["rhttp/", "SimpleHTTP/"],
        "<software>]",
    );
    text = mask_line(&text, "SERVER_NAME=[", &["localhost]", ""], "<name>]");
    // An environment shows the client's address, which is the row's here.
    text = mask_line(&text, "REMOTE_ADDR=[", &["127.0.1."], "127.0.0.1]");
    text.chars()
        .map(|character| u8::try_from(character).expect("it was Latin-1"))
        .collect()
}

/// Replaces the rest of lines that start with `name` and one of `values`.
fn mask_line(text: &str, name: &str, values: &[&str], mask: &str) -> String {
    let lines = text.split_inclusive('\n').map(|line| {
        let rest = line.strip_prefix(name).filter(|_| line.ends_with("]\n"));
        match rest {
            Some(rest) if values.iter().any(|value| rest.starts_with(value)) => {
                format!("{name}{mask}\n")
            }
            _ => line.to_owned(),
        }
    });
    lines.collect()
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// The same with the header lines of a script ended by CRLF: CPython passes on what it gets.
fn with_whole_line_ends(response: &[u8]) -> Vec<u8> {
    let text = latin1(response);
    if !text.contains(" 200 Script output follows\r\n") {
        return response.to_vec();
    }
    let mut converted = Vec::new();
    let mut rest = response;
    while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
        let line = &rest[..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        converted.extend_from_slice(line);
        converted.extend_from_slice(b"\r\n");
        rest = &rest[end + 1..];
        if line.is_empty() {
            break;
        }
    }
    converted.extend_from_slice(rest);
    converted
}
