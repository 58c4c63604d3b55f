//! `--cors`.

use super::{ask, body, field, head, serve, status};
use crate::support::{Running, Tree};

const EXPOSED: &str =
    "Accept-Ranges, Content-Encoding, Content-Length, Content-Range, ETag, Last-Modified";
const ORIGIN: &str = "Origin: https://a.example";

fn tree() -> Tree {
    let tree = Tree::new();
    tree.file("a.txt", "0123456789")
        .file("d/b", "")
        .script("cgi-bin/s", "#!/bin/sh\necho; echo hi\n")
        .script(
            "cgi-bin/own",
            "#!/bin/sh\nprintf 'Access-Control-Allow-Origin: https://b.example\\n\
             Access-Control-Allow-Credentials: true\\n\\n'\n",
        )
        .script(
            "cgi-bin/half",
            "#!/bin/sh\nprintf 'Access-Control-Allow-Credentials: true\\nVary: Cookie\\n\\n'\n",
        )
        .settle();
    tree
}

/// Requests of every kind, and their statuses.
const ALL: [(&[&str], &str); 10] = [
    (&["GET /a.txt"], "200"),
    (&["GET /a.txt", "Range: bytes=0-0"], "206"),
    (&["GET /a.txt", "If-None-Match: *"], "304"),
    (&["GET /a.txt", "If-Match: \"x\""], "412"),
    (&["GET /a.txt", "Range: bytes=99-"], "416"),
    (&["GET /d"], "301"),
    (&["GET /d/"], "200"),
    (&["GET /missing"], "404"),
    (&["BREW /"], "501"),
    (&["GET /cgi-bin/s"], "200"),
];

fn each(server: &Running, fields: &[&str], check: impl Fn(&str)) {
    for (lines, expected) in ALL {
        let answer = ask(server, &[lines, fields].concat());
        assert_eq!(status(&answer), expected, "{answer}");
        check(&answer);
    }
}

#[test]
fn all_origins_may_read_everything() {
    let tree = tree();
    let server = serve(&tree, &["--cgi", "--cors", "--listing", "classic"]);
    for fields in [&[][..], &[ORIGIN]] {
        each(&server, fields, |answer| {
            let expected = format!(
                "Access-Control-Allow-Origin: *\r\nAccess-Control-Expose-Headers: {EXPOSED}"
            );
            assert!(head(answer).ends_with(&expected), "{answer}");
            assert_eq!(field(answer, "Vary"), None, "{answer}");
        });
    }
}

#[test]
fn listed_origins_alone_are_told_that_they_may_read() {
    let tree = tree();
    let flag = "--cors=http://localhost:5173,HTTPS://A.example";
    let server = serve(&tree, &["--cgi", flag, "--listing", "classic"]);
    each(&server, &[ORIGIN], |answer| {
        let expected = format!(
            "Vary: Origin\r\nAccess-Control-Allow-Origin: https://a.example\r\n\
             Access-Control-Expose-Headers: {EXPOSED}"
        );
        assert!(head(answer).ends_with(&expected), "{answer}");
    });
    for fields in [
        &[][..],
        &["Origin: null"],
        &["Origin: https://evil.example"],
        &["Origin: https://a.example.evil"],
        &["Origin: http://a.example"],
        &["Origin: https://a.example:8443"],
        &[ORIGIN, "Origin: https://evil.example"],
    ] {
        each(&server, fields, |answer| {
            assert!(
                head(answer).ends_with("\r\nVary: Origin"),
                "{fields:?}: {answer}"
            );
            assert!(
                !head(answer).contains("Access-Control"),
                "{fields:?}: {answer}"
            );
        });
    }
}

#[test]
fn a_preflight_is_answered_for_who_may_ask() {
    let tree = tree();
    let preflight = [
        "OPTIONS /a.txt",
        ORIGIN,
        "Access-Control-Request-Method: GET",
        "Access-Control-Request-Headers: range,  x-token",
        "Access-Control-Request-Private-Network: true",
    ];
    for (flags, vary, origin, methods) in [
        (
            &["--cors"][..],
            "Access-Control-Request-Headers",
            "*",
            "GET, HEAD, OPTIONS",
        ),
        (
            &["--cors", "--cgi", "--spa", "--not-found", "a.txt"],
            "Access-Control-Request-Headers",
            "*",
            "GET, HEAD, POST, OPTIONS",
        ),
    ] {
        let server = serve(&tree, flags);
        assert_eq!(
            ask(&server, &preflight),
            format!(
                "HTTP/1.0 204 No Content\r\nVary: {vary}\r\nAccess-Control-Allow-Methods: {methods}\r\n\
                 Access-Control-Allow-Headers: range, x-token\r\nAccess-Control-Max-Age: 7200\r\n\
                 Access-Control-Allow-Private-Network: true\r\nAccess-Control-Allow-Origin: {origin}\r\n\
                 \r\n"
            )
        );
    }
    let server = serve(&tree, &["--cors=https://a.example"]);
    assert_eq!(
        ask(&server, &preflight[..3]),
        "HTTP/1.0 204 No Content\r\nVary: Access-Control-Request-Headers, Origin\r\n\
         Access-Control-Allow-Methods: GET, HEAD, OPTIONS\r\nAccess-Control-Max-Age: 7200\r\n\
         Access-Control-Allow-Origin: https://a.example\r\n\r\n"
    );
    let mut foreign = preflight;
    foreign[1] = "Origin: https://evil.example";
    assert_eq!(
        ask(&server, &foreign),
        "HTTP/1.0 204 No Content\r\nVary: Access-Control-Request-Headers, Origin\r\n\r\n"
    );
}

#[test]
fn what_is_no_preflight_is_no_method() {
    let tree = tree();
    let server = serve(&tree, &["--cors"]);
    for fields in [
        &["OPTIONS /a.txt"][..],
        &["OPTIONS /a.txt", ORIGIN],
        &["OPTIONS /a.txt", "Access-Control-Request-Method: GET"],
        &["OPTIONS *", ORIGIN],
    ] {
        let answer = ask(&server, fields);
        assert_eq!(status(&answer), "501", "{answer}");
        assert_eq!(field(&answer, "Access-Control-Allow-Origin"), Some("*"));
    }
    // Names that are none are not echoed.
    let answer = ask(
        &server,
        &[
            "OPTIONS /",
            ORIGIN,
            "Access-Control-Request-Method: GET",
            "Access-Control-Request-Headers: a b",
        ],
    );
    assert_eq!(status(&answer), "204", "{answer}");
    assert_eq!(
        field(&answer, "Access-Control-Allow-Headers"),
        None,
        "{answer}"
    );
}

#[test]
fn the_connection_s_own_refusals_can_be_read_too() {
    let tree = tree();
    let understood = "GET / HTTP/1.0\r\nOrigin: https://a.example\r\nContent-Length: x\r\n\r\n";
    let not_understood = "GET /a b c HTTP/1.0\r\n\r\n";
    let listed = "--cors=https://a.example";
    for (flag, expected) in [
        ("--cors", ["*", "*"]),
        // Whose request it was is known only where its fields were understood.
        (listed, ["https://a.example", ""]),
    ] {
        let server = serve(&tree, &[flag]);
        for (request, expected) in [understood, not_understood].into_iter().zip(expected) {
            let answer = crate::support::exchange(
                server.address(),
                &[request],
                crate::support::AfterSending::StayOpen,
            );
            let answer = String::from_utf8(answer).expect("it is text");
            assert_eq!(status(&answer), "400", "{answer}");
            let origin = field(&answer, "Access-Control-Allow-Origin");
            assert_eq!(origin.unwrap_or_default(), expected, "{answer}");
            let vary = (expected != "*").then_some("Origin");
            assert_eq!(field(&answer, "Vary"), vary, "{answer}");
        }
    }
}

#[test]
fn a_script_that_says_for_whom_it_is_knows_best_but_all_never_send_credentials() {
    let tree = tree();
    let server = serve(&tree, &["--cgi", "--cors"]);
    let own = ask(&server, &["GET /cgi-bin/own", ORIGIN]);
    assert!(
        head(&own).ends_with(
            "Access-Control-Allow-Origin: https://b.example\r\nAccess-Control-Allow-Credentials: true"
        ),
        "{own}"
    );
    let half = ask(&server, &["GET /cgi-bin/half", ORIGIN]);
    assert_eq!(field(&half, "Access-Control-Allow-Origin"), Some("*"));
    assert_eq!(field(&half, "Access-Control-Allow-Credentials"), None);
    let server = serve(&tree, &["--cgi", "--cors=https://a.example"]);
    let half = ask(&server, &["GET /cgi-bin/half", ORIGIN]);
    assert_eq!(field(&half, "Vary"), Some("Cookie, Origin"));
    assert_eq!(body(&half), "");
}
