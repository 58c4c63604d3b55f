//! What a client gets of a script's output: framing, statuses, and an answer in any case.

use super::fixture::{ask, content, get, is_root, recorded, rhttp, serve, tree, with_script};
use crate::support::{AfterSending, Connection, Response, Running, exchange, not_run};
use std::process::Command;

const REQUEST: &str = "GET /cgi-bin/script HTTP/1.1\r\n\r\n";

#[test]
fn a_kept_connection_serves_one_script_after_the_other() {
    let tree = with_script("printf 'Content-Type: text/plain\\n\\nhello'");
    let server = serve(&tree, "HTTP/1.1");
    let mut client = Connection::open(server.address());
    for _ in 0..3 {
        client.send(REQUEST.as_bytes()).expect("it is sent");
        let answer = client.read_until(|bytes| bytes.ends_with(b"\r\n0\r\n\r\n"));
        let response = Response::parse(&answer);
        assert_eq!(response.field("Connection"), None);
        assert_eq!(content(&response), b"hello");
    }
}

#[test]
fn pipelined_requests_for_scripts_are_answered_in_order() {
    let tree = with_script("printf 'Content-Length: 4\\n\\n'; printf '%4s' \"$1\"");
    let server = serve(&tree, "HTTP/1.1");
    let requests: Vec<_> = (0..20)
        .map(|number| format!("GET /cgi-bin/script?{number} HTTP/1.1\r\n\r\n"))
        .collect();
    let answer = exchange(server.address(), &requests, AfterSending::HalfClose);
    let text = String::from_utf8(answer).expect("it is text");
    let found: Vec<_> = text
        .split("\r\n\r\n")
        .skip(1)
        .map(|rest| rest[..4].trim())
        .collect();
    let expected: Vec<_> = (0..20).map(|number| number.to_string()).collect();
    assert_eq!(found, expected);
}

#[test]
fn an_old_client_is_answered_up_to_the_end_of_the_connection() {
    let tree = with_script("printf 'Content-Type: text/plain\\n\\nhello'");
    let server = serve(&tree, "HTTP/1.1");
    for fields in ["", "Connection: keep-alive\r\n"] {
        let request = format!("GET /cgi-bin/script HTTP/1.0\r\n{fields}\r\n");
        let answer = exchange(server.address(), &[request], AfterSending::StayOpen);
        let response = Response::parse(&answer);
        assert_eq!(response.field("Transfer-Encoding"), None);
        assert_eq!(response.body, b"hello");
    }
}

#[test]
fn a_length_that_is_too_small_cuts_the_output() {
    let tree = with_script("printf 'Content-Length: 3\\n\\nabcdef'");
    let server = serve(&tree, "HTTP/1.1");
    let mut client = Connection::open(server.address());
    for _ in 0..2 {
        client.send(REQUEST.as_bytes()).expect("it is sent");
        let answer = client.read_until(|bytes| bytes.ends_with(b"\r\n\r\nabc"));
        assert_eq!(Response::parse(&answer).field("Content-Length"), Some("3"));
    }
}

#[test]
fn a_length_that_is_too_large_ends_the_connection() {
    let tree = with_script("printf 'Content-Length: 9\\n\\nabc'");
    let server = serve(&tree, "HTTP/1.1");
    let response = Response::parse(&exchange(
        server.address(),
        &[REQUEST],
        AfterSending::StayOpen,
    ));
    assert_eq!(response.field("Content-Length"), Some("9"));
    assert_eq!(response.body, b"abc");
}

#[test]
fn an_endless_script_with_a_length_is_ended() {
    let tree = with_script("printf 'Content-Length: 4\\n\\n'; exec yes");
    let server = serve(&tree, "HTTP/1.1");
    let mut client = Connection::open(server.address());
    for _ in 0..2 {
        client.send(REQUEST.as_bytes()).expect("it is sent");
        client.read_until(|bytes| bytes.ends_with(b"\r\n\r\ny\ny\n"));
    }
}

#[test]
fn head_runs_the_script_and_sends_no_body() {
    let tree = with_script("printf \"Content-Length: 5\\nX-Method: $REQUEST_METHOD\\n\\nhello\"");
    let server = serve(&tree, "HTTP/1.1");
    let mut client = Connection::open(server.address());
    for _ in 0..2 {
        client
            .send(b"HEAD /cgi-bin/script HTTP/1.1\r\n\r\n")
            .expect("it is sent");
        let answer = client.read_until(|bytes| bytes.ends_with(b"\r\n\r\n"));
        let response = Response::parse(&answer);
        assert_eq!(response.field("X-Method"), Some("HEAD"));
        assert_eq!(response.field("Content-Length"), Some("5"));
    }
}

#[test]
fn statuses_without_content_keep_the_connection() {
    let tree = with_script("printf \"Status: $1\\n\\nrubbish\"");
    let server = serve(&tree, "HTTP/1.1");
    let mut client = Connection::open(server.address());
    for status in ["204", "304"] {
        client
            .send(format!("GET /cgi-bin/script?{status} HTTP/1.1\r\n\r\n").as_bytes())
            .expect("it is sent");
        let answer = client.read_until(|bytes| bytes.ends_with(b"\r\n\r\n"));
        assert_eq!(Response::parse(&answer).status().to_string(), status);
    }
}

#[test]
fn a_connection_that_the_script_closes_is_closed() {
    let tree = with_script("printf 'Connection: close\\nContent-Length: 1\\n\\nx'");
    let server = serve(&tree, "HTTP/1.1");
    let answer = exchange(
        server.address(),
        &[REQUEST.repeat(2)],
        AfterSending::StayOpen,
    );
    assert_eq!(Response::parse(&answer).body, b"x");
}

#[test]
fn chunked_bodies_are_decoded_for_scripts() {
    let tree = with_script("printf \"\\n[$CONTENT_LENGTH]\"; cat");
    let server = serve(&tree, "HTTP/1.1");
    let request = "POST /cgi-bin/script HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
                   2\r\nab\r\n3;x=y\r\ncde\r\n0\r\nTrailer: t\r\n\r\n";
    assert_eq!(content(&ask(&server, request)), b"[]abcde");
}

#[test]
fn a_body_that_breaks_off_is_no_body() {
    let tree = with_script("cat > /dev/null; printf '\\nread all'");
    let server = serve(&tree, "HTTP/1.1");
    for request in [
        "POST /cgi-bin/script HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc",
        "POST /cgi-bin/script HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
        "POST /cgi-bin/script HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    ] {
        assert_eq!(ask(&server, request).status(), 400, "{request}");
    }
}

#[test]
fn a_waiting_client_is_told_to_go_on() {
    let tree = with_script("printf '\\n'; cat");
    let server = serve(&tree, "HTTP/1.1");
    let mut client = Connection::open(server.address());
    client
        .send(b"POST /cgi-bin/script HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        .expect("it is sent");
    let answer = client.read_until(|bytes| bytes.ends_with(b"\r\n\r\n"));
    assert_eq!(answer, b"HTTP/1.1 100 Continue\r\n\r\n");
    client.send(b"abc").expect("it is sent");
    client.finish().expect("it is sent");
    let response = Response::parse(&client.read_to_end().bytes);
    assert_eq!(content(&response), b"abc");
}

#[test]
fn a_header_without_an_end_is_an_answer_too() {
    let tree = with_script("printf 'X-A: b\\nContent-Length: 0'");
    let server = serve(&tree, "HTTP/1.0");
    let response = get(&server);
    assert_eq!(response.status(), 200);
    assert_eq!(response.field("X-A"), Some("b"));
}

#[test]
fn a_header_without_bounds_is_no_answer() {
    let tree = with_script("exec yes 'X-A: b'");
    let server = serve(&tree, "HTTP/1.0");
    assert_eq!(get(&server).status(), 502);
}

#[test]
fn what_a_script_complains_about_goes_to_the_server_s_standard_error() {
    let tree = with_script("printf '\\nfine'; echo a complaint >&2");
    let server = serve(&tree, "HTTP/1.0");
    assert_eq!(get(&server).body, b"fine");
    server.wait_for_log(|lines| {
        lines
            .iter()
            .any(|line| line == b"a complaint")
            .then_some(())
    });
}

#[test]
fn scripts_are_never_sent_as_files() {
    let tree = recorded();
    tree.link("x/dir", "../cgi-bin")
        .link("x/index.html", "../cgi-bin/source.txt")
        .link("again", "x/dir/sub")
        .link("cgi-bin/loop", "..");
    let server = serve(&tree, "HTTP/1.0");
    for target in [
        "/cgi-bin/source.txt",
        "/%63gi-bin/source.txt",
        "/cgi-bin%2fsource.txt",
        "/cgi-bin%2Fsub%2Fsource.txt",
        "/x/../cgi-bin/source.txt",
        "/x/%2e%2e/cgi-bin/source.txt",
        "//cgi-bin//source.txt",
        "/cgi-bin/./source.txt",
        "/cgi-bin/source.txt/",
        "/cgi-bin/source.txt%00",
        "/cgi-bin/source.txt.",
        "/cgi-bin./source.txt",
        "/cgi-bin%20/source.txt",
        "/cgi-bin\\source.txt",
        "/CGI-BIN/source.txt",
        "cgi-bin/source.txt",
        "http://host/cgi-bin/source.txt",
        "/cgi-bin/index.html",
        "/cgi-bin/",
        "/cgi-bin/source.txt?x",
        "/cgi-bin/source.txt#x",
        "/cgi-bin/%2573ource.txt",
        "/cgi-bin/loop/cgi-bin/source.txt",
        "/x/peep",
        "/x/",
        "/x/dir/source.txt",
        "/x/dir/sub/source.txt",
        "/x/dir/",
        "/again/source.txt",
    ] {
        for method in ["GET", "HEAD", "POST"] {
            let answer = exchange(
                server.address(),
                &[format!("{method} {target} HTTP/1.0\r\n\r\n")],
                AfterSending::HalfClose,
            );
            let leaks = answer.windows(9).any(|bytes| bytes == b"to be see");
            assert!(!leaks, "{method} {target}");
            let response = Response::parse(&answer);
            let is_listing = target == "/x/dir/" && method != "POST";
            assert!(response.status() >= 400 || is_listing, "{method} {target}");
        }
    }
    assert_eq!(
        ask(&server, "GET /plain.txt HTTP/1.0\r\n\r\n").body,
        b"plain text\n"
    );
}

#[test]
fn no_mount_leads_around_what_is_private() {
    let tree = recorded();
    tree.directory("x/mounted").directory("x/below");
    let server = rhttp(&tree, "HTTP/1.0");
    // With mounts of its own, as root or as root of its own.
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(
            ["--mount", "--map-root-user"]
                .iter()
                .take(if is_root() { 1 } else { 2 }),
        );
        command
    };
    let is_possible = unshare().arg("true").output();
    if !is_possible.is_ok_and(|output| output.status.success()) {
        return not_run("scripts that are mounted elsewhere, for nothing can be mounted");
    }
    let mut unshare = unshare();
    unshare.args([
        "sh",
        "-c",
        "cd \"$1\" && mount --bind cgi-bin x/mounted && mount --bind cgi-bin/sub x/below \
         && shift && exec \"$@\"",
        "sh",
    ]);
    unshare.arg(tree.path()).arg(server.get_program());
    unshare.args(server.get_args());
    let server = Running::start(unshare);
    for (target, status) in [
        ("/x/mounted/source.txt", 404),
        ("/x/mounted/sub/source.txt", 404),
        ("/x/mounted/", 404),
        ("/x/below/source.txt", 404),
        ("/x/peep", 404),
        ("/plain.txt", 200),
    ] {
        let answer = ask(&server, &format!("GET {target} HTTP/1.0\r\n\r\n"));
        assert_eq!(answer.status(), status, "{target}");
    }
}

#[test]
fn what_cannot_be_told_is_private() {
    let tree = tree();
    tree.file("plain.txt", "plain text\n");
    // A look at it is an error, but not that there is none.
    tree.link("htbin", "htbin");
    let server = serve(&tree, "HTTP/1.0");
    let answer = ask(&server, "GET /plain.txt HTTP/1.0\r\n\r\n");
    assert_eq!(answer.status(), 404);
}

#[test]
fn files_are_as_they_are_without_scripts() {
    let tree = tree();
    tree.file("cgi-bin/a.txt", "a")
        .script("cgi-bin/b", "#!/bin/sh\n");
    let without = crate::support::Running::rhttp(["--directory".as_ref(), tree.path().as_os_str()]);
    assert_eq!(
        ask(&without, "GET /cgi-bin/b HTTP/1.0\r\n\r\n").body,
        b"#!/bin/sh\n"
    );
    assert_eq!(
        ask(&without, "POST /cgi-bin/b HTTP/1.0\r\n\r\n").status(),
        501
    );
}

#[test]
fn an_answer_is_never_reset() {
    let tree = with_script("printf 'Content-Type: text/plain\\n\\nnot interested'");
    let server = serve(&tree, "HTTP/1.1");
    // A body of bearable size is thrown away, and the connection goes on; before a larger one the
    // client is told that it does not.
    for (length, close) in [(900_000, None), (3_000_000, Some("close"))] {
        let head = format!("POST /cgi-bin/script HTTP/1.1\r\nContent-Length: {length}\r\n\r\n");
        let next = if close.is_none() {
            "GET /cgi-bin/script HTTP/1.1\r\n\r\n"
        } else {
            ""
        };
        let pieces = [head.into_bytes(), vec![b'x'; length], next.into()];
        let mut client = Connection::open(server.address());
        // The server may stop reading the larger one.
        let sent = pieces.iter().try_for_each(|piece| client.send(piece));
        let whole = |bytes: &[u8]| bytes.ends_with(b"0\r\n\r\n");
        let first = Response::parse(&client.read_until(whole));
        assert_eq!(content(&first), b"not interested");
        assert_eq!(first.field("Connection"), close);
        if close.is_none() {
            sent.expect("the whole body is taken");
            assert_eq!(
                content(&Response::parse(&client.read_until(whole))),
                b"not interested"
            );
        }
    }
}
