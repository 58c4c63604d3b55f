//! Several addresses, paths, and sockets that are handed over.

use super::{Server, ask_at};
use crate::support::{AfterSending, Response, Tree, exchange};
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::process::{Command, Output, Stdio};
use std::thread;

const GET: &str = "GET /a HTTP/1.0\r\n\r\n";

fn tree() -> Tree {
    let tree = Tree::new();
    tree.directory("www").file("www/a", "hello");
    tree
}

fn get(address: &str) -> Response {
    let address: SocketAddr = address.parse().expect("it is one");
    Response::parse(&exchange(address, &[GET], AfterSending::StayOpen))
}

#[test]
fn every_bind_is_served_and_has_its_line() {
    let tree = tree();
    let (www, path) = (tree.path().join("www"), tree.path().join("socket"));
    let mut arguments = vec![
        "0",
        "-b",
        "127.0.0.1",
        "--bind=127.0.0.2",
        "--socket-mode",
        "640",
    ];
    let unix = format!("unix:{}", path.display());
    let www = www.display().to_string();
    arguments.extend(["-b", &unix, "-d", &www]);
    let mut server = Server::start(arguments, 3);
    for line in 0..2 {
        assert_eq!(get(server.address(line)).body, b"hello");
    }
    assert!(server.address(1).starts_with("127.0.0.2:"));
    assert_eq!(server.banner[2], format!("Serving HTTP on {unix} ..."));
    let metadata = fs::metadata(&path).expect("it is there");
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o640);
    assert!(ask_at(&path, GET).ends_with("\r\n\r\nhello"));
    assert_eq!(server.terminate().code(), Some(0));
    assert!(!path.exists(), "the socket is still there");
}

#[test]
fn scripts_and_the_log_see_a_client_without_an_address() {
    let tree = tree();
    tree.script(
        "www/cgi-bin/env",
        "#!/bin/sh\necho 'Content-Type: text/plain'; echo\n\
         echo \"[$REMOTE_ADDR] [$SERVER_PORT] [${LISTEN_FDS-none}]\"\n",
    );
    let path = tree.path().join("socket");
    let server = rhttp_at(&path, &tree, &["--cgi"]);
    let answer = ask_at(&path, "GET /cgi-bin/env HTTP/1.0\r\n\r\n");
    assert!(answer.ends_with("\r\n\r\n[] [80] [none]\n"), "{answer}");
    drop(server);
}

fn rhttp_at(path: &std::path::Path, tree: &Tree, more: &[&str]) -> Server {
    let (place, www) = (path.display().to_string(), tree.path().join("www"));
    let www = www.display().to_string();
    let mut arguments = vec!["-b", &place, "-d", &www];
    arguments.extend(more);
    Server::start(arguments, 1)
}

#[test]
fn a_stale_socket_makes_place_and_nothing_else_does() {
    let tree = tree();
    let path = tree.path().join("socket");
    drop(UnixListener::bind(&path).expect("it can be made"));
    let server = rhttp_at(&path, &tree, &[]);
    assert!(ask_at(&path, GET).ends_with("hello"));
    let refused = |place: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_rhttp"))
            .args(["-b", place])
            .output();
        let Output {
            status,
            stderr,
            stdout,
        } = output.expect("it runs");
        assert_eq!((status.code(), stdout), (Some(1), Vec::new()));
        String::from_utf8(stderr).expect("it is text")
    };
    let place = format!("unix:{}", path.display());
    let living = format!("rhttp: cannot listen on {place}: another server listens there\n");
    assert_eq!(refused(&place), living);
    assert!(ask_at(&path, GET).ends_with("hello"));
    drop(server);
    let file = tree.path().join("www/a");
    let place = format!("unix:{}", file.display());
    let file_there =
        format!("rhttp: cannot listen on {place}: a file is there that is not a socket\n");
    assert_eq!(refused(&place), file_there);
    assert_eq!(fs::read(file).expect("it is still there"), b"hello");
    let nowhere = refused("unix:/no/such/directory/socket");
    assert_eq!(
        nowhere,
        "rhttp: cannot listen on unix:/no/such/directory/socket: \
         No such file or directory (os error 2)\n"
    );
}

#[test]
fn a_socket_that_another_has_taken_over_stays() {
    let tree = tree();
    let path = tree.path().join("socket");
    let mut server = rhttp_at(&path, &tree, &[]);
    fs::remove_file(&path).expect("it is there");
    let _other = UnixListener::bind(&path).expect("it can be made");
    assert_eq!(server.terminate().code(), Some(0));
    assert!(path.exists());
}

#[test]
fn a_start_that_fails_leaves_no_socket_behind() {
    let tree = tree();
    let path = tree.path().join("socket");
    let taken = UnixListener::bind(tree.path().join("taken")).expect("it can be made");
    let output = Command::new(env!("CARGO_BIN_EXE_rhttp"))
        .current_dir(tree.path())
        .args(["-b", "unix:socket", "-b", "unix:taken"])
        .output()
        .expect("it runs");
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "rhttp: cannot listen on unix:taken: another server listens there\n"
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(!path.exists(), "the socket is still there");
    drop(taken);
}

#[test]
fn bad_places_are_told_at_once() {
    for (arguments, complaint) in [
        (&["--socket-mode", "999"][..], "not a mode such as 660"),
        (&["--socket-mode", "7777"], "not a mode such as 660"),
        (&["--exit-idle", "soon"], "not a number of seconds"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_rhttp"))
            .args(arguments)
            .output();
        let output = output.expect("it runs");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(complaint), "{text}");
    }
}

/// Runs rhttp with one or two sockets as a service manager does, from descriptor 3 on. Nobody else
/// inherits them: they come as standard input and standard error.
fn hand_over(sockets: &[&dyn AsFd], arguments: &[&str]) -> Command {
    let copy = |socket: &&dyn AsFd| {
        let copy = socket.as_fd().try_clone_to_owned();
        Stdio::from(copy.expect("it can be copied"))
    };
    let mut script = "LISTEN_PID=$$ exec \"$@\" 3<&0 </dev/null".to_owned();
    let mut command = Command::new("sh");
    if let Some(second) = sockets.get(1) {
        script.push_str(" 4<&2 2>/dev/null");
        command.stderr(copy(second));
    }
    command.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_rhttp")]);
    command.args(arguments);
    command.stdin(sockets.first().map_or_else(Stdio::null, copy));
    command.env("LISTEN_FDS", sockets.len().to_string());
    command
}

#[test]
fn sockets_that_are_handed_over_are_served() {
    let tree = tree();
    let tcp = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let path = tree.path().join("socket");
    let unix = UnixListener::bind(&path).expect("it can be made");
    let www = tree.path().join("www").display().to_string();
    let mut server = Server::run(hand_over(&[&tcp, &unix], &["-d", &www]), 2);
    let address = tcp.local_addr().expect("it has one").to_string();
    assert_eq!(
        server.banner[0],
        format!(
            "Serving HTTP on 127.0.0.1 port {} (http://{address}/) ...",
            tcp.local_addr().expect("it has one").port()
        )
    );
    assert_eq!(get(&address).body, b"hello");
    assert!(ask_at(&path, GET).ends_with("hello"));
    assert_eq!(server.terminate().code(), Some(0));
    assert!(path.exists(), "it is the manager's");
}

#[test]
fn a_socket_that_was_handed_over_outlives_the_server() {
    let tree = tree();
    let tcp = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let path = tree.path().join("socket");
    let unix = UnixListener::bind(&path).expect("it can be made");
    let www = tree.path().join("www").display().to_string();
    let address = tcp.local_addr().expect("it has one").to_string();
    for way in ["SIGTERM", "--exit-idle", "SIGTERM again"] {
        // Clients that come between two servers wait for the next.
        let early = thread::scope(|scope| {
            let asks = scope.spawn(|| (get(&address).body, ask_at(&path, GET)));
            let mut arguments = vec!["-d", &www];
            if way == "--exit-idle" {
                arguments.extend(["--exit-idle", "0.5"]);
            }
            let mut server = Server::run(hand_over(&[&tcp, &unix], &arguments), 2);
            let early = asks.join().expect("it is answered");
            if way == "--exit-idle" {
                assert_eq!(server.process.wait().expect("it ends").code(), Some(0));
            } else {
                assert_eq!(server.terminate().code(), Some(0), "{way}");
            }
            early
        });
        assert_eq!(early.0, b"hello", "{way}");
        assert!(early.1.ends_with("hello"), "{way}");
    }
}

#[test]
fn the_banner_comes_before_the_log_even_if_a_client_waits_already() {
    let tree = tree();
    let www = tree.path().join("www").display().to_string();
    let tcp = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = tcp.local_addr().expect("it has one");
    let output = tree.path().join("output");
    for _ in 0..5 {
        let mut client = TcpStream::connect(address).expect("it listens");
        client
            .write_all(b"GET /a HTTP/1.0\r\n\r\n")
            .expect("it is sent");
        let file = fs::File::create(&output).expect("it can be made");
        let copy = file.try_clone().expect("it can be copied");
        let mut command = hand_over(&[&tcp], &["-d", &www]);
        let process = command.stdout(file).stderr(copy).spawn();
        let mut server = Server {
            process: process.expect("it runs"),
            banner: Vec::new(),
        };
        client.read_to_end(&mut Vec::new()).expect("it is answered");
        assert_eq!(server.terminate().code(), Some(0));
        let text = fs::read_to_string(&output).expect("it is there");
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].starts_with("Serving HTTP on "), "{text}");
        assert!(lines[1].contains("\"GET /a HTTP/1.0\" "), "{text}");
        assert_eq!(lines.len(), 2, "{text}");
    }
}

#[test]
fn what_does_not_listen_cannot_be_handed_over() {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("there is a free port");
    let output = hand_over(&[&socket], &[]).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.starts_with("rhttp: cannot listen on descriptor 0 of those handed over: "),
        "{text}"
    );
    let tcp = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let output = hand_over(&[&tcp], &["8000"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    // Another process's are none of ours.
    let mut others = Command::new(env!("CARGO_BIN_EXE_rhttp"));
    others
        .env("LISTEN_FDS", "1")
        .env("LISTEN_PID", "1")
        .args(["0", "-b", "127.0.0.1"]);
    let server = Server::run(others, 1);
    assert!(server.address(0).starts_with("127.0.0.1:"));
}
