//! What the tests of limits need beyond [`support`](crate::support): many clients, and a look at
//! the server's process from outside.

#![allow(dead_code, reason = "some of it is for tests that only Linux has")]

pub(crate) use crate::support::eventually;

use crate::support::{PATIENCE, Response, Running, Tree};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::SockRef;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// rhttp on a tree, with further arguments.
pub(crate) fn serve(tree: &Tree, arguments: &str) -> Running {
    Running::rhttp(arguments_for(tree, arguments))
}

/// The arguments to serve a tree.
pub(crate) fn arguments_for(tree: &Tree, arguments: &str) -> Vec<OsString> {
    let mut all: Vec<OsString> = arguments.split_whitespace().map(Into::into).collect();
    all.extend(["--directory".into(), tree.path().into()]);
    all
}

/// More than the kernel holds for a client that does not read.
pub(crate) const HUGE: u64 = 64 * 1024 * 1024;

/// A tree of two files: `a`, and the `huge` one.
pub(crate) fn tree() -> Tree {
    let tree = Tree::new();
    tree.file("a", "hello");
    sparse_file(&tree, "huge", HUGE);
    tree
}

/// Makes a file of zeros that takes no space on the disk.
pub(crate) fn sparse_file(tree: &Tree, name: &str, size: u64) {
    let file = File::create(tree.path().join(name)).expect("the file can be made");
    file.set_len(size).expect("the length can be set");
}

/// Clients need descriptors, too.
pub(crate) fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum.map(|most| most.min(10_240)),
        ..limit
    };
    setrlimit(Resource::Nofile, raised).expect("the limit can be raised");
}

/// A client's socket on which nothing waits for ever.
pub(crate) fn connect(server: SocketAddr) -> TcpStream {
    let client = TcpStream::connect_timeout(&server, PATIENCE).expect("the server accepts");
    client
        .set_read_timeout(Some(PATIENCE))
        .and_then(|()| client.set_write_timeout(Some(PATIENCE)))
        .and_then(|()| client.set_nodelay(true))
        .expect("the socket can be set up");
    client
}

/// Closes a connection with a reset.
pub(crate) fn reset(client: TcpStream) {
    SockRef::from(&client)
        .set_linger(Some(Duration::ZERO))
        .expect("closing can be made a reset");
    drop(client);
}

/// A client that has sent a request for `target`.
pub(crate) fn ask(server: SocketAddr, target: &str) -> TcpStream {
    let mut client = connect(server);
    send(&mut client, target);
    client
}

/// Sends a request on an open connection.
pub(crate) fn send(client: &mut TcpStream, target: &str) {
    let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client
        .write_all(request.as_bytes())
        .expect("the request is sent");
}

/// A connection that has asked for `a` of the [`tree`] and may make another.
pub(crate) fn kept(server: &Running) -> TcpStream {
    let mut client = ask(server.address(), "/a");
    assert_eq!(read_response(&mut client).body, b"hello");
    client
}

/// Asks on a connection of its own and reads to the end.
pub(crate) fn get(server: SocketAddr, target: &str) -> Response {
    let mut client = connect(server);
    let request = format!("GET {target} HTTP/1.1\r\nConnection: close\r\n\r\n");
    client
        .write_all(request.as_bytes())
        .expect("the request is sent");
    let mut answer = Vec::new();
    client
        .read_to_end(&mut answer)
        .expect("the response arrives whole");
    Response::parse(&answer)
}

/// Reads one response with a length from a connection that may go on.
pub(crate) fn read_response(client: &mut TcpStream) -> Response {
    let mut response = read_head(client);
    let length = length(&response) - response.body.len();
    let mut rest = vec![0; length];
    client.read_exact(&mut rest).expect("the body arrives");
    response.body.extend_from_slice(&rest);
    response
}

/// Reads until the head of a response is there, byte by byte, so that the body is left.
pub(crate) fn read_head(client: &mut TcpStream) -> Response {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte).expect("the head arrives");
        head.push(byte[0]);
    }
    Response::parse(&head)
}

/// What `Content-Length` says.
pub(crate) fn length(response: &Response) -> usize {
    let length = response.field("Content-Length").map(str::parse);
    length
        .expect("the response has a length")
        .expect("it is a number")
}

/// Reads whatever still comes, until the connection ends in whatever way; tells how much it was.
pub(crate) fn drain(client: &mut TcpStream) -> usize {
    let mut buffer = vec![0; 64 * 1024];
    let mut total = 0;
    loop {
        match client.read(&mut buffer) {
            Ok(0) => return total,
            Ok(count) => total += count,
            Err(error) => {
                let stuck = matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                );
                assert!(!stuck, "the server does not end the connection");
                return total;
            }
        }
    }
}

/// How many descriptors a server has open.
pub(crate) fn descriptors(server: &Running) -> usize {
    fs::read_dir(format!("/proc/{}/fd", server.pid()))
        .expect("the process is there")
        .count()
}

/// Waits until all threads of a server wait: what they had to do is done.
pub(crate) fn settle(server: &Running) {
    let waits = |stat: String| {
        stat.rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.starts_with('S'))
    };
    eventually("rest", || {
        let threads = fs::read_dir(format!("/proc/{}/task", server.pid()));
        let mut threads = threads.expect("the process is there").flatten();
        // A thread that has ended in the meantime has nothing to do either.
        threads.all(|thread| fs::read_to_string(thread.path().join("stat")).map_or(true, waits))
    });
}

/// A number in `/proc/PID/status`: `Threads`, or `RssAnon` in KiB.
pub(crate) fn status(server: &Running, name: &str) -> usize {
    let status =
        fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("the process is there");
    let value = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .and_then(|value| value.split_whitespace().next()?.parse().ok());
    value.unwrap_or_else(|| panic!("no {name} in {status}"))
}

/// The time that a server has had of the processors, in hundredths of a second.
pub(crate) fn processor_time(server: &Running) -> u64 {
    let stat =
        fs::read_to_string(format!("/proc/{}/stat", server.pid())).expect("the process is there");
    let (_, fields) = stat.rsplit_once(") ").expect("the name stands in brackets");
    let numbers: Vec<_> = fields.split(' ').collect();
    let number = |index: usize| numbers[index].parse::<u64>().expect("a number");
    number(11) + number(12)
}
