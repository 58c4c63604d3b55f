//! The process that starts scripts for a server of root's.

use super::fixture::{get, is_root, rhttp, serve, usual, with_script};
use crate::support::{Connection, PATIENCE, Running, not_run};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

const HELLO: &str = "printf '\\nhello'";
/// Prints its own process, and waits for ever.
const WAITS: &str = "printf '\\n'; echo $$; exec sleep 1000";

fn may_run() -> bool {
    if !is_root() {
        not_run("the process that starts root's scripts, for these tests run as somebody else");
    }
    is_root()
}

/// The process that starts scripts for `server`.
fn starter(server: &Running) -> Pid {
    let own = format!("PPid:\t{}\n", server.pid());
    let processes = fs::read_dir("/proc").expect("the system has it");
    let mut found = processes.filter_map(|entry| {
        let name = entry.ok()?.file_name();
        let status = fs::read_to_string(Path::new("/proc").join(&name).join("status")).ok()?;
        let is_it = status.starts_with("Name:\trhttp-scripts\n") && status.contains(&own);
        Pid::from_raw(name.to_str()?.parse().ok()?).filter(|_| is_it)
    });
    let starter = found.next().expect("it runs");
    assert_eq!(found.next(), None);
    starter
}

fn status(process: Pid) -> String {
    let path = format!("/proc/{}/status", process.as_raw_pid());
    fs::read_to_string(path).expect("it runs")
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "in vain: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn it_has_the_rights_of_scripts_and_nobody_can_trace_it() {
    if !may_run() {
        return;
    }
    let tree = with_script("printf '\\n'; grep -E '^(Uid|Gid|Groups|Cap.*):' /proc/self/status");
    let server = serve(&tree, "HTTP/1.0");
    let script = String::from_utf8(get(&server).body).expect("it is text");
    let starter = starter(&server);
    let status = status(starter);
    let rights = script.lines().filter(|line| !line.is_empty());
    for line in rights.inspect(|line| assert!(!line.starts_with("Uid:\t0"), "{line}")) {
        assert!(status.contains(line), "{line} in {status}");
    }
    // The memory of what cannot be traced is root's.
    let memory = fs::metadata(format!("/proc/{}/mem", starter.as_raw_pid()));
    assert_eq!(memory.expect("it runs").uid(), 0);
}

#[test]
fn another_one_is_started_if_it_is_killed() {
    if !may_run() {
        return;
    }
    let mut killed = None;
    let tree = with_script(HELLO);
    let server = serve(&tree, "HTTP/1.1");
    for _ in 0..3 {
        assert_eq!(get(&server).status(), 200);
        let starter = starter(&server);
        assert_ne!(killed.replace(starter), Some(starter));
        kill_process(starter, Signal::KILL).expect("it runs");
        wait_until("it has ended", || {
            let path = format!("/proc/{}/status", starter.as_raw_pid());
            let status = fs::read_to_string(path);
            status.map_or(true, |status| status.contains("State:\tZ"))
        });
    }
    assert_eq!(get(&server).status(), 200);
}

#[test]
fn its_scripts_end_with_it() {
    if !may_run() {
        return;
    }
    let tree = with_script(WAITS);
    let server = serve(&tree, "HTTP/1.1");
    let mut client = Connection::open(server.address());
    let request = b"GET /cgi-bin/script HTTP/1.1\r\n\r\n";
    client.send(request).expect("it is sent");
    let head = client.read_until(|bytes| {
        let head = bytes.windows(4).position(|end| end == b"\r\n\r\n");
        head.is_some_and(|head| bytes.len() > head + 4 && bytes.ends_with(b"\n\r\n"))
    });
    let text = String::from_utf8_lossy(&head).into_owned();
    let mut lines = text.lines().rev();
    let script = lines.find(|line| !line.is_empty()).expect("it has printed");
    kill_process(starter(&server), Signal::KILL).expect("it runs");
    let rest = client.read_to_end();
    assert!(!rest.bytes.ends_with(b"0\r\n\r\n"), "it looks complete");
    wait_until("the script has ended", || {
        let status = fs::read_to_string(format!("/proc/{script}/status"));
        status.map_or(true, |status| status.contains("State:\tZ"))
    });
}

#[test]
fn one_that_is_stopped_is_replaced() {
    if !may_run() {
        return;
    }
    let tree = with_script(HELLO);
    let server = serve(&tree, "HTTP/1.1");
    assert_eq!(get(&server).status(), 200);
    kill_process(starter(&server), Signal::STOP).expect("it runs");
    assert_eq!(get(&server).status(), 500);
    assert_eq!(get(&server).status(), 200);
}

#[test]
fn it_is_confined_with_the_server_and_ends_with_it() {
    if !may_run() {
        return;
    }
    let tree = with_script(HELLO);
    let mut command = rhttp(&tree, "HTTP/1.1");
    command.arg("--sandbox");
    let mut server = Running::start(usual(&command));
    assert_eq!(get(&server).status(), 200);
    let starter = starter(&server);
    assert!(status(starter).contains("NoNewPrivs:\t1\n"));
    server.signal(Signal::TERM);
    server.wait();
    wait_until("it has ended, too", || {
        let path = format!("/proc/{}/status", starter.as_raw_pid());
        let status = fs::read_to_string(path);
        status.map_or(true, |status| status.contains("State:\tZ"))
    });
}
