//! What a request says beside its target, and what is logged of it.

use super::{ask, get, raw, serve, text, tree};
use crate::support::{Readable, Response};
use std::collections::HashSet;
use std::fs::{self, File};
use std::time::{Duration, UNIX_EPOCH};

#[test]
fn lesson_06_nothing_from_the_network_reaches_the_terminal_raw() {
    let tree = tree();
    let server = serve(&tree, &[]);
    raw(&server, b"GET /\x1b]0;x\x07\x9b31m\x7f\\ HTTP/1.0\r\n\r\n");
    let lines = server.wait_for_log(|lines| (lines.len() == 2).then(|| lines.to_vec()));
    for line in &lines {
        let line = String::from_utf8(line.clone()).expect("the log is UTF-8");
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
    let last = String::from_utf8_lossy(&lines[1]).into_owned();
    assert!(
        last.contains(r#""GET /\x1b]0;x\x07\x9b31m\x7f\\ HTTP/1.0" 404 -"#),
        "{last}"
    );
}

#[test]
fn lesson_07_no_body_is_taken_for_a_request() {
    let tree = tree();
    let server = serve(&tree, &["--protocol", "HTTP/1.1"]);
    let inner = "GET /file HTTP/1.1\r\n\r\n";
    for (head, status) in [
        // A body nobody asked for.
        (
            format!(
                "GET /dir/file HTTP/1.1\r\nContent-Length: {}\r\n\r\n",
                inner.len()
            ),
            200,
        ),
        // What two servers could read in two ways.
        (
            "GET / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\n".into(),
            400,
        ),
        (
            "GET / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n".into(),
            400,
        ),
        (
            "GET / HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\n".into(),
            400,
        ),
        ("GET / HTTP/1.1\r\nContent-Length: +1\r\n\r\n".into(), 400),
        ("GET / HTTP/1.1\r\nContent-Length: 0x1\r\n\r\n".into(), 400),
        ("GET / HTTP/1.1\r\nContent-Length : 5\r\n\r\n".into(), 400),
        ("GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n".into(), 400),
        (
            "GET / HTTP/1.1\r\nA: b\rContent-Length: 5\r\n\r\n".into(),
            400,
        ),
        // The end that was asked for, and odd chunks.
        (
            "GET /dir/file HTTP/1.1\r\nConnection: close, foo\r\n\r\n".into(),
            200,
        ),
        (
            "GET /dir/file HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n"
                .into(),
            200,
        ),
        (
            "GET /dir/file HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n".into(),
            200,
        ),
        (
            "GET /dir/file HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\n".into(),
            200,
        ),
    ] {
        let answer = raw(&server, format!("{head}{inner}"));
        assert_eq!(Response::parse(&answer).status(), status, "{head:?}");
        let answers = String::from_utf8_lossy(&answer)
            .matches("HTTP/1.1 ")
            .count();
        assert_eq!(answers, 1, "{head:?}: {}", Readable(&answer));
    }
}

#[test]
fn lesson_14_no_range_is_too_odd() {
    let tree = tree();
    tree.file("www/empty", "");
    let server = serve(&tree, &[]);
    let many = format!("bytes={}", "0-,".repeat(1000));
    for (range, status, body) in [
        ("", 200, "0123456789"),
        ("bytes=", 200, "0123456789"),
        ("bytes=-", 200, "0123456789"),
        ("bytes=5-2", 200, "0123456789"),
        ("bytes=-0", 416, ""),
        ("bytes=10-", 416, ""),
        ("bytes=-3", 206, "789"),
        ("bytes=-99999999999999999999", 206, "0123456789"),
        ("bytes=9-18446744073709551615", 206, "9"),
        ("bytes=18446744073709551615-18446744073709551615", 416, ""),
        (many.as_str(), 200, "0123456789"),
        // Overlapping parts are one part: nothing is sent twice.
        ("bytes=0-,0-,0-,0-", 206, "0123456789"),
    ] {
        let request = format!("GET /file HTTP/1.0\r\nRange: {range}\r\n\r\n");
        let response = ask(&server, request);
        assert_eq!(response.status(), status, "{range}");
        assert!(
            status == 416 || text(&response) == body,
            "{range}: {}",
            text(&response)
        );
    }
    for range in ["bytes=0-", "bytes=0-0", "bytes=-1", "bytes=-0"] {
        let request = format!("GET /empty HTTP/1.0\r\nRange: {range}\r\n\r\n");
        let response = ask(&server, request);
        assert!(
            matches!(response.status(), 200 | 416),
            "{range}: {}",
            response.status_line
        );
    }
}

#[test]
fn lesson_15_no_two_states_of_a_file_share_an_etag() {
    let tree = tree();
    let server = serve(&tree, &[]);
    let mut states = Vec::new();
    for size in [1_usize, 11, 12, 111, 0x11, 0x112] {
        for (seconds, nanoseconds) in [
            (1, 1),
            (1, 11),
            (11, 1),
            (12, 0),
            (1, 20),
            (112, 0),
            (111, 2),
        ] {
            let name = format!("{size}-{seconds}.{nanoseconds}");
            let path = tree.path().join("www").join(&name);
            fs::write(&path, vec![b'x'; size]).expect("it can be written");
            let file = File::options().write(true).open(&path).expect("it opens");
            let time = UNIX_EPOCH + Duration::new(seconds, nanoseconds);
            file.set_modified(time).expect("the time can be set");
            states.push(name);
        }
    }
    tree.settle();
    let mut tags = HashSet::new();
    for name in &states {
        let response = get(&server, &format!("/{name}"));
        let tag = response.field("ETag").expect("a file has a tag").to_owned();
        assert!(tags.insert(tag.clone()), "{tag} is there twice");
    }
    assert_eq!((tags.len(), states.len()), (42, 42));
}

#[test]
fn lesson_18_nothing_is_compressed_whatever_is_accepted() {
    let tree = tree();
    tree.file("www/file.gz", "zipped")
        .file("www/file.br", "zipped");
    tree.settle();
    let server = serve(&tree, &[]);
    let tag = get(&server, "/file")
        .field("ETag")
        .expect("a file has a tag")
        .to_owned();
    let condition = format!("If-None-Match: {tag}\r\n");
    for method in ["GET", "HEAD"] {
        for fields in [
            "",
            "Range: bytes=2-3\r\n",
            "If-None-Match: *\r\n",
            condition.as_str(),
        ] {
            let answers: Vec<_> = ["", "gzip", "br, gzip;q=1, *;q=0", "identity;q=0", "*"]
                .into_iter()
                .map(|coding| {
                    let request = format!(
                        "{method} /file HTTP/1.0\r\nAccept-Encoding: {coding}\r\n{fields}\r\n"
                    );
                    let mut response = ask(&server, request);
                    response
                        .field_lines
                        .retain(|line| !line.starts_with("Date: "));
                    assert_eq!(response.field("Content-Encoding"), None);
                    response
                })
                .collect();
            assert!(
                answers.windows(2).all(|pair| pair[0] == pair[1]),
                "{method} {fields}: {answers:?}"
            );
        }
    }
}
