//! RFC 9110 §13 (conditions) and §14 (ranges), RFC 9112 §6 and §7 (framing): a row for each rule,
//! with the section that makes it, and the exact bytes that a client gets.

mod conditions;
mod framing;
mod ranges;

use crate::support::{AfterSending, Readable, Running, Tree, exchange, mask_response};
use rhttp::http::Scheme;

/// What is asked, and what must come back.
struct Row {
    section: &'static str,
    request: String,
    /// With `Server` and `Date` masked, and the boundary of a multipart response.
    expected: String,
}

/// The tag of `ten.txt`, which has ten digits.
const TAG: &str = "\"a-6553f100.0\"";
/// When all files were modified.
const DATE: &str = "Tue, 14 Nov 2023 22:13:20 GMT";
const SECOND_BEFORE: &str = "Tue, 14 Nov 2023 22:13:19 GMT";
const SECOND_AFTER: &str = "Tue, 14 Nov 2023 22:13:21 GMT";

const START: &str = "Server: <server>\r\nDate: <date>\r\n";

#[test]
fn every_rule_is_kept() {
    check_all(Scheme::Http);
}

#[test]
fn every_rule_is_kept_over_tls() {
    check_all(Scheme::Https);
}

fn check_all(scheme: Scheme) {
    let tree = Tree::new();
    tree.file("ten.txt", "0123456789").file("empty.txt", "");
    tree.settle();
    let mut rows = conditions::rows();
    rows.extend(ranges::rows());
    let both = ["HTTP/1.0", "HTTP/1.1"];
    let mut faults = check(scheme, &tree, &rows, &both);
    let framing = framing::rows();
    faults.extend(check(scheme, &tree, &framing, &["HTTP/1.1"]));
    let count = rows.len() + framing.len();
    assert!(count >= 80, "{count} rows are not the whole table");
    assert!(
        faults.is_empty(),
        "{} of {count} rows:\n\n{}\n",
        faults.len(),
        faults.join("\n\n")
    );
}

/// Asks a server of each protocol for all rows; what is not as it should be is described.
fn check(scheme: Scheme, tree: &Tree, rows: &[Row], protocols: &[&str]) -> Vec<String> {
    let mut faults = Vec::new();
    for protocol in protocols {
        let directory = tree.path().as_os_str();
        let arguments = ["--protocol".as_ref(), (*protocol).as_ref()];
        let directory = ["--directory".as_ref(), directory];
        let server = Running::rhttp_over(scheme, directory.into_iter().chain(arguments));
        for row in rows {
            let request = [row.request.as_bytes()];
            let answer = exchange(&server, &request, AfterSending::HalfClose);
            let found = mask_boundary(&mask_response(&answer));
            let expected = row.expected.replace("HTTP/1.1 ", &format!("{protocol} "));
            if found != expected {
                let Row {
                    section, request, ..
                } = row;
                let [request, expected, found] =
                    [request, &expected, &found].map(|text| Readable(text.as_bytes()).to_string());
                faults.push(format!(
                    "{section}, {protocol}\n  > {request}\n  - {expected}\n  + {found}"
                ));
            }
        }
    }
    faults
}

/// The boundary is another for each response.
fn mask_boundary(response: &[u8]) -> String {
    let text = String::from_utf8_lossy(response).into_owned();
    let boundary = text
        .split_once("boundary=")
        .and_then(|(_, rest)| rest.split_once("\r\n"))
        .map(|(boundary, _)| boundary.to_owned());
    match boundary {
        Some(boundary) if boundary.len() >= 16 => text.replace(&boundary, "<boundary>"),
        _ => text,
    }
}

/// A request for `path` with further field lines.
fn request(method: &str, path: &str, fields: &[&str]) -> String {
    let lines = [&["Host: h"], fields].concat().join("\r\n");
    format!("{method} {path} HTTP/1.1\r\n{lines}\r\n\r\n")
}

fn get(fields: &[&str]) -> String {
    request("GET", "/ten.txt", fields)
}

fn head(fields: &[&str]) -> String {
    request("HEAD", "/ten.txt", fields)
}

/// 200 with all of `ten.txt`.
fn whole() -> String {
    format!("{}0123456789", whole_head())
}

/// The head of that.
fn whole_head() -> String {
    format!(
        "HTTP/1.1 200 OK\r\n{START}Content-type: text/plain\r\nContent-Length: 10\r\n\
         Last-Modified: {DATE}\r\nAccept-Ranges: bytes\r\nETag: {TAG}\r\n\r\n"
    )
}

/// 206 with one range of `ten.txt`.
fn part(range: &str, bytes: &str) -> String {
    format!(
        "HTTP/1.1 206 Partial Content\r\n{START}Content-type: text/plain\r\n\
         Content-Length: {}\r\nLast-Modified: {DATE}\r\nAccept-Ranges: bytes\r\nETag: {TAG}\r\n\
         Content-Range: bytes {range}/10\r\n\r\n{bytes}",
        bytes.len()
    )
}

/// 206 with several ranges of `ten.txt`.
fn parts(parts: &[(&str, &str)]) -> String {
    let mut body: Vec<_> = parts
        .iter()
        .map(|(range, bytes)| {
            format!(
                "--<boundary>\r\nContent-Type: text/plain\r\n\
                 Content-Range: bytes {range}/10\r\n\r\n{bytes}"
            )
        })
        .collect();
    body.push("--<boundary>--\r\n".into());
    let body = format!("\r\n{}", body.join("\r\n"));
    // A boundary has 32 characters, its name here 10.
    let length = body.len() + (parts.len() + 1) * (32 - 10);
    format!(
        "HTTP/1.1 206 Partial Content\r\n{START}\
         Content-type: multipart/byteranges; boundary=<boundary>\r\nContent-Length: {length}\r\n\
         Last-Modified: {DATE}\r\nAccept-Ranges: bytes\r\nETag: {TAG}\r\n\r\n{body}"
    )
}

fn not_modified() -> String {
    format!("HTTP/1.1 304 Not Modified\r\n{START}ETag: {TAG}\r\n\r\n")
}

fn failed() -> String {
    error(
        412,
        "Precondition Failed",
        "Precondition in headers is false",
        "",
    )
}

fn unsatisfiable(size: u64) -> String {
    error(
        416,
        "Requested Range Not Satisfiable",
        "Cannot satisfy request range",
        &format!("Content-Range: bytes */{size}\r\n"),
    )
}

/// An error page.
fn error(status: u16, message: &str, explanation: &str, fields: &str) -> String {
    let page = format!(
        "<!DOCTYPE HTML>\n<html lang=\"en\">\n    <head>\n        <meta charset=\"utf-8\">\n\
         \x20       <title>Error response</title>\n    </head>\n    <body>\n\
         \x20       <h1>Error response</h1>\n        <p>Error code: {status}</p>\n\
         \x20       <p>Message: {message}.</p>\n\
         \x20       <p>Error code explanation: {status} - {explanation}.</p>\n    </body>\n</html>\n"
    );
    format!(
        "HTTP/1.1 {status} {message}\r\n{START}Connection: close\r\n\
         Content-Type: text/html;charset=utf-8\r\nContent-Length: {}\r\n\
         X-Content-Type-Options: nosniff\r\nContent-Security-Policy: script-src 'self'; object-src 'none'; base-uri 'none'\r\n\
         {fields}\r\n{page}",
        page.len()
    )
}
