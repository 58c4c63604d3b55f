//! Clients that take their time, and files of another.

use super::{ask, get, serve, tree};
use crate::support::{Connection, PATIENCE};
use rhttp::{Config, FileHandler, Server};
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

#[test]
fn lesson_21_a_client_may_be_slow_but_not_idle() {
    let tree = tree();
    tree.file("www/large", vec![b'x'; 8 << 20]);
    let limit = Duration::from_millis(1500);
    let mut config = Config::default();
    config.head_timeout = Some(limit);
    config.idle_timeout = Some(limit);
    config.stall_timeout = Some(limit);
    let server = Server::bind("127.0.0.1:0", FileHandler::new(tree.path().join("www")))
        .expect("there is a free port")
        .with_config(config)
        .with_log(io::sink());
    let address = server.local_addr().socket_addr().expect("it is TCP");
    let handle = server.handle();
    let serving = thread::spawn(move || server.serve());

    // A byte now and then does not renew the time for a head.
    let mut trickling = Connection::open(address);
    let start = Instant::now();
    while trickling.send(b"G").is_ok() && start.elapsed() < PATIENCE {
        thread::sleep(limit / 15);
    }
    assert!(
        start.elapsed() < PATIENCE,
        "a trickling client was never sent away"
    );
    assert!(start.elapsed() >= limit);

    // A download that goes on takes as long as it takes.
    let mut slow = TcpStream::connect(address).expect("it connects");
    slow.write_all(b"GET /large HTTP/1.0\r\n\r\n")
        .expect("it is sent");
    let start = Instant::now();
    let (mut received, mut buffer) = (0, vec![0; 256 * 1024]);
    loop {
        let count = slow.read(&mut buffer).expect("it is not cut");
        if count == 0 {
            break;
        }
        received += count;
        if start.elapsed() < 2 * limit {
            thread::sleep(limit / 10);
        }
    }
    assert!(received > 8 << 20);
    assert!(start.elapsed() > limit);

    handle.abort();
    serving
        .join()
        .expect("it does not panic")
        .expect("it ends well");
}

#[test]
fn lesson_22_a_file_may_be_of_any_age() {
    let tree = tree();
    let server = serve(&tree, &[]);
    let file = File::options()
        .write(true)
        .open(tree.path().join("www/file"))
        .expect("it opens");
    let year = 31_556_952;
    let mut tried = 0;
    for (name, time) in [
        (
            "long ago",
            UNIX_EPOCH.checked_sub(Duration::from_secs(60 * year)),
        ),
        (
            "the second before 1970",
            UNIX_EPOCH.checked_sub(Duration::new(0, 1)),
        ),
        (
            "beyond 2038",
            UNIX_EPOCH.checked_add(Duration::from_secs(100 * year)),
        ),
        (
            "beyond 9999",
            UNIX_EPOCH.checked_add(Duration::from_secs(9000 * year)),
        ),
        (
            "beyond all clocks",
            UNIX_EPOCH.checked_add(Duration::from_secs(1 << 62)),
        ),
    ] {
        // Not every file system can say every time.
        if time.is_none_or(|time| file.set_modified(time).is_err()) {
            continue;
        }
        tried += 1;
        for field in [
            "",
            "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
            "Range: bytes=0-\r\n",
        ] {
            let response = ask(&server, format!("GET /file HTTP/1.0\r\n{field}\r\n"));
            assert!(
                matches!(response.status(), 200 | 206 | 304),
                "{name} {field}"
            );
        }
        assert_eq!(get(&server, "/").status(), 200, "{name}");
    }
    assert!(tried >= 3, "the file system can say {tried} of these times");
}
