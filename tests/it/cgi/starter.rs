//! The process that starts scripts for a server of root's.

use super::fixture::{add_program, ask, get, is_root, rhttp, serve, tree, usual, with_script};
use crate::support::{Connection, PATIENCE, Running, not_run};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const HELLO: &str = "printf '\\nhello'";
const COPIES: &str = "printf '\\n'; cat";
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
    let found = starters(server);
    assert_eq!(found.len(), 1, "{found:?}");
    found[0]
}

fn starters(server: &Running) -> Vec<Pid> {
    let mut found = children(server.pid());
    found.retain(|&child| comm(child) == "rhttp-scripts\n");
    found
}

fn comm(process: Pid) -> String {
    fs::read_to_string(format!("/proc/{}/comm", process.as_raw_pid())).unwrap_or_default()
}

fn children(parent: u32) -> Vec<Pid> {
    let parent = format!("PPid:\t{parent}\n");
    let processes = fs::read_dir("/proc").expect("the system has it");
    let children = processes.filter_map(|entry| {
        let name = entry.ok()?.file_name();
        let status = fs::read_to_string(Path::new("/proc").join(&name).join("status")).ok()?;
        Pid::from_raw(name.to_str()?.parse().ok()?).filter(|_| status.contains(&parent))
    });
    children.collect()
}

fn has_ended(process: Pid) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", process.as_raw_pid()));
    status.map_or(true, |status| status.contains("State:\tZ"))
}

/// Asks for a script that [`WAITS`], and returns its process.
fn start_waiting(server: &Running) -> (Connection, Pid) {
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
    let script = Pid::from_raw(script.parse().expect("it is a number"));
    (client, script.expect("it is not zero"))
}

/// Asks for a script that reads its input, as one that [`COPIES`] does: it runs from now on.
fn start_copying(server: &Running, script: &str) -> Connection {
    let mut client = Connection::open(server.address());
    let request = format!("POST /cgi-bin/{script} HTTP/1.1\r\nContent-Length: 4\r\n\r\n");
    client.send(request.as_bytes()).expect("it is sent");
    client.read_until(|bytes| bytes.ends_with(b"\r\n\r\n"));
    client
}

/// Sends the script its input; panics unless the answer comes to its end.
fn finish_copying(mut client: Connection) {
    client.send(b"done").expect("it is sent");
    client.read_until(|bytes| bytes.ends_with(b"done\r\n0\r\n\r\n"));
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
        wait_until("it has ended", || has_ended(starter));
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
    let (mut client, script) = start_waiting(&server);
    kill_process(starter(&server), Signal::KILL).expect("it runs");
    let rest = client.read_to_end();
    assert!(!rest.bytes.ends_with(b"0\r\n\r\n"), "it looks complete");
    wait_until("the script has ended", || has_ended(script));
}

#[test]
fn scripts_end_with_a_server_that_is_killed() {
    if !may_run() {
        return;
    }
    let tree = with_script(WAITS);
    let server = serve(&tree, "HTTP/1.1");
    let (_client, script) = start_waiting(&server);
    server.signal(Signal::KILL);
    wait_until("the script has ended", || has_ended(script));
}

#[test]
fn one_that_is_stopped_is_replaced_and_keeps_its_scripts() {
    if !may_run() {
        return;
    }
    let tree = with_script(COPIES);
    let server = serve(&tree, "HTTP/1.1");
    let client = start_copying(&server, "script");
    let stopped = starter(&server);
    kill_process(stopped, Signal::STOP).expect("it runs");
    assert_eq!(get(&server).status(), 200);
    finish_copying(client);
    wait_until("it ends with its last script", || {
        starters(&server).len() == 1
    });
    assert_ne!(starter(&server), stopped);
}

#[test]
fn a_script_that_stops_it_gets_its_own_answer_and_nobody_else_s() {
    if !may_run() {
        return;
    }
    let tree = with_script(COPIES);
    tree.script(
        "cgi-bin/hostile",
        "#!/bin/sh\nprintf '\\n'; read line; kill -STOP $PPID; printf stopped\n",
    );
    let server = serve(&tree, "HTTP/1.1");
    for _ in 0..2 {
        let client = start_copying(&server, "script");
        let mut hostile = start_copying(&server, "hostile");
        hostile.send(b"go.\n").expect("it is sent");
        hostile.read_until(|bytes| bytes.ends_with(b"stopped\r\n0\r\n\r\n"));
        assert_eq!(get(&server).status(), 200);
        finish_copying(client);
    }
    wait_until("nothing is left", || starters(&server).len() == 1);
}

/// Whoever opens the file waits until this is dropped.
struct Held(Child);

impl Held {
    /// `None` if the file system does not offer that.
    fn new(file: &Path) -> Option<Self> {
        const HOLD: &str = "import fcntl, os, signal, sys\n\
            signal.signal(signal.SIGIO, signal.SIG_IGN)\n\
            file = os.open(sys.argv[1], os.O_RDONLY)\n\
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)\n\
            print('held', flush=True)\n\
            sys.stdin.read()";
        let mut command = Command::new("python3");
        command.args(["-c", HOLD]).arg(file);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut held = Self(command.spawn().ok()?);
        let mut line = [0; 4];
        held.0.stdout.as_mut()?.read_exact(&mut line).ok()?;
        (line == *b"held").then_some(held)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_start_that_takes_too_long_fails_alone() {
    if !may_run() {
        return;
    }
    let tree = with_script(COPIES);
    tree.script("cgi-bin/slow", "#!/bin/sh\nexec sleep 1000\n");
    let server = serve(&tree, "HTTP/1.1");
    let client = start_copying(&server, "script");
    let starter = starter(&server);
    let Some(held) = Held::new(&tree.path().join("cgi-bin/slow")) else {
        return not_run("a slow start, for a file's opening cannot be held up");
    };
    let answer = ask(&server, "GET /cgi-bin/slow HTTP/1.1\r\n\r\n");
    assert_eq!(answer.status(), 500);
    assert_eq!(get(&server).status(), 200);
    finish_copying(client);
    assert_eq!(self::starter(&server), starter);
    let late = || children(starter.as_raw_pid().unsigned_abs());
    assert!(!late().is_empty(), "it was not held up");
    drop(held);
    wait_until("the late script is ended", || late().is_empty());
    assert_eq!(get(&server).status(), 200);
}

#[test]
fn no_script_goes_without_the_input_that_it_was_to_get() {
    if !may_run() {
        return;
    }
    let tree = tree();
    add_program(&tree);
    // Enough for one script at a time; for most of two, when they start together.
    let limits = "#!/bin/sh\nprlimit --pid $PPID --nofile=8 && printf '\\nlimited'\n";
    tree.script("cgi-bin/limits", limits);
    let server = serve(&tree, "HTTP/1.0");
    let limited = ask(&server, "GET /cgi-bin/limits HTTP/1.0\r\n\r\n");
    if limited.body != b"limited" {
        return not_run("a limit on descriptors, for there is no prlimit");
    }
    let request = "POST /cgi-bin/program?in HTTP/1.0\r\nContent-Length: 4\r\n\r\nbody";
    let whole = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let answer = ask(&server, request);
                    if answer.status() != 503 {
                        assert_eq!(answer.body, b"4 bytes\n");
                        whole.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_ne!(whole.into_inner(), 0, "none was ever answered");
}

#[test]
fn one_that_could_not_be_started_is_tried_again() {
    if !may_run() {
        return;
    }
    let tree = with_script(HELLO);
    let program = tree.path().join("rhttp");
    fs::copy(env!("CARGO_BIN_EXE_rhttp"), &program).expect("it can be copied");
    let set_mode = |mode| {
        let mode = Permissions::from_mode(mode);
        fs::set_permissions(&program, mode).expect("the mode can be set");
    };
    set_mode(0o755);
    let mut command = Command::new(&program);
    command.args(rhttp(&tree, "HTTP/1.1").get_args());
    let server = Running::start(usual(&command));
    assert_eq!(get(&server).status(), 200);
    let killed = starter(&server);
    kill_process(killed, Signal::KILL).expect("it runs");
    wait_until("it has ended", || has_ended(killed));
    // Not even root executes what nobody may execute.
    set_mode(0o644);
    let said = || {
        let log = server.log();
        log.iter()
            .filter(|line| line.starts_with(b"rhttp: "))
            .count()
    };
    let start = Instant::now();
    // Several attempts fail, at most one in a second.
    while start.elapsed() < Duration::from_secs(3) {
        assert_eq!(get(&server).status(), 200);
    }
    assert!(starters(&server).is_empty());
    set_mode(0o755);
    wait_until("there is one again", || {
        assert_eq!(get(&server).status(), 200);
        !starters(&server).is_empty()
    });
    assert_eq!(said(), 1);
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
    wait_until("it has ended, too", || has_ended(starter));
}
