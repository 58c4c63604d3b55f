//! Nobody can pin the server, and what it takes is bounded (lesson 21).

use crate::load::{
    HUGE, arguments_for, ask, connect, descriptors, drain, eventually, get, kept, length,
    processor_time, raise_descriptor_limit, read_head, read_response, send, serve, settle, status,
    tree,
};
use crate::support::{PATIENCE, Running, Tree, not_run};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// A connection that is served and does not come to an end.
fn stuck(server: &Running) -> TcpStream {
    let mut client = ask(server.address(), "/huge");
    assert_eq!(read_head(&mut client).status(), 200);
    client
}

/// Whether the server has ended a connection, waiting for nothing.
fn is_ended(client: &TcpStream) -> bool {
    client.set_nonblocking(true).expect("it can be set");
    let read = (&mut &*client).read(&mut [0]);
    client.set_nonblocking(false).expect("it can be set");
    !matches!(read, Err(error) if error.kind() == ErrorKind::WouldBlock)
}

#[test]
fn a_client_that_trickles_its_head_cannot_renew_its_time() {
    let tree = tree();
    let server = serve(&tree, "--timeout 1");
    let mut client = connect(server.address());
    client
        .set_read_timeout(Some(Duration::from_millis(50)))
        .expect("it can be set");
    let start = Instant::now();
    let mut bytes = b"GET /a HTTP/1.1\r\n"
        .iter()
        .chain(b"A: b\r\n".iter().cycle());
    let ended = loop {
        let byte = *bytes.next().expect("there is always one more");
        let sent = client.write_all(&[byte]);
        match client.read(&mut [0]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock && sent.is_ok() => {}
            _ => break start.elapsed(),
        }
        assert!(start.elapsed() < Duration::from_secs(15), "it goes on");
    };
    assert!(ended >= Duration::from_millis(900), "{ended:?}");
    // It was no request, so there is no answer and no line.
    assert_eq!(get(server.address(), "/a").status(), 200);
    let lines = server.wait_for_log(|lines| (!lines.is_empty()).then(|| lines.to_vec()));
    assert_eq!(lines.len(), 1);
}

#[test]
fn a_connection_without_a_request_is_closed_in_time() {
    let tree = tree();
    let server = serve(&tree, "--timeout 0.3 -p HTTP/1.1");
    let mut fresh = connect(server.address());
    let mut idle = kept(&server);
    assert_eq!(drain(&mut fresh), 0);
    assert_eq!(drain(&mut idle), 0);
}

#[test]
fn a_connection_is_idle_from_its_last_response_on() {
    let tree = tree();
    let server = serve(&tree, "--timeout 1 -p HTTP/1.1");
    let start = Instant::now();
    let mut idle = kept(&server);
    let mut asking = kept(&server);
    while start.elapsed() < Duration::from_millis(3500) {
        thread::sleep(Duration::from_millis(300));
        send(&mut asking, "/a");
        assert_eq!(read_response(&mut asking).status(), 200);
        if start.elapsed() < Duration::from_millis(900) {
            assert!(!is_ended(&idle), "{:?}", start.elapsed());
        }
    }
    assert_eq!(drain(&mut idle), 0);
    // Nobody else needs to be there for that one to end, too.
    assert_eq!(drain(&mut asking), 0);
}

#[test]
fn a_head_has_its_time_for_itself_when_requests_are_pipelined() {
    let tree = tree();
    let server = serve(&tree, "--timeout 1 -p HTTP/1.1");
    let mut client = connect(server.address());
    let request = b"GET /a HTTP/1.1\r\n\r\n";
    let start = Instant::now();
    // Each write ends one request and begins the next, so the server never sees a pause.
    client.write_all(&request[..9]).expect("it is sent");
    while start.elapsed() < Duration::from_millis(2500) {
        client.write_all(&request[9..]).expect("it is sent");
        client.write_all(&request[..9]).expect("it is sent");
        assert_eq!(read_response(&mut client).status(), 200);
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn no_timeout_is_none() {
    let tree = tree();
    let server = serve(&tree, "--timeout 0 -p HTTP/1.1");
    let mut client = kept(&server);
    send(&mut client, "/a");
    assert_eq!(read_response(&mut client).status(), 200);
}

#[test]
fn a_client_that_never_reads_is_cut_off() {
    let tree = tree();
    let server = serve(&tree, "--timeout 0.5");
    let before = descriptors(&server);
    let mut client = stuck(&server);
    eventually("the end of the connection", || {
        descriptors(&server) <= before
    });
    assert!(drain(&mut client) < usize::try_from(HUGE).expect("it fits"));
}

#[test]
fn a_slow_client_that_reads_gets_all() {
    let tree = tree();
    let server = serve(&tree, "--timeout 1");
    let mut client = ask(server.address(), "/huge");
    let length = length(&read_head(&mut client));
    let start = Instant::now();
    let mut part = vec![0; length / 16];
    for _ in 0..16 {
        client.read_exact(&mut part).expect("it arrives");
        thread::sleep(Duration::from_millis(120));
    }
    assert!(start.elapsed() > Duration::from_secs(1));
    assert_eq!(drain(&mut client), 0);
}

#[test]
fn at_the_cap_the_longest_idle_connection_makes_room() {
    let tree = tree();
    let server = serve(&tree, "--max-connections 3 -p HTTP/1.1");
    let kept_and_idle = || {
        let client = kept(&server);
        settle(&server);
        client
    };
    let mut clients: Vec<_> = (0..3).map(|_| kept_and_idle()).collect();
    // The first is not the longest idle any more.
    send(&mut clients[0], "/a");
    assert_eq!(read_response(&mut clients[0]).status(), 200);
    settle(&server);
    let _fourth = kept(&server);
    assert_eq!(drain(&mut clients[1]), 0);
    for index in [0, 2] {
        send(&mut clients[index], "/a");
        assert_eq!(read_response(&mut clients[index]).status(), 200);
    }
}

#[test]
fn a_full_server_says_so_at_once() {
    let tree = tree();
    tree.file("empty", "");
    let server = serve(&tree, "--max-connections 2 -p HTTP/1.1");
    let stuck: Vec<_> = (0..2).map(|_| stuck(&server)).collect();
    // Neither has to send anything, nor does what it sends keep it from reading the answer.
    for client in [connect(server.address()), ask(server.address(), "/a")] {
        let mut client = client;
        let response = read_response(&mut client);
        assert_eq!(response.status(), 503);
        assert_eq!(response.field("Retry-After"), Some("1"));
        assert_eq!(response.field("Connection"), Some("close"));
        assert_eq!(drain(&mut client), 0);
    }
    drop(stuck);
    eventually("service", || get(server.address(), "/a").status() == 200);
    server.wait_for_log(|lines| {
        let count = |end: &[u8]| lines.iter().filter(|line| line.ends_with(end)).count();
        let codes = count(b"] code 503, message Service Unavailable");
        (codes >= 2 && count(b"] \"\" 503 -") >= 2).then_some(())
    });
}

/// Whether a client is answered: it gets its file, or hears that there is no room. Neither an end
/// without a word nor a reset will do.
fn is_answered(client: &mut impl Read) -> Result<u16, ErrorKind> {
    let mut start = [0; 12];
    client
        .read_exact(&mut start)
        .map_err(|error| error.kind())?;
    match &start {
        b"HTTP/1.1 200" => Ok(200),
        b"HTTP/1.1 503" => Ok(503),
        other => panic!("{}", String::from_utf8_lossy(other)),
    }
}

#[test]
fn at_the_cap_nobody_is_turned_out_without_a_word() {
    let tree = tree();
    for arguments in ["-p HTTP/1.1", "-p HTTP/1.1 --timeout 0"] {
        let server = serve(&tree, &format!("--max-connections 8 {arguments}"));
        let mut before = Vec::new();
        for round in 0..5 {
            let mut clients: Vec<_> = (0..20).map(|_| connect(server.address())).collect();
            settle(&server);
            for client in &mut clients {
                // A refused client may have been closed already.
                let _ = client.write_all(b"GET /a HTTP/1.1\r\n\r\n");
            }
            let heard: Vec<_> = clients.iter_mut().map(is_answered).collect();
            assert!(heard.iter().all(Result::is_ok), "{round}: {heard:?}");
            let count = heard.iter().filter(|answer| **answer == Ok(200)).count();
            assert!(count >= 8, "{round}: {heard:?}");
            // In the next round these wait for another request, so they are evicted. One that is just
            // leaving cannot be, and still has its place.
            settle(&server);
            before = clients;
        }
        drop(before);
    }
}

#[test]
fn at_the_cap_who_never_asks_makes_room_after_a_while_and_is_told_so() {
    let tree = tree();
    let server = serve(&tree, "--max-connections 2 -p HTTP/1.1");
    let silent = || {
        let client = connect(server.address());
        settle(&server);
        client
    };
    let start = Instant::now();
    let mut silent = [silent(), silent()];
    let early = get(server.address(), "/a").status();
    // On a machine that stands still for that long, the first may have had its time already.
    assert!(early == 503 || start.elapsed() >= Duration::from_millis(500));
    thread::sleep(Duration::from_millis(600));
    assert_eq!(get(server.address(), "/a").status(), 200);
    assert_eq!(is_answered(&mut silent[0]), Ok(503));
}

#[test]
fn those_who_are_refused_do_not_keep_idle_connections_from_making_room() {
    let tree = tree();
    let server = serve(&tree, "--max-connections 4 -p HTTP/1.1");
    let stuck: Vec<_> = (0..4).map(|_| stuck(&server)).collect();
    let mut refused: Vec<_> = (0..100).map(|_| connect(server.address())).collect();
    for client in &mut refused {
        assert_eq!(is_answered(client), Ok(503));
    }
    drop(stuck);
    settle(&server);
    let _idle: Vec<_> = (0..4).map(|_| kept(&server)).collect();
    settle(&server);
    assert_eq!(get(server.address(), "/a").status(), 200);
}

#[test]
fn a_shortage_of_descriptors_is_neither_the_end_nor_a_reason_to_spin() {
    let tree = tree();
    let mut command = Command::new("prlimit");
    command
        .args(["--nofile=96:96", env!("CARGO_BIN_EXE_rhttp"), "0"])
        .args(["--bind", "127.0.0.1"])
        .args(arguments_for(&tree, "-p HTTP/1.1"));
    let server = Running::start(command);
    survives_a_crowd(&server);
}

/// 300 clients, some of which do not let go, come to a server that cannot have them all.
fn survives_a_crowd(server: &Running) {
    let stuck: Vec<_> = (0..10).map(|_| stuck(server)).collect();
    let mut crowd: Vec<_> = (0..300).map(|_| ask(server.address(), "/a")).collect();
    let heard: Vec<_> = crowd.iter_mut().map(is_answered).collect();
    assert!(heard.iter().all(Result::is_ok), "{heard:?}");
    let before = processor_time(server);
    let pause = Duration::from_millis(500);
    thread::sleep(pause);
    let spent = processor_time(server) - before;
    assert!(spent < 20, "{spent} ticks in {pause:?}");
    drop((stuck, crowd));
    for _ in 0..50 {
        eventually("service", || is_served(server));
    }
}

/// Whether a new client gets its file; until the crowd is gone it may hear all sorts of things.
fn is_served(server: &Running) -> bool {
    let mut client = connect(server.address());
    let mut start = [0; 12];
    let answered = client
        .write_all(b"GET /a HTTP/1.1\r\n\r\n")
        .and_then(|()| client.read_exact(&mut start));
    answered.is_ok() && start == *b"HTTP/1.1 200"
}

/// A server that cannot have many threads. They are counted for each user, and not for root: it
/// is run as somebody else, as whom no other test runs one.
fn short_of_threads(tree: &Tree, user: u32, arguments: &str) -> Option<Running> {
    let mut permissions = std::fs::metadata(tree.path())
        .expect("it is there")
        .permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o777);
    std::fs::set_permissions(tree.path(), permissions).expect("they can be set");
    let command = || {
        let mut command = Command::new("setpriv");
        command
            .args([format!("--reuid={user}"), format!("--regid={user}")])
            .args(["--clear-groups", "prlimit", "--nproc=20:20"])
            .arg(env!("CARGO_BIN_EXE_rhttp"));
        command
    };
    let can_be_run = command().arg("--version").output();
    if !can_be_run.is_ok_and(|output| output.status.success()) {
        not_run("a shortage of threads, for the server cannot be run as another user");
        return None;
    }
    let mut command = command();
    command
        .args(["0", "--bind", "127.0.0.1", "-p", "HTTP/1.1"])
        .args(arguments_for(tree, arguments));
    Some(Running::start(command))
}

#[test]
fn a_shortage_of_threads_is_neither_the_end_nor_a_reason_to_spin() {
    let tree = tree();
    if let Some(server) = short_of_threads(&tree, 54321, "") {
        survives_a_crowd(&server);
    }
}

#[test]
fn newcomers_for_whom_there_is_no_thread_are_told_so() {
    let tree = tree();
    let Some(mut server) = short_of_threads(&tree, 54322, "") else {
        return;
    };
    let mut clients: Vec<_> = (0..40).map(|_| ask(server.address(), "/huge")).collect();
    let heard: Vec<_> = clients.iter_mut().map(is_answered).collect();
    assert!(heard.contains(&Ok(200)), "{heard:?}");
    assert!(heard.contains(&Ok(503)), "{heard:?}");
    let start = Instant::now();
    assert_eq!(is_answered(&mut connect(server.address())), Ok(503));
    assert!(start.elapsed() < Duration::from_secs(1));
    drop(clients);
    eventually("service", || is_served(&server));
    // While there is nobody who accepts, too.
    let _stuck: Vec<_> = (0..40).map(|_| ask(server.address(), "/huge")).collect();
    server.signal(rustix::process::Signal::INT);
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_listener_without_a_thread_does_not_hold_up_the_others() {
    let tree = tree();
    let path = tree.path().join("socket");
    let arguments = format!("--bind unix:{}", path.display());
    let Some(server) = short_of_threads(&tree, 54323, &arguments) else {
        return;
    };
    let ask_there = |target: &str| {
        let mut client = UnixStream::connect(&path).expect("it listens");
        client
            .set_read_timeout(Some(PATIENCE))
            .expect("it can be set");
        // One that is refused may have been answered, and the connection closed, before this.
        let _ = write!(client, "GET {target} HTTP/1.1\r\n\r\n");
        client
    };
    // Soon nobody accepts at either, and everybody is still answered.
    let (mut clients, mut others) = (Vec::new(), Vec::new());
    for round in 0..3 {
        for _ in 0..20 {
            clients.push(ask(server.address(), "/huge"));
            others.push(ask_there("/huge"));
        }
        let heard = clients.iter_mut().skip(round * 20).map(is_answered);
        let heard_there = others.iter_mut().skip(round * 20).map(is_answered);
        let heard: Result<Vec<_>, _> = heard.chain(heard_there).collect();
        assert!(heard.expect("all are answered").contains(&503));
    }
    // The threads that this sets free are not all kept for those who come to the address.
    drop(clients);
    eventually("service at the path", || {
        is_answered(&mut ask_there("/a")) == Ok(200)
    });
    eventually("service at the address", || is_served(&server));
}

#[test]
fn an_idle_connection_takes_little_memory() {
    // Frames are twice as large when nothing is optimised.
    let limit = if cfg!(debug_assertions) { 32 } else { 16 };
    raise_descriptor_limit();
    let tree = tree();
    let server = serve(&tree, "-p HTTP/1.1");
    let _first: Vec<_> = (0..200).map(|_| kept(&server)).collect();
    let before = status(&server, "RssAnon");
    let more: Vec<_> = (0..800).map(|_| kept(&server)).collect();
    let each = (status(&server, "RssAnon") - before) / more.len();
    println!("{each} KiB for each idle connection");
    assert!(each < limit, "{each} KiB for each");
}

#[test]
fn hostile_clients_do_not_hinder_the_others_and_leave_nothing_behind() {
    raise_descriptor_limit();
    let tree = tree();
    let server = serve(&tree, "-p HTTP/1.1 --timeout 5");
    assert_eq!(get(server.address(), "/a").status(), 200);
    let before = descriptors(&server);
    let never_reading: Vec<_> = (0..50).map(|_| stuck(&server)).collect();
    let idle: Vec<_> = (0..500).map(|_| connect(server.address())).collect();
    let mut trickling: Vec<_> = (0..200).map(|_| connect(server.address())).collect();
    for byte in b"GET" {
        for client in &mut trickling {
            client.write_all(&[*byte]).expect("it is sent");
        }
        for _ in 0..50 {
            assert_eq!(get(server.address(), "/a").body, b"hello");
        }
    }
    drop((never_reading, idle, trickling));
    eventually("the end of the connections", || {
        descriptors(&server) <= before
    });
    eventually("the end of the threads", || status(&server, "Threads") < 10);
}

#[test]
fn a_thousand_connections_are_kept_and_used() {
    raise_descriptor_limit();
    let tree = tree();
    let server = serve(&tree, "-p HTTP/1.1");
    let mut clients: Vec<_> = (0..1000).map(|_| kept(&server)).collect();
    for client in &mut clients {
        send(client, "/a");
    }
    for client in &mut clients {
        assert_eq!(read_response(client).status(), 200);
        assert!(!is_ended(client));
    }
}

#[test]
fn what_a_client_sends_while_it_reads_does_not_cut_the_response() {
    let tree = tree();
    let server = serve(&tree, "");
    let mut client = stuck(&server);
    let mut part = vec![0; usize::try_from(HUGE / 8).expect("it fits")];
    for _ in 0..8 {
        client.write_all(b"junk").expect("it is taken");
        client.read_exact(&mut part).expect("it arrives");
    }
    assert_eq!(drain(&mut client), 0);
}

#[test]
fn listings_that_nobody_reads_take_bounded_memory_and_give_it_back() {
    const NAMES: usize = 100_000;
    const CLIENTS: usize = 20;
    const MIB: usize = 1024;
    let tree = tree();
    for number in 0..NAMES {
        let path = tree.path().join(format!("Name-of-a-file-{number}"));
        std::fs::File::create(path).expect("the file can be made");
    }
    let server = serve(&tree, "");
    let before = status(&server, "RssAnon");
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| ask(server.address(), "/")).collect();
    let mut listed = 0;
    for client in &mut clients {
        let response = read_head(client);
        match response.status() {
            200 => listed += 1,
            status => assert_eq!(status, 503),
        }
    }
    let taken = status(&server, "RssAnon") - before;
    println!("{listed} of {CLIENTS} listed, {} MiB taken", taken / MIB);
    assert!(listed > 0);
    assert!(taken < 300 * MIB, "{taken} KiB");
    assert_eq!(get(server.address(), "/a").body, b"hello");
    drop(clients);
    eventually("the return of memory", || {
        status(&server, "RssAnon") < before + 40 * MIB
    });
    // There is room for listings again.
    assert_eq!(get(server.address(), "/").status(), 200);
}
