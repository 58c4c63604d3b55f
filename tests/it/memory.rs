//! What many connections have taken goes back when nobody comes any more.

use crate::load::{
    ask, connect, eventually, raise_descriptor_limit, read_response, send, serve, status, tree,
};
use crate::support::Running;
use std::fs;
use std::net::TcpStream;
use std::thread;

/// Connections that have made a request and may make another.
fn kept(server: &Running, count: usize) -> Vec<TcpStream> {
    let kept = |_| {
        let mut client = ask(server.address(), "/a");
        assert_eq!(read_response(&mut client).body, b"hello");
        client
    };
    (0..count).map(kept).collect()
}

/// How many stacks of threads a server has, also of threads that have ended: writable mappings of
/// their size. (Where glibc guards stacks without a mapping, as 2.42 does, they are not seen.)
fn stacks(server: &Running) -> usize {
    const STACK: u64 = 1024 * 1024;
    let maps = fs::read_to_string(format!("/proc/{}/maps", server.pid()));
    let is_stack = |line: &&str| {
        let (range, rest) = line.split_once(' ').expect("a range");
        let (start, end) = range.split_once('-').expect("two addresses");
        let address = |digits| u64::from_str_radix(digits, 16).expect("it is hexadecimal");
        rest.starts_with("rw-p") && address(end) - address(start) == STACK
    };
    let maps = maps.expect("the process is there");
    maps.lines().filter(is_stack).count()
}

#[test]
fn what_many_connections_took_goes_back_when_nobody_comes() {
    // Arenas of glibc keep 132 KiB each, of which there are eight for each processor; and what a
    // single piece in use may hold back.
    let cpus = thread::available_parallelism().map_or(1, usize::from);
    let kept_back = 132 * 8 * cpus + 3 * 1024;
    raise_descriptor_limit();
    let tree = tree();
    let server = serve(&tree, "-p HTTP/1.1 --timeout 5");
    let before = status(&server, "RssAnon");
    let clients = kept(&server, 2000);
    drop(clients);
    eventually("the end of the threads", || status(&server, "Threads") <= 5);
    eventually("the return of their stacks", || stacks(&server) <= 6);
    eventually("the return of memory", || {
        status(&server, "RssAnon") < before + kept_back
    });
    // The threads that are left serve.
    drop(kept(&server, 100));
}

#[test]
fn a_new_connection_may_wait_for_longer_than_threads_wait_for_clients() {
    let tree = tree();
    let server = serve(&tree, "-p HTTP/1.1");
    // Those that come while the server starts have threads that wait for nobody else.
    drop(kept(&server, 1));
    let mut early = connect(server.address());
    drop(kept(&server, 20));
    // One serves it, one waits for the next client, four do other work.
    eventually("the end of the other threads", || {
        status(&server, "Threads") <= 6
    });
    send(&mut early, "/a");
    assert_eq!(read_response(&mut early).body, b"hello");
}
