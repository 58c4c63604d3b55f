//! The log can fail, the service cannot.

use crate::load::{arguments_for, get};
use crate::support::{PATIENCE, Tree};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io::{self, BufRead, BufReader, PipeReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// A server whose standard error goes where a test wants it.
struct Logging {
    process: Child,
    address: SocketAddr,
}

impl Logging {
    fn to(log: impl Into<Stdio>, tree: &Tree) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_rhttp"))
            .args(["0", "--bind", "127.0.0.1"])
            .args(arguments_for(tree, "-p HTTP/1.1"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("it starts");
        let mut banner = String::new();
        let output = process.stdout.take().expect("it is a pipe");
        // Afterwards nobody reads standard output either.
        BufReader::new(output)
            .read_line(&mut banner)
            .expect("it prints a banner");
        let port = banner.split(' ').nth(5).and_then(|port| port.parse().ok());
        let port: u16 = port.expect("the banner names the port");
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        Self { process, address }
    }

    /// Asks for what is not there, by names so long that the log fills up soon.
    fn fill(&self, requests: usize) {
        let target = format!("/{}", "x".repeat(8000));
        for _ in 0..requests {
            assert_eq!(get(self.address, &target).status(), 404);
        }
    }

    /// SIGTERM or SIGINT; tells how long it took to end.
    fn end(&mut self, signal: Signal) -> Duration {
        let id = i32::try_from(self.process.id())
            .ok()
            .and_then(Pid::from_raw);
        let start = Instant::now();
        kill_process(id.expect("a process has an id"), signal).expect("it can be signalled");
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.process.try_wait().expect("it can be waited for") {
                assert_eq!(status.code(), Some(0));
                return start.elapsed();
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("it does not end");
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn tree() -> Tree {
    let tree = Tree::new();
    tree.file("a", "hello");
    tree
}

#[test]
fn a_log_that_nobody_reads_any_more_is_no_reason_to_stop() {
    let tree = tree();
    let (reader, writer) = io::pipe().expect("a pipe");
    let mut server = Logging::to(writer, &tree);
    drop(reader);
    for _ in 0..50 {
        assert_eq!(get(server.address, "/a").body, b"hello");
    }
    server.end(Signal::TERM);
}

#[test]
fn a_full_disk_is_no_reason_to_stop() {
    let tree = tree();
    let full = File::options().write(true).open("/dev/full");
    let mut server = Logging::to(full.expect("Linux has it"), &tree);
    for _ in 0..50 {
        assert_eq!(get(server.address, "/a").body, b"hello");
    }
    server.end(Signal::INT);
}

#[test]
fn a_log_that_is_not_taken_delays_neither_requests_nor_the_end() {
    let tree = tree();
    for signal in [Signal::TERM, Signal::INT] {
        let (_reader, writer) = io::pipe().expect("a pipe");
        let mut server = Logging::to(writer, &tree);
        server.fill(150);
        let took = server.end(signal);
        assert!(took < Duration::from_secs(6), "{took:?}");
    }
}

#[test]
fn lines_that_are_lost_are_counted_and_the_others_are_whole() {
    /// Two lines each: of the error and of the request. They are more than a pipe, the batch being
    /// written and the next one hold together.
    const REQUESTS: usize = 400;
    let tree = tree();
    let (reader, writer) = io::pipe().expect("a pipe");
    let mut server = Logging::to(writer, &tree);
    server.fill(REQUESTS);
    // Now somebody reads again, and more is asked until the count is known.
    let lines = lines_of(reader);
    let mut requests = REQUESTS;
    let (mut whole, mut lost) = (0, 0);
    while lost == 0 {
        server.fill(1);
        requests += 1;
        count(lines.try_iter(), &mut whole, &mut lost);
    }
    server.end(Signal::TERM);
    count(lines.iter(), &mut whole, &mut lost);
    assert_eq!(whole + lost, 2 * requests, "{whole} whole, {lost} lost");
}

fn count(lines: impl Iterator<Item = String>, whole: &mut usize, lost: &mut usize) {
    for line in lines {
        if let Some(notice) = line.strip_prefix("rhttp: ") {
            let number = notice.split(' ').next().map(str::parse::<usize>);
            *lost += number.expect("a word").expect("a number");
        } else {
            assert!(line.starts_with("127.0.0.1 - - ["), "{line}");
            assert!(
                line.ends_with("File not found") || line.ends_with(" 404 -"),
                "{line}"
            );
            *whole += 1;
        }
    }
}

/// The lines that come out of a pipe, until it ends.
fn lines_of(reader: PipeReader) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(reader).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

#[test]
fn a_pipe_that_does_not_block_loses_nothing_with_a_slow_reader() {
    /// As many requests as have lines that fit into the log's buffer, but not into the pipe.
    const REQUESTS: usize = 60;
    let tree = tree();
    let (mut reader, writer) = io::pipe().expect("a pipe");
    rustix::fs::fcntl_setfl(&writer, rustix::fs::OFlags::NONBLOCK).expect("it can be set");
    let mut server = Logging::to(writer, &tree);
    let log = thread::spawn(move || {
        let (mut log, mut part) = (Vec::new(), vec![0; 16 * 1024]);
        loop {
            thread::sleep(Duration::from_millis(2));
            match reader.read(&mut part) {
                Ok(0) | Err(_) => return log,
                Ok(count) => log.extend_from_slice(&part[..count]),
            }
        }
    });
    server.fill(REQUESTS);
    server.end(Signal::TERM);
    let log = String::from_utf8(log.join().expect("it reads")).expect("it is text");
    let (mut whole, mut lost) = (0, 0);
    count(log.lines().map(String::from), &mut whole, &mut lost);
    assert_eq!((whole, lost), (2 * REQUESTS, 0));
}

#[test]
fn every_request_leaves_one_line() {
    let tree = tree();
    let (mut reader, writer) = io::pipe().expect("a pipe");
    let mut server = Logging::to(writer, &tree);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..100 {
                    assert_eq!(get(server.address, "/a").body, b"hello");
                }
            });
        }
    });
    server.end(Signal::TERM);
    let mut log = String::new();
    reader.read_to_string(&mut log).expect("it is text");
    let line = |line: &str| line.ends_with("\"GET /a HTTP/1.1\" 200 -");
    assert!(log.lines().all(line), "{log}");
    assert_eq!(log.lines().count(), 400);
}
