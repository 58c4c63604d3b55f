//! What web pages under development need, over the network (contract, sections 8 and 10).

mod all;
mod auth;
mod browser;
mod cache;
mod cors;
mod headers;
mod isolation;
mod pages;
mod precompressed;

use crate::support::{AfterSending, Running, Tree, exchange, mask_response};
use std::ffi::OsStr;

/// What is said of a file of any length that was left alone for long.
const FILE: &str = "Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\nAccept-Ranges: bytes\r\n";

fn serve(tree: &Tree, flags: &[&str]) -> Running {
    let flags = flags.iter().map(OsStr::new);
    Running::rhttp(flags.chain(["--directory".as_ref(), tree.path().as_os_str()]))
}

/// The head of the answer to a request of these lines, but for the name of the server and the date; and
/// the body.
fn ask_bytes(server: &Running, lines: &[&str]) -> (String, Vec<u8>) {
    let mut request = format!("{} HTTP/1.0\r\n", lines[0]);
    for line in &lines[1..] {
        request.push_str(line);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    let answer = exchange(server.address(), &[request], AfterSending::StayOpen);
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, body) = answer.split_at(end.expect("a head has an end") + 4);
    let head = String::from_utf8(mask_response(head)).expect("it is text");
    let common = "Server: <server>\r\nDate: <date>\r\n";
    assert!(head.contains(common), "{head}");
    (head.replacen(common, "", 1), body.to_vec())
}

/// The same in one piece.
fn ask(server: &Running, lines: &[&str]) -> String {
    let (head, body) = ask_bytes(server, lines);
    head + std::str::from_utf8(&body).expect("it is text")
}

/// The status line and the fields.
fn head(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").expect("a head has an end").0
}

/// The value of a field.
fn field<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    head(answer)
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find_map(|(found, value)| found.eq_ignore_ascii_case(name).then_some(value))
}

fn status(answer: &str) -> &str {
    answer.get(9..12).expect("a status line")
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").expect("a head has an end").1
}
