//! What many connections have taken goes back when nobody comes any more.

use crate::load::{
    connect, eventually, kept, raise_descriptor_limit, read_response, send, serve, status, tree,
};
use crate::support::Running;
use std::fs;
use std::thread;

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
    // Arenas of glibc keep 132 KiB each, of which there are eight for each processor.
    let cpus = thread::available_parallelism().map_or(1, usize::from);
    let kept_back = 132 * 8 * cpus + 512;
    raise_descriptor_limit();
    let tree = tree();
    let server = serve(&tree, "-p HTTP/1.1 --timeout 5");
    let before = status(&server, "RssAnon");
    let clients: Vec<_> = (0..2000).map(|_| kept(&server)).collect();
    // Two pages for each at least.
    assert!(status(&server, "RssAnon") > before + 2000 * 8);
    drop(clients);
    eventually("the end of the threads", || status(&server, "Threads") <= 4);
    eventually("the return of their stacks", || stacks(&server) <= 6);
    eventually("the return of memory", || {
        status(&server, "RssAnon") < before + kept_back
    });
    // The threads that are left serve.
    drop((0..100).map(|_| kept(&server)).collect::<Vec<_>>());
}

#[test]
fn a_new_connection_may_wait_for_longer_than_threads_wait_for_clients() {
    let tree = tree();
    let server = serve(&tree, "-p HTTP/1.1");
    // Those that come while the server starts have threads that wait for nobody else.
    drop(kept(&server));
    let mut early = connect(server.address());
    drop((0..20).map(|_| kept(&server)).collect::<Vec<_>>());
    // One serves it, one waits for the next client, four do other work.
    eventually("the end of the other threads", || {
        status(&server, "Threads") <= 6
    });
    send(&mut early, "/a");
    assert_eq!(read_response(&mut early).body, b"hello");
}
