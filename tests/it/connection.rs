//! What happens on one connection: persistence, pipelining, bodies nobody asked for, framing
//! (contract, section 3).

use crate::support::{AfterSending, Connection, Ending, Response, Running, Tree, exchange, get};

fn serve(tree: &Tree, protocol: &str) -> Running {
    let directory = tree.path().as_os_str();
    Running::rhttp([
        "--protocol".as_ref(),
        protocol.as_ref(),
        "--directory".as_ref(),
        directory,
    ])
}

fn tree() -> Tree {
    let tree = Tree::new();
    tree.file("a", "first")
        .file("b", "second")
        .file("big", vec![b'x'; 3_000_000]);
    tree
}

/// The status lines in what came back on a connection.
fn status_lines(answer: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(answer).into_owned();
    text.split("HTTP/1.")
        .skip(1)
        .filter_map(|part| part.get(2..5))
        .map(String::from)
        .collect()
}

#[test]
fn requests_follow_each_other_on_a_connection() {
    let tree = tree();
    let server = serve(&tree, "HTTP/1.1");
    let mut client = Connection::open(server.address());
    for (target, body) in [("/a", "first"), ("/b", "second"), ("/a", "first")] {
        client
            .send(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())
            .expect("it is sent");
        let answer = client.read_until(|bytes| bytes.ends_with(body.as_bytes()));
        assert_eq!(Response::parse(&answer).field("Connection"), None);
    }
    client
        .send(b"GET /a HTTP/1.1\r\nConnection: close\r\n\r\n")
        .expect("it is sent");
    assert!(client.read_to_end().bytes.ends_with(b"\r\n\r\nfirst"));
    assert_eq!(
        server.wait_for_log(|lines| (lines.len() == 4).then_some(lines.len())),
        4
    );
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let tree = tree();
    let server = serve(&tree, "HTTP/1.1");
    let requests =
        "GET /a HTTP/1.1\r\n\r\nGET /big HTTP/1.1\r\n\r\nHEAD /b HTTP/1.1\r\n\r\n".repeat(50);
    let answer = exchange(server.address(), &[requests], AfterSending::HalfClose);
    assert_eq!(status_lines(&answer), vec!["200"; 150]);
    let log = server.wait_for_log(|lines| (lines.len() == 150).then(|| lines.to_vec()));
    assert!(log[2].ends_with(b"\"HEAD /b HTTP/1.1\" 200 -"));
    assert!(log[147].ends_with(b"\"GET /a HTTP/1.1\" 200 -"));
}

#[test]
fn http_1_0_closes_after_every_response() {
    let tree = tree();
    let server = serve(&tree, "HTTP/1.0");
    let request = "GET /a HTTP/1.1\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.1\r\n\r\n";
    let answer = exchange(server.address(), &[request], AfterSending::StayOpen);
    assert_eq!(status_lines(&answer), ["200"]);
}

#[test]
fn a_body_nobody_asked_for_is_never_a_request() {
    let tree = tree();
    let server = serve(&tree, "HTTP/1.1");
    let smuggled = "GET /b HTTP/1.1\r\n\r\n";
    let chunk = format!("{:x}\r\n{smuggled}\r\n0\r\n\r\n", smuggled.len());
    for request in [
        format!(
            "GET /a HTTP/1.1\r\nContent-Length: {}\r\n\r\n{smuggled}",
            smuggled.len()
        ),
        format!("GET /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}"),
    ] {
        let answer = exchange(server.address(), &[request], AfterSending::StayOpen);
        let response = Response::parse(&answer);
        assert_eq!(
            (response.status(), response.body.as_slice()),
            (200, b"first".as_slice())
        );
        assert_eq!(
            response.field_lines.last().map(String::as_str),
            Some("Connection: close")
        );
    }
    for line in server.wait_for_log(|lines| (lines.len() == 2).then(|| lines.to_vec())) {
        assert!(line.ends_with(b"\"GET /a HTTP/1.1\" 200 -"));
    }
}

#[test]
fn a_response_arrives_whole_though_the_client_sent_more_than_was_read() {
    let tree = tree();
    let junk = vec![b'j'; 500_000];
    for protocol in ["HTTP/1.0", "HTTP/1.1"] {
        let server = serve(&tree, protocol);
        for (head, start, least) in [
            ("GET /big HTTP/1.0\r\n\r\n", " 200 ", 3_000_000),
            (
                "GET /big HTTP/1.1\r\nConnection: close\r\n\r\n",
                " 200 ",
                3_000_000,
            ),
            (
                "GET /big HTTP/1.1\r\nContent-Length: 500000\r\n\r\n",
                " 200 ",
                3_000_000,
            ),
            (
                "POST /big HTTP/1.1\r\nContent-Length: 500000\r\n\r\n",
                " 501 ",
                300,
            ),
            ("GET /big HTTP/1.1\r\n\r\n\r\n", " 200 ", 3_000_000),
            // HTTP/0.9: a page without a head.
            ("NONSENSE\r\n", "PE HTML>", 300),
            ("GET / HTTP/3.0\r\n", "PE HTML>", 300),
        ] {
            let answer = Connection::open(server.address())
                .converse(&[head.as_bytes(), &junk], AfterSending::StayOpen);
            assert_eq!(answer.ending, Ending::Closed, "{head}");
            let begins = answer.bytes[..20]
                .windows(start.len())
                .any(|part| part == start.as_bytes());
            assert!(
                begins,
                "{head}: {}",
                String::from_utf8_lossy(&answer.bytes[..80])
            );
            assert!(answer.bytes.len() > least, "{head}: {}", answer.bytes.len());
        }
    }
}

#[test]
fn doubtful_framing_is_refused_and_the_connection_closed() {
    let tree = tree();
    let server = serve(&tree, "HTTP/1.1");
    for fields in [
        "Content-Length: 3\r\nContent-Length: 4",
        "Content-Length: +3",
        "Content-Length: 3, 4",
        "Content-Length: 0x3",
        "Content-Length: 3\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding:\r\n chunked",
        "Transfer-Encoding: \x0bchunked",
        "Content-Length: 3\rX: y",
    ] {
        let request = format!("GET /a HTTP/1.1\r\n{fields}\r\n\r\nGET /b HTTP/1.1\r\n\r\n");
        let answer = exchange(server.address(), &[request], AfterSending::StayOpen);
        assert_eq!(status_lines(&answer), ["400"], "{fields:?}");
        assert_eq!(Response::parse(&answer).field("Connection"), Some("close"));
    }
}

#[test]
fn an_http_1_0_client_is_told_that_its_connection_is_kept() {
    let tree = tree();
    for (protocol, version, option, told) in [
        ("HTTP/1.1", "HTTP/1.0", "Keep-Alive", Some("keep-alive")),
        ("HTTP/1.1", "HTTP/1.0", "foo", None),
        ("HTTP/1.1", "HTTP/1.1", "keep-alive", None),
        ("HTTP/1.0", "HTTP/1.0", "keep-alive", None),
        ("HTTP/1.0", "HTTP/1.1", "keep-alive", None),
    ] {
        let server = serve(&tree, protocol);
        let request = format!("GET /a {version}\r\nConnection: {option}\r\n\r\n");
        let answer = exchange(server.address(), &[request], AfterSending::HalfClose);
        let response = Response::parse(&answer);
        assert_eq!(
            response.field("Connection"),
            told,
            "{protocol} {version} {option}"
        );
        assert_eq!(response.body, b"first");
    }
}

#[test]
fn a_waiting_client_is_told_to_go_on() {
    let tree = tree();
    let server = serve(&tree, "HTTP/1.1");
    let mut client = Connection::open(server.address());
    client
        .send(b"GET /a HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\n")
        .expect("it is sent");
    let go_on = client.read_until(|bytes| bytes.ends_with(b"\r\n\r\n"));
    assert_eq!(go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    client.send(b"abc").expect("it is sent");
    assert_eq!(Response::parse(&client.read_to_end().bytes).body, b"first");
}

#[test]
fn an_error_closes_the_connection() {
    let tree = tree();
    let server = serve(&tree, "HTTP/1.1");
    let requests = "GET /missing HTTP/1.1\r\n\r\nGET /a HTTP/1.1\r\n\r\n";
    let answer = exchange(server.address(), &[requests], AfterSending::StayOpen);
    assert_eq!(status_lines(&answer), ["404"]);
}

#[test]
fn many_clients_are_served_at_a_time() {
    let tree = tree();
    let server = serve(&tree, "HTTP/1.1");
    let mut clients: Vec<_> = (0..100)
        .map(|_| Connection::open(server.address()))
        .collect();
    // The first to connect is the last to ask: nobody waits for anybody.
    for client in clients.iter_mut().rev() {
        client.send(b"GET /a HTTP/1.1\r\n\r\n").expect("it is sent");
        client.read_until(|bytes| bytes.ends_with(b"first"));
    }
}

#[test]
fn clients_that_go_away_leave_no_trace() {
    let tree = tree();
    let server = serve(&tree, "HTTP/1.1");
    for _ in 0..20 {
        let mut silent = Connection::open(server.address());
        silent.send(b"GE").expect("it is sent");
        let mut impatient = Connection::open(server.address());
        impatient
            .send(b"GET /big HTTP/1.1\r\n\r\n")
            .expect("it is sent");
        impatient.read_until(|bytes| bytes.len() > 10);
    }
    exchange(
        server.address(),
        &["GET /a HTTP/1.0\r\n\r\n"],
        AfterSending::StayOpen,
    );
    let log = server.wait_for_log(|lines| {
        lines
            .iter()
            .any(|line| line.ends_with(b"\"GET /a HTTP/1.0\" 200 -"))
            .then(|| lines.to_vec())
    });
    for line in log {
        let line = String::from_utf8_lossy(&line).into_owned();
        // A head that was cut off when its client left is answered, as CPython does.
        assert!(
            line.contains("\" 200 -") || line.contains("'GE'") || line.contains("\"GE\" 400 -"),
            "{line}"
        );
    }
}

/// A socket that is closed resets its connection when more arrives, and the reset destroys what the
/// client has not taken yet.
#[test]
fn a_client_with_a_small_buffer_gets_the_whole_response_though_it_sends_a_stray_line() {
    let tree = tree();
    for size in [3_000, 15_000, 60_000] {
        tree.file(&format!("{size}"), "x".repeat(size));
    }
    let server = serve(&tree, "HTTP/1.0");
    for size in [3_000, 15_000, 60_000] {
        let mut client = Connection::open_with_receive_buffer(server.address(), 1);
        let request = format!("GET /{size} HTTP/1.0\r\n\r\n");
        client.send(request.as_bytes()).expect("it is sent");
        // By the end of these, a server that closes at once has closed.
        for _ in 0..20 {
            assert_eq!(get(&server, "/a").status(), 200);
        }
        client.send(b"\r\n").expect("it is sent");
        let answer = client.read_to_end();
        assert_eq!(answer.ending, Ending::Closed, "{size}");
        assert_eq!(Response::parse(&answer.bytes).body.len(), size);
    }
}

/// A client that is refused need not send what would be thrown away.
#[test]
fn a_refused_client_is_not_told_to_go_on() {
    let tree = tree();
    let server = serve(&tree, "HTTP/1.1");
    let request = b"GET /missing HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    let answer = exchange(server.address(), &[request], AfterSending::StayOpen);
    assert_eq!(status_lines(&answer), ["404"]);
}

#[test]
fn two_servers_cannot_be_asked_at_a_time() {
    let tree = tree();
    let server = serve(&tree, "HTTP/1.1");
    for fields in [
        "Host: a\r\nHost: b",
        "Host: a\r\nhost: a",
        "Host: a/b",
        "Host: a b",
    ] {
        let requests = format!("GET /a HTTP/1.1\r\n{fields}\r\n\r\nGET /b HTTP/1.1\r\n\r\n");
        let answer = exchange(server.address(), &[requests], AfterSending::StayOpen);
        assert_eq!(status_lines(&answer), ["400"], "{fields}");
        let old = format!("GET /a HTTP/1.0\r\n{fields}\r\n\r\n");
        let answer = exchange(server.address(), &[old], AfterSending::StayOpen);
        assert_eq!(status_lines(&answer), ["200"], "{fields}");
    }
    for fields in ["", "Host: [::1]:8000\r\n"] {
        let request = format!("GET /a HTTP/1.1\r\n{fields}Connection: close\r\n\r\n");
        let answer = exchange(server.address(), &[request], AfterSending::StayOpen);
        assert_eq!(status_lines(&answer), ["200"], "{fields}");
    }
}
