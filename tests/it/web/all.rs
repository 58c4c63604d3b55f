//! All flags at once: every field of nine kinds of answers.

use super::{ask, head, serve};
use crate::support::Tree;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// `anna:pass`, from the one origin that may read.
const ANNA: [&str; 2] = [
    "Authorization: Basic YW5uYTpwYXNz",
    "Origin: https://a.example",
];

/// What goes for every answer to a reader, and to who is none.
const ISOLATED: &str = "Cross-Origin-Opener-Policy: same-origin\r\n\
     Cross-Origin-Embedder-Policy: require-corp\r\n\
     Cross-Origin-Resource-Policy: cross-origin\r\n";
const READABLE: &str = "Access-Control-Allow-Origin: https://a.example\r\n\
     Access-Control-Allow-Credentials: true\r\n\
     Access-Control-Expose-Headers: Accept-Ranges, Content-Encoding, Content-Length, \
     Content-Range, ETag, Last-Modified";

#[test]
#[expect(clippy::too_many_lines, reason = "a row for each kind of answer")]
fn all_flags_together_say_each_thing_once() {
    let tree = Tree::new();
    tree.file("app.js", "0123456789")
        .file("app.js.br", "brotli")
        .file("index.html", "app")
        .file("404.html", "Oh no")
        .file("about.html", "about")
        .file("d/b", "")
        .script("cgi-bin/s", "#!/bin/sh\necho; echo hi\n")
        .settle();
    let elsewhere = Tree::new();
    let hash = "$2y$04$EIGWm1KsHIowBH9aSO2eaeMyspjcm1DGv1HLofzOZ4T27MKEzvkve";
    elsewhere.file("passwords", format!("anna:{hash}\n"));
    let path = elsewhere.path().join("passwords");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("it can be set");
    let flags = [
        "--cgi",
        "--cors=https://a.example",
        "--isolate",
        "--cache",
        "no-cache",
        "--spa",
        "--clean-urls",
        "--not-found",
        "404.html",
        "--precompressed",
        "--content-type",
        "text/x-unknown",
        "--auth-file",
        path.to_str().expect("a temporary path is text"),
        "-H",
        "X-Own: 1",
        "-H",
        "cross-origin-resource-policy: same-site",
    ];
    let server = serve(&tree, &flags);
    // The person's own -H wins, where it is sent.
    let own = ISOLATED.replace("cross-origin\r\n", "same-site\r\n");
    let brotli = "Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\nAccept-Ranges: bytes\r\n\
         ETag: \"6-6553f100.0-br\"\r\nContent-Encoding: br\r\nVary: Accept-Encoding, Origin\r\n";
    let taken = "Accept-Encoding: gzip, br";
    let page = "X-Content-Type-Options: nosniff\r\n\
         Content-Security-Policy: script-src 'self'; object-src 'none'; base-uri 'none'\r\n";
    let kinds: [(&[&str], String); 11] = [
        (
            &["GET /app.js", taken],
            format!(
                "HTTP/1.0 200 OK\r\nContent-type: text/javascript\r\nContent-Length: 6\r\n{brotli}\
                 Cache-Control: no-cache\r\n{own}{READABLE}\r\nX-Own: 1"
            ),
        ),
        (
            &["GET /app.js", taken, "Range: bytes=1-2"],
            format!(
                "HTTP/1.0 206 Partial Content\r\nContent-type: text/javascript\r\nContent-Length: 2\r\n\
                 {brotli}Content-Range: bytes 1-2/6\r\nCache-Control: no-cache\r\n{own}{READABLE}\r\n\
                 X-Own: 1"
            ),
        ),
        (
            &["GET /app.js", taken, "If-None-Match: \"6-6553f100.0-br\""],
            format!(
                "HTTP/1.0 304 Not Modified\r\nVary: Accept-Encoding, Origin\r\n\
                 ETag: \"6-6553f100.0-br\"\r\nCache-Control: no-cache\r\n{own}{READABLE}\r\nX-Own: 1"
            ),
        ),
        (
            &["GET /missing.png"],
            format!(
                "HTTP/1.0 404 File not found\r\nConnection: close\r\nContent-Type: text/html\r\n\
                 Content-Length: 5\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n\
                 {ISOLATED}Vary: Origin\r\n{READABLE}"
            ),
        ),
        (
            &["GET /d"],
            format!(
                "HTTP/1.0 301 Moved Permanently\r\nLocation: /d/\r\nContent-Length: 0\r\n\
                 Cache-Control: no-cache\r\n{ISOLATED}Vary: Origin\r\n{READABLE}"
            ),
        ),
        (
            &["HEAD /d/"],
            format!(
                "HTTP/1.0 200 OK\r\nContent-type: text/html; charset=utf-8\r\nContent-Length: 218\r\n\
                 {page}Vary: Accept, Origin\r\nCache-Control: no-cache\r\n{own}{READABLE}\r\nX-Own: 1"
            ),
        ),
        (
            &["GET /users/7", "Accept: text/html"],
            format!(
                "HTTP/1.0 200 OK\r\nContent-type: text/html\r\nContent-Length: 3\r\n\
                 Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\nAccept-Ranges: bytes\r\n\
                 ETag: \"3-6553f100.0\"\r\nVary: Accept-Encoding, Accept, Origin\r\n\
                 Cache-Control: no-cache\r\n{own}{READABLE}\r\nX-Own: 1"
            ),
        ),
        (
            &["GET /cgi-bin/s"],
            format!(
                "HTTP/1.0 200 Script output follows\r\n{own}Vary: Origin\r\n{READABLE}\r\nX-Own: 1"
            ),
        ),
        (
            &["GET / x"],
            format!(
                "HTTP/1.0 400 Bad request syntax ('GET / x HTTP/1.0')\r\nConnection: close\r\n\
                 Content-Type: text/html;charset=utf-8\r\nContent-Length: 371\r\n{page}\
                 Cache-Control: no-store\r\n{ISOLATED}Vary: Origin"
            ),
        ),
        (
            &["GET /about"],
            format!(
                "HTTP/1.0 200 OK\r\nContent-type: text/html\r\nContent-Length: 5\r\n\
                 Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\nAccept-Ranges: bytes\r\n\
                 ETag: \"5-6553f100.0\"\r\nVary: Accept-Encoding, Origin\r\n\
                 Cache-Control: no-cache\r\n{own}{READABLE}\r\nX-Own: 1"
            ),
        ),
        (
            &["GET /users/7"],
            format!(
                "HTTP/1.0 404 File not found\r\nConnection: close\r\nContent-Type: text/html\r\n\
                 Content-Length: 5\r\nX-Content-Type-Options: nosniff\r\nVary: Accept, Origin\r\n\
                 Cache-Control: no-store\r\n{ISOLATED}{READABLE}"
            ),
        ),
    ];
    for (lines, expected) in kinds {
        let lines = [lines, &ANNA].concat();
        let answer = ask(&server, &lines);
        assert_eq!(head(&answer), expected, "{lines:?}");
    }
    let unknown = [&["GET /app.js", taken], &ANNA[1..]].concat();
    assert_eq!(
        head(&ask(&server, &unknown)),
        format!(
            "HTTP/1.0 401 Unauthorized\r\nConnection: close\r\nContent-Type: text/html;charset=utf-8\r\n\
             Content-Length: 346\r\n{page}WWW-Authenticate: Basic realm=\"rhttp\", charset=\"UTF-8\"\r\n\
             Cache-Control: no-store\r\n{ISOLATED}Vary: Origin\r\n{READABLE}"
        )
    );
    let preflight = [
        "OPTIONS /app.js",
        ANNA[1],
        "Access-Control-Request-Method: GET",
        "Access-Control-Request-Headers: authorization, range",
    ];
    assert_eq!(
        ask(&server, &preflight),
        format!(
            "HTTP/1.0 204 No Content\r\nVary: Access-Control-Request-Headers, Origin\r\n\
             Access-Control-Allow-Methods: GET, HEAD, POST, OPTIONS\r\n\
             Access-Control-Allow-Headers: authorization, range\r\nAccess-Control-Max-Age: 7200\r\n\
             {ISOLATED}Access-Control-Allow-Origin: https://a.example\r\n\
             Access-Control-Allow-Credentials: true\r\n\r\n"
        )
    );
}
