//! A handler that returns a file gets validators, conditions and ranges for nothing.

use super::get;
use crate::support::{AfterSending, Tree, exchange};
use rhttp::http::{Body, HeaderName, HttpError, Request, Response, StatusCode, header};
use rhttp::{Handler, Server};
use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;

/// Answers every target with one file; the target says how.
struct OneFile(PathBuf);

impl Handler for OneFile {
    fn handle(&self, request: &mut Request<'_>) -> Result<Response, HttpError> {
        let file = File::open(&self.0)?;
        let mut response = Response::new(StatusCode::OK)
            .with_header(header::CONTENT_TYPE, "text/x-mine")
            .with_body(Body::file(file)?);
        match request.target().as_text().as_bytes() {
            b"/tagged" => response.headers.append(header::ETAG, "\"mine\""),
            b"/dated" => response
                .headers
                .append(header::LAST_MODIFIED, "Sun, 06 Nov 1994 08:49:37 GMT"),
            b"/encoded" => {
                for (name, value) in [
                    ("Content-Encoding", "x-mine"),
                    ("Content-Language", "de"),
                    ("Access-Control-Allow-Origin", "*"),
                ] {
                    response
                        .headers
                        .append(HeaderName::from_static(name), value);
                }
            }
            b"/whole" => response.headers.append(header::ACCEPT_RANGES, "none"),
            b"/missing" => response.status = StatusCode::NOT_FOUND,
            b"/slice" => {
                let file = File::open(&self.0)?;
                response.body = Body::file_range(file, 2..6)?;
            }
            _ => {}
        }
        Ok(response)
    }
}

fn with_handler(check: impl Fn(SocketAddr)) {
    let tree = Tree::new();
    tree.file("file", "0123456789").settle();
    let handler = OneFile(tree.path().join("file"));
    let server = Server::bind("127.0.0.1:0", handler).expect("a port is free");
    let server = server.with_log(std::io::sink());
    let address = server.local_addr().socket_addr().expect("it is TCP");
    let handle = server.handle();
    let serving = thread::spawn(move || server.serve());
    check(address);
    handle.shutdown();
    serving
        .join()
        .expect("it does not panic")
        .expect("it serves");
}

#[test]
fn a_handler_s_file_has_validators_conditions_and_ranges() {
    with_handler(|server| {
        let whole = get(server, "/", "");
        let fields: Vec<_> = whole.fields().skip(2).collect();
        assert_eq!(
            fields,
            [
                ("Content-Type", "text/x-mine"),
                ("Content-Length", "10"),
                ("Last-Modified", "Tue, 14 Nov 2023 22:13:20 GMT"),
                ("Accept-Ranges", "bytes"),
                ("ETag", "\"a-6553f100.0\""),
            ]
        );
        let part = get(server, "/", "Range: bytes=-3\r\n");
        assert_eq!(
            (part.status(), part.body.as_slice()),
            (206, b"789".as_slice())
        );
        let known = get(server, "/", "If-None-Match: \"a-6553f100.0\"\r\n");
        assert_eq!(known.status(), 304);
        assert_eq!(get(server, "/", "If-Match: \"x\"\r\n").status(), 412);
        assert_eq!(get(server, "/", "Range: bytes=10-\r\n").status(), 416);
    });
}

#[test]
fn what_a_handler_says_itself_stands() {
    with_handler(|server| {
        let tagged = get(
            server,
            "/tagged",
            "Range: bytes=0-1\r\nIf-Range: \"mine\"\r\n",
        );
        assert_eq!(tagged.status(), 206);
        let tags: Vec<_> = tagged
            .fields()
            .filter(|(name, _)| *name == "ETag")
            .collect();
        assert_eq!(tags, [("ETag", "\"mine\"")]);
        assert_eq!(
            get(server, "/tagged", "If-None-Match: \"mine\"\r\n").field("ETag"),
            Some("\"mine\"")
        );

        let whole = get(server, "/whole", "Range: bytes=0-1\r\n");
        assert_eq!((whole.status(), whole.body.len()), (200, 10));

        let missing = get(
            server,
            "/missing",
            "Range: bytes=0-1\r\nIf-None-Match: *\r\n",
        );
        assert_eq!((missing.status(), missing.body.len()), (404, 10));
        assert_eq!(missing.field("ETag"), None);

        // Offsets count from where the content begins, not the file.
        let slice = get(server, "/slice", "Range: bytes=1-2\r\n");
        assert_eq!(slice.field("Content-Range"), Some("bytes 1-2/4"));
        assert_eq!(slice.body, b"34");
        assert_eq!(slice.field("ETag"), Some("\"4-6553f100.0\""));
    });
}

#[test]
fn a_handler_s_date_counts() {
    with_handler(|server| {
        let whole = get(server, "/dated", "");
        let dates: Vec<_> = whole
            .fields()
            .filter(|(name, _)| *name == "Last-Modified")
            .collect();
        assert_eq!(dates, [("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT")]);
        for (fields, expected) in [
            ("If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 304),
            ("If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n", 200),
            (
                "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n",
                412,
            ),
            (
                "Range: bytes=0-1\r\nIf-Range: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
                206,
            ),
            (
                "Range: bytes=0-1\r\nIf-Range: Tue, 14 Nov 2023 22:13:20 GMT\r\n",
                200,
            ),
        ] {
            assert_eq!(get(server, "/dated", fields).status(), expected, "{fields}");
        }
    });
}

#[test]
fn what_is_not_about_the_content_goes_for_every_answer() {
    with_handler(|server| {
        for (fields, status) in [
            ("", 200),
            ("Range: bytes=0-1\r\n", 206),
            ("If-None-Match: *\r\n", 304),
            ("If-Match: \"x\"\r\n", 412),
            ("Range: bytes=10-\r\n", 416),
        ] {
            let answer = get(server, "/encoded", fields);
            assert_eq!(answer.status(), status);
            assert_eq!(
                answer.field("Access-Control-Allow-Origin"),
                Some("*"),
                "{status}"
            );
            let describes = status < 300;
            for name in ["Content-Encoding", "Content-Language"] {
                assert_eq!(answer.field(name).is_some(), describes, "{status} {name}");
            }
        }
    });
}

#[test]
fn no_two_responses_have_the_same_boundary() {
    with_handler(|server| {
        let kind = || {
            let answer = get(server, "/", "Range: bytes=0-1,5-6\r\n");
            assert_eq!(answer.status(), 206);
            answer
                .field("Content-Type")
                .expect("it has a type")
                .to_owned()
        };
        assert_ne!(kind(), kind());
    });
}

#[test]
fn other_methods_have_no_conditions() {
    with_handler(|server| {
        let request = "POST / HTTP/1.1\r\nIf-Match: \"x\"\r\nRange: bytes=0-1\r\n\r\n";
        let answer = exchange(server, &[request], AfterSending::HalfClose);
        let answer = crate::support::Response::parse(&answer);
        assert_eq!((answer.status(), answer.body.len()), (200, 10));
    });
}
