//! Nothing is left behind: no process, no descriptor, no thread, no waiting client.

use super::fixture::{ask, get, rhttp, serve, tree, with_script};
use crate::load::reset;
use crate::support::{Connection, PATIENCE, Running};
use rhttp::{CgiHandler, Config, FileHandler, Server};
use rustix::process::Signal;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// Prints its own process and that of a child, and waits for ever.
const WAITS: &str = "printf '\\n'; sleep 1000 & echo $$ $!; wait";
/// The same, deaf to the polite signal.
const IGNORES: &str = "trap '' TERM; printf '\\n'; sleep 1000 & echo $$ $!; wait";
/// The same, when its answer is complete.
const LIVES_ON: &str = "printf '\\n'; sleep 1000 >&- & echo $$ $!; exec >&-; wait";

#[test]
fn a_client_that_resets_the_connection_ends_its_script() {
    let tree = with_script(WAITS);
    let server = serve(&tree, "HTTP/1.0");
    let (client, processes) = start(&server);
    reset(client);
    wait_for_the_end_of(&processes);
}

#[test]
fn a_client_that_leaves_ends_a_script_that_prints() {
    let tree = with_script("printf '\\n'; echo $$ $$; exec yes");
    let server = serve(&tree, "HTTP/1.1");
    let (client, processes) = start(&server);
    drop(client);
    wait_for_the_end_of(&processes);
}

#[test]
fn a_client_that_leaves_ends_a_script_that_stays_silent() {
    let tree = with_script(WAITS);
    let handler = CgiHandler::new(FileHandler::new(tree.path()));
    let mut config = Config::default();
    config.half_closed_timeout = Some(Duration::from_millis(100));
    let server = Server::bind("127.0.0.1:0", handler).expect("a port is free");
    let server = server.with_config(config).with_log(std::io::sink());
    let address = server.local_addr().socket_addr().expect("it is TCP");
    let handle = server.handle();
    let serving = thread::spawn(move || server.serve());
    let (client, processes) = start_at(TcpStream::connect(address).expect("it accepts"));
    drop(client);
    wait_for_the_end_of(&processes);
    handle.shutdown();
    serving
        .join()
        .expect("it does not panic")
        .expect("it ends well");
}

#[test]
fn a_client_that_leaves_before_there_is_a_header_ends_its_script() {
    let tree = with_script("echo $$ $$ >&2; exec sleep 1000");
    let server = serve(&tree, "HTTP/1.0");
    let client = request(&server);
    let processes = server.wait_for_log(|lines| lines.first().map(|line| processes(line)));
    reset(client);
    wait_for_the_end_of(&processes);
    let log = server.wait_for_log(|lines| (lines.len() > 1).then(|| lines.to_vec()));
    assert_eq!(log.len(), 2, "a client that leaves is no error");
}

#[test]
fn a_script_that_ignores_the_polite_signal_is_killed() {
    let tree = with_script(IGNORES);
    let server = serve(&tree, "HTTP/1.0");
    let (client, processes) = start(&server);
    reset(client);
    wait_for_the_end_of(&processes);
}

#[test]
fn a_client_that_only_sends_no_more_is_served() {
    let tree = with_script("sleep 1; printf '\\n'; sleep 1; echo done");
    let server = serve(&tree, "HTTP/1.0");
    // `get` ends its side before it reads.
    assert_eq!(get(&server).body, b"done\n");
}

#[test]
fn what_a_script_leaves_running_does_not_hold_the_client() {
    for (script, printed) in [
        ("printf '\\n'; sleep 1000 & echo child $!", ""),
        (
            "printf '\\n'; (while echo x; do sleep 0.01; done) & echo child $!",
            "x",
        ),
    ] {
        let tree = with_script(script);
        for protocol in ["HTTP/1.0", "HTTP/1.1"] {
            let server = serve(&tree, protocol);
            let asked = Instant::now();
            let response = get(&server);
            assert!(asked.elapsed() < PATIENCE);
            // What is cut off while more is printed does not look complete.
            let is_complete = super::fixture::unchunk(&response.body).is_some();
            assert_eq!(is_complete, protocol == "HTTP/1.1" && printed.is_empty());
            let body = String::from_utf8(response.body).expect("it is text");
            // Between the lines may be the sizes of chunks.
            let child = body.lines().find_map(|line| line.strip_prefix("child "));
            let child = child.expect("it prints its child");
            assert!(body.contains(printed), "{body}");
            // It is a daemon, and not ours to end; only here.
            let _ = Command::new("kill").arg(child).status();
        }
    }
}

#[test]
fn a_server_that_ends_ends_its_scripts() {
    for script in [WAITS, IGNORES, LIVES_ON] {
        let tree = with_script(script);
        for signal in [Signal::INT, Signal::TERM] {
            let mut command = rhttp(&tree, "HTTP/1.0");
            command.args(["--grace", "0.3"]);
            let mut server = Running::start(command);
            let (client, processes) = start(&server);
            if script == LIVES_ON {
                read_to_end(&client);
            }
            server.signal(signal);
            assert!(server.wait().success());
            wait_for_the_end_of(&processes);
        }
    }
}

#[test]
fn a_second_signal_ends_all_scripts() {
    for script in [WAITS, IGNORES, LIVES_ON] {
        let tree = with_script(script);
        let mut command = rhttp(&tree, "HTTP/1.0");
        command.args(["--grace", "600"]);
        let mut server = Running::start(command);
        let (client, processes) = start(&server);
        // Another one, so that there is something to wait for.
        let (_waiting, others) = start(&server);
        if script == LIVES_ON {
            read_to_end(&client);
        }
        server.signal(Signal::TERM);
        wait_until("it takes no more clients", || {
            TcpListener::bind(server.address()).is_ok()
        });
        server.signal(Signal::TERM);
        assert!(server.wait().success());
        wait_for_the_end_of(&processes);
        wait_for_the_end_of(&others);
    }
}

#[test]
fn fifty_scripts_run_at_once() {
    let tree = with_script("printf '\\n'; cat");
    let server = serve(&tree, "HTTP/1.0");
    let request = b"POST /cgi-bin/script HTTP/1.1\r\nContent-Length: 4\r\n\r\n";
    let mut clients: Vec<_> = (0..50)
        .map(|_| Connection::open(server.address()))
        .collect();
    for client in &mut clients {
        client.send(request).expect("it is sent");
    }
    // Once the heads are there all of the scripts run, and none can end.
    for client in &mut clients {
        client.read_until(|bytes| bytes.ends_with(b"\r\n\r\n"));
    }
    for client in &mut clients {
        client.send(b"done").expect("it is sent");
        assert_eq!(client.read_to_end().bytes, b"done");
    }
}

#[test]
fn a_thousand_scripts_and_two_hundred_that_leave_are_gone_in_the_end() {
    let tree = tree();
    tree.script("cgi-bin/script", "#!/bin/sh\nprintf '\\nhello'\n");
    tree.script("cgi-bin/endless", "#!/bin/sh\nprintf '\\n'\nexec yes\n");
    let server = serve(&tree, "HTTP/1.1");
    assert_eq!(get(&server).status(), 200);
    let descriptors = settled_descriptors(&server);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut client = Connection::open(server.address());
                for _ in 0..125 {
                    let request = b"GET /cgi-bin/script HTTP/1.1\r\n\r\n";
                    client.send(request).expect("it is sent");
                    client.read_until(|bytes| bytes.ends_with(b"\r\n0\r\n\r\n"));
                }
            });
            scope.spawn(|| {
                for _ in 0..25 {
                    let mut client = Connection::open(server.address());
                    let request = b"GET /cgi-bin/endless HTTP/1.1\r\n\r\n";
                    client.send(request).expect("it is sent");
                    client.read_until(|bytes| bytes.ends_with(b"\r\n\r\n"));
                }
            });
        }
    });
    wait_until("its children are gone", || children(&server).is_empty());
    wait_until("its descriptors are closed", || {
        count(&server, "fd") <= descriptors
    });
    wait_until("nobody looks after scripts any more", || {
        !thread_names(&server).iter().any(|name| name == "scripts")
    });
    assert_eq!(ask(&server, "GET / HTTP/1.0\r\n\r\n").status(), 200);
}

/// How many descriptors a server has that serves nobody.
fn settled_descriptors(server: &Running) -> usize {
    let mut count_now = count(server, "fd");
    wait_until("the first connection is closed", || {
        std::mem::replace(&mut count_now, count(server, "fd")) == count(server, "fd")
    });
    count_now
}

fn count(server: &Running, what: &str) -> usize {
    let entries = fs::read_dir(format!("/proc/{}/{what}", server.pid()));
    entries.expect("the server runs").count()
}

/// The status of each of its children, but for the process that starts scripts.
fn children(server: &Running) -> Vec<String> {
    let own = format!("PPid:\t{}\n", server.pid());
    let processes = fs::read_dir("/proc").expect("the system has it");
    let statuses =
        processes.filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("status")).ok());
    let is_script = |status: &String| !status.starts_with("Name:\trhttp-scripts\n");
    statuses
        .filter(|status| status.contains(&own))
        .filter(is_script)
        .collect()
}

fn thread_names(server: &Running) -> Vec<String> {
    let threads = fs::read_dir(format!("/proc/{}/task", server.pid()));
    threads
        .expect("the server runs")
        .filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("comm")).ok())
        .map(|name| name.trim().to_owned())
        .collect()
}

/// Asks for the script, and reads the two processes that it prints.
fn start(server: &Running) -> (TcpStream, Vec<String>) {
    start_at(TcpStream::connect(server.address()).expect("the server accepts"))
}

fn start_at(client: TcpStream) -> (TcpStream, Vec<String>) {
    use std::io::{BufRead, BufReader, Write};
    client
        .set_read_timeout(Some(PATIENCE))
        .expect("the time can be limited");
    (&client)
        .write_all(b"GET /cgi-bin/script HTTP/1.0\r\n\r\n")
        .expect("it is sent");
    let lines = BufReader::new(&client).lines().map_while(Result::ok);
    let line = lines.skip_while(|line| !line.is_empty()).nth(1);
    let found = processes(line.expect("it prints a line").as_bytes());
    (client, found)
}

fn read_to_end(mut client: &TcpStream) {
    use std::io::Read;
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).expect("it is read");
}

fn request(server: &Running) -> TcpStream {
    use std::io::Write;
    let mut client = TcpStream::connect(server.address()).expect("the server accepts");
    client
        .write_all(b"GET /cgi-bin/script HTTP/1.0\r\n\r\n")
        .expect("it is sent");
    client
}

fn processes(line: &[u8]) -> Vec<String> {
    let line = String::from_utf8_lossy(line);
    line.split_whitespace().map(String::from).collect()
}

fn wait_for_the_end_of(processes: &[String]) {
    assert_eq!(processes.len(), 2);
    for process in processes {
        wait_until("the process is gone", || is_gone(process));
    }
}

/// A process that its parent, which is not the server, has not reaped yet is gone as well.
fn is_gone(process: &str) -> bool {
    let status = fs::read_to_string(Path::new("/proc").join(process).join("status"));
    status.map_or(true, |status| {
        status.contains("State:\tZ") && status.contains("PPid:\t1\n")
    })
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
