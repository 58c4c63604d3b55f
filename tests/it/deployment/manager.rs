//! What a service manager is told, and a server that ends when nobody comes.

use super::Server;
use crate::support::{PATIENCE, Tree};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::{Duration, Instant};

fn hear(manager: &UnixDatagram) -> String {
    let mut buffer = [0; 4096];
    let count = manager.recv(&mut buffer).expect("something is said");
    String::from_utf8_lossy(&buffer[..count]).into_owned()
}

#[test]
fn a_manager_is_told_when_it_serves_and_when_it_ends() {
    let tree = Tree::new();
    let path = tree.path().join("notify");
    let manager = UnixDatagram::bind(&path).expect("it can be made");
    manager
        .set_read_timeout(Some(PATIENCE))
        .expect("it can be set");
    for confined in [false, true] {
        if confined && !crate::sandbox::is_supported() {
            continue;
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_rhttp"));
        command
            .args(["0", "-b", "127.0.0.1", "-d"])
            .arg(tree.path());
        command.args(confined.then_some("--sandbox"));
        command.env("NOTIFY_SOCKET", &path);
        let mut server = Server::run(command, 1);
        assert_eq!(
            hear(&manager),
            format!("READY=1\nSTATUS={}", server.banner[0])
        );
        // It listens when it says so.
        TcpStream::connect(server.address(0)).expect("it listens");
        assert_eq!(server.terminate().code(), Some(0));
        assert_eq!(
            hear(&manager),
            "STOPPING=1\nSTATUS=Letting responses finish"
        );
    }
}

#[test]
fn scripts_are_told_nothing_of_the_manager() {
    let tree = Tree::new();
    tree.script("cgi-bin/env", "#!/bin/sh\necho; env\n");
    let mut command = Command::new(env!("CARGO_BIN_EXE_rhttp"));
    command
        .args(["0", "-b", "127.0.0.1", "--cgi", "-d"])
        .arg(tree.path());
    for name in ["NOTIFY_SOCKET", "LISTEN_FDNAMES", "WATCHDOG_USEC", "OTHER"] {
        command.env(name, "/no/such/socket");
    }
    let server = Server::run(command, 1);
    let mut client = TcpStream::connect(server.address(0)).expect("it listens");
    client
        .write_all(b"GET /cgi-bin/env HTTP/1.0\r\n\r\n")
        .expect("it is sent");
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("it is text");
    let told: Vec<_> = answer
        .lines()
        .filter_map(|line| line.strip_suffix("=/no/such/socket"))
        .collect();
    assert_eq!(told, ["OTHER"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_manager_may_listen_at_an_abstract_name() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::SocketAddr;
    let name = format!("rhttp-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("it is a name");
    let manager = UnixDatagram::bind_addr(&address).expect("it can be made");
    manager
        .set_read_timeout(Some(PATIENCE))
        .expect("it can be set");
    let mut command = Command::new(env!("CARGO_BIN_EXE_rhttp"));
    command.args(["0", "-b", "127.0.0.1"]);
    command.env("NOTIFY_SOCKET", format!("@{name}"));
    let server = Server::run(command, 1);
    assert!(hear(&manager).starts_with("READY=1\n"));
    drop(server);
}

#[test]
fn a_manager_that_is_gone_is_no_reason_not_to_serve() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rhttp"));
    command
        .args(["0", "-b", "127.0.0.1"])
        .env("NOTIFY_SOCKET", "/no/such/socket");
    let mut server = Server::run(command, 1);
    TcpStream::connect(server.address(0)).expect("it listens");
    assert_eq!(server.terminate().code(), Some(0));
}

#[test]
fn a_server_without_connections_ends_by_itself() {
    let start = Instant::now();
    let arguments = ["0", "-b", "127.0.0.1", "-p", "HTTP/1.1", "--exit-idle", "1"];
    let mut server = Server::start(arguments, 1);
    let mut client = TcpStream::connect(server.address(0)).expect("it listens");
    client
        .write_all(b"HEAD / HTTP/1.1\r\n\r\n")
        .expect("it is sent");
    let mut first = [0; 12];
    client.read_exact(&mut first).expect("it answers");
    // A connection that waits is one.
    std::thread::sleep(Duration::from_millis(1200));
    assert!(server.process.try_wait().expect("it is ours").is_none());
    drop(client);
    assert_eq!(server.process.wait().expect("it ends").code(), Some(0));
    assert!(start.elapsed() > Duration::from_millis(2100));
}
