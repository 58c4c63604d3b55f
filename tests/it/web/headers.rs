//! `-H` and `--content-type`.

use super::{FILE, ask, body, field, head, serve, status};
use crate::support::Tree;
use std::process::Command;

#[test]
fn fields_of_one_s_own_follow_the_server_s_on_success() {
    let tree = Tree::new();
    tree.file("a.txt", "0123456789")
        .file("d/b", "")
        .script("cgi-bin/s", "#!/bin/sh\necho X-A: script; echo; echo hi\n")
        .settle();
    let flags = [
        "--cgi",
        "-H",
        "X-B: 1",
        "--header=X-A:2",
        "-H",
        "x-b: 3",
        "-H",
        "Empty:",
    ];
    let server = serve(&tree, &flags);
    let own = "X-B: 1\r\nX-A: 2\r\nx-b: 3\r\nEmpty: \r\n";
    let tag = "ETag: \"a-6553f100.0\"\r\n";
    assert_eq!(
        ask(&server, &["GET /a.txt"]),
        format!(
            "HTTP/1.0 200 OK\r\nContent-type: text/plain\r\nContent-Length: 10\r\n{FILE}{tag}{own}\r\n\
             0123456789"
        )
    );
    assert_eq!(
        ask(&server, &["GET /a.txt", "Range: bytes=2-3"]),
        format!(
            "HTTP/1.0 206 Partial Content\r\nContent-type: text/plain\r\nContent-Length: 2\r\n{FILE}\
             {tag}Content-Range: bytes 2-3/10\r\n{own}\r\n23"
        )
    );
    assert_eq!(
        ask(&server, &["GET /a.txt", "If-None-Match: \"a-6553f100.0\""]),
        format!("HTTP/1.0 304 Not Modified\r\n{tag}{own}\r\n")
    );
    let listing = ask(&server, &["HEAD /d/"]);
    assert!(listing.ends_with(&format!("\r\n{own}\r\n")), "{listing}");
    assert_eq!(
        ask(&server, &["GET /cgi-bin/s"]),
        "HTTP/1.0 200 Script output follows\r\nX-A: 2\r\nX-B: 1\r\nx-b: 3\r\nEmpty: \r\n\r\nhi\n"
    );
    for request in ["GET /missing", "GET /d", "BREW /", "GET /cgi-bin/missing"] {
        let answer = ask(&server, &[request]);
        assert_eq!(field(&answer, "X-A"), None, "{answer}");
    }
}

#[test]
fn a_field_that_the_server_sends_is_replaced_not_doubled() {
    let tree = Tree::new();
    tree.file("a.txt", "0123456789").settle();
    let flags = [
        "-H",
        "Server: mine/1",
        "-H",
        "content-type: text/x-own",
        "-H",
        "Accept-Ranges: none",
        "-H",
        "X-Content-Type-Options: own",
        "--cache",
        "60",
        "-H",
        "Cache-Control: private",
    ];
    let server = serve(&tree, &flags);
    let raw = |request: &str| {
        let answer = crate::support::exchange(
            server.address(),
            &[request],
            crate::support::AfterSending::StayOpen,
        );
        String::from_utf8(answer).expect("it is text")
    };
    let date = |answer: &str| field(answer, "Date").expect("a date").to_owned();
    let answer = raw("GET /a.txt HTTP/1.0\r\nRange: bytes=0-1\r\n\r\n");
    assert_eq!(
        answer,
        format!(
            "HTTP/1.0 200 OK\r\nServer: mine/1\r\nDate: {}\r\ncontent-type: text/x-own\r\n\
             Content-Length: 10\r\nLast-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\n\
             ETag: \"a-6553f100.0\"\r\nAccept-Ranges: none\r\nCache-Control: private\r\n\
             X-Content-Type-Options: own\r\n\r\n0123456789",
            date(&answer)
        )
    );
    let answer = raw("GET /a.txt HTTP/1.0\r\nIf-None-Match: *\r\n\r\n");
    assert_eq!(
        answer,
        format!(
            "HTTP/1.0 304 Not Modified\r\nServer: mine/1\r\nDate: {}\r\nETag: \"a-6553f100.0\"\r\n\
             Cache-Control: private\r\nX-Content-Type-Options: own\r\n\r\n",
            date(&answer)
        )
    );
    let answer = raw("GET /missing HTTP/1.0\r\n\r\n");
    assert_eq!(field(&answer, "Server"), Some("mine/1"));
    assert_eq!(
        field(&answer, "Content-Type"),
        Some("text/html;charset=utf-8")
    );
    assert_eq!(field(&answer, "Cache-Control"), Some("no-store"));
}

#[test]
fn a_type_of_one_s_own_is_that_of_each_part() {
    let tree = Tree::new();
    tree.file("a.txt", "0123456789").settle();
    let server = serve(&tree, &["-H", "Content-Type: text/x-own"]);
    let answer = ask(&server, &["GET /a.txt", "Range: bytes=0-1,4-5"]);
    let media_type = field(&answer, "Content-Type").expect("a type");
    assert!(
        media_type.starts_with("multipart/byteranges; boundary="),
        "{answer}"
    );
    assert_eq!(
        body(&answer).matches("text/x-own\r\n").count(),
        2,
        "{answer}"
    );
}

#[test]
fn what_varies_is_merged_and_cookies_add_up() {
    let tree = Tree::new();
    tree.file("a.txt", "").script(
        "cgi-bin/s",
        "#!/bin/sh\nprintf 'Vary: Cookie\\nSet-Cookie: a=1\\n\\n'\n",
    );
    let flags = [
        "--cgi",
        "--precompressed",
        "-H",
        "Vary: Origin, accept-encoding",
        "-H",
        "Set-Cookie: b=2",
    ];
    let server = serve(&tree, &flags);
    let answer = ask(&server, &["GET /a.txt"]);
    assert_eq!(field(&answer, "Vary"), Some("Accept-Encoding, Origin"));
    let answer = ask(&server, &["GET /cgi-bin/s"]);
    assert!(
        head(&answer).ends_with(
            "Vary: Cookie, Origin, accept-encoding\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2"
        ),
        "{answer}"
    );
}

#[test]
fn an_unknown_extension_gets_the_type_that_was_given() {
    let tree = Tree::new();
    for name in ["a", "a.unknownext", "a.txt", "a.Z", "a.gz", "d/x", "a.br"] {
        tree.file(name, "");
    }
    let server = serve(&tree, &["--content-type", "text/plain; charset=utf-8"]);
    for (target, expected) in [
        ("/a", "text/plain; charset=utf-8"),
        ("/a.unknownext", "text/plain; charset=utf-8"),
        ("/a.br", "text/plain; charset=utf-8"),
        ("/a.txt", "text/plain"),
        ("/a.Z", "application/octet-stream"),
        ("/a.gz", "application/gzip"),
        ("/d/", "text/html; charset=utf-8"),
        ("/missing", "text/html;charset=utf-8"),
    ] {
        let answer = ask(&server, &[&format!("GET {target}")]);
        assert_eq!(field(&answer, "Content-Type"), Some(expected), "{target}");
    }
    assert_eq!(status(&ask(&server, &["HEAD /a"])), "200");
}

#[test]
fn a_wrong_flag_is_a_usage_error_in_cpython_s_words() {
    for (flags, expected) in [
        (["-H", "X"], "Header X must be of the form Header: value"),
        (["--header", ": x"], "Header : x must have a non-empty name"),
        (
            ["-H", "Content-Length: 1"],
            "Header Content-Length is the server's own to send",
        ),
        (["-H", "etag: x"], "Header etag is the server's own to send"),
        (
            ["-H", "X: a\nb"],
            "Header X must have a value of Latin-1 text",
        ),
        (["--content-type", "a\r\nb: c"], "not a media type"),
        (["--content-type", ""], "not a media type"),
        (
            ["--cache", "often"],
            "not no-store, no-cache or a number of seconds",
        ),
        (["--cors=null", "-h0"], "null is not an origin"),
        (["--cors=https://a/", "-h0"], "https://a/ is not an origin"),
        (
            ["--cors", "https://a"],
            "invalid value 'https://a' for '[port]'",
        ),
        (["--c=1", "0"], "unexpected value '1' for '--cgi'"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_rhttp"))
            .args(flags)
            .output();
        let output = output.expect("rhttp can be run");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {stderr}");
        assert!(stderr.contains(expected), "{flags:?}: {stderr}");
        assert!(stderr.contains("Usage: rhttp [-h] "), "{flags:?}: {stderr}");
        assert!(output.stdout.is_empty(), "{flags:?}");
    }
}

/// Whatever begins like them: `argparse` of CPython 3.12 took these.
#[test]
fn abbreviations_of_cpython_s_flags_mean_what_they_meant() {
    let tree = Tree::new();
    tree.script("cgi-bin/s", "#!/bin/sh\necho; echo ran\n");
    let directory = tree.path().to_str().expect("a temporary path is text");
    let prefixes =
        |name: &'static str| (1..=name.len()).map(move |end| format!("--{}", &name[..end]));
    let start = |flags: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rhttp"));
        command.arg("0").args(flags);
        crate::support::Running::start(command)
    };
    let usual = ["-b", "127.0.0.1", "-d", directory];
    for flag in prefixes("cgi") {
        let server = start(&[&usual[..], &[&flag]].concat());
        assert_eq!(body(&ask(&server, &["GET /cgi-bin/s"])), "ran\n", "{flag}");
    }
    for flag in prefixes("bind") {
        let server = start(&[&flag, "127.0.0.1", "-d", directory]);
        assert!(server.address().ip().is_loopback(), "{flag}");
    }
    for flag in prefixes("directory") {
        let server = start(&["-b", "127.0.0.1", &flag, directory]);
        assert_eq!(status(&ask(&server, &["GET /cgi-bin/s"])), "200", "{flag}");
    }
    for flag in prefixes("protocol") {
        let server = start(&[&usual[..], &[&flag, "HTTP/1.1"]].concat());
        let answer = ask(&server, &["GET /cgi-bin/s"]);
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\n"),
            "{flag}: {answer}"
        );
    }
    for flag in prefixes("help") {
        let output = Command::new(env!("CARGO_BIN_EXE_rhttp"))
            .arg(&flag)
            .output();
        let output = output.expect("rhttp can be run");
        assert_eq!(output.status.code(), Some(0), "{flag}");
        assert!(
            String::from_utf8_lossy(&output.stdout).contains("Usage: "),
            "{flag}"
        );
    }
}
