//! Scripts never outlive their use, whatever clients and signals do.

use super::fixture::{open_to_all, rhttp, serve, tree};
use crate::load::reset;
use crate::support::{
    AfterSending, Connection, PATIENCE, Response, Running, Tree, exchange, not_run,
};
use rhttp::{CgiHandler, Config, FileHandler, Server, ServerHandle, http::Version};
use rustix::process::Signal;
use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Mixes of what a script and its client do.
const MIXES: usize = 300;
/// Clients at a time, and connections that are served.
const CLIENTS: usize = 6;

/// What a script does once it has noted its process id. Each would go on for long.
const BEHAVIOURS: &[&str] = &[
    "printf '\\n'; exec sleep 1000",
    "printf '\\nsome'; sleep 1000",
    "printf 'Status: 204\\n\\n'; exec sleep 1000",
    "printf 'Status: 304\\n\\n'; sleep 1000; :",
    "printf 'Content-Length: 2\\n\\nok'; exec sleep 1000",
    "printf 'Content-Length: 2\\n\\n'; exec yes",
    "printf '\\n'; exec yes",
    "printf '\\n'; exec cat",
    "printf 'Content-Length: 9\\n\\nshort'",
    "printf '\\nall'",
    "printf '\\n'; exec >&-; sleep 1000",
    "trap '' TERM; printf '\\n'; while :; do sleep 1; done",
    "sleep 1000 & printf '\\n'; wait",
];

/// A tree with a script that behaves as its query says: a number of [`BEHAVIOURS`], and where to
/// note its process id.
fn behaving() -> Tree {
    let tree = tree();
    let notes = tree.path().join("notes");
    fs::create_dir(&notes).expect("it can be made");
    fs::set_permissions(&notes, Permissions::from_mode(0o777)).expect("the mode can be set");
    let cases: Vec<_> = BEHAVIOURS
        .iter()
        .enumerate()
        .map(|(number, does)| format!("{number}) {does} ;;\n"))
        .collect();
    let cases = cases.concat();
    tree.script(
        "cgi-bin/script",
        format!(
            "#!/bin/sh\nset -- $1\necho $$ > {}/$2\ncase $1 in\n{cases}esac\n",
            notes.display()
        ),
    );
    open_to_all(tree.path());
    tree
}

/// The process that has noted its id, once it has.
fn process(tree: &Tree, note: &str) -> Option<PathBuf> {
    let id = fs::read_to_string(tree.path().join("notes").join(note)).ok()?;
    let id = id.strip_suffix('\n')?;
    Some(Path::new("/proc").join(id))
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "{what}");
        thread::sleep(Duration::from_millis(10));
    }
}

struct Serving {
    address: SocketAddr,
    handle: ServerHandle,
    thread: JoinHandle<std::io::Result<()>>,
}

fn serve_in_process(tree: &Tree) -> Serving {
    let mut config = Config::default();
    config.protocol = Version::HTTP_11;
    config.max_connections = CLIENTS;
    config.half_closed_timeout = Some(Duration::from_millis(200));
    config.stall_timeout = Some(Duration::from_millis(500));
    let handler = CgiHandler::new(FileHandler::new(tree.path()));
    let server = Server::bind("127.0.0.1:0", handler).expect("a port is free");
    let server = server.with_config(config).with_log(std::io::sink());
    Serving {
        address: server.local_addr().socket_addr().expect("it is TCP"),
        handle: server.handle(),
        thread: thread::spawn(move || server.serve()),
    }
}

/// One client: it asks in some way, reads a little, and leaves in some way, most often when its
/// script has started. False if there was no room for it.
fn converse(tree: &Tree, server: SocketAddr, mix: usize, note: &str) -> bool {
    let mut number = mix.wrapping_mul(0x9e37_79b9).rotate_left(7);
    let mut pick = |count: usize| {
        number = number.wrapping_mul(0x5851_f42d).wrapping_add(0x1405_7b7e);
        (number >> 16) % count
    };
    let behaviour = pick(BEHAVIOURS.len());
    let method = ["GET", "HEAD", "POST"][pick(3)];
    let body = [
        "",
        "Content-Length: 3\r\n\r\nabc",
        "Content-Length: 99\r\n\r\nabc",
    ][pick(3)];
    let body = if body.is_empty() { "\r\n" } else { body };
    let request = format!("{method} /cgi-bin/script?{behaviour}+{note} HTTP/1.1\r\n{body}");
    let mut client = TcpStream::connect(server).expect("it accepts");
    client
        .set_read_timeout(Some(Duration::from_millis(100)))
        .expect("it can be set");
    client.write_all(request.as_bytes()).expect("it is sent");
    let mut buffer = [0; 4096];
    let start = Instant::now();
    while pick(256) > 0 && process(tree, note).is_none() {
        assert!(
            start.elapsed() < PATIENCE,
            "mix {mix}: its script does not start"
        );
        let count = client.peek(&mut buffer).unwrap_or(0);
        if buffer[..count].windows(5).any(|window| window == b" 503 ") {
            return false;
        }
    }
    for _ in 0..pick(3) {
        let _ = client.read(&mut buffer);
    }
    match pick(4) {
        0 => {}
        1 => {
            let _ = client.shutdown(Shutdown::Write);
            while matches!(client.read(&mut buffer), Ok(1..)) && pick(64) > 0 {}
        }
        2 => reset(client),
        _ => {
            // The connection is kept where it can be, and asks again.
            let _ = client.write_all(b"GET /missing HTTP/1.1\r\n\r\n");
            let _ = client.read(&mut buffer);
        }
    }
    true
}

#[cfg(target_os = "linux")]
#[test]
fn no_mix_of_clients_and_scripts_leaves_anything_behind() {
    let tree = behaving();
    let serving = serve_in_process(&tree);
    let next = AtomicUsize::new(0);
    let most = AtomicUsize::new(0);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        let mix = next.fetch_add(1, Ordering::Relaxed);
                        if mix >= MIXES {
                            return;
                        }
                        let note = mix.to_string();
                        while !converse(&tree, serving.address, mix, &note) {
                            thread::sleep(Duration::from_millis(20));
                        }
                        // A script that has not noted its id yet may have been ended before.
                        let is_gone =
                            || process(&tree, &note).is_none_or(|process| !process.exists());
                        wait_until(&format!("mix {mix}: its script goes on"), is_gone);
                    }
                })
            })
            .collect();
        // What runs at any time is never more than the connections.
        while workers.iter().any(|worker| !worker.is_finished()) {
            let running = (0..MIXES).filter(|mix| {
                process(&tree, &mix.to_string()).is_some_and(|process| process.exists())
            });
            most.fetch_max(running.count(), Ordering::Relaxed);
            thread::sleep(Duration::from_millis(20));
        }
    });
    let most = most.into_inner();
    assert!((1..=CLIENTS).contains(&most), "{most} scripts at a time");
    serving.handle.shutdown();
    let served = serving.thread.join().expect("it does not panic");
    served.expect("it ends well");
    let ran = (0..MIXES).filter_map(|mix| process(&tree, &mix.to_string()));
    let ran: Vec<_> = ran.collect();
    assert!(ran.len() > MIXES / 2, "only {} scripts ran", ran.len());
    assert!(ran.iter().all(|process| !process.exists()));
}

#[cfg(target_os = "linux")]
#[test]
fn what_can_add_nothing_is_over_before_the_next_request_is_answered() {
    let tree = behaving();
    let server = serve(&tree, "HTTP/1.1");
    let mut client = Connection::open(server.address());
    for (method, behaviour) in [("HEAD", 0), ("GET", 2), ("GET", 4), ("HEAD", 11)] {
        for turn in 0..3 {
            let note = format!("{method}-{behaviour}-{turn}");
            let request = format!("{method} /cgi-bin/script?{behaviour}+{note} HTTP/1.1\r\n\r\n");
            client.send(request.as_bytes()).expect("it is sent");
            let end: &[u8] = if behaviour == 4 {
                b"\r\n\r\nok"
            } else {
                b"\r\n\r\n"
            };
            client.read_until(|bytes| bytes.ends_with(end));
            client
                .send(b"GET /cgi-bin/script?9+next HTTP/1.1\r\n\r\n")
                .expect("it is sent");
            client.read_until(|bytes| bytes.ends_with(b"all\r\n0\r\n\r\n"));
            let script = process(&tree, &note).expect("it has run");
            assert!(!script.exists(), "{note} goes on");
        }
    }
}

/// The same command, started by a program that first treats signals as this line of Python says.
#[cfg(target_os = "linux")]
fn started_after(treatment: &str, command: &Command) -> Command {
    let program =
        format!("import os, signal, sys\n{treatment}\nos.execv(sys.argv[1], sys.argv[1:])");
    let mut python = Command::new("python3");
    python.args(["-c", &program]).arg(command.get_program());
    python.args(command.get_args());
    python
}

#[cfg(target_os = "linux")]
#[test]
fn whatever_signal_ends_the_server_ends_its_scripts() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT] {
        let tree = behaving();
        // Under `nohup`, the tests ignore SIGHUP, and so would the server.
        let heed = "signal.signal(signal.SIGHUP, signal.SIG_DFL)";
        let mut command = started_after(heed, &rhttp(&tree, "HTTP/1.1"));
        command.args(["--grace", "0.1"]);
        let mut server = Running::start(command);
        let mut client = Connection::open(server.address());
        for behaviour in [0, 11] {
            let mut client = TcpStream::connect(server.address()).expect("it accepts");
            let request = format!("GET /cgi-bin/script?{behaviour}+{behaviour} HTTP/1.1\r\n\r\n");
            client.write_all(request.as_bytes()).expect("it is sent");
            wait_until("it starts", || {
                process(&tree, &behaviour.to_string()).is_some()
            });
            std::mem::forget(client);
        }
        let scripts = ["0", "11"].map(|note| process(&tree, note).expect("it has started"));
        server.signal(signal);
        server.wait();
        for script in scripts {
            wait_until(&format!("{signal:?}: a script goes on"), || {
                !script.exists()
            });
        }
        client.read_to_end();
    }
}

/// A supervisor may start its programs with signals blocked.
#[cfg(target_os = "linux")]
#[test]
fn a_blocked_signal_ends_the_server_all_the_same() {
    let tree = tree();
    let block = "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])";
    for options in [&["--cgi"][..], &[]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rhttp"));
        command.args(["0", "--bind", "127.0.0.1"]).args(options);
        command.arg("--directory").arg(tree.path());
        let mut server = Running::start(started_after(block, &command));
        server.signal(Signal::TERM);
        assert_eq!(server.wait().code(), Some(0), "{options:?}");
    }
}

/// The first process of a container gets the children of those that have ended.
#[cfg(target_os = "linux")]
#[test]
fn as_process_1_orphans_are_reaped() {
    let tree = tree();
    tree.script(
        "cgi-bin/script",
        "#!/bin/sh\nprintf '\\n'\nsleep 0.01 >&- 2>&- & echo left",
    );
    let mut unshare = Command::new("unshare");
    let namespaces = [
        "--pid",
        "--fork",
        "--mount-proc",
        "--kill-child",
        "--map-root-user",
    ];
    let count = if rustix::process::geteuid().is_root() {
        4
    } else {
        5
    };
    unshare.args(&namespaces[..count]);
    let mut probe = Command::new("unshare");
    probe.args(&namespaces[..count]).arg("true");
    if !probe.output().is_ok_and(|output| output.status.success()) {
        return not_run("process 1 of a namespace: none can be made");
    }
    let command = rhttp(&tree, "HTTP/1.0");
    unshare.arg(command.get_program()).args(command.get_args());
    let server = Running::start(unshare);
    for _ in 0..25 {
        let answer = super::fixture::get(&server);
        assert_eq!(answer.body, b"left\n");
    }
    // The children of the server, which is the only child of `unshare`.
    let children = |id: &str| {
        let path = format!("/proc/{id}/task/{id}/children");
        fs::read_to_string(path).expect("the kernel lists children")
    };
    let own = children(&server.pid().to_string());
    let own = own.trim().to_owned();
    wait_until("there are zombies", || {
        let tasks = fs::read_dir(format!("/proc/{own}/task")).expect("it runs");
        let listed: String = tasks
            .flatten()
            .filter_map(|task| fs::read_to_string(task.path().join("children")).ok())
            .collect();
        // That of the process that starts root's scripts goes on.
        let is_zombie = |id: &str| {
            let name = fs::read_to_string(format!("/proc/{id}/comm"));
            name.map_or(true, |name| name != "rhttp-scripts\n")
        };
        !listed.split_whitespace().any(is_zombie)
    });
}

#[test]
fn a_script_that_a_signal_has_ended_does_not_look_complete() {
    let tree = super::fixture::with_script("printf '\\nsome'; kill -9 $$");
    let server = serve(&tree, "HTTP/1.1");
    let mut client = Connection::open(server.address());
    client
        .send(b"GET /cgi-bin/script HTTP/1.1\r\n\r\n")
        .expect("it is sent");
    let answer = client.read_to_end();
    let response = Response::parse(&answer.bytes);
    assert_eq!(response.body, b"4\r\nsome\r\n");
    server.wait_for_log(|lines| {
        let is_logged = |line: &Vec<u8>| line.ends_with(b"CGI script exit code -9");
        lines.iter().any(is_logged).then_some(())
    });
}

#[test]
fn what_the_system_passes_on_to_no_program_is_431() {
    let tree = super::fixture::with_script("printf '\\nall'");
    let server = serve(&tree, "HTTP/1.1");
    let lines = format!("Cookie: {}\r\n", "x".repeat(60_000)).repeat(3);
    let answer = super::fixture::ask(
        &server,
        &format!("GET /cgi-bin/script HTTP/1.1\r\n{lines}\r\n"),
    );
    assert_eq!(answer.status(), 431);
}

/// The one time limit that is answered: the client has asked, and a script waits with it.
#[test]
fn a_body_that_stalls_is_408_and_ends_its_script() {
    let tree = super::fixture::with_script("read line; exec sleep 1000");
    let mut command = rhttp(&tree, "HTTP/1.1");
    command.args(["--timeout", "0.3"]);
    let server = Running::start(command);
    let request = "POST /cgi-bin/script HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc";
    let answer = exchange(server.address(), &[request], AfterSending::StayOpen);
    assert_eq!(Response::parse(&answer).status(), 408);
    let log = server.wait_for_log(|lines| (lines.len() >= 2).then(|| lines.to_vec()));
    assert!(log[0].ends_with(b"code 408, message Request Timeout"));
    assert!(log[1].ends_with(b"\"POST /cgi-bin/script HTTP/1.1\" 408 -"));
}
