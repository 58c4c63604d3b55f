//! Handshakes, and what becomes of those that fail; the end of a session.

use super::{Pair, Session, session, with_config};
use crate::load::{connect, descriptors, eventually, settle, sparse_file, status};
use crate::support::{AfterSending, Connection, Ending, Response, Running, Tree, client_config};
use crate::support::{exchange, get};
use rhttp::http::Scheme;
use rustix::process::Signal;
use rustls::{HandshakeKind, ProtocolVersion};
use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn serve(tree: &Tree, arguments: &str) -> Running {
    Running::rhttp_over(Scheme::Https, crate::load::arguments_for(tree, arguments))
}

fn tree() -> Tree {
    let tree = Tree::new();
    tree.file("a", "hello");
    tree
}

/// Asks on a session and reads to its end.
fn ask(session: &mut Session, target: &str) -> Response {
    let request = format!("GET {target} HTTP/1.0\r\n\r\n");
    session.write_all(request.as_bytes()).expect("it is sent");
    let mut answer = Vec::new();
    session.read_to_end(&mut answer).expect("it comes whole");
    Response::parse(&answer)
}

#[test]
fn http_1_1_is_chosen_where_it_is_offered_and_nothing_elsewhere() {
    let tree = tree();
    let server = serve(&tree, "");
    let none: &[&[u8]] = &[];
    for (offered, chosen) in [
        (&[b"http/1.1".as_slice()][..], Some(b"http/1.1".as_slice())),
        (&[b"h2", b"http/1.1"], Some(b"http/1.1")),
        (&[b"h2"], None),
        (&[b"h2", b"h3"], None),
        (none, None),
    ] {
        let mut session = session(&server, |config| {
            config.alpn_protocols = offered.iter().map(|name| name.to_vec()).collect();
            // It is for the server to say nothing; a client may insist.
        });
        assert_eq!(ask(&mut session, "/a").body, b"hello");
        assert_eq!(session.conn.alpn_protocol(), chosen, "{offered:?}");
    }
}

#[test]
fn both_versions_are_spoken_and_sessions_resume() {
    let tree = tree();
    let server = serve(&tree, "");
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut config = client_config();
        let provider = Arc::clone(config.crypto_provider());
        let versions = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .expect("the provider has it")
            .dangerous()
            .with_custom_certificate_verifier(crate::support::anybody())
            .with_no_client_auth();
        config = versions;
        let config = Arc::new(config);
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let mut session = with_config(&server, &config);
            assert_eq!(ask(&mut session, "/a").body, b"hello");
            assert_eq!(session.conn.handshake_kind(), Some(expected));
            assert_eq!(session.conn.protocol_version(), Some(version.version));
        }
        assert_ne!(version.version, ProtocolVersion::TLSv1_1);
    }
}

/// CPython's server does the handshake where it accepts: one silent client stops everybody.
#[test]
fn silent_clients_stop_nobody() {
    let tree = tree();
    let server = serve(&tree, "--timeout 60");
    let silent: Vec<_> = (0..200).map(|_| connect(server.address())).collect();
    let mut half = connect(server.address());
    half.write_all(b"\x16\x03\x01\x02\x00\x01")
        .expect("it is sent");
    for _ in 0..20 {
        let start = Instant::now();
        assert_eq!(get(&server, "/a").body, b"hello");
        assert!(start.elapsed() < Duration::from_secs(10));
    }
    drop((silent, half));
}

#[test]
fn a_handshake_has_the_time_of_a_head() {
    let tree = tree();
    let server = serve(&tree, "--timeout 1");
    let before = descriptors(&server);
    let mut client = connect(server.address());
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".iter();
    let start = Instant::now();
    // A byte now and then does not renew it.
    for byte in hello.chain([0; 600].iter()) {
        if client.write_all(&[*byte]).is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(40));
        if descriptors(&server) <= before && start.elapsed() > Duration::from_millis(900) {
            break;
        }
    }
    let taken = start.elapsed();
    assert!(
        taken > Duration::from_millis(900) && taken < Duration::from_secs(20),
        "{taken:?}"
    );
    eventually("its end", || descriptors(&server) <= before);
    assert_eq!(get(&server, "/a").body, b"hello");
}

#[test]
fn what_is_no_handshake_is_no_event() {
    let tree = tree();
    let server = serve(&tree, "");
    assert_eq!(get(&server, "/a").status(), 200);
    settle(&server);
    let before = descriptors(&server);
    let refuses = |change: &dyn Fn(&mut rustls::ClientConfig)| {
        let mut session = session(&server, |config| change(config));
        let failed = session.write_all(b"GET /a HTTP/1.0\r\n\r\n").err();
        failed.map(|error| error.kind())
    };
    let long = [
        b"\x16\x03\x01\x40\x00\x01\x00\xff\xff".to_vec(),
        vec![1; 70_000],
    ]
    .concat();
    for bytes in [
        &b"\x16\x03\x01"[..],
        b"\x16\x03\x01\x00\x05hello",
        b"\x16\x16\x16\x16\x16\x16\x16\x16",
        b"\x00\x01\x02\x03",
        b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10",
        b"\r\n\r\n",
        b"",
        &long,
    ] {
        let mut client = connect(server.address());
        let _ = client.write_all(bytes);
        let _ = client.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = client.read_to_end(&mut answer);
        // An alert, or nothing.
        assert!(
            matches!(answer.first(), None | Some(21)),
            "{bytes:?}: {answer:?}"
        );
    }
    // A client that does not trust the certificate says so, and is gone.
    let distrusts = |config: &mut rustls::ClientConfig| {
        *config = rustls::ClientConfig::builder_with_provider(Arc::clone(config.crypto_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has them")
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
    };
    assert_eq!(refuses(&distrusts), Some(ErrorKind::InvalidData));
    assert_eq!(get(&server, "/a").status(), 200);
    eventually("the end of all", || descriptors(&server) <= before);
    eventually("the end of the threads", || status(&server, "Threads") < 14);
    // Only what was asked stands in the log.
    let lines = server.wait_for_log(|lines| (lines.len() >= 2).then(|| lines.to_vec()));
    let is_request = |line: &&Vec<u8>| line.ends_with(b"\"GET /a HTTP/1.0\" 200 -");
    assert_eq!(
        lines.iter().filter(is_request).count(),
        lines.len(),
        "{lines:?}"
    );
}

#[test]
fn plain_http_is_sent_to_the_same_place_over_https() {
    let tree = tree();
    let server = serve(&tree, "");
    let address = server.address();
    let ask = |target: &str, host: &str| {
        let request = format!("GET {target} HTTP/1.1\r\n{host}\r\n");
        Response::parse(&exchange(address, &[request], AfterSending::StayOpen))
    };
    let port = address.port();
    let moved = ask("/a?b=c", &format!("Host: localhost:{port}\r\n"));
    assert_eq!(moved.status(), 301);
    let location = format!("https://localhost:{port}/a?b=c");
    assert_eq!(moved.field("Location"), Some(&*location));
    assert_eq!(moved.field("Connection"), Some("close"));
    for host in [
        String::new(),
        "Host: localhost\r\n".into(),
        format!("Host: localhost:{}\r\n", port.wrapping_add(1)),
        format!("Host: a@b:{port}\r\n"),
        format!("Host: evil/:{port}\r\n"),
        format!("Host: :{port}\r\n"),
        format!("Host: a:{port}\r\nHost: b:{port}\r\n"),
    ] {
        let refused = ask("/a", &host);
        assert_eq!(refused.status(), 400, "{host}");
        assert_eq!(refused.field("Location"), None);
    }
    let absolute = format!("Host: localhost:{port}\r\n");
    assert_eq!(
        ask("http://elsewhere/a", &absolute)
            .field("Location")
            .map(|to| to.contains("elsewhere")),
        Some(false)
    );
    server.wait_for_log(|lines| {
        let ends = |end: &[u8]| lines.iter().any(|line| line.ends_with(end));
        let all = ends(b"\"GET /a?b=c HTTP/1.1\" 301 -")
            && ends(b"] code 400, message This port speaks HTTPS");
        all.then_some(())
    });
}

#[test]
fn a_cut_response_can_be_told_from_a_whole_one() {
    let tree = tree();
    let server = serve(&tree, "");
    sparse_file(&tree, "large", 64 * 1024 * 1024);
    let request = [b"GET /large HTTP/1.0\r\n\r\n"];
    let whole = Connection::open(&server).converse(&request, AfterSending::StayOpen);
    assert_eq!(whole.ending, Ending::Closed);
    assert!(whole.bytes.len() > 64 * 1024 * 1024);

    let mut connection = Connection::open(&server);
    connection.send(request[0]).expect("it is sent");
    connection.read_until(|bytes| bytes.ends_with(b"\r\n\r\n"));
    // The file becomes shorter while it is sent.
    sparse_file(&tree, "large", 1024);
    let cut = connection.converse(&[b""; 0], AfterSending::StayOpen);
    assert_eq!(cut.ending, Ending::Cut);
    assert!(cut.bytes.len() < 64 * 1024 * 1024);
}

#[test]
fn a_head_may_be_longer_than_a_session_encrypts_at_once() {
    let tree = tree();
    let content = vec![b'x'; 256 * 1024];
    tree.file("large", &content);
    let value = "a".repeat(90_000);
    let server = serve(&tree, &format!("-H X-A:{value} -H X-B:{value}"));
    let mut session = session(&server, |_| {});
    session
        .write_all(b"GET /large HTTP/1.0\r\n\r\n")
        .expect("it is sent");
    let mut answer = Vec::new();
    session.read_to_end(&mut answer).expect("it comes whole");
    assert!(answer.ends_with(&[b"\r\n\r\n", &*content].concat()));
    assert!(answer.len() > content.len() + 2 * value.len());
}

#[test]
fn a_body_of_small_records_reaches_a_script_in_larger_pieces() {
    const BYTES: usize = 300;
    let tree = tree();
    tree.script(
        "cgi-bin/first",
        "#!/bin/sh\necho; dd bs=65536 count=1 2>/dev/null | wc -c\n",
    );
    let server = serve(&tree, "--cgi");
    let mut session = session(&server, |_| {});
    session.flush().expect("the handshake succeeds");
    let head = format!("POST /cgi-bin/first HTTP/1.0\r\nContent-Length: {BYTES}\r\n\r\n");
    let mut records = Vec::new();
    let mut writer = session.conn.writer();
    writer.write_all(head.as_bytes()).expect("there is room");
    for _ in 0..BYTES {
        writer.write_all(b"x").expect("there is room");
    }
    while session.conn.wants_write() {
        session.conn.write_tls(&mut records).expect("it is memory");
    }
    assert!(records.len() > 20 * BYTES);
    session.sock.write_all(&records).expect("it is sent");
    let mut answer = Vec::new();
    session.read_to_end(&mut answer).expect("it comes whole");
    let body = Response::parse(&answer).body;
    let body = String::from_utf8_lossy(&body);
    let first: usize = body.trim().parse().expect("it is a number");
    // As much as had arrived of the 4 KiB of records that the session reads at once: not one byte.
    assert!(first >= 8, "{first}");
}

#[test]
fn a_client_that_does_not_read_is_cut_off() {
    let tree = tree();
    sparse_file(&tree, "huge", 64 * 1024 * 1024);
    let server = serve(&tree, "--timeout 0.5");
    assert_eq!(get(&server, "/a").status(), 200);
    settle(&server);
    let before = descriptors(&server);
    let mut client = session(&server, |_| {});
    client
        .write_all(b"GET /huge HTTP/1.0\r\n\r\n")
        .expect("it is sent");
    let mut byte = [0];
    client.read_exact(&mut byte).expect("it begins");
    eventually("its end", || descriptors(&server) <= before);
    let mut rest = Vec::new();
    let end = client.read_to_end(&mut rest).map_err(|error| error.kind());
    assert!(end.is_err() && rest.len() < 64 * 1024 * 1024, "{end:?}");
}

#[test]
fn sigterm_lets_a_download_finish() {
    let tree = tree();
    sparse_file(&tree, "large", 32 * 1024 * 1024);
    let mut server = serve(&tree, "");
    let mut connection = Connection::open(&server);
    connection
        .send(b"GET /large HTTP/1.0\r\n\r\n")
        .expect("it is sent");
    connection.read_until(|bytes| bytes.ends_with(b"\r\n\r\n"));
    let silent = connect(server.address());
    settle(&server);
    server.signal(Signal::TERM);
    let answer = connection.converse(&[b""; 0], AfterSending::StayOpen);
    assert_eq!(
        (answer.ending, answer.bytes.len()),
        (Ending::Closed, 32 * 1024 * 1024)
    );
    assert_eq!(server.wait().code(), Some(0));
    drop(silent);
}

#[test]
fn at_the_cap_a_client_is_told_so_within_its_session() {
    let tree = tree();
    sparse_file(&tree, "huge", 64 * 1024 * 1024);
    let server = serve(&tree, "--max-connections 1");
    let mut stuck = Connection::open(&server);
    stuck
        .send(b"GET /huge HTTP/1.0\r\n\r\n")
        .expect("it is sent");
    stuck.read_until(|bytes| bytes.ends_with(b"\r\n\r\n"));
    assert_eq!(get(&server, "/a").status(), 503);
    drop(stuck);
    eventually("service", || get(&server, "/a").status() == 200);
}

#[test]
fn a_confined_server_renews_its_pair() {
    if !crate::sandbox::is_supported() {
        return;
    }
    let tree = Tree::new();
    tree.directory("www").file("www/a", "hello");
    let keys = Tree::new();
    let pair = Pair::make(&keys);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_rhttp"));
    command.args(["0", "--bind", "127.0.0.1", "--sandbox", "--directory"]);
    command.arg(tree.path().join("www"));
    command
        .arg("--tls-cert")
        .arg(&pair.certificate)
        .arg("--tls-key")
        .arg(&pair.key);
    let server = Running::start(command);
    let first = super::certificate(&server);
    Pair::make(&keys);
    eventually("the new pair", || super::certificate(&server) != first);
    assert_eq!(get(&server, "/a").body, b"hello");
}
