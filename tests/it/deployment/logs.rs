//! Logs in other formats, and in files.

use crate::load::{ask, connect, eventually, get, read_head, sparse_file};
use crate::support::{Running, Tree, find_program, not_run};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::process::Command;

fn tree() -> Tree {
    let tree = Tree::new();
    tree.directory("www").file("www/a", "hello");
    tree
}

/// rhttp on `www` of a tree, with its log in the tree.
fn serve(tree: &Tree, arguments: &str) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rhttp"));
    command
        .args(["0", "--bind", "127.0.0.1", "--log"])
        .arg(tree.path().join("log"));
    command.args(arguments.split_whitespace());
    command.arg("--directory").arg(tree.path().join("www"));
    Running::start(command)
}

/// The lines of the log, once there are this many.
fn lines(tree: &Tree, count: usize) -> Vec<String> {
    let read = || fs::read_to_string(tree.path().join("log")).unwrap_or_default();
    eventually("the lines", || read().matches('\n').count() >= count);
    read().lines().map(str::to_owned).collect()
}

#[test]
fn a_record_is_written_when_the_response_was_sent() {
    let tree = tree();
    tree.script(
        "www/cgi-bin/fails",
        "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\nexit 3\n",
    );
    sparse_file(&tree, "www/huge", 64 * 1024 * 1024);
    let server = serve(&tree, "--log-format json --cgi -p HTTP/1.1");
    let parse = |line: &str| -> Value { serde_json::from_str(line).expect("it is JSON") };
    let mut client = connect(server.address());
    client
        .write_all(
            b"HEAD /a?b HTTP/1.1\r\nReferer: http://a/\"\r\nUser-Agent: b\\\xe9\r\n\r\n\
              GET /nope HTTP/1.1\r\nConnection: close\r\n\r\n",
        )
        .expect("it is sent");
    crate::load::drain(&mut client);
    let lines_so_far = lines(&tree, 2);
    let mut first = parse(&lines_so_far[0]);
    for (name, is_right) in [
        (
            "time",
            first["time"]
                .as_str()
                .is_some_and(|time| time.len() == 20 && time.ends_with('Z')),
        ),
        (
            "duration",
            first["duration"].as_f64().is_some_and(|time| time < 10.0),
        ),
    ] {
        assert!(is_right, "{first}");
        first.as_object_mut().expect("it is an object").remove(name);
    }
    let expected = json!({
        "address": "127.0.0.1", "method": "HEAD", "target": "/a?b", "protocol": "HTTP/1.1",
        "status": 200, "bytes": 0, "referer": "http://a/\"", "user_agent": "b\\\u{e9}",
        "complete": true,
    });
    assert_eq!(first, expected);
    let second = parse(&lines_so_far[1]);
    assert_eq!(
        (&second["status"], &second["bytes"]),
        (&json!(404), &json!(335))
    );

    // A client that leaves in the middle.
    let mut client = ask(server.address(), "/huge");
    read_head(&mut client);
    drop(client);
    let third = parse(&lines(&tree, 3)[2]);
    assert_eq!(
        (&third["status"], &third["complete"]),
        (&json!(200), &json!(false))
    );
    assert!(
        third["bytes"]
            .as_u64()
            .is_some_and(|bytes| bytes < 64 * 1024 * 1024)
    );

    // The message about a script's end is not a request.
    assert_eq!(get(server.address(), "/cgi-bin/fails").status(), 200);
    assert_eq!(
        parse(&lines(&tree, 4)[3])["target"],
        json!("/cgi-bin/fails")
    );
    server.wait_for_log(|lines| {
        let says = |line: &Vec<u8>| line.ends_with(b"] CGI script exit code 3");
        lines.iter().any(says).then_some(())
    });
}

#[test]
fn a_log_that_was_moved_away_is_opened_anew() {
    let tree = tree();
    let log = tree.path().join("log");
    fs::write(&log, "what was there before\n").expect("it can be written");
    for arguments in ["", "--cgi"] {
        let mut server = serve(&tree, arguments);
        get(server.address(), "/a");
        let first = lines(&tree, 2);
        assert!(first[1].ends_with("\"GET /a HTTP/1.1\" 200 -"), "{first:?}");
        fs::rename(&log, tree.path().join("log.1")).expect("it can be moved");
        server.signal(Signal::HUP);
        eventually("the new file", || log.exists());
        get(server.address(), "/a?second");
        let second = lines(&tree, 1);
        assert!(
            second[0].ends_with("\"GET /a?second HTTP/1.1\" 200 -"),
            "{second:?}"
        );
        server.signal(Signal::TERM);
        assert_eq!(server.wait().code(), Some(0));
    }
}

#[test]
fn a_fifo_gets_the_log_whether_or_not_it_is_read() {
    let tree = tree();
    let log = tree.path().join("log");
    let made = Command::new("mkfifo").arg(&log).status().expect("it runs");
    assert!(made.success());
    // Neither the start nor a response waits for somebody who reads.
    let mut server = serve(&tree, "");
    get(server.address(), "/a?first");
    server.signal(Signal::HUP);
    get(server.address(), "/a?second");
    for target in ["/a?third", "/a?fourth"] {
        // Readers come and go.
        let mut reader = BufReader::new(File::open(&log).expect("it can be read"));
        get(server.address(), target);
        let wanted = format!("\"GET {target} HTTP/1.1\" 200 -\n");
        let mut line = String::new();
        while !line.ends_with(&wanted) {
            line.clear();
            let count = reader.read_line(&mut line).expect("it is text");
            assert_ne!(count, 0, "the log ended before {target}");
        }
    }
    // Nor does the end.
    get(server.address(), "/a?last");
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_log_that_cannot_be_written_is_an_error_at_start() {
    let output = Command::new(env!("CARGO_BIN_EXE_rhttp"))
        .args(["0", "--log", "/no/such/directory/log"])
        .output()
        .expect("it runs");
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "rhttp: cannot write the log to /no/such/directory/log: \
         No such file or directory (os error 2)\n"
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn an_analyser_understands_every_line_of_the_combined_format() {
    const REQUESTS: usize = 10_000;
    if find_program("goaccess").is_none() {
        return not_run("an analyser of logs, for there is no goaccess");
    }
    let tree = tree();
    let server = serve(&tree, "--log-format combined -p HTTP/1.1");
    for chunk in 0..REQUESTS / 100 {
        let mut requests = Vec::new();
        for number in 0..100_u8 {
            let target = if number % 10 == 0 { "/nope" } else { "/a" };
            let agent = [b"agent \"\\\t".as_slice(), &[number | 0x80]].concat();
            requests.extend(format!("GET {target}?{chunk} HTTP/1.1\r\n").bytes());
            requests.extend(b"Referer: http://localhost/\"page\"\r\nUser-Agent: ");
            requests.extend(&agent);
            requests.extend(b"\r\n\r\n");
        }
        // An error ends its connection, so each of them is the first of the next.
        for part in requests.split_inclusive_requests() {
            let mut client = connect(server.address());
            client.write_all(part).expect("it is sent");
            client
                .shutdown(std::net::Shutdown::Write)
                .expect("it can be shut");
            crate::load::drain(&mut client);
        }
    }
    assert_eq!(lines(&tree, REQUESTS).len(), REQUESTS);
    let output = Command::new("goaccess")
        .arg(tree.path().join("log"))
        .args(["--log-format=COMBINED", "--no-global-config", "-o", "json"])
        .output()
        .expect("it runs");
    let report: Value = serde_json::from_slice(&output.stdout).expect("it reports");
    let general = &report["general"];
    assert_eq!(general["total_requests"], json!(REQUESTS), "{general}");
    assert_eq!(general["failed_requests"], json!(0), "{general}");
    assert_eq!(general["valid_requests"], json!(REQUESTS), "{general}");
}

/// Pipelined requests, cut after each that is answered with an error.
trait Requests {
    fn split_inclusive_requests(&self) -> Vec<&[u8]>;
}

impl Requests for Vec<u8> {
    fn split_inclusive_requests(&self) -> Vec<&[u8]> {
        let mut parts = Vec::new();
        let mut start = 0;
        let starts = |at: usize| self[at..].starts_with(b"GET ");
        let mut ends_here = false;
        for at in (0..self.len()).filter(|&at| starts(at)) {
            if ends_here {
                parts.push(&self[start..at]);
                start = at;
            }
            ends_here = self[at..].starts_with(b"GET /nope");
        }
        parts.push(&self[start..]);
        parts
    }
}

#[test]
fn a_confined_server_writes_its_log() {
    if !crate::sandbox::is_supported() {
        return;
    }
    let tree = tree();
    let server = serve(&tree, "--sandbox");
    assert_eq!(get(server.address(), "/a").body, b"hello");
    assert_eq!(lines(&tree, 1).len(), 1);
    // Even into a new file.
    let log = tree.path().join("log");
    fs::rename(&log, tree.path().join("log.1")).expect("it can be moved");
    server.signal(Signal::HUP);
    eventually("the new file", || log.exists());
}
