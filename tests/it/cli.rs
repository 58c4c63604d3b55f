//! The command line: flags, banner, signals, exit statuses (contract, section 1).

use crate::load::eventually;
use crate::support::{AfterSending, Response, Running, Tree, exchange, not_run};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{PipeWriter, Write};
use std::net::SocketAddr;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const GET: [&str; 1] = ["GET / HTTP/1.0\r\n\r\n"];

/// What becomes of a command line that does not start a server.
fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rhttp"));
    command.args(arguments).output().expect("rhttp can be run")
}

/// Starts a server with exactly these arguments.
fn start(arguments: &[&str], current_directory: &Path) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rhttp"));
    command.args(arguments).current_dir(current_directory);
    Running::start(command)
}

fn get(server: &Running, request: &str) -> Response {
    Response::parse(&exchange(
        server.address(),
        &[request],
        AfterSending::StayOpen,
    ))
}

#[test]
fn the_banner_names_the_address_and_the_real_port() {
    let tree = Tree::new();
    let server = start(&["0", "--bind", "127.0.0.1"], tree.path());
    let port = server.address().port();
    assert_ne!(port, 0);
    let expected = format!("Serving HTTP on 127.0.0.1 port {port} (http://127.0.0.1:{port}/) ...");
    assert_eq!(server.output(), [expected.into_bytes()]);
}

#[test]
fn an_ipv6_host_stands_in_brackets_inside_the_url_only() {
    if TcpListener::bind("[::1]:0").is_err() {
        not_run("this machine has no IPv6 loopback");
        return;
    }
    let tree = Tree::new();
    for bind in [
        &["--bind=::1", "0"][..],
        &["-b", "::1", "0"],
        &["0", "--bi", "::1"],
    ] {
        let server = start(bind, tree.path());
        let port = server.address().port();
        let expected = format!("Serving HTTP on ::1 port {port} (http://[::1]:{port}/) ...");
        assert_eq!(server.output(), [expected.into_bytes()]);
        assert_eq!(get(&server, GET[0]).status(), 200);
        server.wait_for_log(|lines| {
            lines
                .iter()
                .find(|line| line.starts_with(b"::1 - - ["))
                .cloned()
        });
    }
}

#[test]
fn an_ipv6_wildcard_takes_ipv4_clients_too() {
    if TcpListener::bind("[::1]:0").is_err() {
        not_run("this machine has no IPv6 loopback");
        return;
    }
    let tree = Tree::new();
    let server = start(&["0", "-b", "::"], tree.path());
    let address: SocketAddr = format!("127.0.0.1:{}", server.address().port())
        .parse()
        .expect("an address");
    let answer = exchange(address, &GET, AfterSending::StayOpen);
    assert_eq!(Response::parse(&answer).status(), 200);
    server.wait_for_log(|lines| {
        lines
            .iter()
            .find(|line| line.starts_with(b"::ffff:127.0.0.1 - - ["))
            .cloned()
    });
}

#[test]
fn without_an_address_all_interfaces_are_served() {
    let tree = Tree::new();
    let server = start(&["0"], tree.path());
    assert!(server.address().ip().is_unspecified());
    TcpStream::connect(("127.0.0.1", server.address().port())).expect("loopback is an interface");
}

#[test]
fn a_host_name_can_be_bound() {
    let tree = Tree::new();
    let server = start(&["--bind", "localhost", "0"], tree.path());
    assert!(server.address().ip().is_loopback());
}

#[test]
fn long_options_may_be_shortened_and_stand_anywhere() {
    let tree = Tree::new();
    tree.file("here.txt", "found");
    let elsewhere = Tree::new();
    let directory = tree.path().to_str().expect("a temporary path is text");
    let with_equals = format!("--directory={directory}");
    let short_glued = format!("-d{directory}");
    for arguments in [
        &[
            "--dir",
            directory,
            "--proto",
            "HTTP/1.1",
            "--bind",
            "127.0.0.1",
            "0",
        ][..],
        &["0", "--d", directory, "--p", "HTTP/1.1", "--b", "127.0.0.1"],
        &["-b127.0.0.1", "0", &short_glued, "-pHTTP/1.1"],
        &["-b", "127.0.0.1", &with_equals, "0", "--protocol=HTTP/1.1"],
    ] {
        let server = start(arguments, elsewhere.path());
        let response = get(&server, "GET /here.txt HTTP/1.0\r\n\r\n");
        assert_eq!(response.status_line, "HTTP/1.1 200 OK", "{arguments:?}");
        assert_eq!(response.body, b"found");
    }
}

#[test]
fn the_current_directory_and_http_1_0_are_the_defaults() {
    let tree = Tree::new();
    tree.file("here.txt", "found");
    let server = start(&["-b", "127.0.0.1", "0"], tree.path());
    let response = get(&server, "GET /here.txt HTTP/1.1\r\n\r\n");
    assert_eq!(response.status_line, "HTTP/1.0 200 OK");
    assert_eq!(response.body, b"found");
}

#[test]
fn a_wrong_command_line_is_a_usage_error_with_status_2() {
    for arguments in [
        &["port"][..],
        &["65536"],
        &["-1"],
        &["99999999999999999999"],
        &["8000", "8001"],
        &["--protocol", "HTTP/2.0"],
        &["--protocol", "http/1.1"],
        &["-p", ""],
        &["--nonsense"],
        // It would be no time at all, and that is for ever.
        &["--timeout", "1e-10"],
        &["--grace", "1e-10"],
        &["--bind"],
    ] {
        let output = run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(
            stderr.contains("Usage: rhttp [-h] "),
            "{arguments:?}: {stderr}"
        );
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn help_shows_the_usage_and_ends_well() {
    for flag in ["-h", "--help"] {
        let output = run(&[flag]);
        assert_eq!(output.status.code(), Some(0));
        let text = String::from_utf8(output.stdout).expect("help is text");
        assert!(text.contains("Usage: rhttp [-h] "), "{text}");
        assert!(
            text.contains(" [-b ADDRESS] [-d DIRECTORY] [-p VERSION]"),
            "{text}"
        );
    }
}

/// Asserts that a start fails with status 1 and one line that holds all of `parts`.
fn assert_start_error(arguments: &[&str], parts: &[&str]) {
    let output = run(arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {stderr}");
    assert_eq!(stderr.lines().count(), 1, "{arguments:?}: {stderr}");
    for part in parts {
        assert!(stderr.contains(part), "{arguments:?}: {stderr}");
    }
    assert!(output.stdout.is_empty(), "{arguments:?}");
}

#[test]
fn what_keeps_a_server_from_starting_is_one_line_and_status_1() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken
        .local_addr()
        .expect("it has an address")
        .port()
        .to_string();
    let place = format!("127.0.0.1 port {port}");
    assert_start_error(&[&port, "--bind", "127.0.0.1"], &[&place, "in use"]);
    // Of TEST-NET-1: nobody has it.
    assert_start_error(
        &["0", "--bind", "192.0.2.1"],
        &["192.0.2.1 port 0", "assign"],
    );
    assert_start_error(&["0", "--bind", "no such host"], &["no such host port 0"]);
    let tree = Tree::new();
    tree.fifo("fifo");
    for name in ["missing", "fifo"] {
        let path = tree.path().join(name);
        let path = path.to_str().expect("a temporary path is text");
        assert_start_error(&["0", "--directory", path], &["cannot serve", path]);
    }
}

#[test]
fn an_interrupt_ends_the_server_at_once_with_a_word() {
    let tree = Tree::new();
    let mut server = start(&["0", "-b", "127.0.0.1"], tree.path());
    // Silent connections do not matter.
    let _idle = TcpStream::connect(server.address()).expect("it accepts");
    assert_eq!(get(&server, GET[0]).status(), 200);
    server.signal(Signal::INT);
    assert_eq!(server.wait().code(), Some(0));
    let output = server.output();
    assert_eq!(
        output[1..],
        [
            b"".to_vec(),
            b"Keyboard interrupt received, exiting.".to_vec()
        ]
    );
    assert_eq!(server.log().len(), 1);
}

#[test]
fn a_request_to_terminate_is_no_error() {
    let tree = Tree::new();
    let mut server = start(&["0", "-b", "127.0.0.1"], tree.path());
    assert_eq!(get(&server, GET[0]).status(), 200);
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
    assert_eq!(server.output().len(), 1);
    assert_eq!(server.log().len(), 1);
}

#[test]
fn the_log_shows_local_time() {
    if !Path::new("/usr/share/zoneinfo/Asia/Kathmandu").exists() {
        not_run("this machine has no time zone database");
        return;
    }
    let tree = Tree::new();
    for (zone, east) in [
        ("Asia/Kathmandu", 345 * 60),
        ("<-03>3", -3 * 3600),
        ("UTC", 0),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rhttp"));
        command
            .args(["0", "-b", "127.0.0.1", "-d"])
            .arg(tree.path())
            .env("TZ", zone);
        let server = Running::start(command);
        let date = get(&server, GET[0])
            .field("Date")
            .expect("a date")
            .to_owned();
        let utc = rhttp::http::HttpDate::parse(date.as_bytes())
            .expect("it is one")
            .as_unix();
        let logged = server.wait_for_log(|lines| lines.first().cloned());
        let logged = String::from_utf8(logged).expect("the line is ASCII");
        // The log's second and the date's are the same, or follow each other.
        let clock = |seconds: i64| {
            let time = (utc + east + seconds).rem_euclid(86_400);
            format!(
                " {:02}:{:02}:{:02}]",
                time / 3600,
                time / 60 % 60,
                time % 60
            )
        };
        assert!(
            [0, 1, -1]
                .iter()
                .any(|&seconds| logged.contains(&clock(seconds))),
            "{zone}: {date}, {logged}"
        );
    }
}

#[test]
fn of_a_flag_given_twice_the_last_counts() {
    let tree = Tree::new();
    tree.file("here.txt", "found");
    let directory = tree.path().to_str().expect("a temporary path is text");
    let arguments = [
        "-d",
        "/",
        "-p",
        "HTTP/1.0",
        "0",
        "-b",
        "::1",
        "-d",
        directory,
        "-p",
        "HTTP/1.1",
        "-b",
        "127.0.0.1",
    ];
    let server = start(&arguments, tree.path());
    assert_eq!(
        get(&server, "GET /here.txt HTTP/1.0\r\n\r\n").status_line,
        "HTTP/1.1 200 OK"
    );
}

#[test]
fn a_banner_that_nobody_reads_keeps_no_server_from_serving_or_ending() {
    let tree = Tree::new();
    let (_reader, writer) = std::io::pipe().expect("a pipe");
    fill(&writer);
    // The banner would tell the port: it has to be known.
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = free.local_addr().expect("it has an address");
    drop(free);
    let mut server = Command::new(env!("CARGO_BIN_EXE_rhttp"))
        .args(["-b", "127.0.0.1", &address.port().to_string()])
        .current_dir(tree.path())
        .stdin(Stdio::null())
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    eventually("listening", || TcpStream::connect(address).is_ok());
    let answer = exchange(address, &GET, AfterSending::StayOpen);
    assert_eq!(Response::parse(&answer).status(), 200);

    let id = i32::try_from(server.id()).ok().and_then(Pid::from_raw);
    kill_process(id.expect("a process has an id"), Signal::INT).expect("it can be signalled");
    let start = Instant::now();
    let status = server.wait().expect("it can be waited for");
    assert_eq!(status.code(), Some(0));
    let took = start.elapsed();
    // It ended by itself, not by its last resort.
    assert!(took < Duration::from_millis(1400), "{took:?}");
}

/// Fills a pipe so that writing to it blocks.
fn fill(pipe: &PipeWriter) {
    use rustix::fs::{OFlags, fcntl_setfl};
    fcntl_setfl(pipe, OFlags::NONBLOCK).expect("it can be set");
    let mut pipe_in = pipe;
    while pipe_in.write(&[b'\n'; 4096]).is_ok() {}
    while pipe_in.write(b"\n").is_ok() {}
    fcntl_setfl(pipe, OFlags::empty()).expect("it can be set");
}
