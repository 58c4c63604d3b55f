//! How the server ends: SIGTERM lets responses finish, SIGINT does not, both free the port.

use crate::load::{
    arguments_for, ask, connect, drain, eventually, get, length, read_head, read_response, send,
    serve, tree,
};
use crate::support::{PATIENCE, Running, Tree};
use rustix::process::Signal;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

/// rhttp on a port of choice.
fn serve_at(address: SocketAddr, tree: &Tree, arguments: &str) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rhttp"));
    command
        .arg(address.port().to_string())
        .args(["--bind", "127.0.0.1"])
        .args(arguments_for(tree, arguments));
    Running::start(command)
}

/// A client in the middle of a download.
fn download(server: &Running) -> (TcpStream, usize) {
    let mut client = ask(server.address(), "/huge");
    let length = length(&read_head(&mut client));
    (client, length)
}

/// Waits until another server may have the port.
fn wait_until_free(address: SocketAddr) {
    eventually("that the port is free", || {
        TcpListener::bind(address).is_ok()
    });
}

#[test]
fn sigterm_frees_the_port_and_lets_a_download_finish() {
    let tree = tree();
    let mut old = serve(&tree, "-p HTTP/1.1");
    let (mut client, length) = download(&old);
    old.signal(Signal::TERM);
    wait_until_free(old.address());
    let new = serve_at(old.address(), &tree, "");
    assert_eq!(get(new.address(), "/a").body, b"hello");
    assert_eq!(drain(&mut client), length);
    assert_eq!(old.wait().code(), Some(0));
}

#[test]
fn sigint_ends_at_once_and_frees_the_port() {
    let tree = tree();
    let mut old = serve(&tree, "");
    let (mut client, length) = download(&old);
    old.signal(Signal::INT);
    assert_eq!(old.wait().code(), Some(0));
    assert!(drain(&mut client) < length);
    let new = serve_at(old.address(), &tree, "");
    assert_eq!(get(new.address(), "/a").body, b"hello");
}

#[test]
fn a_second_signal_ends_at_once() {
    for second in [Signal::TERM, Signal::INT] {
        let tree = tree();
        let mut server = serve(&tree, "--grace 600");
        let (_client, _) = download(&server);
        server.signal(Signal::TERM);
        wait_until_free(server.address());
        server.signal(second);
        assert_eq!(server.wait().code(), Some(0));
    }
}

#[test]
fn grace_is_bounded() {
    let tree = tree();
    let mut server = serve(&tree, "--grace 0.7");
    let (mut client, length) = download(&server);
    let start = Instant::now();
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
    assert!(start.elapsed() >= Duration::from_millis(700));
    assert!(drain(&mut client) < length);
}

#[test]
fn clients_that_have_come_before_sigterm_are_served() {
    let tree = tree();
    let mut server = serve(&tree, "-p HTTP/1.1");
    server.signal(Signal::STOP);
    let mut clients: Vec<_> = (0..100).map(|_| ask(server.address(), "/a")).collect();
    server.signal(Signal::TERM);
    server.signal(Signal::CONT);
    for client in &mut clients {
        assert_eq!(read_response(client).body, b"hello");
        assert_eq!(drain(client), 0);
    }
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_request_on_its_way_on_a_kept_connection_is_served() {
    let tree = tree();
    let mut server = serve(&tree, "-p HTTP/1.1");
    let mut client = ask(server.address(), "/a");
    assert_eq!(read_response(&mut client).body, b"hello");
    server.signal(Signal::TERM);
    // It may or may not know already that it shuts down.
    send(&mut client, "/a");
    assert_eq!(read_response(&mut client).body, b"hello");
    // The server does not wait long for clients that send nothing.
    let start = Instant::now();
    assert_eq!(server.wait().code(), Some(0));
    assert!(
        start.elapsed() < Duration::from_secs(8),
        "not the whole grace"
    );
}

#[test]
fn a_request_half_way_in_is_served() {
    let tree = tree();
    let mut server = serve(&tree, "-p HTTP/1.1");
    let mut client = connect(server.address());
    client
        .write_all(b"GET /a HTTP/1.1\r\n")
        .expect("it is sent");
    server.signal(Signal::TERM);
    wait_until_free(server.address());
    client.write_all(b"\r\n").expect("it is sent");
    assert_eq!(read_response(&mut client).body, b"hello");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_head_that_does_not_end_gets_a_short_time() {
    let tree = tree();
    let mut server = serve(&tree, "-p HTTP/1.1 --grace 600 --timeout 600");
    let heads = ["GET", "GET /a HTTP/1.1\r\nHost: a\r\nX:"];
    let mut clients = heads.map(|head| {
        let mut client = connect(server.address());
        client.write_all(head.as_bytes()).expect("it is sent");
        client
    });
    let (mut downloading, length) = download(&server);
    server.signal(Signal::TERM);
    for client in &mut clients {
        let refusal = read_response(client);
        assert_eq!(refusal.status(), 503);
        assert_eq!(refusal.field("Retry-After"), Some("1"));
        assert_eq!(drain(client), 0);
    }
    assert_eq!(drain(&mut downloading), length);
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_handshake_that_does_not_end_gets_a_short_time() {
    let tree = tree();
    let mut server = serve(&tree, "--tls-self-signed --grace 600 --timeout 600");
    let mut client = connect(server.address());
    client.write_all(b"\x16\x03\x01").expect("it is sent");
    server.signal(Signal::TERM);
    assert_eq!(drain(&mut client), 0);
    assert_eq!(server.wait().code(), Some(0));
}

/// Two servers behind a proxy are restarted in turn while clients ask 200 times a second.
mod rolling_restart {
    use super::*;
    use crate::support::{Proxy, find_program, free_address, not_run};
    use std::fs;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::thread::{self, ScopedJoinHandle};

    /// How often each server is restarted.
    const ROUNDS: usize = 4;
    const CLIENTS: usize = 4;
    /// 200 requests a second of all clients together.
    const PAUSE: Duration = Duration::from_millis(20);

    /// A proxy in front of two servers, and its address.
    fn proxy(tree: &Tree, servers: [SocketAddr; 2]) -> Option<(Proxy, SocketAddr)> {
        let program = find_program("haproxy")?;
        let address = free_address();
        let configuration = format!(
            "global\n  maxconn 200\ndefaults\n  mode http\n  timeout connect 5s\n  \
             timeout client 20s\n  timeout server 20s\n  retries 3\n  option redispatch 1\n\
             listen web\n  bind {address}\n  \
             default-server check inter 50ms fall 1 rise 1\n  \
             server a {}\n  server b {}\n",
            servers[0], servers[1]
        );
        let file = tree.path().join("haproxy.cfg");
        fs::write(&file, configuration).expect("the file can be written");
        let mut command = Command::new(program);
        command.args(["-db", "-f"]).arg(&file);
        Some((Proxy::start(&mut command, address), address))
    }

    /// What is wrong with an answer of the proxy.
    fn complaint(proxy: SocketAddr) -> Option<String> {
        let mut client = TcpStream::connect_timeout(&proxy, PATIENCE).ok()?;
        let _ = client.set_read_timeout(Some(PATIENCE));
        let mut answer = Vec::new();
        let result = client
            .write_all(b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .and_then(|()| client.read_to_end(&mut answer));
        let text = String::from_utf8_lossy(&answer).into_owned();
        match result {
            // With the server's version, which is passed on.
            Ok(_) if text.contains(" 200 OK\r\n") && text.ends_with("\r\n\r\nhello") => None,
            Ok(_) => Some(text),
            Err(error) => Some(error.to_string()),
        }
    }

    fn restart_in_turn(arguments: &str) {
        let tree = tree();
        let mut servers = [serve(&tree, arguments), serve(&tree, arguments)];
        let addresses = [servers[0].address(), servers[1].address()];
        let Some((_proxy, address)) = proxy(&tree, addresses) else {
            return not_run("a rolling restart, for there is no haproxy");
        };
        let is_over = AtomicBool::new(false);
        let asked = AtomicUsize::new(0);
        let complaints = thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|_| {
                    scope.spawn(|| {
                        let mut complaints = Vec::new();
                        while !is_over.load(Ordering::Relaxed) {
                            complaints.extend(complaint(address));
                            asked.fetch_add(1, Ordering::Relaxed);
                            thread::sleep(PAUSE);
                        }
                        complaints
                    })
                })
                .collect();
            for _ in 0..ROUNDS {
                for (server, own) in servers.iter_mut().zip(addresses) {
                    server.signal(Signal::TERM);
                    assert_eq!(server.wait().code(), Some(0));
                    *server = serve_at(own, &tree, arguments);
                    // The proxy has noticed when requests come again.
                    server.wait_for_log(|lines| (lines.len() > 20).then_some(()));
                }
            }
            is_over.store(true, Ordering::Relaxed);
            let joined = clients.into_iter().map(ScopedJoinHandle::join);
            joined
                .flat_map(|found| found.expect("no panic"))
                .collect::<Vec<_>>()
        });
        println!("{} requests", asked.into_inner());
        let (count, first) = (complaints.len(), complaints.first());
        assert_eq!((count, first), (0, None));
    }

    #[test]
    fn behind_a_proxy_loses_no_request() {
        restart_in_turn("");
    }

    #[test]
    fn behind_a_proxy_that_keeps_connections_loses_no_request() {
        restart_in_turn("-p HTTP/1.1");
    }
}

/// A supervisor sends SIGTERM and starts the next server at once.
#[test]
fn the_next_server_takes_the_port_over() {
    let tree = tree();
    let mut server = serve(&tree, "-p HTTP/1.1");
    let address = server.address();
    for _ in 0..5 {
        server.signal(Signal::TERM);
        let next = serve_at(address, &tree, "-p HTTP/1.1");
        assert_eq!(get(address, "/a").status(), 200);
        assert_eq!(server.wait().code(), Some(0));
        server = next;
    }
}
