//! One client cannot keep the others out, whatever it holds: places, memory, address space.

use crate::load::{
    arguments_for, connect, eventually, get, raise_descriptor_limit, read_head, serve, sparse_file,
    status,
};
use crate::support::{Connection, Ending, PATIENCE, Response, Running, Tree};
use socket2::{Domain, Socket, Type};
use std::fs::File;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;

/// Another client than that of all other requests, which come from 127.0.0.1.
const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

fn tree() -> Tree {
    let tree = Tree::new();
    tree.file("a", "hello");
    sparse_file(&tree, "huge", 64 * 1024 * 1024);
    tree
}

/// A connection from an address of choice; a failure is the server's way to refuse it.
fn try_connect_from(client: IpAddr, server: SocketAddr) -> Option<TcpStream> {
    let socket = Socket::new(Domain::for_address(server), Type::STREAM, None).ok()?;
    socket.bind(&SocketAddr::new(client, 0).into()).ok()?;
    socket.connect_timeout(&server.into(), PATIENCE).ok()?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_write_timeout(Some(PATIENCE)).ok()?;
    Some(stream)
}

fn connect_from(client: IpAddr, server: SocketAddr) -> TcpStream {
    try_connect_from(client, server).expect("the server accepts")
}

/// What a client gets that asks at once.
fn ask_from(client: IpAddr, server: SocketAddr) -> Response {
    let mut connection = Connection::open_from(client, server);
    let request = b"GET /a HTTP/1.1\r\nConnection: close\r\n\r\n";
    connection.send(request).expect("it is sent");
    let answer = connection.read_to_end();
    assert_eq!(answer.ending, Ending::Closed);
    Response::parse(&answer.bytes)
}

#[test]
fn one_address_that_holds_all_places_gives_some_to_others() {
    let tree = tree();
    let server = serve(&tree, "--max-connections 8 -p HTTP/1.1");
    let address = server.address();
    let begun = || {
        let mut client = connect_from(OTHER, address);
        client.write_all(b"G").expect("it is sent");
        client
    };
    let reading = || {
        let mut reading = None;
        // Until those of the round before are gone, there may be no place.
        eventually("a place", || {
            let mut client = connect_from(OTHER, address);
            client
                .write_all(b"GET /huge HTTP/1.1\r\n\r\n")
                .expect("it is sent");
            let is_served = read_head(&mut client).status() == 200;
            reading = Some(client).filter(|_| is_served);
            is_served
        });
        reading.expect("it is served")
    };
    let hoards: [&dyn Fn() -> TcpStream; 2] = [&begun, &reading];
    for hoard in hoards {
        let held: Vec<_> = (0..8).map(|_| hoard()).collect();
        eventually("a full server", || ask_from(OTHER, address).status() == 503);
        for _ in 0..20 {
            assert_eq!(get(address, "/a").body, b"hello");
        }
        drop(held);
        eventually("an empty server", || {
            ask_from(OTHER, address).status() == 200
        });
    }
}

#[test]
fn no_address_takes_the_last_places_of_another() {
    let tree = tree();
    let server = serve(&tree, "--max-connections 4 -p HTTP/1.1");
    let address = server.address();
    let stuck = |client| {
        let mut stream = connect_from(client, address);
        stream
            .write_all(b"GET /huge HTTP/1.1\r\n\r\n")
            .expect("it is sent");
        read_head(&mut stream).status()
    };
    let (own, mut held) = (IpAddr::V4(Ipv4Addr::LOCALHOST), Vec::new());
    for client in [own, own, OTHER, OTHER] {
        let mut stream = connect_from(client, address);
        stream
            .write_all(b"GET /huge HTTP/1.1\r\n\r\n")
            .expect("it is sent");
        assert_eq!(read_head(&mut stream).status(), 200);
        held.push(stream);
    }
    // Two each: nobody is to have three.
    assert_eq!(stuck(own), 503);
    assert_eq!(stuck(OTHER), 503);
    // But a third has one.
    assert_eq!(stuck(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3))), 200);
}

#[test]
fn a_large_listing_that_nobody_reads_gives_way_to_the_next() {
    const NAMES: usize = 60_000;
    let tree = tree();
    for number in 0..NAMES {
        let name = format!("{number}-{}", "long-name-".repeat(20));
        File::create(tree.path().join(name)).expect("the file can be made");
    }
    let server = serve(&tree, "");
    // More than there is memory for.
    let unread: Vec<_> = (0..22)
        .map(|_| {
            let mut client = connect(server.address());
            client
                .write_all(b"GET / HTTP/1.0\r\n\r\n")
                .expect("it is sent");
            client
        })
        .collect();
    let mut statuses = Vec::new();
    for client in &unread {
        let mut start = [0; 12];
        // One that gave way was cut, perhaps before its first byte was read.
        let read = (&mut &*client).read(&mut start);
        statuses.push(read.map(|count| String::from_utf8_lossy(&start[..count]).into_owned()));
    }
    for _ in 0..3 {
        let listing = get(server.address(), "/");
        assert_eq!(listing.status(), 200, "{statuses:?}");
        assert!(listing.body.ends_with(b"</html>\n"));
    }
}

/// Clients that have each sent 240 KB of a head, beside which the server serves others.
fn send_unfinished_heads(server: &Running, clients: usize) -> Vec<TcpStream> {
    let lines = format!("X: {}\r\n", "x".repeat(60_000)).repeat(4);
    let head = format!("GET /a HTTP/1.1\r\n{lines}");
    let mut clients: Vec<_> = (0..clients).map(|_| connect(server.address())).collect();
    for client in &mut clients {
        // Those that have given way may be gone.
        let _ = client.write_all(head.as_bytes());
    }
    assert_eq!(get(server.address(), "/a").body, b"hello");
    clients
}

/// 300 heads of 240 KB are more than the budget for all. Those that fit are kept, however late the
/// threads of the others give way.
#[test]
fn unfinished_heads_share_a_budget_and_the_largest_gives_way() {
    raise_descriptor_limit();
    let tree = tree();
    let server = serve(&tree, "-p HTTP/1.1");
    let mut clients = send_unfinished_heads(&server, 300);
    let mut counts = [0, 0];
    for client in &mut clients {
        let _ = client.write_all(b"Connection: close\r\n\r\n");
        let mut answer = Vec::new();
        let _ = client.read_to_end(&mut answer);
        match answer.get(..12) {
            Some(b"HTTP/1.1 200") => counts[0] += 1,
            Some(b"HTTP/1.1 431") => counts[1] += 1,
            other => panic!("{:?}", other.map(String::from_utf8_lossy)),
        }
    }
    // 256 buffers are exactly the budget. One that is read late may find more room.
    assert!(counts[0] > 240 && counts[1] > 0, "{counts:?}");
}

/// A client that is told that its head was dropped stays for a while: it may still be sending.
#[test]
fn heads_that_were_dropped_take_no_memory_while_their_clients_stay() {
    const CLIENTS: usize = 3000;
    raise_descriptor_limit();
    let tree = tree();
    let server = serve(&tree, "-p HTTP/1.1");
    let _clients = send_unfinished_heads(&server, CLIENTS);
    // 64 MiB of heads, for a moment twice that, and for each connection what it takes anyway.
    let peak = status(&server, "VmHWM");
    assert!(peak < (128 + 20) * 1024 + CLIENTS * 40, "{peak} KiB");
}

/// A server that may take this much address space.
fn serve_within(tree: &Tree, mebibytes: usize, arguments: &str) -> Running {
    let mut command = Command::new("prlimit");
    command.arg(format!("--as={}", mebibytes * 1024 * 1024));
    command.args([env!("CARGO_BIN_EXE_rhttp"), "0", "--bind", "127.0.0.1"]);
    command.args(arguments_for(tree, arguments));
    Running::start(command)
}

#[test]
fn running_out_of_address_space_is_survived() {
    const CLIENTS: usize = 500;
    raise_descriptor_limit();
    let tree = tree();
    tree.directory("many");
    for number in 0..20_000 {
        let path = tree
            .path()
            .join(format!("many/a-name-of-usual-length-{number}"));
        File::create(path).expect("the file can be made");
    }
    let head = format!("GET /a HTTP/1.1\r\n{}", "X: y\r\n".repeat(90));
    let long = format!("GET /a HTTP/1.1\r\nX: {}", "x".repeat(60_000));
    let loads: [&[u8]; 5] = [
        b"G",
        head.as_bytes(),
        long.as_bytes(),
        b"GET /huge HTTP/1.1\r\n\r\n",
        b"GET /many/ HTTP/1.1\r\n\r\n",
    ];
    for mebibytes in [200, 400, 1000] {
        let server = serve_within(&tree, mebibytes, "-p HTTP/1.1");
        for load in loads {
            let mut clients: Vec<_> = (0..CLIENTS)
                .filter_map(|_| try_connect_from(OTHER, server.address()))
                .collect();
            for client in &mut clients {
                let _ = client.write_all(load);
            }
            let what = String::from_utf8_lossy(&load[..load.len().min(30)]);
            assert_eq!(
                get(server.address(), "/a").body,
                b"hello",
                "{mebibytes} {what}"
            );
            drop(clients);
        }
        eventually("service", || {
            ask_from(OTHER, server.address()).status() == 200
        });
    }
}

#[test]
fn listings_of_usual_size_take_little_address_space() {
    const CLIENTS: usize = 48;
    let tree = tree();
    for number in 0..190 {
        tree.file(&format!("usual/a-name-of-usual-length-{number}"), b"");
    }
    let server = serve_within(&tree, 300, "");
    let request = "GET /usual/ HTTP/1.0\r\nAccept: text/html\r\n\r\n";
    for _ in 0..3 {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let mut client = connect(server.address());
                client.write_all(request.as_bytes()).expect("it is sent");
                client
            })
            .collect();
        for mut client in clients {
            let mut answer = Vec::new();
            client.read_to_end(&mut answer).expect("it is answered");
            let answer = String::from_utf8_lossy(&answer);
            assert_eq!(answer.matches("a-name-of-usual-length-189<").count(), 1);
            assert!(answer.contains("<tbody"), "{answer}");
        }
    }
}

/// `ulimit -f`: the kernel ends a program that writes more into a file, unless it objects.
#[test]
fn a_log_beyond_the_limit_on_files_is_not_the_end() {
    let tree = tree();
    let log = tree.path().join("log");
    let shell = format!("exec \"$@\" 2>> {}", log.display());
    let mut command = Command::new("prlimit");
    command.args(["--fsize=1024", "sh", "-c", &shell, "sh"]);
    command.args([env!("CARGO_BIN_EXE_rhttp"), "0", "--bind", "127.0.0.1"]);
    command.args(arguments_for(&tree, ""));
    let server = Running::start(command);
    for _ in 0..60 {
        assert_eq!(get(server.address(), "/a").body, b"hello");
    }
    let written = || std::fs::metadata(&log).expect("it is there").len();
    eventually("a full log", || written() >= 900);
    assert_eq!(get(server.address(), "/a").body, b"hello");
    assert!(written() <= 1024, "{}", written());
}
