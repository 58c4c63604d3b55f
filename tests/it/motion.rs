//! Files and clients in motion: what changes while it is sent, and who goes while it is answered.

use crate::load::{
    HUGE, ask, connect, drain, eventually, get, length, read_head, read_response, reset, serve,
    tree,
};
use crate::support::{Running, Tree};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::thread;

/// Changes the file while it is sent: what was promised, and how much has come.
fn download_while(change: impl FnOnce(&Tree)) -> (usize, usize) {
    let tree = tree();
    let server = serve(&tree, "-p HTTP/1.1");
    let mut client = ask(server.address(), "/huge");
    let promised = length(&read_head(&mut client));
    change(&tree);
    let mut rest = vec![0; promised];
    let mut received = 0;
    while received < promised {
        match client.read(&mut rest[received..]) {
            Ok(0) => break,
            Ok(count) => received += count,
            Err(error) => panic!("{error} after {received}"),
        }
    }
    assert!(rest.iter().all(|&byte| byte == 0), "bytes of another file");
    if received == promised {
        // Not a byte more than promised: the next response follows.
        client
            .write_all(b"GET /a HTTP/1.1\r\n\r\n")
            .expect("it is sent");
        assert_eq!(read_response(&mut client).body, b"hello");
    }
    (promised, received)
}

fn whole() -> usize {
    usize::try_from(HUGE).expect("it fits")
}

#[test]
fn a_file_that_shrinks_ends_the_connection_early() {
    let (promised, received) = download_while(|tree| {
        let file = OpenOptions::new()
            .write(true)
            .open(tree.path().join("huge"));
        file.and_then(|file| file.set_len(HUGE / 2))
            .expect("it shrinks");
    });
    assert_eq!(promised, whole());
    assert!(received <= whole() / 2, "{received}");
}

#[test]
fn a_file_that_grows_is_sent_as_long_as_it_was() {
    let sizes = download_while(|tree| {
        let mut file = OpenOptions::new()
            .append(true)
            .open(tree.path().join("huge"))
            .expect("it opens");
        file.write_all(b"more").expect("it grows");
    });
    assert_eq!(sizes, (whole(), whole()));
}

#[test]
fn a_file_that_is_replaced_or_deleted_is_sent_as_it_was() {
    let sizes = download_while(|tree| {
        tree.file("new", "something else");
        fs::rename(tree.path().join("new"), tree.path().join("huge")).expect("it is replaced");
    });
    assert_eq!(sizes, (whole(), whole()));
    let sizes = download_while(|tree| {
        fs::remove_file(tree.path().join("huge")).expect("it is deleted");
    });
    assert_eq!(sizes, (whole(), whole()));
}

#[test]
fn a_file_that_changes_all_the_time_never_gets_a_wrong_length() {
    let tree = tree();
    let server = serve(&tree, "-p HTTP/1.1");
    let path = tree.path().join("restless");
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let file = File::create(&path).expect("it is made");
            // Around the size up to which files are sent with their head.
            for size in [0, 10, 20_000, 5, 100_000, 1].iter().cycle().take(3000) {
                file.set_len(*size).expect("its length is set");
            }
        });
        let mut wholes = 0;
        while !writer.is_finished() || wholes == 0 {
            let mut client = connect(server.address());
            client
                .write_all(b"GET /restless HTTP/1.1\r\nConnection: close\r\n\r\n")
                .expect("it is sent");
            let head = read_head(&mut client);
            if head.status() == 200 {
                let received = drain(&mut client);
                assert!(received <= length(&head), "more than promised");
                wholes += 1;
            }
        }
    });
}

#[test]
fn what_is_no_file_is_not_found_at_once() {
    let tree = tree();
    tree.fifo("fifo")
        .link("zero", "/dev/zero")
        .link("full", "/dev/full")
        .link("tty", "/dev/tty")
        .link("loop", "loop")
        .link("ping", "pong")
        .link("pong", "ping")
        .link("nowhere", "missing")
        .directory("directory");
    let socket = std::os::unix::net::UnixListener::bind(tree.path().join("socket"));
    let _socket = socket.expect("it is bound");
    let server = serve(&tree, "");
    for name in [
        "fifo", "zero", "full", "tty", "loop", "ping", "nowhere", "socket", "a/b", "a/",
    ] {
        assert_eq!(
            get(server.address(), &format!("/{name}")).status(),
            404,
            "{name}"
        );
    }
    let listing = get(server.address(), "/");
    let listing = String::from_utf8_lossy(&listing.body).into_owned();
    for shown in [
        ">fifo<",
        ">zero@<",
        ">loop@<",
        ">nowhere@<",
        ">socket<",
        ">directory/<",
    ] {
        assert!(listing.contains(shown), "{shown} in {listing}");
    }
}

#[test]
fn a_hundred_thousand_names_are_listed() {
    const COUNT: usize = 100_000;
    let tree = Tree::new();
    tree.file("0", "");
    for number in 1..COUNT {
        // Links are created faster than files, but a file may have only so many links.
        let of = number / 10_000 * 10_000;
        if of == number {
            tree.file(&number.to_string(), "");
        } else {
            let path = |number: usize| tree.path().join(number.to_string());
            fs::hard_link(path(of), path(number)).expect("it is linked");
        }
    }
    let server = serve(&tree, "");
    let listing = get(server.address(), "/");
    assert_eq!(listing.status(), 200);
    assert_eq!(length(&listing), listing.body.len());
    let entries = listing.body.windows(4).filter(|four| four == b"<li>");
    assert_eq!(entries.count(), COUNT);
}

/// Other systems have no such names.
#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_no_utf_8_is_listed_and_found() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let tree = Tree::new();
    for name in [
        b"\xff".as_slice(),
        b"caf\xe9",
        b"\xed\xb2\x80",
        b"a\xf0\x9f",
    ] {
        fs::write(tree.path().join(OsStr::from_bytes(name)), name).expect("it is written");
    }
    let server = serve(&tree, "");
    let listing = get(server.address(), "/").body;
    let text = String::from_utf8_lossy(&listing).into_owned();
    let hrefs: Vec<_> = text
        .split("<a href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert_eq!(hrefs.len(), 4);
    for href in hrefs {
        let response = get(server.address(), &format!("/{href}"));
        assert_eq!(response.status(), 200, "{href}");
    }
}

/// Fails unless everything in the log is a line about a request.
fn assert_quiet(server: &Running) {
    for line in server.log() {
        let text = String::from_utf8_lossy(&line).into_owned();
        assert!(text.starts_with("127.0.0.1 - - ["), "{text:?}");
    }
}

#[test]
fn resets_at_every_point_are_no_event() {
    let tree = tree();
    let server = serve(&tree, "-p HTTP/1.1");
    let request = b"GET /huge HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nbody";
    for round in 0..500 {
        let mut client = connect(server.address());
        let sent = round % (request.len() + 1);
        client.write_all(&request[..sent]).expect("it is sent");
        if sent == request.len() {
            // In the head, at its end, or in the midst of the body.
            let mut part = vec![0; round * 997];
            client.read_exact(&mut part).expect("it arrives");
        }
        if round % 3 == 0 {
            // It may be closed already.
            let _ = client.shutdown(Shutdown::Write);
        }
        reset(client);
    }
    assert_eq!(get(server.address(), "/a").body, b"hello");
    assert_quiet(&server);
}

#[test]
fn a_client_that_has_said_all_still_gets_all() {
    let tree = tree();
    let server = serve(&tree, "");
    let mut client = ask(server.address(), "/huge");
    client.shutdown(Shutdown::Write).expect("it is half closed");
    let promised = length(&read_head(&mut client));
    assert_eq!(drain(&mut client), promised);
    assert_quiet(&server);
}

#[test]
fn a_flood_of_pipelined_requests_is_answered_whole() {
    const COUNT: usize = 2000;
    let tree = tree();
    let server = serve(&tree, "-p HTTP/1.1");
    let client = connect(server.address());
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..COUNT {
                let sent = (&client).write_all(b"GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n");
                sent.expect("it is sent");
            }
        });
        let mut reading = client.try_clone().expect("it is cloned");
        for _ in 0..COUNT {
            assert_eq!(read_response(&mut reading).body, b"hello");
        }
    });
    drop(client);
    server.wait_for_log(|lines| (lines.len() == COUNT).then_some(()));
    assert_quiet(&server);
}

#[test]
fn a_served_directory_may_come_and_go() {
    let tree = Tree::new();
    tree.file("served/a", "old");
    let directory = tree.path().join("served");
    let server = Running::rhttp(["--directory".as_ref(), directory.as_os_str()]);
    assert_eq!(get(server.address(), "/a").body, b"old");
    fs::remove_dir_all(&directory).expect("it is removed");
    assert_eq!(get(server.address(), "/a").status(), 404);
    tree.file("served/a", "new");
    eventually("service", || get(server.address(), "/a").body == b"new");
}

#[test]
fn a_client_that_said_close_is_let_go_at_once() {
    let tree = tree();
    let server = serve(&tree, "-p HTTP/1.1");
    for last in [
        "GET /a HTTP/1.0\r\n\r\n",
        "GET /a HTTP/1.1\r\nConnection: close\r\n\r\n",
    ] {
        let mut client = connect(server.address());
        client.write_all(last.as_bytes()).expect("it is sent");
        drain(&mut client);
        // The first byte meets nobody, which the second is told.
        let _ = client.write_all(b"x");
        assert!(client.write_all(b"x").is_err(), "{last}");
    }
}

#[test]
fn bytes_after_the_last_request_cost_no_response() {
    let tree = tree();
    let server = serve(&tree, "-p HTTP/1.1");
    // A download that is on its way when a byte comes that nobody asked for.
    let mut client = connect(server.address());
    let request = b"GET /huge HTTP/1.0\r\n\r\n";
    client.write_all(request).expect("it is sent");
    let promised = length(&read_head(&mut client));
    client.write_all(b"\r\n").expect("it is sent");
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).expect("it is no reset");
    assert_eq!(rest.len(), promised);
    // A body that was not announced.
    let mut client = connect(server.address());
    let request = b"POST /a HTTP/1.0\r\n\r\n";
    client.write_all(request).expect("it is sent");
    server.wait_for_log(|lines| {
        let is_answered = |line: &Vec<u8>| line.ends_with(b"\"POST /a HTTP/1.0\" 501 -");
        lines.iter().any(is_answered).then_some(())
    });
    client.write_all(b"a=b\r\n").expect("it is sent");
    assert_eq!(read_response(&mut client).status(), 501);
}
