//! Threads that move to the CPU that a client's packets arrive on stay free to run on any.

use crate::load::{kept, read_response, send, serve, settle};
use crate::support::{Running, Tree};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::fs;
use std::thread;

/// CPUs with clients at most, clients per CPU, and requests per client.
const CPUS: usize = 4;
const CLIENTS: usize = 4;
const REQUESTS: usize = 100;

/// The CPUs that this process may use.
fn cpus() -> Vec<usize> {
    let allowed = sched_getaffinity(Pid::from_raw(0)).expect("a process may ask");
    (0..CpuSet::count())
        .filter(|&cpu| allowed.is_set(cpu) == Ok(true))
        .collect()
}

/// A few clients that stay on one CPU and ask in turn. At the end, each asks where a script may run.
fn ask_from(cpu: usize, server: &Running, anywhere: &str) {
    let mut only = CpuSet::new();
    only.set(cpu).expect("it has a number");
    sched_setaffinity(Pid::from_raw(0), &only).expect("it is allowed");
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| kept(server)).collect();
    for _ in 0..REQUESTS {
        for client in &mut clients {
            send(client, "/a");
            assert_eq!(read_response(client).body, b"hello");
        }
    }
    for client in &mut clients {
        send(client, "/cgi-bin/where");
        let script = read_response(client).body;
        assert_eq!(String::from_utf8_lossy(&script), anywhere);
    }
}

/// What `/proc` says about where threads may run.
fn allowed(status: &str) -> &str {
    let mut lines = status.lines();
    let found = lines.find(|line| line.starts_with("Cpus_allowed_list:"));
    found.expect("Linux says so")
}

#[test]
fn busy_connections_leave_threads_and_scripts_free_to_run_anywhere() {
    let tree = Tree::new();
    tree.file("a", "hello").script(
        "cgi-bin/where",
        "#!/bin/sh\nline=$(grep Cpus_allowed_list /proc/self/status)\n\
         printf 'Content-Length: %d\\n\\n%s' ${#line} \"$line\"\n",
    );
    let server = serve(&tree, "--protocol HTTP/1.1 --cgi");
    let mine = fs::read_to_string("/proc/thread-self/status").expect("it is there");
    let anywhere = allowed(&mine);
    thread::scope(|scope| {
        for cpu in cpus().into_iter().take(CPUS) {
            let server = &server;
            scope.spawn(move || ask_from(cpu, server, anywhere));
        }
    });
    settle(&server);
    let threads = fs::read_dir(format!("/proc/{}/task", server.pid()));
    let theirs: BTreeSet<String> = threads
        .expect("the process is there")
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("status")).ok())
        .map(|status| allowed(&status).to_owned())
        .collect();
    assert_eq!(theirs, BTreeSet::from([anywhere.to_owned()]));
}
